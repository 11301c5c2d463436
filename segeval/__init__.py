"""Evaluate image segmentations: overlap metrics and losses per label, from label maps and probability maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segeval.errors import SegevalError
from segeval.version import __version__

if TYPE_CHECKING:
    from segeval.batches.folders import evaluate_folder
    from segeval.cases.arrays import evaluate_arrays
    from segeval.cases.files import evaluate
    from segeval.cases.tallying import Accumulator, Tally, count
    from segeval.comparing.compare import compare
    from segeval.gates.check import check
    from segeval.reports.report_files import read_report
    from segeval.results.report import Report

__all__ = [
    "Accumulator",
    "Report",
    "SegevalError",
    "Tally",
    "__version__",
    "check",
    "compare",
    "count",
    "evaluate",
    "evaluate_arrays",
    "evaluate_folder",
    "read_report",
]

_LAZY = {
    "Accumulator": "segeval.cases.tallying",
    "Tally": "segeval.cases.tallying",
    "check": "segeval.gates.check",
    "compare": "segeval.comparing.compare",
    "count": "segeval.cases.tallying",
    "read_report": "segeval.reports.report_files",
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
