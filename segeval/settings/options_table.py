"""The page of the options of scoring, docs/options.md, as Markdown: ``python -m segeval.settings.options_table``."""

from __future__ import annotations

import sys
from typing import Any, get_args

from segeval.settings.asking import literals, options
from segeval.settings.option import Option

_HEAD = """# Options of scoring

`segeval score`, `batch` and `check` take these on the command line, `segeval.evaluate` as keywords, `[check.scoring]`
of a `segeval.toml` as keys. `segeval.evaluate_arrays` takes all but those marked †, which speak of files.
"""


def options_table() -> str:
    """A table per panel of the help."""
    panels: dict[str, list[str]] = {}
    for name, option in options().items():
        panels.setdefault(option.panel, []).append(_row(name, option))
    head = "| command line | Python, TOML | values | default | |\n| --- | --- | --- | --- | --- |\n"
    return _HEAD + "".join(f"\n## {panel}\n\n{head}" + "".join(rows) for panel, rows in panels.items())


def _row(name: str, option: Option) -> str:
    mark = " †" if option.files_only else ""
    default = "" if option.default is None or option.default is False else f"`{option.default}`"
    values = (option.metavar or _values(option.asks)).replace("|", "\\|")
    shown = f"`{values}`" if values else ""
    words = option.help.replace("|", "\\|")
    return f"| `{option.spelt(name)}` | `{name}`{mark} | {shown} | {default} | {words} |\n"


def _values(asks: Any) -> str:
    """Words, or what kind of number; nothing for a switch."""
    kinds = [kind for kind in (get_args(asks) or (asks,)) if kind is not type(None)]
    if words := literals(asks):
        return "|".join(words)
    return {int: "INTEGER", float: "NUMBER", str: "TEXT"}.get(kinds[0], "")


if __name__ == "__main__":
    sys.stdout.write(options_table())
