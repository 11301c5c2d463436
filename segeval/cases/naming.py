"""Label names that files carry: what rows are called, and labels that are numbered differently told apart by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from segeval.errors import LabelError
from segeval.results.label_names import Names, folded, numbers_under, shared_numbers
from segeval.settings import Settings
from segeval.targets import BACKGROUND, LabelChoice
from segeval.volumes.renumbered import Renumbered
from segeval.volumes.volume import Volume
from segeval.words.printable import shortened


def under_common_names(prediction: Volume, reference: Volume, settings: Settings) -> tuple[Volume, Volume, Settings]:
    """Both volumes under one numbering, and settings that know the labels' names. Raises LabelError.

    The names of the settings win; without any, a label of the prediction gets the number that the reference has for its
    name. Classes of masks in folders have names alone: a file that shares none of them has labels of its own.
    """
    choice = settings.labels
    if choice.numbered_here:
        ours, theirs = (
            _renumbered(side, choice.names, choice.ignore, must_share=False) for side in (prediction, reference)
        )
        names = _without_regions({**ours.names, **theirs.names, **choice.names}, choice)
        return ours, theirs, replace(settings, labels=replace(choice, names=names))
    if choice.names:
        ours = _renumbered(prediction, choice.names, choice.ignore, must_share=True)
        return ours, _renumbered(reference, choice.names, choice.ignore, must_share=True), settings
    if prediction.names and prediction.kind == "probabilities" and prediction.source.channels > 1:
        choice = _of_channels(prediction, settings)
    ours = prediction
    if reference.names:
        ours = _renumbered(prediction, reference.names, choice.ignore, must_share=False)
    own = {value: name for value, name in ours.names.items() if value not in reference.names}
    names = _without_regions({**own, **reference.names}, choice)
    carriers = [volume.name for volume in (prediction, reference) if volume.names]
    remark = f"{' and '.join(dict.fromkeys(carriers))}: the label names are those in the file"
    ours = replace(ours, remarks=[*ours.remarks, remark])
    return ours, reference, replace(settings, labels=replace(choice, names=names))


def _without_regions(names: Names, choice: LabelChoice) -> dict[int, str]:
    """The names that no region has; the user's regions keep theirs."""
    regions = {region.name for region in choice.regions}
    return {value: name for value, name in names.items() if name not in regions}


def _of_channels(prediction: Volume, settings: Settings) -> LabelChoice:
    """The choice of the labels of a map with a channel for each named label. Raises LabelError."""
    if settings.channels != "independent":
        raise LabelError(
            f"{prediction.name}: holds {prediction.source.channels} separate maps; give --channels independent, or "
            "pick one with --volume"
        )
    choice = settings.labels
    if choice.values is not None:
        return choice
    return replace(choice, values=tuple(sorted(prediction.names)), from_file=True)


def _renumbered(volume: Volume, names: Names, ignore: int | None, must_share: bool) -> Volume:
    """The volume, its labels numbered as ``names`` has them, with a remark. Raises LabelError.

    must_share: where no name is shared, the numbers are left as they are.
    """
    shared = shared_numbers(volume.names, names)
    if not volume.names or (must_share and not shared):
        return volume
    volume = _with_twins_told(volume, names, shared)
    others = () if ignore is None else (ignore,)
    numbers = numbers_under(volume.names, names, shared, others)
    used = {*names, *numbers.values(), *others}
    if all(old == new for old, new in numbers.items()):
        return volume
    if volume.source.channels > 1:
        raise LabelError(f"{volume.name}: numbers its labels otherwise than the reference; name them with --labels")
    taken = frozenset(used - {BACKGROUND} - volume.names.keys())
    moved = [f"{volume.names[old]} {old} is {new}" for old, new in sorted(numbers.items()) if old != new]
    remark = f"{volume.name}: labels are told apart by name and renumbered: {_listed(moved)}"
    return replace(_moved(volume, numbers, taken), remarks=[*volume.remarks, remark])


def _with_twins_told(volume: Volume, names: Names, shared: Mapping[int, int]) -> Volume:
    """With a remark on labels that a name which several labels have does not match with the other volume's."""
    theirs = Counter(map(folded, names.values()))
    left = [name for value, name in volume.names.items() if value not in shared and folded(name) in theirs]
    if not left:
        return volume
    said = ", ".join(dict.fromkeys(left))
    remark = (
        f"{volume.name}: several labels are called {shortened(said, 100)}, so that their names do not say which is "
        "which; give each its own, or name the numbers with --labels"
    )
    return replace(volume, remarks=[*volume.remarks, remark])


def _moved(volume: Volume, numbers: Mapping[int, int], taken: frozenset[int]) -> Volume:
    """The volume under new numbers, on whichever grid it is put."""
    source, sets = _renumber(volume, numbers, taken)
    on, drawn_on = volume.on, volume.drawn_on
    return replace(
        volume,
        source=source,
        sets=sets,
        names={numbers.get(old, old): name for old, name in volume.names.items()},
        colours={numbers.get(old, old): colour for old, colour in volume.colours.items()},
        on=None if on is None else lambda grid, tolerance: _moved(on(grid, tolerance), numbers, taken),
        drawn_on=None if drawn_on is None else lambda tolerance: _moved(drawn_on(tolerance), numbers, taken),
    )


def _renumber(
    volume: Volume, numbers: Mapping[int, int], taken: frozenset[int]
) -> tuple[Renumbered, dict[int, frozenset[int]]]:
    """The source under new numbers, and the labels behind its codes, complete once it was read."""
    from segeval.readers.masks import MaskCodes

    codes = MaskCodes({})

    def of_code(code: int) -> int | None:
        if code not in volume.sets:
            return None
        first, *others = sorted(numbers.get(label, label) for label in volume.sets[code])
        for label in others:
            first = codes.joined(first, label)
        return first

    return Renumbered(volume.source, numbers, taken, of_code, volume.name), codes.sets


def _listed(words: Iterable[str]) -> str:
    return shortened(", ".join(words), 300)
