"""The page on why tools differ states what other tools were recorded to give."""

from __future__ import annotations

import json
import re

import pytest
from doc_blocks import ROOT

PAGE = (ROOT / "docs/explanation/why-numbers-differ.md").read_text("utf-8")
RECORDED = json.loads((ROOT / "tests/peer_values.json").read_text("utf-8"))
FRAMEWORKS = (ROOT / "docs/frameworks.md").read_text("utf-8")
TOOLS = {"MONAI": "monai", "nnU-Net": "nnunet", "SegLossOdyssey": "segloss"}
ROWS = re.findall(r"^\| ([\w-]+) \| `(.+?)` \| (\d\.\d{4}) \|", PAGE, re.M)
CASE = "saturated, a class absent"


@pytest.mark.parametrize(("tool", "call", "value"), ROWS)
def test_a_value_of_another_tool_is_the_recorded_one(tool: str, call: str, value: str) -> None:
    assert f"{RECORDED[TOOLS[tool]]['values'][call][CASE]:.4f}" == value
    assert f"| `{call}` |" in FRAMEWORKS


def test_the_page_has_the_values() -> None:
    assert len(ROWS) == 7
    assert {tool for tool, _, _ in ROWS} == set(TOOLS)
