"""Both volumes of a pair, each opened with what the other one says where it does not say it itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from msgspec.structs import replace

from segeval.errors import LabelError, SaysTooLittle
from segeval.readers import ReadOptions
from segeval.settings import Settings
from segeval.targets import LabelChoice, Region
from segeval.volumes.volume import Volume

Open = Callable[[Path, ReadOptions], Volume]

NOT_JUDGED = -1
"""The value of what a reference excepts from judgement, where the user ignores no label of its own."""


def options_of(settings: Settings) -> ReadOptions:
    """How the prediction is read."""
    return ReadOptions(
        settings.hashed,
        settings.class_axis,
        colours=settings.colour_table,
        instances=settings.instances.labelled,
        min_score=settings.min_score,
    )


def opened_both(
    stack: ExitStack, prediction: Path | None, reference: Path, options: ReadOptions, ignore: int | None, opener: Open
) -> tuple[Volume | None, Volume]:
    """Prediction and reference; the reference first, unless it says too little. Raises SegevalError.

    options: of the prediction. ignore: the label that the user ignores.
    """
    not_judged = NOT_JUDGED if ignore is None else ignore
    of_reference = replace(options, class_axis=None, min_score=None, not_judged=not_judged)

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
