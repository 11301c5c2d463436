"""Quantities in words: one in full, many as a list, and as JSON."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterable
from itertools import groupby
from typing import Literal, TypedDict

from segeval.choices import DEFAULT_GROUPS
from segeval.errors import UsageError
from segeval.quantities.naming import did_you_mean
from segeval.quantities.quantity import QUANTITIES, Quantity, Setting, of_group
from segeval.results.columns import Direction, finite
from segeval.results.strict_json import json_indented

_WIDTH = 80
_ALL = "`segeval quantities` lists all"
_DIRECTIONS = {"higher": "higher is better", "lower": "lower is better", "none": "no direction"}


RowKind = Literal["labels", "regions", "mean", "all"]


class QuantityDocument(TypedDict):
    """A quantity and its definition. best, worst: the ends of its scale, null where there is none. settings: their
    defaults, null where those follow from the data. rows: those that have it. also_called: what to write for each
    other name.
    """

    name: str
    group: str
    title: str
    text: str
    formula: str
    direction: Direction
    best: float | None
    worst: float | None
    undefined: str
    settings: dict[str, float | str | bool | None]
    rows: list[RowKind]
    source: str
    also_called: dict[str, str]


def named(names: Iterable[str]) -> list[Quantity]:
    """The quantities of these names, and those of groups. Raises UsageError."""
    found: list[Quantity] = []
    for name in names:
        meant = of_group(name)
        if meant is None and name in QUANTITIES:
            meant = [QUANTITIES[name]]
        if meant is None:
            raise UsageError(f"there is no quantity or group {name!r}{did_you_mean(name)}; {_ALL}")
        found += meant
    return found


def searched(word: str, among: Iterable[Quantity]) -> list[Quantity]:
    """Those that speak of a word: in their name, what else they are called, text, formula or source.

    Raises UsageError where there is none.
    """
    if found := _speaking_of(word, among):
        return found
    if elsewhere := len(_speaking_of(word, QUANTITIES.values())):
        raise UsageError(
            f"--search {word!r}: none of the quantities that are named speaks of it, {elsewhere} of the others do; "
            "leave the names out"
        )
    raise UsageError(f"--search {word!r}: no quantity speaks of it{did_you_mean(word)}; {_ALL}")


def _speaking_of(word: str, among: Iterable[Quantity]) -> list[Quantity]:
    return [quantity for quantity in among if any(word.casefold() in part.casefold() for part in _said(quantity))]


def explain(quantity: Quantity) -> str:
    """Some lines of at most 80 characters: what it is, formula, direction, when undefined, settings, source."""
    called = [word for word, answer in quantity.synonyms.items() if answer == quantity.name]
    facts = [
        ("", _text(quantity)),
        ("", f"Also called {', '.join(called)}." if called else ""),
        ("formula", quantity.text),
        ("direction", f"{_DIRECTIONS[quantity.direction]}{_scale(quantity)}"),
        ("undefined", quantity.undefined or "only where no voxel is evaluated" * (not quantity.is_count) or "never"),
        ("settings", ", ".join(f"{k}={_default(v)}" for k, v in sorted(quantity.settings.items()))),
        ("empty", _empty(quantity)),
        ("rows", ", ".join(_rows(quantity))),
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


def listed(quantities: Iterable[Quantity]) -> str:
    """What each is, in lines of at most 80 characters, under its group."""
    blocks = []
    for group, members in groupby(quantities, lambda quantity: quantity.group):
        found = list(members)
        indent = max(len(quantity.name) for quantity in found) + 4
        lines = [f"{group}{' (computed by default)' if group in DEFAULT_GROUPS else ''}"]
        for quantity in found:
            first = f"  {quantity.name:<{indent - 2}}"
            sentence = _text(quantity).partition(". ")[0].removesuffix(".")
            lines += textwrap.wrap(sentence, _WIDTH, initial_indent=first, subsequent_indent=" " * indent)
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def as_json(quantities: Iterable[Quantity]) -> str:
    """A JSON array; an end of the scale that is infinite is null, and a default that follows from the data, too."""
    return json_indented([document_of(quantity) for quantity in quantities])


def document_of(quantity: Quantity) -> QuantityDocument:
    """As ``--format json`` tells of it."""
    return {
        "name": quantity.name,
        "group": quantity.group,
        "title": quantity.title,
        "text": _text(quantity),
        "formula": quantity.text,
        "direction": quantity.direction,
        "best": finite(quantity.best),
        "worst": finite(quantity.worst),
        "undefined": quantity.undefined,
        "settings": dict(quantity.settings),
        "rows": _rows(quantity),
        "source": quantity.source,
        "also_called": dict(quantity.synonyms),
    }


def _said(quantity: Quantity) -> tuple[str, ...]:
    more = (quantity.name, quantity.title, quantity.group, _text(quantity), quantity.text, quantity.source)
    return (*more, *quantity.synonyms)


def _text(quantity: Quantity) -> str:
    return " ".join((inspect.getdoc(quantity.formula) or "").split())


def _rows(quantity: Quantity) -> list[RowKind]:
    if quantity.of_all_alone:
        return ["all"]
    rows: list[RowKind] = ["labels", "regions", "mean"]
    return rows if quantity.over_all is None else [*rows, "all"]


def _empty(quantity: Quantity) -> str:
    """What every quantity takes that may be undefined for want of the label."""
    usual = "as --empty says" if quantity.fills_empty else "undefined"
    return (
        f"the value where both volumes lack a label, if it has none there; by default {usual}" * quantity.may_be_filled
    )


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
