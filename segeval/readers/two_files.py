"""Volumes of two files, a text header and its voxels: AFNI and PAR/REC."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from msgspec import Struct

from segeval.errors import UnreadableFile
from segeval.files.byte_stream import ByteStream, open_regular_file
from segeval.files.hashing import sha256_of_all
from segeval.files.paths import exists
from segeval.readers.itk_headers import is_number
from segeval.readers.reader import ReadOptions
from segeval.readers.recognition import is_pointer_or_page, recognise
from segeval.volumes.volume import Volume
from segeval.words.printable import printable, shortened

_MOST_HEADER = 1 << 22
"""Bytes: tens of thousands of slices, and what nibabel's parser takes a second for."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class TextHeader(Struct, frozen=True):
    """A header's text, its lines ended by ``\\n``, and where the voxels are."""

    path: Path
    data_path: Path
    text: str
    stream: ByteStream

    def volume(self, volume: Volume) -> Volume:
        """The volume, its hash now the SHA-256 of both files' digests, header first."""
        of_data = volume.digest

        def digest() -> str | None:
            self.stream.require_unchanged()
            first, second = self.stream.digest(), of_data()
            return None if first is None or second is None else sha256_of_all((first, second))

        volume.digest = digest
        return volume


def read_text_header(path: Path, header: str, data: tuple[str, ...], options: ReadOptions) -> TextHeader:
    """The header of a volume of two files, whichever of them is named. Raises UnreadableFile.

    header, data: the endings, in lower case; the first of the data's that exists is taken.
    """
    _require_volume(path)
    named_header = path.name.lower().endswith(header)
    header_path = path if named_header else _beside(path, (header,))
    data_path = _beside(path, data) if named_header else path
    _require_volume(data_path if named_header else header_path)
    stream = ByteStream(header_path, hashed=options.hashed)
    try:
        content = stream.read(_MOST_HEADER + 1)
        if len(content) <= _MOST_HEADER:
            stream.drain()
    finally:
        stream.close()
    text = content.decode("latin-1").replace("\r\n", "\n")
    if len(content) > _MOST_HEADER or _CONTROL.search(text):
        what = recognise(content)
        raise UnreadableFile(
            f"{header_path}: is {what}"
            if what
            else f"{header_path}: its header holds bytes that no header holds; it is damaged, so export it again"
        )
    return TextHeader(header_path, data_path, text, stream)


def _require_volume(path: Path) -> None:
    """Raises UnreadableFile for what is no regular file, or stands in for one."""
    with open_regular_file(path) as file:
        if (what := is_pointer_or_page(file.read(512))) is not None:
            raise UnreadableFile(f"{path}: is {what}")


def _beside(path: Path, endings: tuple[str, ...]) -> Path:
    stem = path.name.removesuffix(path.suffix)
    shown = tuple(ending.upper().replace(".GZ", ".gz") for ending in endings)
    for ending in (*shown, *endings):
        if exists(found := path.with_name(stem + ending)):
            return found
    names = " or ".join(printable(stem) + ending for ending in shown)
    raise UnreadableFile(f"{path}: there is no {names} beside it; the header and its voxels belong together")


def whole_numbers(path: Path, name: str, words: list[str], count: int) -> list[int]:
    """The first so many of the words as integers. Raises UnreadableFile."""
    if len(words) < count or not all(re.fullmatch(r"-?[0-9]{1,18}", word, re.ASCII) for word in words):
        raise unusable(path, name, words)
    return [int(word) for word in words[:count]]


def numbers(path: Path, name: str, words: list[str], count: int) -> list[float]:
    """The words, exactly so many, as finite numbers. Raises UnreadableFile."""
    if len(words) != count or not all(is_number(word.encode("latin-1")) for word in words):
        raise unusable(path, name, words)
    found = [float(word) for word in words]
    if not np.isfinite(found).all():
        raise unusable(path, name, words)
    return found


def unusable(path: Path, name: str, words: list[str] | None) -> UnreadableFile:
    """The refusal of a field of a header; words: what it holds, None where there is none."""
    if words is None:
        return UnreadableFile(f"{path}: its header states no {name}; export it again")
    value = shortened(" ".join(words), 60)
    return UnreadableFile(f"{path}: its header states {name} = {value!r}, which cannot be used; export it again")
