"""Trees of empty files, and what pairing makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from segeval.pairing import Pairing

Tree = Callable[..., Path]


def write_tree(root: Path, files: Iterable[str]) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def shown(pairing: Pairing, predictions: Path, references: Path) -> dict[str, tuple[str, str]]:
    """Case -> both paths, relative to their folders."""
    return {
        pair.case: (
            "" if pair.prediction is None else pair.prediction.relative_to(predictions).as_posix(),
            pair.reference.relative_to(references).as_posix(),
        )
        for pair in pairing.pairs
    }


def nothing_left(pairing: Pairing) -> bool:
    return not (pairing.missing or pairing.extra or pairing.duplicates or pairing.ambiguous)
