"""Philips' PAR and REC; the voxels are read whole, because the header may list the slices in any order.

nibabel reads the header, after what its parser would pass over was refused here: it reads numbers as far as they go,
matches a line of blanks for hours, takes slices in the order of their lines whatever the file says about their
place, and prints a warning for a version that it does not know.
"""

from __future__ import annotations

import io
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from segeval.errors import UnreadableFile
from segeval.readers.affines import require_usable_affine
from segeval.readers.itk_headers import is_number
from segeval.readers.layout import BlockSource, Layout, open_stream
from segeval.readers.reader import ReadOptions
from segeval.readers.through_nibabel import by_nibabel, held_volume
from segeval.readers.two_files import read_text_header
from segeval.volumes.memory import Need, require_memory
from segeval.volumes.volume import Volume, gather
from segeval.words.printable import shortened

_VERSIONS = ("V4", "V4.1", "V4.2")
_LONGEST_LINE = 1024  # characters
_MOST_BYTES = 1 << 50
_NUMBERS = ("pixel spacing", "slice thickness", "slice gap", "rescale slope", "rescale intercept")


def open_parrec(path: Path, options: ReadOptions) -> Volume:
    """Open a PAR/REC volume by either of its files. Raises UnreadableFile, GeometryError."""
    head = read_text_header(path, ".par", (".rec",), options)
    lines = [line.strip() for line in head.text.split("\n")]
    _require_plain(head.path, lines)
    header = by_nibabel(head.path, lambda: _header(head.text))
    _require_understood(head.path, lines, header)
    affine = by_nibabel(head.path, lambda: np.asarray(header.get_affine(), dtype=np.float64))
    require_usable_affine(head.path, affine)
    stored = tuple(map(int, header.get_rec_shape()))
    dtype = header.get_data_dtype()
    if min(stored) < 1 or math.prod(stored) > _MOST_BYTES:
        raise UnreadableFile(f"{head.path}: the header states the shape {'×'.join(map(str, stored))}; export it again")
    stream = open_stream(head.data_path, options)
    try:
        blocks = BlockSource(stream, Layout(dtype, stored, 1, 0), 0, options)
        need = math.prod(stored) * (2 * dtype.itemsize + np.dtype(np.float64).itemsize)
        require_memory(str(path), Need(need, "a format that is read whole", "store it as NIfTI"))
        array = by_nibabel(head.path, lambda: _in_order(gather(blocks, 0), header))
        remarks = blocks.finish()
    finally:
        stream.close()
    volume = held_volume(path, array, affine, options.class_axis)
    volume.remarks, volume.digest = remarks, blocks.digest
    return head.volume(volume)


def _header(text: str) -> Any:
    from nibabel.parrec import PARRECHeader

    return PARRECHeader.from_fileobj(io.StringIO(text))


def _in_order(stored: np.ndarray[Any, Any], header: Any) -> np.ndarray[Any, Any]:
    """The slices in the volume's order, scaled to the values that the console shows."""
    array = stored[..., header.get_sorted_slice_indices()].reshape(header.get_data_shape(), order="F")
    slope, intercept = header.get_data_scaling()
    if not (slope == 1).all() or intercept.any():
        array = array * slope
        array += intercept
    return array


def _require_plain(path: Path, lines: list[str]) -> None:
    """Raises UnreadableFile for a text that nibabel's parser would trip over, or hang in."""
    versions = [line.split()[-1] for line in lines if line.startswith("#") and "image export tool" in line]
    if len(versions) != 1 or versions[0] not in _VERSIONS:
        found = shortened(" ".join(versions), 40) or "none"
        raise UnreadableFile(
            f"{path}: is no PAR header of a known version: it states {found}, segeval reads {', '.join(_VERSIONS)}; "
            "check what it is, or export it again"
        )
    for number, line in enumerate(lines, 1):
        if len(line) > _LONGEST_LINE or (line.startswith(".") and not re.match(r"\.\s+[^:]+:", line)):
            raise UnreadableFile(f"{path}: line {number} of its header is damaged; export it again")


def _require_understood(path: Path, lines: list[str], header: Any) -> None:
    """Raises UnreadableFile where nibabel passed over a line, or read a number that is not what is written."""
    general = [line for line in lines if line.startswith(".")]
    slices = [line for line in lines if line and not line.startswith((".", "#"))]
    images = header.image_defs
    if len(general) != len(header.general_info) or len(slices) != len(images):
        raise UnreadableFile(f"{path}: its header states something twice, or in the wrong place; export it again")
    for line, value in zip(general, header.general_info.values(), strict=True):
        if not isinstance(value, str):
            _require_numbers(path, line, line.split(":", 1)[1].split(), np.size(value))
    numeric = [
        images.dtype[name].base.kind != "S"
        for name in images.dtype.names
        for _ in range(math.prod(images.dtype[name].shape))
    ]
    for line in slices:
        words = line.split()
        _require_numbers(path, line, [word for word, ours in zip(words, numeric, strict=False) if ours], sum(numeric))
        if len(words) != len(numeric):
            raise UnreadableFile(
                f"{path}: a slice has {len(words)} values where {len(numeric)} belong; export it again"
            )
    if not all(np.isfinite(images[name]).all() for name in _NUMBERS):
        raise UnreadableFile(f"{path}: its spacing or scaling is not finite; export it again")
    if images["index in REC file"].tolist() != list(range(len(images))):
        raise UnreadableFile(
            f"{path}: its slices lie in the .REC in another order than in the header, which is not supported; convert "
            "it to NIfTI"
        )


def _require_numbers(path: Path, line: str, words: list[str], count: int) -> None:
    if len(words) != count or not all(is_number(word.encode("latin-1")) for word in words):
        raise UnreadableFile(f"{path}: {shortened(line, 80)!r} in its header is damaged; export it again")
