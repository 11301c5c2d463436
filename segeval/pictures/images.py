"""The scans to draw on: which file of a folder belongs to which case."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from segeval.errors import UnreadableFile, UsageError
from segeval.files.paths import is_directory, is_file
from segeval.pairing.companions import files_by_name
from segeval.readers import ENDINGS


def require_images(images: Path | None) -> None:
    """Raises UnreadableFile where there is no such file or folder."""
    if images is not None and not is_file(images) and not is_directory(images):
        raise UnreadableFile(f"--images {images}: there is no such file or folder")


def images_of(images: Path | None, cases: Iterable[str]) -> Callable[[str], Path | None]:
    """Which scan a case is drawn on; None for none. Raises UnreadableFile, UsageError.

    images: a file for the only case, or a folder: a file of the case's name, of nnU-Net's first channel
    (``CASE_0000``), or in a BIDS folder the only scan of the subject and session.
    """
    if images is None:
        return lambda _: None
    if is_file(images):
        if len(names := list(cases)) != 1:
            raise UsageError(f"--images {images}: is one file, and there are {len(names)} cases; give their folder")
        return lambda _: images
    require_images(images)
    files = sorted(path for path in images.rglob("*") if path.name.lower().endswith(ENDINGS) and path.is_file())
    found = files_by_name(files, "_0000")

    def image(case: str) -> Path | None:
        of_case = found(case)
        return of_case[0] if len(of_case) == 1 else None

    return image


def window_of(text: str | None) -> tuple[float, float] | None:
    """``L,W``, level and width of the grey values that are shown. Raises UsageError."""
    if text is None:
        return None
    try:
        level, width = map(float, text.split(","))
    except ValueError:
        level, width = 0.0, 0.0
    if not width > 0:
        raise UsageError(f"--window {text!r}: write level and width, like 40,400")
    return level, width
