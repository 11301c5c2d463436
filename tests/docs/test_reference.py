"""The pages of the reference that the code tells are what it tells."""

from __future__ import annotations

import pytest
from doc_blocks import ROOT
from scripts import loaded


@pytest.mark.parametrize("page", ["commands", "all_quantities", "api", "schemas"])
def test_a_page_is_what_the_code_tells(page: str) -> None:
    told = getattr(loaded(ROOT / "docs/make_reference.py"), f"{page}_page")()
    written = (ROOT / f"docs/{page}.md").read_text("utf-8")
    assert written == told, "write it anew: python docs/make_reference.py"
