"""docs/frameworks.md, from the lines of frameworks.toml and the versions of tests/peer_values.json.

Run: python benchmarks/peers/page.py > docs/frameworks.md
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent

_INTRO = """# Which of my framework's numbers is which here

Each line is a call of another tool, what to ask segeval for (`--metrics`, or `metrics=` in Python), and the row that
holds the number: a label's own row, `mean` (over the labels without the background) or `all`. Every line was recorded:
the tool ran on seeded arrays (`tests/peer_arrays.py`: two and three axes, a class that the reference lacks,
probabilities of exactly 0 and 1), and the tests hold segeval to what it gave, to 1e-6 where the tool computes in
float32, closer where it does not.

What is true of all of them: a batch of theirs is one case here; a loss of logits is one of probabilities here
(`--activation softmax|sigmoid` for stored logits); logarithms are clipped at η = 1e-7 (`ce:eta=…`).
"""


def page(frameworks: Mapping[str, Any], recorded: Mapping[str, Any]) -> str:
    """The page's text."""
    parts = [_INTRO]
    for name, framework in frameworks.items():
        parts.append(f"\n## {framework['title']}\n\n{framework['intro']}")
        versions = recorded.get(name, {}).get("versions", {})
        if versions:
            parts.append(f" Recorded with {', '.join(f'{tool} {version}' for tool, version in versions.items())}.")
        parts.append("\n")
        lines = framework.get("line", ())
        if lines:
            parts.append("\n| call | `--metrics` | row | |\n| --- | --- | --- | --- |\n")
        for line in lines:
            metrics = f"`{_cell(line['metrics'])}`" if "metrics" in line else "–"
            row = {"": "–", "labels": "each label"}.get(line.get("row", ""), f"`{line.get('row')}`")
            parts.append(f"| `{_cell(line['call'])}` | {metrics} | {row} | {_cell(line.get('note', ''))} |\n")
    return "".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    lines = tomllib.loads((HERE / "frameworks.toml").read_text(encoding="utf-8"))
    values = json.loads((HERE.parents[1] / "tests" / "peer_values.json").read_text(encoding="utf-8"))
    sys.stdout.write(page(lines, values))
