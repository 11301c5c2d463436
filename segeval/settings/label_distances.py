"""How far apart labels are, for the generalised Wasserstein Dice: a matrix that a user writes as a file."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from segeval.errors import UsageError
from segeval.files.paths import require_possible
from segeval.words.printable import shortened

if TYPE_CHECKING:
    from segeval.settings.documents import LabelDistancesWritten
    from segeval.settings.settings import Settings

LabelDistances = str | os.PathLike[str] | Sequence[Sequence[float]] | None
"""A file of numbers, or the matrix itself."""

Matrix = tuple[tuple[float, ...], ...]
_MOST_BYTES = 1 << 24
_FLAG = "--label-distances"


def label_distances_of(given: LabelDistances) -> Matrix | None:
    """A square matrix, largest distance 1: rows for labels of the reference, columns for predicted ones.

    Raises UsageError for what is none.
    """
    if given is None:
        return None
    if isinstance(given, (str, os.PathLike)):
        require_possible(_FLAG, Path(given))
        return _checked(str(given), _rows_of(Path(given)))
    try:
        rows = [[float(number) for number in row] for row in given]
    except (TypeError, ValueError):
        raise UsageError(f"{_FLAG}: {shortened(repr(given), 80)} is no matrix of numbers") from None
    return _checked("the matrix", rows)


def _rows_of(path: Path) -> list[list[float]]:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1).decode("utf-8-sig")
    except OSError as problem:
        raise UsageError(f"{_FLAG} {path}: {problem.strerror or problem}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{_FLAG} {path}: is no text; write rows of numbers, separated by commas") from None
    if len(text) > _MOST_BYTES:
        raise UsageError(f"{_FLAG} {path}: is larger than {_MOST_BYTES >> 20} MiB; write rows of numbers")
    rows = []
    for place, line in enumerate(text.splitlines(), start=1):
        words = line.replace(",", " ").split()
        try:
            numbers = [float(word) for word in words]
        except ValueError:
            raise UsageError(f"{_FLAG} {path}, line {place}: {shortened(line, 60)!r} are no numbers") from None
        if numbers:
            rows.append(numbers)
    return rows


def _checked(name: str, rows: Iterable[Iterable[float]]) -> Matrix:
    matrix = tuple(tuple(row) for row in rows)
    size = len(matrix)
    if not size or any(len(row) != size for row in matrix):
        widths = "/".join(map(str, sorted({len(row) for row in matrix}))) or "no"
        raise UsageError(f"{_FLAG}: {name} has {size} rows of {widths} numbers; write a square")
    if not all(math.isfinite(number) and number >= 0 for row in matrix for number in row):
        raise UsageError(f"{_FLAG}: {name} holds a distance that is negative or no number")
    if any(matrix[place][place] for place in range(size)):
        raise UsageError(f"{_FLAG}: {name}: a label's distance to itself is 0")
    largest = max(number for row in matrix for number in row)
    if not largest:
        raise UsageError(f"{_FLAG}: {name} holds zeros alone")
    return tuple(tuple(number / largest for number in row) for row in matrix)


def label_distances_signed(settings: Settings) -> str:
    """``label_distances:3x3-d41d8cd98f``: the matrix's size and digest, only where there is one."""
    matrix = settings.label_distances
    if matrix is None:
        return ""
    import hashlib

    digest = hashlib.sha256(repr(matrix).encode()).hexdigest()[:10]
    return f"label_distances:{len(matrix)}x{len(matrix)}-{digest}"


def label_distances_document(settings: Settings) -> LabelDistancesWritten:
    """The matrix, only where there is one."""
    matrix = settings.label_distances
    return {} if matrix is None else {"label_distances": [list(row) for row in matrix]}
