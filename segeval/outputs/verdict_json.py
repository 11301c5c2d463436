"""A verdict as strict JSON."""

from __future__ import annotations

import json

from segeval.results.strict_json import plain
from segeval.results.verdict import Verdict


def render_verdict_json(verdict: Verdict) -> str:
    """``{"success": …, "results": […], "statistics": {…}, "remarks": […]}``; what is undefined is null."""
    document = {
        "success": verdict.success,
        "results": verdict.findings,
        "statistics": verdict.statistics,
        "remarks": verdict.remarks,
    }
    return json.dumps(plain(document), allow_nan=False, ensure_ascii=False, indent=1) + "\n"
