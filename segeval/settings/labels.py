"""Labels, regions and weights, as users write them: on the command line, in Python, in a segeval.toml."""

from __future__ import annotations

import operator
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segeval.errors import UsageError
from segeval.files.paths import is_file, require_possible
from segeval.targets import LabelChoice, Region, TargetKey, parse_region, region_of
from segeval.words.printable import shortened

Labels = Sequence[int] | Mapping[str, int] | str | os.PathLike[str] | None
"""Values, values by name, ``1,2,3``, ``*``, or the path of a label file."""
Regions = Mapping[str, Sequence[int] | str] | Sequence[str] | None
"""Values, or ``1+2``, or ``*``, by name; or ``NAME=1+2`` each."""
Weights = Mapping[TargetKey, float] | str | None
"""By label or region; or ``0=0.2,1=1``."""


def label_choice(labels: Labels, regions: Regions, ignore_label: int | None, background: bool) -> LabelChoice:
    """The label options together. Raises UsageError, and what a label file raises."""
    ignored = None if ignore_label is None else _integers("ignore_label", [ignore_label])[0]
    return _listed(labels).with_options(_regions(regions), ignored, background)


def weights_of(given: Weights) -> dict[TargetKey, float] | None:
    """By label or region name. Raises UsageError."""
    if given is None or not isinstance(given, str):
        return None if given is None else dict(given)
    weights: dict[TargetKey, float] = {}
    for part in given.split(","):
        key, _, value = part.partition("=")
        label = _integer(key)
        target: TargetKey = key.strip() if label is None else label
        if target in weights:
            raise UsageError(f"--class-weights: {target} is given twice; give each label one weight")
        try:
            weights[target] = float(value)
        except ValueError:
            raise UsageError(f"--class-weights {part!r}: write LABEL=WEIGHT, like 1=0.5") from None
    return weights


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
