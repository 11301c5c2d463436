"""Grids in space for the tests of alignment."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.volumes.geometry import Geometry
from segeval.volumes.volume import ArraySource, Volume

Array = NDArray[Any]


SHAPE = (6, 5, 4)


SPACING = (1.5, 1.0, 2.0)


ANISOTROPIC = np.array([[1.5, 0, 0, -10], [0, 1.0, 0, 7], [0, 0, 2.0, 30], [0, 0, 0, 1]])


def labels(shape: tuple[int, ...] = SHAPE, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 4, shape).astype(np.uint8)


def moved(affine: Array, x: float = 0, y: float = 0, z: float = 0) -> Array:
    result = affine.astype(np.float64).copy()
    result[:3, 3] += x, y, z
    return result


def restored(
    array: Array, affine: Array, axes: tuple[int, int, int], flipped: tuple[bool, bool, bool]
) -> tuple[Array, Array]:
    """The same volume with its axes stored in another order and direction, and the affine that says so."""
    to_old = np.eye(4)
    to_old[:3, :3] = 0
    steps = []
    for new, (old, flip) in enumerate(zip(axes, flipped, strict=True)):
        to_old[old, new] = -1 if flip else 1
        to_old[old, 3] = array.shape[old] - 1 if flip else 0
        steps.append(slice(None, None, -1 if flip else 1))
    return np.ascontiguousarray(array.transpose(axes)[tuple(steps)]), affine @ to_old


def in_memory(name: str, array: Array, affine: Array | None, oriented: bool = True) -> Volume:
    geometry = None if affine is None else Geometry(array.shape, affine, oriented)
    return Volume(name, geometry, ArraySource(array[np.newaxis]))


def scores(run: Any) -> tuple[Any, Any]:
    """The numbers of the only case."""
    assert run.code == 0, run.err
    (case,) = run.json["cases"]
    return case["rows"], case["confusion"]


def refusal(run: Any) -> str:
    """The one line of a run that was refused with exit 3."""
    assert run.code == 3, run.out
    assert run.out == ""
    (line,) = run.err.splitlines()
    return str(line)


def stated_mm(message: str) -> float:
    found = re.search(r"up to ([0-9.e+-]+) mm apart", message)
    assert found is not None, message
    return float(found.group(1))
