"""Which quantities are asked for, under which settings: ``dice,focal:gamma=3`` and back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property

from msgspec import Struct

from segeval.errors import UsageError
from segeval.quantities.naming import did_you_mean
from segeval.quantities.quantity import (
    DEFAULT_GROUPS,
    GROUPS,
    QUANTITIES,
    Quantity,
    RecordName,
    Setting,
    all_quantities,
)
from segeval.quantities.ranges import number_of, parse_setting, setting_text
from segeval.results.report import Column
from segeval.tallies.power_sums import PowerSum
from segeval.tallies.tally import DEFAULT_ETA, DEFAULT_GAMMA, LogSetting


class Selection(Struct, frozen=True, dict=True):
    """A quantity under complete settings."""

    quantity: Quantity
    settings: Mapping[str, Setting]

    @cached_property
    def key(self) -> str:
        """The canonical text: only what differs from the defaults, keys sorted."""
        changed = [
            f"{name}={setting_text(value)}"
            for name, value in sorted(self.settings.items())
            if value != self.quantity.settings[name]
        ]
        return ":".join([self.quantity.name, *changed])

    @property
    def column(self) -> Column:
        """The quantity as the outputs need to know it."""
        quantity = self.quantity
        title = quantity.title + self.key.removeprefix(quantity.name)
        return Column(self.key, quantity.group, quantity.best, quantity.worst, title, quantity.main)

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


def select(text: str | None = None) -> tuple[Selection, ...]:
    """The quantities that ``--metrics`` names, each once; None means the default groups. Raises UsageError."""
    if text is None:
        return tuple(Selection(q, q.settings) for q in all_quantities() if q.group in DEFAULT_GROUPS and q.by_default)
    chosen: dict[str, Selection] = {}
    for item in text.split(","):
        for selection in _selections(item.strip()):
            chosen.setdefault(selection.key, selection)
    return tuple(chosen.values())


def keys_named(text: str, held: Collection[str]) -> tuple[str, ...]:
    """The columns that a text names: one that a report holds, as it is written there, whichever quantities there are
    today; else as they are called today, ``focal:gamma=3.0`` as ``focal:gamma=3``. Raises UsageError."""
    if text.strip() in held:
        return (text.strip(),)
    return tuple(selection.key for selection in select(text))


def records_needed(selections: Iterable[Selection]) -> frozenset[RecordName]:
    """What has to be measured for these quantities."""
    return frozenset(selection.quantity.record for selection in selections)


def log_settings(selections: Iterable[Selection]) -> tuple[LogSetting, ...]:
    """The distinct (gamma, eta) that these quantities need, the default always among them."""
    wanted = dict.fromkeys(s.log_setting for s in selections if s.log_setting is not None)
    return tuple(wanted) or ((DEFAULT_GAMMA, DEFAULT_ETA),)


def power_sums(selections: Iterable[Selection]) -> tuple[PowerSum, ...]:
    """The distinct sums that these quantities need beside the nine."""
    return tuple(dict.fromkeys(s.power_sum for s in selections if s.power_sum is not None))


def _selections(item: str) -> list[Selection]:
    """The quantity of this name, or a group's: the settings go to those that have them."""
    name, *assignments = item.split(":")
    if name in QUANTITIES:
        quantities = [QUANTITIES[name]]
    elif name in GROUPS:
        quantities = [quantity for quantity in all_quantities() if quantity.group == name]
    else:
        raise UsageError(
            f"--metrics: there is no quantity {name!r}{did_you_mean(name)}; `segeval quantities` lists all"
        )
    given: dict[str, Setting] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if key in given:
            raise UsageError(f"--metrics: {name} is given {key!r} twice; to compare, ask for {name} twice")
        known = dict.fromkeys(setting for quantity in quantities for setting in quantity.settings)
        if key not in known:
            raise UsageError(f"--metrics: {name} has no setting {key!r}; its settings: {', '.join(known) or 'none'}")
        default = next(q.settings[key] for q in quantities if key in q.settings)
        given[key] = parse_setting(name, key, value, default, named_alone=not equals)
    return [Selection(q, {k: given.get(k, v) for k, v in q.settings.items()}) for q in quantities]
