"""metrics of metrics_acdc.py, of arrays."""

from __future__ import annotations

from typing import Any

FAMILY = "hearts"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    from metrics_acdc import HEADER, metrics

    return dict(zip(HEADER[1:], metrics(case.y, case.h, case.spacing), strict=True))
