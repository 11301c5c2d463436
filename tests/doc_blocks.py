"""The fenced blocks of a page: which run, which do not and why, and what they are said to print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
RUN = ("sh", "python", "yaml")
_BLOCK = re.compile(r"(?:^<!-- *(?P<marker>.*?) *-->\n+)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S)
_NOT_RUN = "not run: "
_NEEDS = "needs: "
_OUTPUT = "output"


@dataclass(frozen=True)
class Block:
    """not_run: why, in the words of the page. needs: modules that the tests do without; .ci/recipes has them.
    output: it shows what the block before printed."""

    page: str
    line: int
    language: str
    text: str
    not_run: str | None
    needs: tuple[str, ...]
    output: bool

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def lacks(self) -> list[str]:
        """The modules that are needed and not installed."""
        return [name for name in self.needs if find_spec(name) is None]


def pages() -> list[Path]:
    """Every page on the use of segeval; CONTRIBUTING.md has a test of its own."""
    return sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])


def blocks_of(page: Path) -> Iterator[Block]:
    """What stands before a block: ``<!-- not run: why -->`` where it cannot run, ``<!-- needs: module -->`` where it
    runs with that installed, ``<!-- output -->`` where it was printed."""
    text = page.read_text("utf-8")
    for found in _BLOCK.finditer(text):
        marker = found["marker"] or ""
        not_run = marker.removeprefix(_NOT_RUN) if marker.startswith(_NOT_RUN) else None
        needs = tuple(marker.removeprefix(_NEEDS).split(", ")) if marker.startswith(_NEEDS) else ()
        line = text.count("\n", 0, found.start("language")) + 1
        name = page.relative_to(ROOT).as_posix()
        yield Block(name, line, found["language"], found["text"], not_run, needs, marker == _OUTPUT)
