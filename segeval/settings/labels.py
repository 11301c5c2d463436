"""Labels, regions and weights, as users write them: on the command line, in Python, in a segeval.toml."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segeval.errors import UsageError
from segeval.files.paths import is_file, require_possible
from segeval.settings.typed import typed
from segeval.targets import BACKGROUND, LabelChoice, Region, TargetKey, parse_region, region_of
from segeval.words.lists import named
from segeval.words.nearest import suggestion
from segeval.words.printable import shortened

Labels = Sequence[int] | Mapping[str, int] | str | os.PathLike[str] | None
"""Values, values by name, ``1,2,3``, ``*``, or the path of a label file."""
Regions = Mapping[str, Sequence[int] | str] | Sequence[str] | None
"""Values, or ``1+2``, or ``*``, by name; or ``NAME=1+2`` each."""
Metrics = str | Sequence[str] | None
"""``dice,focal:gamma=3``, or each in a list."""
Weights = Mapping[TargetKey, float] | str | None
"""By label or region; or ``0=0.2,1=1``."""
Tolerances = Mapping[TargetKey, float] | float | str | None
"""Millimetres for all, or by label, name or region, with ``*`` for all others; or ``liver=5,*=1``."""

Within = int | Sequence[int] | str | None
"""A label value, values, or text: ``1+2``, ``*``, the name of a label or of a region, ``NAME=1+2``."""

EVERY_OTHER = "*"

_MOST_NAMED = 10
UNNAMED_BACKGROUND = "background"  # what it is called where no file names it

BEFORE_LAST = ":before-last"
"""What ``--slices-of`` ends with where the last slice is left out."""


def label_choice(labels: Labels, regions: Regions, ignore_label: int | None, background: bool) -> LabelChoice:
    """The label options together. Raises UsageError, and what a label file raises."""
    ignored = None if ignore_label is None else _integers("ignore_label", [ignore_label])[0]
    return _listed(labels).with_options(_regions(regions), ignored, background)


def weights_of(given: Weights) -> dict[TargetKey, float] | None:
    """By label or region name. Raises UsageError."""
    if given is None or not isinstance(given, str):
        return None if given is None else _numbers("class_weights", given)
    return _by_target(given, "--class-weights", "one weight", "LABEL=WEIGHT, like 1=0.5")


def tolerances_of(given: Tolerances) -> dict[TargetKey, float] | None:
    """Millimetres by label value, label name or region; by ``*`` for all others. Raises UsageError."""
    if isinstance(given, str) and "=" not in given:
        given = f"{EVERY_OTHER}={given}"
    if isinstance(given, (int, float)):
        return {EVERY_OTHER: float(given)}
    if given is None or not isinstance(given, str):
        return None if given is None else _numbers("tau", given)
    return _by_target(given, "--tau", "one tolerance", "millimetres, or LABEL=MM like liver=5,*=1")


def border_of(given: float | None) -> float | None:
    """Raises UsageError."""
    if given is not None and not 0 <= given < math.inf:
        raise UsageError(f"--border-mm {given:g}: write a distance of at least 0 mm")
    return None if given is None else float(given)


def labelled_slices_of(given: Within) -> str | None:
    """As `within_of` has it, with ``:before-last`` behind it where that was asked for. Raises UsageError."""
    whole = not (isinstance(given, str) and given.endswith(BEFORE_LAST))
    labels = within_of(given if whole else str(given).removesuffix(BEFORE_LAST), "slices_of", "--slices-of")
    return labels if whole else f"{labels}{BEFORE_LAST}"


def within_of(given: Within, option: str = "within", flag: str = "--within") -> str | None:
    """As the settings hold it: ``1+2``, ``*``, or names, which are known when the labels are. Raises UsageError."""
    if given is None:
        return None
    if not isinstance(given, str):
        values = _integers(option, [given] if isinstance(given, int) else given)
        text = "+".join(map(str, values))
    else:
        text = given.rpartition("=")[2].strip()
    parts = [part.strip() for part in text.split("+")]
    if not all(parts):
        raise UsageError(
            f"{flag} {shortened(repr(given), 100)}: write label values like 1+2, the name of a label or region, or *"
        )
    return "+".join(dict.fromkeys(parts))


def within_region(within: str, labels: LabelChoice, flag: str = "--within") -> Region:
    """The labels that ``within_of`` wrote down. Raises UsageError for a name that nobody knows."""
    if within == EVERY_OTHER:
        return Region("within", None)
    known: dict[str, frozenset[int] | None] = {name: frozenset((value,)) for value, name in labels.names.items()}
    known |= {region.name: region.labels for region in labels.regions}
    found: set[int] = set()
    for part in [within] if within in known else within.split("+"):
        value = _integer(part)
        if part not in known and value is None:
            raise UsageError(f"{flag}: there is no label or region {_nobody(part, list(known), 'names')}")
        members = frozenset((value,)) if value is not None and part not in known else known[part]
        if members is None:
            return Region("within", None)
        found |= members
    return Region("within", frozenset(found))


def require_tolerances(tolerances: Mapping[TargetKey, float], labels: LabelChoice, *, named: bool) -> None:
    """Refuse what is no tolerance and, where the labels have their names, whose it could not be. Raises UsageError."""
    known = [*labels.names.values(), *(region.name for region in labels.regions)]
    values = {BACKGROUND, *(labels.values or ())}
    for target, tolerance in tolerances.items():
        if not (math.isfinite(tolerance) and tolerance >= 0):
            raise UsageError(f"--tau {target}={tolerance:g}: write millimetres of at least 0, like {target}=2")
        value = isinstance(target, int) and (labels.values is None or target in values)
        if named and not value and target not in (*known, EVERY_OTHER):
            words = _nobody(target, known, "names of labels")
            raise UsageError(f"--tau {target}={tolerance:g}: there is no label {words}")


def _nobody(name: TargetKey, known: Sequence[str], what: str) -> str:
    """The name that nobody bears, the nearest ones, and some of those that there are."""
    there = named(known, _MOST_NAMED) or "none, so give label values"
    words = shortened(repr(name), 100) if what == "names" else name
    return f"{words}{suggestion(str(name), known)}; {what} are: {there}"


def weights_by_target(
    weights: Mapping[TargetKey, float] | None, labels: LabelChoice, *, strict: bool = True
) -> dict[TargetKey, float] | None:
    """By label value, for which a name may stand, and by region.

    Raises UsageError for a label that is named and numbered and, where strict, for a name that nobody bears.
    """
    if weights is None:
        return None
    regions = {region.name for region in labels.regions}
    values: dict[TargetKey, list[TargetKey]] = {}
    for value, name in labels.names.items():
        values.setdefault(name, []).append(value)
    values.setdefault(UNNAMED_BACKGROUND, [BACKGROUND])
    found: dict[TargetKey, float] = {}
    for target, weight in weights.items():
        keys = [] if target in regions else values.get(target, [])
        if strict and isinstance(target, str) and target not in regions and not keys:
            words = _nobody(target, [*labels.names.values(), *regions], "names")
            raise UsageError(f"--class-weights: there is no label or region {words}")
        for key in keys or [target]:
            if key in found:
                raise UsageError(f"--class-weights: {key} is given twice, as {target}, too; give each label one weight")
            found[key] = weight
    return found


def weighable(target: TargetKey, labels: LabelChoice) -> bool:
    """Whether a weight may be of it, where labels are listed; of a name that is known later."""
    return isinstance(target, str) or target in (BACKGROUND, labels.ignore, *(labels.values or ()))


def require_weighable(weights: Mapping[TargetKey, float] | None, labels: LabelChoice) -> None:
    """Refuse the weight of a label that is not among those that are listed. Raises UsageError."""
    if labels.values is None or labels.regions_only:
        return
    for target, weight in (weights or {}).items():
        if not weighable(target, labels):
            raise UsageError(
                f"--class-weights {target}={weight:g}: there is no label {target}; listed are: "
                f"{named(labels.values, _MOST_NAMED) or 'none'}"
            )


def tolerance_of(target: TargetKey, tolerances: Mapping[TargetKey, float], labels: LabelChoice) -> float | None:
    """Of a label, by its value or its name, or of a region, mm; None where none was given."""
    name = labels.names.get(target) if isinstance(target, int) else None
    keys = (target, *(() if name is None else (name,)), EVERY_OTHER)
    return next((tolerances[key] for key in keys if key in tolerances), None)


def _numbers(option: str, given: Mapping[TargetKey, float]) -> dict[TargetKey, float]:
    return {target: typed(f"{option}, {target}", number, float) for target, number in dict(given).items()}


def _by_target(text: str, flag: str, one: str, form: str) -> dict[TargetKey, float]:
    """``1=0.5,liver=2`` as numbers by label value or name."""
    found: dict[TargetKey, float] = {}
    for part in text.split(","):
        key, _, value = part.rpartition("=")
        label = _integer(key)
        target: TargetKey = key.strip() if label is None else label
        if target in found:
            raise UsageError(f"{flag}: {target} is given twice; give each label {one}")
        try:
            if not key.strip():
                raise ValueError
            found[target] = float(value)
        except ValueError:
            raise UsageError(f"{flag} {part!r}: write {form}") from None
    return found


def _listed(labels: Labels) -> LabelChoice:
    if isinstance(labels, Mapping):
        names = dict(zip(_integers("labels", labels.values()), labels.keys(), strict=True))
        return LabelChoice.of(tuple(names), names)
    if isinstance(labels, str):
        return _of_text(labels)
    if isinstance(labels, os.PathLike):
        return _of_file(Path(labels))
    return LabelChoice.of(None if labels is None else _integers("labels", labels))


def label_file_of(labels: str) -> Path | None:
    """The file that ``--labels`` names; None for ``*`` and for a list of values, whatever files there are."""
    if labels.strip() == "*" or _values(labels) is not None:
        return None
    return Path(labels)


def _of_text(labels: str) -> LabelChoice:
    path = label_file_of(labels)
    if path is None:
        return LabelChoice.of(_values(labels))
    if ("," in labels or not path.suffix) and not is_file(path):
        raise UsageError(
            f"--labels {shortened(repr(labels), 100)}: write label values like 1,2,3, or *, or the path of a label file"
        )
    require_possible("--labels", path)
    return _of_file(path)


def _values(labels: str) -> tuple[int, ...] | None:
    """``1,2,3``; None for anything else."""
    values = [_integer(part) for part in labels.split(",")]
    whole = [value for value in values if value is not None]
    return tuple(whole) if len(whole) == len(values) else None


def _of_file(path: Path) -> LabelChoice:
    from segeval.readers.label_files import read_label_file

    return read_label_file(path)


def _regions(regions: Regions) -> tuple[Region, ...]:
    if not isinstance(regions, Mapping):
        return tuple(map(parse_region, regions or ()))
    return tuple(
        region_of(name, values)
        if isinstance(values, str)
        else Region(name, frozenset(_integers(f"region {name!r}", values)))
        for name, values in regions.items()
    )


def _integers(what: str, values: Any) -> tuple[int, ...]:
    """Label values as Python integers, NumPy's included. Raises UsageError."""
    try:
        if isinstance(values, str):
            raise TypeError
        return tuple(operator.index(value) for value in values)
    except TypeError:
        raise UsageError(f"{what}={values!r}: give a sequence of integer label values") from None


def _integer(text: str) -> int | None:
    try:
        return int(text.strip())
    except ValueError:
        return None
