"""A quantity that was asked for, under complete settings; or a sum of several, under a name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from msgspec import Struct

from segeval.quantities.quantity import OF_TALLIES, Quantity, RecordName, Setting
from segeval.quantities.ranges import number_of, setting_text
from segeval.results.report import Column
from segeval.tallies.power_sums import PowerSum
from segeval.tallies.tally import DEFAULT_ETA, DEFAULT_GAMMA, LogSetting


class Selection(Struct, frozen=True, dict=True):
    """A quantity under complete settings.

    empty: its value for a label that is absent from both volumes, where it is undefined there; None leaves it to
    ``--empty``.
    """

    quantity: Quantity
    settings: Mapping[str, Setting]
    empty: float | None = None

    @cached_property
    def key(self) -> str:
        """The canonical text: only what differs from the defaults, keys sorted."""
        given = {name: value for name, value in self.settings.items() if value != self.quantity.settings[name]}
        if self.empty is not None:
            given["empty"] = self.empty
        changed = [f"{name}={setting_text(value)}" for name, value in sorted(given.items())]
        return ":".join([self.quantity.name, *changed])

    @property
    def text(self) -> str:
        """What to write to ask for it."""
        return self.key

    @property
    def parts(self) -> tuple[Selection, ...]:
        """The quantities that it is computed from: itself."""
        return (self,)

    @property
    def adds(self) -> bool:
        """Whether it has a value over many cases' voxels counted together: all that it is made of is in the tallies."""
        return all(part.quantity.record in OF_TALLIES for part in self.parts)

    @property
    def column(self) -> Column:
        """The quantity as the outputs need to know it."""
        quantity = self.quantity
        title = quantity.title + self.key.removeprefix(quantity.name)
        text = "" if self.text == self.key else self.text
        return Column(self.key, quantity.group, quantity.best, quantity.worst, title, quantity.main, text)

    @property
    def log_setting(self) -> LogSetting | None:
        """The (gamma, eta) whose logarithmic sums the formula reads, or None."""
        if "eta" not in self.settings or (self.power_sum or ("",))[0] == "log":
            return None
        return number_of(self.settings.get("gamma", DEFAULT_GAMMA)), number_of(self.settings["eta"])

    @property
    def power_sum(self) -> PowerSum | None:
        """What is summed for the formula beside the nine sums."""
        return None if self.quantity.power_sum is None else self.quantity.power_sum(self.settings)


class Sum(Selection, frozen=True, dict=True):
    """A constant and quantities with factors, under a name: ``mine = 0.7*tversky + 0.3*focal``.

    quantity: says what the outputs need to know, and has no formula of its own.
    """

    constant: float = 0.0
    terms: tuple[tuple[float, Selection], ...] = ()

    @property
    def text(self) -> str:
        """The name and the canonical expression."""
        return f"{self.key}={linear_text(self.constant, self.terms)}"

    @property
    def parts(self) -> tuple[Selection, ...]:
        """The quantities in it."""
        return tuple(term for _, term in self.terms)


def parts_of(selections: Iterable[Selection]) -> tuple[Selection, ...]:
    """The distinct quantities that all of these are computed from."""
    return tuple({part.key: part for selection in selections for part in selection.parts}.values())


def records_needed(selections: Iterable[Selection]) -> frozenset[RecordName]:
    """What has to be measured for these quantities."""
    return frozenset(part.quantity.record for part in parts_of(selections))


def log_settings(selections: Iterable[Selection]) -> tuple[LogSetting, ...]:
    """The distinct (gamma, eta) that these quantities need, the default always among them."""
    wanted = dict.fromkeys(s.log_setting for s in parts_of(selections) if s.log_setting is not None)
    return tuple(wanted) or ((DEFAULT_GAMMA, DEFAULT_ETA),)


def power_sums(selections: Iterable[Selection]) -> tuple[PowerSum, ...]:
    """The distinct sums that these quantities need beside the nine."""
    return tuple(dict.fromkeys(s.power_sum for s in parts_of(selections) if s.power_sum is not None))


def linear_text(constant: float, terms: Iterable[tuple[float, Selection]]) -> str:
    """``0.7*tversky + 0.3*focal:gamma=1 - 1``."""
    words = [
        (factor, term.key if abs(factor) == 1 else f"{setting_text(abs(factor))}*{term.key}") for factor, term in terms
    ]
    if constant:
        words.insert(0 if words[0][0] < 0 < constant else len(words), (constant, setting_text(abs(constant))))
    (first, text), *rest = words
    return ("-" * (first < 0) + text) + "".join(f" {'-' if factor < 0 else '+'} {word}" for factor, word in rest)
