"""Holds what states the version to each other, before it is released: python .ci/released.py v1.2.3"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def stated() -> dict[str, str]:
    """Version and date, by where they are stated."""
    text = {
        name: (ROOT / name).read_text(encoding="utf-8")
        for name in ("segeval/version.py", "CITATION.cff", "CHANGELOG.md", "conda/recipe.yaml")
    }

    def found(name: str, pattern: str) -> str:
        match = re.search(pattern, text[name], re.MULTILINE)
        return match[1] if match else "nothing"

    return {
        "segeval/version.py": found("segeval/version.py", r'^__version__ = "(.*)"$'),
        "CITATION.cff": found("CITATION.cff", r"^version: (.*)$"),
        "CHANGELOG.md": found("CHANGELOG.md", r"^## (\S+)"),
        "conda/recipe.yaml": found("conda/recipe.yaml", r'^  version: "(.*)"$'),
        "segeval/version.py, date": found("segeval/version.py", r'^DATE = "(.*)"$'),
        "CITATION.cff, date": found("CITATION.cff", r'^date-released: "(.*)"$'),
        "CHANGELOG.md, date": found("CHANGELOG.md", r"^## \S+ \((.*)\)$"),
    }


def problems(tag: str) -> list[str]:
    """What is not as it must be where this tag is released."""
    version, found = tag.removeprefix("v"), stated()
    date = found["segeval/version.py, date"]
    expected = {where: date if where.endswith(", date") else version for where in found}
    return [
        f"{where}: states {found[where]}, not {expected[where]}" for where in found if found[where] != expected[where]
    ]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    if wrong := problems(sys.argv[1]):
        raise SystemExit("\n".join(wrong))
