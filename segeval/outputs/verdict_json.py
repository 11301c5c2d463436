"""A verdict as strict JSON."""

from __future__ import annotations

import json
import math
from typing import Any

from segeval.results.verdict import Verdict


def render_verdict_json(verdict: Verdict) -> str:
    """``{"success": …, "results": […], "statistics": {…}, "remarks": […]}``; what is undefined is null."""
    document = {
        "success": verdict.success,
        "results": [finding.document() for finding in verdict.findings],
        "statistics": dict(verdict.statistics),
        "remarks": list(verdict.remarks),
    }
    return json.dumps(_strict(document), allow_nan=False, ensure_ascii=False, indent=1) + "\n"


def _strict(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _strict(part) for key, part in value.items()}
    return [_strict(part) for part in value] if isinstance(value, (list, tuple)) else value
