"""The fenced blocks of a page: which run, which do not and why, and what they are said to print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
RUN = ("sh", "python", "yaml")
_BLOCK = re.compile(r"(?:^<!-- *(?P<marker>.*?) *-->\n+)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S)
_NOT_RUN = "not run: "
_OUTPUT = "output"


@dataclass(frozen=True)
class Block:
    """not_run: why, in the words of the page. output: it shows what the block before printed."""

    page: str
    line: int
    language: str
    text: str
    not_run: str | None
    output: bool

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Every page on the use of segeval; CONTRIBUTING.md has a test of its own."""
    return sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])


def blocks_of(page: Path) -> Iterator[Block]:
    """``<!-- not run: why -->`` before a block says that it cannot run, ``<!-- output -->`` that it was printed."""
    text = page.read_text("utf-8")
    for found in _BLOCK.finditer(text):
        marker = found["marker"] or ""
        not_run = marker.removeprefix(_NOT_RUN) if marker.startswith(_NOT_RUN) else None
        line = text.count("\n", 0, found.start("language")) + 1
        name = page.relative_to(ROOT).as_posix()
        yield Block(name, line, found["language"], found["text"], not_run, marker == _OUTPUT)
