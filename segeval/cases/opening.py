"""Both volumes of a pair, each opened with what the other one says where it does not say it itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from segeval.cases.series import PREDICTION, REFERENCE, SeriesAdvice, picked, require_several
from segeval.errors import LabelError, SaysTooLittle, UsageError
from segeval.readers import Input, ReadOptions, open_folder_of_masks, open_input
from segeval.settings import Settings
from segeval.settings.array_choice import key_of, key_text, level_of
from segeval.targets import LabelChoice, Region
from segeval.volumes.volume import EmptySource, Volume

if TYPE_CHECKING:
    from segeval.readers.masks import MaskCodes

OnBytes = Callable[[int], None]
Open = Callable[[Input, ReadOptions], Volume]

NOT_JUDGED = -1
"""The value of what a reference excepts from judgement, where the user ignores no label of its own."""


@contextmanager
def opened_pair(
    prediction: Input | None,
    reference: Input,
    settings: Settings,
    on_bytes: OnBytes | None = None,
    *,
    in_parts: bool = False,
) -> Iterator[tuple[Volume, Volume, Settings]]:
    """The volumes of a pair, open, and the settings with the names of its classes. Raises SegevalError.

    in_parts: to be read at any place, where the files allow it.
    """
    if prediction is None:
        settings = settings.for_nothing()
    require_arrays(settings, *(side for side in (prediction, reference) if side is not None))
    codes = _mask_codes(prediction, reference, settings.labels)
    if codes is not None and not settings.labels.names:
        settings = replace(settings, labels=settings.labels.with_classes({v: n for n, v in codes.values.items()}))
    with ExitStack() as stack:
        ways = [
            replace(options_of(settings, side), on_bytes=on_bytes, in_parts=in_parts)
            for side in (PREDICTION, REFERENCE)
        ]
        given, opened = opened_both(stack, prediction, reference, ways, lambda given, how: _open(given, codes, how))
        if settings.labels.numbered_here:
            _require_names(settings.labels, (prediction, given), (reference, opened))
        theirs = picked(opened, settings.volume, REFERENCE)
        _require_a_label_map(theirs)
        if given is None and theirs.drawn_on is not None:
            theirs = theirs.drawn_on(settings.tolerance)
        ours = _empty(theirs) if given is None else picked(given, settings.volume, PREDICTION)
        require_several(settings.volume, *([] if given is None else [given]), opened)
        settings = by_object(ours, theirs, settings)
        if (ours.names or theirs.names) and (ours.objects is None or theirs.objects is None):
            from segeval.cases.naming import under_common_names

            ours, theirs, settings = under_common_names(ours, theirs, settings)
        yield ours, theirs, settings


def class_names(folders: Iterable[Iterable[str]]) -> dict[int, str]:
    """Names for the classes of folders of masks, numbered 1, 2, 3, … by name over all of the folders."""
    return dict(enumerate(sorted({name for classes in folders for name in classes}), start=1))


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
        drawn_on=settings.drawn_on,
        min_score=settings.min_score if predicts else None,
        not_judged=None if predicts else NOT_JUDGED if ignore is None else ignore,
    )


def require_arrays(settings: Settings, *given: Input) -> None:
    """Refuse a ``--key`` or ``--level`` that picks nothing, because of no file. Raises UsageError."""
    names = " and ".join(map(str, given))
    if settings.key is not None and not any(one.holds_arrays for one in given):
        raise UsageError(
            f"--key {key_text(settings.key)}: {names} hold no arrays by name, or say themselves which; leave --key out"
        )
    if settings.level not in (None, 0) and not any(one.in_zarr for one in given):
        raise UsageError(f"--level: {names} have no levels, which are OME-Zarr's; leave --level out")


def opened_both(
    stack: ExitStack, prediction: Input | None, reference: Input, ways: Sequence[ReadOptions], opener: Open
) -> tuple[Volume | None, Volume]:
    """Prediction and reference; the reference first, unless it says too little. Raises SegevalError.

    ways: how the prediction and the reference are read.
    """
    options, of_reference = ways

    def opened(given: Input, how: ReadOptions, beside: Volume | None) -> Volume:
        return stack.enter_context(opener(given, replace(how, beside=beside)))

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
    alike = Counter(names.values())
    regions = tuple(
        Region(
            f"{names[label]} {label}" if alike[names.get(label, "")] > 1 else names.get(label, f"category {label}"),
            ours.objects.get(label, frozenset()) | theirs.objects.get(label, frozenset()),
        )
        for label in sorted(ours.objects.keys() | theirs.objects.keys())
        if choice.values is None or label in choice.values
    )
    if not regions + choice.regions:
        return replace(settings, labels=replace(choice, values=(), names={}))
    own = LabelChoice(values=(), regions=regions + choice.regions, ignore=choice.ignore, regions_only=True)
    return replace(settings, labels=own)


def _open(given: Input, codes: MaskCodes | None, options: ReadOptions) -> Volume:
    if codes is not None and given.is_folder:
        return open_folder_of_masks(given, codes, options)
    return open_input(given, options)


def _mask_codes(prediction: Input | None, reference: Input, choice: LabelChoice) -> MaskCodes | None:
    """Label values of the classes of mask folders: the label file's, else those of ``class_names``."""
    folders = [side for side in (prediction, reference) if side is not None and side.is_folder]
    if not folders:
        return None
    names = choice.names or class_names(folder.masks for folder in folders)
    from segeval.readers.masks import MaskCodes

    return MaskCodes({name: value for value, name in names.items() if value})


def _require_names(choice: LabelChoice, *sides: tuple[Input | None, Volume | None]) -> None:
    """Refuse a volume whose labels have numbers alone where classes are told apart by name. Raises LabelError."""
    nameless = [given for given, volume in sides if given and volume and not (given.is_folder or volume.names)]
    if not nameless:
        return
    folder = next((str(given) for given, _ in sides if given and given.is_folder), "")
    some, advice = ", ".join(list(choice.names.values())[:5]), "give a label file with --labels that names the numbers"
    if folder:
        raise LabelError(f"{folder}: holds masks by name ({some}), the other volume labels by number; {advice}")
    raise LabelError(f"{nameless[0]}: holds labels by number, and other cases masks by name ({some}); {advice}")


def _empty(reference: Volume) -> Volume:
    """A prediction of nothing on the reference's grid."""
    objects = None if reference.objects is None else dict[int, frozenset[int]]()
    return Volume("(no prediction)", reference.geometry, EmptySource(reference.shape), kind="labels", objects=objects)


def _require_a_label_map(reference: Volume) -> None:
    count = reference.source.channels
    if count == 1:
        return
    if reference.source.dtype.kind in "iu":
        raise LabelError(SeriesAdvice().words(reference.name, count))
    raise LabelError(
        f"{reference.name}: has {count} channels; a reference is a label map, so give the reference as the second "
        f"file, merge its channels into labels, or pick one with --volume (numbered 0 to {count - 1})"
    )
