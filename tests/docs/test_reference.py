"""The pages of the reference that the code tells are what it tells."""

from __future__ import annotations

import importlib.util

import pytest
from doc_blocks import ROOT


@pytest.mark.parametrize("page", ["commands", "all_quantities", "api", "schemas"])
def test_a_page_is_what_the_code_tells(page: str) -> None:
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs/make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    told = getattr(maker, f"{page}_page")()
    written = (ROOT / f"docs/{page}.md").read_text("utf-8")
    assert written == told, "write it anew: python docs/make_reference.py"
