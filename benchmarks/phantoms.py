"""Label maps with the runs and the compression of real ones: seeded smooth blobs, not noise."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Labels = NDArray[np.uint8]


def blobs(shape: tuple[int, int, int], labels: int, seed: int) -> Labels:
    """Nested blobs of ``labels`` labels that fill about 40 % of the volume."""
    rng = np.random.default_rng(seed)
    coarse = ndimage.gaussian_filter(rng.normal(size=[max(4, n // 8 + 1) for n in shape]), 2.5)
    field = ndimage.zoom(coarse, [n / c for n, c in zip(shape, coarse.shape, strict=True)], order=1)
    limits = np.quantile(field, np.linspace(0.6, 1, labels + 1)[:-1])
    return np.digitize(field, limits).astype(np.uint8)


def pair(shape: tuple[int, int, int], labels: int, seed: int) -> tuple[Labels, Labels]:
    """A prediction and its reference: the same blobs, moved by a voxel or two."""
    reference = blobs(shape, labels, seed)
    return np.roll(reference, (1, 2, 0), axis=(0, 1, 2)), reference


def save(path: Path, volume: Labels) -> None:
    """Write a NIfTI at gzip level 6, as most tools do."""
    image = nibabel.Nifti1Image(volume, np.diag([0.8, 0.8, 1.5, 1.0]))
    content = image.to_bytes()
    path.write_bytes(gzip.compress(content, 6) if path.suffix == ".gz" else content)
