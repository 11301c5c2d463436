"""picai_eval.evaluate, of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

FAMILY = "candidates"


def evaluate(_: Any) -> dict[str, float]:
    """A case by itself has no numbers."""
    return {}


def evaluate_all(cases: Sequence[Any]) -> dict[str, float]:
    """The numbers of all cases."""
    from picai_eval import evaluate

    metrics = evaluate([case.h for case in cases], [case.y for case in cases], num_parallel_calls=1)
    return {"AP": metrics.AP, "auroc": metrics.auroc, "score": metrics.score}
