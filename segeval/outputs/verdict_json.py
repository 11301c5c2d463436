"""A verdict as strict JSON."""

from __future__ import annotations

from segeval.results.strict_json import json_indented
from segeval.results.verdict import Verdict


def render_verdict_json(verdict: Verdict) -> str:
    """``{"success": …, "results": […], "statistics": {…}, "remarks": […]}``; what is undefined is null."""
    document = {
        "success": verdict.success,
        "results": verdict.findings,
        "statistics": verdict.statistics,
        "remarks": verdict.remarks,
    }
    return json_indented(document)
