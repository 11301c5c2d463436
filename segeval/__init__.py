"""Evaluate image segmentations: overlap metrics and losses per label, from label maps and probability maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segeval.errors import SegevalError
from segeval.version import __version__

if TYPE_CHECKING:
    from segeval.batches.folders import evaluate_folder
    from segeval.cases.arrays import evaluate_arrays
    from segeval.cases.files import evaluate
    from segeval.results.report import Report

__all__ = ["Report", "SegevalError", "__version__", "evaluate", "evaluate_arrays", "evaluate_folder"]

_LAZY = {
    "Report": "segeval.results.report",
    "evaluate": "segeval.cases.files",
    "evaluate_arrays": "segeval.cases.arrays",
    "evaluate_folder": "segeval.batches.folders",
}


def __getattr__(name: str) -> Any:
    """Import on first use: ``segeval --help`` must not wait for NumPy."""
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'segeval' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
