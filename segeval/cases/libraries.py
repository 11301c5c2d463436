"""The libraries that can touch voxels, and their versions where they are loaded."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from functools import cache

_DISTRIBUTIONS = {
    "cc3d": "connected-components-3d",
    "cupy": "cupy-cuda12x",
    "h5py": "h5py",
    "isal": "isal",
    "nibabel": "nibabel",
    "numpy": "numpy",
    "pandas": "pandas",
    "pydicom": "pydicom",
    "scipy": "scipy",
    "skimage": "scikit-image",
    "SimpleITK": "SimpleITK",
    "zarr": "zarr",
}
"""By the module that is loaded where they did."""


def loaded_libraries() -> dict[str, str]:
    """Version by distribution, of those that this process has loaded."""
    return {name: _version(module, name) for module, name in _DISTRIBUTIONS.items() if sys.modules.get(module)}


def together(processes: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """What several processes had loaded; every version where they differ."""
    found: dict[str, set[str]] = {}
    for libraries in processes:
        for name, version in libraries.items():
            found.setdefault(name, set()).update(version.split(", "))
    return {name: ", ".join(sorted(versions)) for name, versions in sorted(found.items())}


@cache
def _version(module: str, distribution: str) -> str:
    if version := getattr(sys.modules[module], "__version__", None):
        return str(version)
    from importlib import metadata  # 30 ms, as it loads email: a worker would wait for it at its first case

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "unknown"
