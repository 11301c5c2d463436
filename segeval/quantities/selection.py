"""Which quantities are asked for, under which settings: ``dice,focal:gamma=3`` and back."""

from __future__ import annotations

from collections.abc import Collection

from segeval.choices import DEFAULT_GROUPS
from segeval.errors import UsageError
from segeval.quantities.naming import did_you_mean
from segeval.quantities.quantity import QUANTITIES, Quantity, Setting, of_group
from segeval.quantities.ranges import EMPTY, parse_empty, parse_setting
from segeval.quantities.selected import Selection
from segeval.tallies.surfaces import CORNERS, EDGES, MASK, SLICES
from segeval.words.nearest import suggestion


def select(text: str | None = None) -> tuple[Selection, ...]:
    """The quantities that ``--metrics`` names, each once; None means the default groups. Raises UsageError.

    A sum, ``NAME=EXPRESSION``, may name others that the same text defines, and a name that is defined there stands for
    its sum.
    """
    if text is None:
        return tuple(Selection(q, q.settings) for group in DEFAULT_GROUPS for q in QUANTITIES.of(group))
    items = [item.strip() for item in text.split(",")]
    sums = None
    if "=" in text:
        from segeval.quantities.expressions import Sums

        sums = Sums(items, _selections)
    chosen: dict[str, Selection] = {}
    for item in items:
        found = None if sums is None else sums.named(item)
        for selection in _selections(item) if found is None else [found]:
            chosen.setdefault(selection.key, selection)
    return tuple(chosen.values())


def keys_named(text: str, held: Collection[str]) -> tuple[str, ...]:
    """The columns that a text names: one that a report holds, as it is written there, whichever quantities there are
    today; else as they are called today, ``focal:gamma=3.0`` as ``focal:gamma=3``. Raises UsageError."""
    if text.strip() in held:
        return (text.strip(),)
    return tuple(selection.key for selection in select(text))


def _selections(item: str) -> list[Selection]:
    """The quantity of this name, or a group's: the settings go to those that have them."""
    name, *assignments = item.split(":")
    quantities = of_group(name)  # asked first: a group's name would have every file looked through
    if quantities is None and name in QUANTITIES:
        quantities = [QUANTITIES[name]]
    if quantities is None:
        raise UsageError(
            f"--metrics: there is no quantity {name!r}{did_you_mean(name)}; `segeval quantities` lists all"
        )
    given: dict[str, Setting] = {}
    empty: float | None = None
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if key in given:
            raise UsageError(f"--metrics: {name} is given {key!r} twice; to compare, ask for {name} twice")
        if key == EMPTY:
            _require_fillable(name, quantities)
            empty = parse_empty(name, value)
            given[key] = empty
            continue
        known = dict.fromkeys(setting for quantity in quantities for setting in quantity.settings)
        if key not in known:
            there_are = [*known, *([EMPTY] if any(quantity.may_be_filled for quantity in quantities) else [])]
            there = f"{suggestion(key, there_are)}; its settings: {', '.join(there_are) or 'none'}"
            raise UsageError(f"--metrics: {name} has no setting {key!r}{there}")
        default = next(q.settings[key] for q in quantities if key in q.settings)
        given[key] = parse_setting(name, key, value, default, named_alone=not equals)
    if given.get("surfel"):
        for key, value in (("boundary", SLICES), ("boundary", EDGES), ("boundary", CORNERS), ("outside", MASK)):
            if given.get(key) == value:
                words = f"surfel and {key}={value} are two kinds of boundary; give one of them"
                raise UsageError(f"--metrics: {name}: {words}")
    return [
        Selection(q, {k: given.get(k, v) for k, v in q.settings.items()}, empty if q.may_be_filled else None)
        for q in quantities
    ]


def _require_fillable(name: str, quantities: Collection[Quantity]) -> None:
    """Refuse an ``empty`` that no quantity could take. Raises UsageError."""
    if any(quantity.may_be_filled for quantity in quantities):
        return
    counts = all(quantity.is_count for quantity in quantities)
    why = "counts, and is defined where both volumes lack a label" if counts else "is of all labels together alone"
    raise UsageError(f"--metrics: {name} {why}, so that {EMPTY} has nothing to replace; leave it out")
