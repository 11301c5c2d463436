"""A quantity in words."""

from __future__ import annotations

import inspect
import textwrap

from segeval.quantities.quantity import Quantity, Setting

_WIDTH = 80
_DIRECTIONS = {"higher": "higher is better", "lower": "lower is better", "none": "no direction"}


def explain(quantity: Quantity) -> str:
    """Some lines of at most 80 characters: what it is, formula, direction, when undefined, settings, source."""
    rows = ["labels, regions, mean, all" if quantity.over_all is not None else "labels, regions, mean"]
    if quantity.of_all_alone:
        rows = ["all"]
    called = [word for word, answer in quantity.synonyms.items() if answer == quantity.name]
    facts = [
        ("", inspect.getdoc(quantity.formula) or ""),
        ("", f"Also called {', '.join(called)}." if called else ""),
        ("formula", quantity.text),
        ("direction", f"{_DIRECTIONS[quantity.direction]}{_scale(quantity)}"),
        ("undefined", quantity.undefined or "only where no voxel is evaluated" * (not quantity.is_count) or "never"),
        ("settings", ", ".join(f"{k}={_default(v)}" for k, v in sorted(quantity.settings.items()))),
        ("rows", rows[0]),
        ("source", quantity.source),
    ]
    lines = [f"{quantity.name}  ({quantity.group})"]
    for title, text in facts:
        if text:
            lines += textwrap.wrap(
                text,
                _WIDTH,
                initial_indent=f"  {title:<10}" if title else "  ",
                subsequent_indent=" " * 12 if title else "  ",
            )
    return "\n".join(lines) + "\n"


def _scale(quantity: Quantity) -> str:
    if quantity.best is None or quantity.worst is None:
        return ""
    return f", {quantity.worst:g} … {quantity.best:g}"


def _default(value: Setting) -> str:
    if value is None:
        return "see above"
    if isinstance(value, str):
        return value
    return ("yes" if value else "no") if isinstance(value, bool) else f"{value:g}"
