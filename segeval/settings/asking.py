"""Every option by name, and the settings that a user's answers make, whichever door they come through."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, Literal, TypedDict, TypeVar, get_args, get_origin, get_type_hints

from msgspec.structs import replace

from segeval.choices import (
    Activation,
    BackendName,
    Channels,
    DistanceSpacing,
    EmptyPolicy,
    GeometryPolicy,
    Kind,
    MatchBy,
    Matching,
    PaletteName,
)
from segeval.errors import UsageError
from segeval.files.paths import is_directory
from segeval.settings.label_distances import LabelDistances
from segeval.settings.labels import BEFORE_LAST, Labels, Metrics, Regions, Tolerances, Weights, Within, within_region
from segeval.settings.option import Option
from segeval.settings.palettes import under_palette
from segeval.settings.protocols import protocol_of, under_brats, with_canonical_columns, with_protocol
from segeval.settings.settings import Settings, declared
from segeval.settings.typed import typed
from segeval.words.nearest import suggestion
from segeval.words.printable import shortened

Function = TypeVar("Function", bound=Callable[..., Any])


class ArrayOptions(TypedDict, total=False):
    """What `segeval.evaluate_arrays` takes, for type checkers and editors; a test holds it to the declarations."""

    labels: Labels
    regions: Regions
    ignore_label: int | None
    background: bool
    metrics: Metrics
    empty: EmptyPolicy
    class_weights: Weights
    label_distances: LabelDistances
    within: Within
    slices_of: Within
    border_mm: float | None
    kind: Kind | None
    threshold: float
    channels: Channels
    activation: Activation | None
    scale: float | None
    clip: bool
    distance_spacing: DistanceSpacing
    missed: str | float
    tau: Tolerances
    max_distance: float | None
    instances: bool
    connectivity: int | None
    min_volume_mm3: float
    matching: Matching
    iou: float
    match_by: MatchBy
    protocol: str | None
    lesionwise: str | None
    backend: BackendName


class FileOptions(ArrayOptions, total=False):
    """What `segeval.evaluate` and the commands take."""

    mask: str | os.PathLike[str] | None
    weights: str | os.PathLike[str] | None
    class_axis: int | None
    min_score: float | None
    drawn_on: str | os.PathLike[str] | None
    volume: int | tuple[int, int] | str | None
    key: str | tuple[str, str] | None
    level: int | tuple[int, int] | str | None
    palette: PaletteName | None
    geometry: GeometryPolicy
    tolerance: float
    hash: bool


@cache
def options() -> Mapping[str, Option]:
    """Every option by name, with its type on the command line and its default, in their order."""
    types = get_type_hints(Settings)
    found = {}
    for field, setting in declared().items():
        for name, option in setting.options.items():
            own = Settings.__struct_defaults__[Settings.__struct_fields__.index(field)]
            asks, default = (types[field], own) if option.asks is None else (option.asks, option.default)
            found[name or field] = replace(option, asks=asks, default=default)
    return found


def beside(folder: Path, answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers that a file in this folder holds, in which a path leads on from the folder."""
    known = options()

    def led(name: str, answer: Any) -> Any:
        is_path = name in known and known[name].is_path and isinstance(answer, str)
        return str(folder / answer) if is_path and (Path(answer).suffix or is_directory(folder / answer)) else answer

    return {name: led(name, answer) for name, answer in answers.items()}


def literals(asks: Any) -> tuple[Any, ...]:
    """The words that a type takes; none where it is no choice among words."""
    if get_origin(asks) is Literal:
        return get_args(asks)
    return tuple(word for part in get_args(asks) for word in literals(part))


def settings_of(given: Mapping[str, Any], *, files: bool = True, **fixed: Any) -> Settings:
    """The settings of these answers, by option; who does not answer gets the default.

    files: whether those of files are among them. fixed: fields.
    Raises UsageError for a value that does not do, TypeError for an option that there is not.
    """
    known = {name: option for name, option in options().items() if files or not option.files_only}
    for name in given:
        if name not in known:
            raise TypeError(f"there is no option {name!r}{suggestion(name, known, 1)}")
    text = given.get("protocol")
    if not isinstance(text, str | None):
        raise UsageError(f"protocol={shortened(repr(text), 100)}: write its name, or the path of its file, as text")
    protocol = None if text is None else protocol_of(text)
    if protocol is not None:
        given = with_protocol(given, protocol, known, options())
        fixed = {**fixed, "protocol": protocol}
    fields: dict[str, Any] = {}
    for field, setting in declared().items():
        names = [name or field for name in setting.options if (name or field) in known]
        if any(name in given for name in names):
            values = [typed(name, given.get(name, known[name].default), known[name].asks) for name in names]
            answers = {name: given[name] for name in names if name in given}
            fields[field] = values[0] if setting.made is None else _made(setting.made, values, answers)
    if fields.get("slices_of") is not None and fields.get("kind") is None:
        fields["kind"] = "labels"
    settings = under_palette(Settings(**fields | fixed))
    if text is not None and protocol is None:
        settings = under_brats(settings)
    _ = settings.selections  # refused before anything is read
    if protocol is not None:
        settings = replace(settings, protocol=with_canonical_columns(protocol, settings))
    if settings.within is not None and settings.labels.names:  # else the files may name them
        within_region(settings.within, settings.labels)
    if settings.slices_of is not None and settings.labels.names:
        within_region(settings.slices_of.removesuffix(BEFORE_LAST), settings.labels, "--slices-of")
    return settings


def _made(make: Callable[..., Any], values: Sequence[Any], answers: Mapping[str, Any]) -> Any:
    """Of Python's answers, which may be of any type, and what stands for those not given. Raises UsageError."""
    try:
        return make(*values)
    except (TypeError, ValueError, AttributeError):
        given = ", ".join(f"{name}={value!r}" for name, value in answers.items())
        raise UsageError(f"{shortened(given, 100)}: not of a type that is taken here; see the options' forms") from None


def spelt_out(*, files: bool = True) -> Callable[[Function], Function]:
    """Decorates a function that takes options as keywords: its signature, as help and notebooks show it, names them.

    files: whether those of files are among them.
    """

    def decorated(function: Function) -> Function:
        own = signature(function)
        keywords = [p for p in own.parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
        types = get_type_hints(FileOptions)
        for name, option in options().items():
            if files or not option.files_only:
                default = option.default
                keywords.append(Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=types[name]))
        function.__signature__ = own.replace(parameters=keywords)  # type: ignore[attr-defined]
        return function

    return decorated
