"""The columns of a challenge's own table, as its protocol writes them down."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeGuard

from segeval.errors import UsageError
from segeval.results.formulas import formula, references_of
from segeval.targets import BACKGROUND

if TYPE_CHECKING:
    from segeval.settings.settings import Settings

_OF_EACH = re.compile(r"(?:(?<=\{)|^)[*&](?=\.)")
UNDEFINED = "undefined"
"""What ``[missing]`` says of a column that a case without a prediction has no number of."""
_SIGNS = {"*": "labels", "&": "regions"}


Targets = Mapping[str, Mapping[str, str]]
"""Names and values of what ``*`` and ``&`` stand for."""


def targets_of(options: Mapping[str, Any]) -> Targets:
    """Of the labels and regions that the options name, be it a file. Raises UsageError."""
    return {sign: _named(options.get(option)) for sign, option in _SIGNS.items()}


def spread(columns: Mapping[str, str], every: Targets) -> dict[str, str]:
    """The columns, where ``*`` stands for each label by name, ``#`` for its value, ``&`` for each region.

    Neighbours with such a name follow each other label by label, as tables of challenges do. In a column that has none
    in its name, ``{*.dice}`` is that quantity of every label, for ``mean`` and its like. Raises UsageError.
    """

    def names_of(sign: str) -> Mapping[str, str]:
        if not every[sign]:
            raise UsageError(f"{sign!r} in [columns] stands for each of {_SIGNS[sign]}, which [options] name none of")
        return every[sign]

    def listed(match: re.Match[str]) -> str:
        return ", ".join(f"{{{name}{match[2]}}}" for name in names_of(match[1]))

    found: dict[str, str] = {}
    for sign, neighbours in groupby(columns.items(), key=lambda column: _sign(column[0])):
        if sign is None:
            found |= {name: re.sub(r"\{([*&])(\.[^{}]*)\}", listed, text) for name, text in neighbours}
            continue
        several = list(neighbours)
        for each, value in names_of(sign).items():
            for name, text in several:
                found[name.replace(sign, each).replace("#", value)] = _each(text, each)
    return found


def of_columns(missing: Any, columns: Collection[str]) -> dict[str, float | None]:
    """What ``[missing]`` gives each column; ``*`` in a name stands for any text, and a later line wins.

    None for what it calls undefined. Raises UsageError.
    """
    found: dict[str, float | None] = {}
    for name, value in missing.items() if isinstance(missing, dict) else [("missing", None)]:
        meant = [name] if name in columns else [column for column in columns if fnmatchcase(column, name)]
        if not meant or not (is_number(value) or value == UNDEFINED):
            raise UsageError(
                f'[missing] gives columns a finite number, like Dice_kidney = 0, or "undefined"; '
                f"{name!r} is none, or has none"
            )
        found |= dict.fromkeys(meant, None if value == UNDEFINED else value)
    return found


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a file's value is a number that JSON can hold, which has no infinity."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _named(option: Any) -> dict[str, str]:
    """Names and values of labels or regions; of values alone, each is its name."""
    if isinstance(option, Mapping):
        return {str(name): str(value) for name, value in option.items()}
    if not isinstance(option, str):
        return {}
    values = option.split(",")
    if all(value.strip().isdecimal() for value in values):
        return {value: value for value in values}
    from segeval.settings.labels import label_choice

    return {name: str(value) for value, name in label_choice(option, None, None, background=False).names.items()}


def _each(text: str, name: str) -> str:
    """What a column wants, of this label or region."""
    return _OF_EACH.sub(lambda _: name, text)


def _sign(name: str) -> str | None:
    return "*" if "*" in name or "#" in name else "&" if "&" in name else None


def canonical(columns: Mapping[str, str], settings: Settings, *, pooled: bool = False) -> dict[str, str]:
    """The columns with each quantity as the JSON calls it. Raises UsageError for what the settings do not compute.

    pooled: they are of all cases together.
    """
    from segeval.results.rows import ALL, MEAN

    keys = {selection.key for selection in settings.selections}
    names = settings.labels.names
    background = {str(BACKGROUND)} if settings.labels.background else set()
    rows = {
        MEAN,
        ALL,
        *background,
        *map(str, names),
        *names.values(),
        *(region.name for region in settings.labels.regions),
    }
    found = {name: _canonical(name, text, keys, rows if names else None) for name, text in columns.items()}
    measured = {selection.key for selection in settings.selections if not selection.adds}
    for name, text in found.items():
        own, of_cases = references_of(text)
        if of_cases and not pooled:
            raise UsageError(f"column {name!r}: total, average and largest are over the cases; they belong in [pooled]")
        if pooled and (alone := [of for of in own if any(of.endswith(f".{key}") for key in measured)]):
            raise UsageError(
                f"column {name!r}: {alone[0]} is measured in each case and does not add up over them; write "
                f"average({{{alone[0]}}})"
            )
    return found


def _canonical(name: str, text: str, keys: Collection[str], rows: Collection[str] | None) -> str:
    from segeval.quantities import keys_named

    def known(of: str) -> str:
        label, _, quantity = of.partition(".")
        if rows is not None:  # a name may hold a point
            whole = max((row for row in rows if of.startswith(f"{row}.")), key=len, default=label)
            label, quantity = whole, of[len(whole) + 1 :]
        if rows is not None and label not in rows:
            raise UsageError(f"column {name!r}: there is no label or region {label!r}, of which it wants {quantity}")
        (key, *_) = keys_named(quantity, keys)
        if key not in keys:
            raise UsageError(f"column {name!r}: [options] metrics have no {quantity}, which it wants of {label}")
        return f"{label}.{key}"

    try:
        formula(text)
    except ValueError as problem:
        raise UsageError(f"column {name!r}: {problem}") from None
    if "{" in text:
        return re.sub(r"\{([^{}]+)\}", lambda match: f"{{{known(match[1])}}}", text)
    return known(text)
