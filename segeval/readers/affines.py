"""Affines that a grid can have."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from segeval.array_types import Floats
from segeval.errors import GeometryError


def require_usable_affine(path: Path, affine: Floats, name: str = "affine") -> None:
    """Raises GeometryError for a 4×4 affine that is singular or not finite; ``name`` is what the message calls it."""
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
        raise GeometryError(f"{path}: its {name} is singular or not finite; fix the header, or export it again")
