"""A verdict as a JUnit XML file, which CI systems show as tests: a rule is a test case, a label its class."""

from __future__ import annotations

import re
from datetime import datetime
from xml.etree import ElementTree as ET  # written, never parsed

from segeval.outputs.verdict_words import OUTCOMES, sentence, title, worst_lines
from segeval.results.verdict import Finding, Verdict
from segeval.words.printable import printable

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MOST_WORST = 100
_SUITE = "segeval"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def render_junit(verdict: Verdict, moment: datetime) -> str:
    """failure: a rule that failed; error: a case that could not be evaluated; skipped: undefined where that is allowed.

    A warning is a test that passed, and is told in ``system-out``. moment: when the gate was run.
    """
    outcomes = [finding.outcome for finding in verdict.findings]
    counts = {
        "tests": str(len(outcomes)),
        "failures": str(outcomes.count("fail")),
        "errors": str(outcomes.count("error")),
    }
    root = ET.Element("testsuites")
    suite = ET.SubElement(
        root,
        "testsuite",
        {
            "name": _SUITE,
            "package": _SUITE,
            "id": "0",
            "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%S"),
            "hostname": "localhost",
            **counts,
            "skipped": str(outcomes.count("skipped")),
            "time": "0",
        },
    )
    ET.SubElement(suite, "properties")
    for finding in verdict.findings:
        _add_case(suite, finding)
    ET.SubElement(suite, "system-out").text = _legal("\n".join(_output(verdict)))
    ET.SubElement(suite, "system-err").text = ""
    ET.indent(root)
    return f"{_DECLARATION}{ET.tostring(root, encoding='unicode')}\n"


def _add_case(suite: ET.Element, finding: Finding) -> None:
    label = finding.label if finding.label.strip() else f'"{finding.label}"'
    attributes = {"name": _line(title(finding)), "classname": _line(label if finding.label else "cases"), "time": "0"}
    case = ET.SubElement(suite, "testcase", attributes)
    message = _line(f"expected {finding.expected}, actual {finding.actual}")
    if finding.outcome in ("fail", "error"):
        kind = "failure" if finding.outcome == "fail" else "error"
        problem = ET.SubElement(case, kind, {"message": message, "type": "rule" if kind == "failure" else "evaluation"})
        problem.text = "\n".join([message, *map(_line, worst_lines(finding, _MOST_WORST))])
    elif finding.outcome == "skipped":
        ET.SubElement(case, "skipped", {"message": message})


def _output(verdict: Verdict) -> list[str]:
    warnings = [finding for finding in verdict.findings if finding.outcome == "warn"]
    words = [f"{OUTCOMES['warn']} {title(f)}: expected {f.expected}, actual {f.actual}" for f in warnings]
    return [*map(printable, words), *(f"remark: {printable(text)}" for text in verdict.remarks), sentence(verdict)]


def _line(text: str) -> str:
    return _legal(printable(text))


def _legal(text: str) -> str:
    """What XML 1.0 forbids (control characters, halves of surrogate pairs) as U+FFFD."""
    return _FORBIDDEN.sub("\ufffd", text)
