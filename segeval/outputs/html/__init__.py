"""A report as one HTML page: needs no network, runs no code from outside, and is the same bytes for the same report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from segeval.errors import UsageError
from segeval.words.extras import install

if TYPE_CHECKING:
    from segeval.results.comparison import Comparison
    from segeval.results.pictures import ComparedPictures, LabelPictures
    from segeval.results.report import Report
    from segeval.results.verdict import Verdict


def require_report_extra() -> None:
    """Raises UsageError where the libraries of the extra ``report`` are not installed."""
    try:
        import jinja2
        import vl_convert
    except ImportError as problem:
        raise UsageError(f"an HTML report needs {problem.name}; install it with: {install('report')}") from None
    del jinja2, vl_convert


def report_page(
    report: Report, pictures: Sequence[LabelPictures] = (), verdict: Verdict | None = None
) -> Iterator[str]:
    """The page of a report of ``score``, ``batch``, ``merge`` or, with its verdict, ``check``; in pieces."""
    from segeval.outputs.html.facts import report_facts
    from segeval.outputs.html.page import page_pieces
    from segeval.outputs.html.sections import report_sections

    require_report_extra()
    facts = report_facts(report)
    yield from page_pieces("report.html.jinja", report_sections(report, facts, pictures, verdict), facts)


def comparison_page(
    comparison: Comparison, reports: Sequence[Report], pictures: Sequence[ComparedPictures] = ()
) -> Iterator[str]:
    """The page of a comparison. reports: those that were compared, in its order, for their values case by case."""
    from segeval.outputs.html.compared import comparison_facts, comparison_sections
    from segeval.outputs.html.page import page_pieces

    require_report_extra()
    sections = comparison_sections(comparison, pictures)
    yield from page_pieces("comparison.html.jinja", sections, comparison_facts(comparison, reports))
