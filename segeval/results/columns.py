"""A quantity as whoever holds values of it needs to know it: in every report, and in its JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict

from msgspec import Struct, convert

Direction = Literal["higher", "lower", "none"]

BEFORE_VALUES = ("case", "label", "name")
"""What a line of a table of rows begins with."""
AFTER_VALUES = ("status", "reason")
"""What it ends with where there are many cases."""
ROW_KEYS = (*BEFORE_VALUES, *AFTER_VALUES, "n")
"""Every column and key that stands beside those of quantities: n is a mean's counts. No quantity may be called so."""

_INFINITE: Mapping[str, tuple[float, float]] = {"higher": (math.inf, -math.inf), "lower": (-math.inf, math.inf)}
"""The ends (best, worst) of a scale that has none, by its direction."""


def direction_of(best: float | None, worst: float | None) -> Direction:
    """Which values are better on a scale with these ends."""
    if best is None or worst is None:
        return "none"
    return "higher" if best > worst else "lower"


class ColumnDocument(TypedDict):
    """A quantity that the rows hold.

    key: its name in the rows. direction: which values are better. best, worst: the ends of a scale that has a
    direction, null where it has no end. main: whether the short table shows it. text: what to write in --metrics, where
    that is not the key.
    """

    key: str
    title: str
    group: str
    direction: Direction
    best: NotRequired[float | None]
    worst: NotRequired[float | None]
    main: bool
    text: NotRequired[str]


class Column(Struct, frozen=True):
    """A quantity of a report.

    key: its canonical text, ``focal:gamma=3``: CSV column and JSON key.
    group: ``overlap`` or ``losses``: which block of a table it stands in.
    best, worst: the ends of its scale where it has a direction; worst may be infinite.
    title: a short one for people. main: whether it is among the first that they look for.
    text: what to write to ask for it, where that is not the key: a sum of quantities has a name.
    """

    key: str
    group: str
    best: float | None = None
    worst: float | None = None
    title: str = ""
    main: bool = False
    text: str = ""

    @property
    def direction(self) -> Direction:
        """Which values are better."""
        return direction_of(self.best, self.worst)

    @property
    def sign(self) -> int:
        """1 where higher is better, −1 where lower is, 0 where the quantity has no direction."""
        return {"higher": 1, "lower": -1, "none": 0}[self.direction]

    def document(self) -> dict[str, Any]:
        """The column as the JSON holds it; an end of the scale that is infinite is null."""
        ends = {"best": finite(self.best), "worst": finite(self.worst)} if self.sign else {}
        return {
            "key": self.key,
            "title": self.title or self.key,
            "group": self.group,
            "direction": self.direction,
            **ends,
            "main": self.main,
            **({"text": self.text} if self.text else {}),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Column:
        """The column that wrote this document. Raises KeyError, TypeError, ValueError."""
        found = convert({"main": False, **document}, ColumnDocument)
        direction, best, worst = found["direction"], None, None
        if direction != "none":
            best, worst = (
                infinite if end is None else end
                for end, infinite in zip((found["best"], found["worst"]), _INFINITE[direction], strict=True)
            )
        column = cls(found["key"], found["group"], best, worst, found["title"], found["main"], found.get("text", ""))
        if column.direction != direction:
            raise ValueError(f"{column.key}: {direction} is better, from {worst} to {best}")
        return column


def columns_of(documents: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    """The columns of a report's JSON. Raises KeyError, TypeError, ValueError, also for two of one key."""
    columns = tuple(map(Column.from_document, documents))
    if len({column.key for column in columns}) != len(columns):
        raise ValueError("a column stands there twice")
    return columns


def finite(value: float | None) -> float | None:
    """The number as strict JSON holds it: None where it is infinite or undefined."""
    return float(value) if value is not None and math.isfinite(value) else None
