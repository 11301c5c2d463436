"""Affines that a grid can have."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from segeval.array_types import Floats
from segeval.errors import GeometryError

FARTHEST_MM = 1e12
"""Of anything in an affine: farther than any volume, and its square is still a number."""


def require_usable_affine(path: Path, affine: Floats, name: str = "affine") -> None:
    """Raises GeometryError for a 4×4 affine that is singular, not finite or beyond FARTHEST_MM.

    name: what the message calls it.
    """
    if not (np.abs(affine) < FARTHEST_MM).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:  # NaN included
        raise GeometryError(
            f"{path}: its {name} is singular, not finite, or beyond {FARTHEST_MM:g} mm; fix the header, or export it "
            "again"
        )
