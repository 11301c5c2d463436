"""What a probability map is summed for: the targets, the channels behind each, and the reference values inside it."""

from __future__ import annotations

from segeval.tallies.tally import Confusion, Sets, TallyOptions
from segeval.targets import BACKGROUND, TargetKey


class SoftTargets:
    """The targets of a probability map, the same for every backend.

    keys: labels (0 first), then regions. contributors: the channels whose probabilities a target's is made of.
    sets: the labels behind the codes of an overlapping reference.
    """

    def __init__(self, options: TallyOptions, sets: Sets) -> None:
        self._options = options
        self._sets = sets
        has_background = not options.independent or BACKGROUND in options.channels
        labels = ((BACKGROUND,) if has_background else ()) + options.labels
        self.keys: tuple[TargetKey, ...] = labels + tuple(region.name for region in options.regions)
        self.contributors = {target: self._contributors(target) for target in self.keys}

    def holds(self, target: TargetKey, value: int) -> bool:
        """Whether voxels of this reference value belong to the target."""
        members = self._sets.get(value) or frozenset((value,))
        if isinstance(target, str):
            return any(region.name == target and region.covers(members) for region in self._options.regions)
        if self._options.any_foreground:
            return (members == {BACKGROUND}) == (target == BACKGROUND)
        if target == BACKGROUND:
            return not members & set(self._options.labels)
        return target in members

    def labels_of_winners(self) -> tuple[int, ...]:
        """The label that a voxel gets by the number of its winning channel (of a single map: by the threshold)."""
        options = self._options
        if options.independent:  # no channel wins: only the reference's side of the histogram is used
            return (BACKGROUND,)
        if options.single:
            return (BACKGROUND, *options.labels)
        return tuple(int(key) for key in options.channels)

    def _contributors(self, target: TargetKey) -> tuple[int, ...]:
        channels = self._options.channels
        if target == BACKGROUND:  # what no evaluated label claims is folded into it
            return tuple(index for index, key in enumerate(channels) if key not in self._options.labels)
        if target in channels:
            return (channels.index(target),)
        region = next(region for region in self._options.regions if region.name == target)
        return tuple(i for i, key in enumerate(channels) if isinstance(key, int) and region.covers(frozenset((key,))))


def reference_side(confusion: Confusion) -> dict[int, int]:
    """Evaluated voxels of each reference value."""
    counts: dict[int, int] = {}
    for (value, _), count in confusion.pairs.items():
        counts[value] = counts.get(value, 0) + count
    return counts
