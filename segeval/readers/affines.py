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
    usable = bool((np.abs(affine) < FARTHEST_MM).all())  # NaN is not
    lengths = np.linalg.norm(affine[:3, :3], axis=0) if usable else np.zeros(3)
    if not lengths.all() or abs(np.linalg.det(affine[:3, :3] / lengths)) < 1e-6:  # however small the voxels are
        raise GeometryError(
            f"{path}: its {name} is singular, not finite, or beyond {FARTHEST_MM:g} mm; fix the header, or export it "
            "again"
        )
