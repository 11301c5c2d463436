"""Both volumes of a pair, each opened with what the other one says where it does not say it itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from segeval.cases.series import PREDICTION
from segeval.errors import LabelError, SaysTooLittle, UsageError
from segeval.readers import ReadOptions
from segeval.readers.containers import holds_arrays, is_in_zarr
from segeval.settings import Settings
from segeval.settings.array_choice import key_of, key_text, level_of
from segeval.targets import LabelChoice, Region
from segeval.volumes.volume import Volume

Open = Callable[[Path, ReadOptions], Volume]

NOT_JUDGED = -1
"""The value of what a reference excepts from judgement, where the user ignores no label of its own."""


def options_of(settings: Settings, side: Literal[0, 1] = PREDICTION) -> ReadOptions:
    """How the prediction is read, or the reference."""
    predicts, ignore = side == PREDICTION, settings.labels.ignore
    return ReadOptions(
        settings.hashed,
        settings.class_axis if predicts else None,
        colours=settings.colour_table,
        key=key_of(settings.key, side),
        level=level_of(settings.level, side),
        instances=settings.instances.labelled,
        min_score=settings.min_score if predicts else None,
        not_judged=None if predicts else NOT_JUDGED if ignore is None else ignore,
    )


def require_arrays(settings: Settings, *paths: Path) -> None:
    """Refuse a ``--key`` or ``--level`` that picks nothing, because of no file. Raises UsageError."""
    names = " and ".join(map(str, paths))
    if settings.key is not None and not any(map(holds_arrays, paths)):
        raise UsageError(
            f"--key {key_text(settings.key)}: {names} hold no arrays by name, or say themselves which; leave --key out"
        )
    if settings.level not in (None, 0) and not any(map(is_in_zarr, paths)):
        raise UsageError(f"--level: {names} have no levels, which are OME-Zarr's; leave --level out")


def opened_both(
    stack: ExitStack, prediction: Path | None, reference: Path, ways: Sequence[ReadOptions], opener: Open
) -> tuple[Volume | None, Volume]:
    """Prediction and reference; the reference first, unless it says too little. Raises SegevalError.

    ways: how the prediction and the reference are read.
    """
    options, of_reference = ways

    def opened(path: Path, how: ReadOptions, beside: Volume | None) -> Volume:
        return stack.enter_context(opener(path, replace(how, beside=beside)))

    try:
        theirs = opened(reference, of_reference, None)
    except SaysTooLittle as problem:
        if prediction is None:
            raise
        try:
            ours = opened(prediction, options, None)
        except SaysTooLittle:
            raise problem from None
        return ours, opened(reference, of_reference, ours)
    return None if prediction is None else opened(prediction, options, theirs), theirs


def by_object(ours: Volume, theirs: Volume, settings: Settings) -> Settings:
    """Settings under which all objects of a label are a row, where both volumes tell objects apart. Raises LabelError.

    What the reference excepts from judgement is ignored.
    """
    if theirs.not_judged is not None:
        settings = replace(settings, labels=replace(settings.labels, ignore=theirs.not_judged))
    if ours.objects is None or theirs.objects is None:
        return settings
    choice = settings.labels
    for label in ours.names.keys() & theirs.names.keys():
        if ours.names[label] != theirs.names[label]:
            raise LabelError(
                f"{ours.name}: calls category {label} {ours.names[label]!r}, {theirs.name} {theirs.names[label]!r}; "
                "objects are compared by the numbers of categories, so export both with the same ones"
            )
    names = {**ours.names, **theirs.names, **choice.names}
    regions = tuple(
        Region(
            names.get(label, f"category {label}"),
            ours.objects.get(label, frozenset()) | theirs.objects.get(label, frozenset()),
        )
        for label in sorted(ours.objects.keys() | theirs.objects.keys())
        if choice.values is None or label in choice.values
    )
    if not regions + choice.regions:
        return replace(settings, labels=replace(choice, values=(), names={}))
    own = LabelChoice(values=(), regions=regions + choice.regions, ignore=choice.ignore, regions_only=True)
    return replace(settings, labels=own)
