"""Which label, or region, each channel of a probability map belongs to."""

from __future__ import annotations

from collections.abc import Sequence

from segeval.errors import LabelError
from segeval.tallies.power_sums import PowerSum
from segeval.tallies.tally import LogSetting, TallyOptions
from segeval.targets import BACKGROUND, LabelChoice, TargetKey

_STAND_IN = 1  # the label of a single foreground map until the reference has told it


def tally_options(
    name: str,
    count: int,
    choice: LabelChoice,
    *,
    independent: bool,
    threshold: float,
    logs: tuple[LogSetting, ...],
    powers: tuple[PowerSum, ...] = (),
    histogram: bool = False,
) -> TallyOptions:
    """What the kernel must know of a map of ``count`` channels. Raises LabelError."""
    if count == 1 and not choice.regions_only:
        label = _single_label(name, choice)
        channels: tuple[TargetKey, ...] = (label,)
        labels: tuple[int, ...] = (label,)
        independent = False
    else:
        channels = _channels(name, count, choice, independent)
        independent = independent or isinstance(channels[0], str)
        plain = tuple(key for key in channels if isinstance(key, int))
        labels = _evaluated(name, plain, choice)
        _require_channels_of_regions(name, channels, choice)
    return TallyOptions(
        ignore=choice.ignore,
        channels=channels,
        labels=labels,
        regions=choice.regions,
        threshold=threshold,
        independent=independent,
        any_foreground=count == 1 and choice.values is None and not choice.regions_only,
        logs=logs,
        powers=powers,
        histogram=histogram,
    )


def _single_label(name: str, choice: LabelChoice) -> int:
    if choice.values is None:
        explicit = [region.name for region in choice.regions if region.labels is not None]
        if explicit:
            raise LabelError(
                f"{name}: is a single foreground map; say which label it is with --labels, so that region "
                f"{explicit[0]!r} is defined"
            )
        return _STAND_IN
    if len(choice.values) != 1:
        raise LabelError(
            f"{name}: is a single foreground map, but {len(choice.values)} labels are asked for "
            f"({_shown(choice.values)}); name the one that it shows with --labels"
        )
    return choice.values[0]


def _channels(name: str, count: int, choice: LabelChoice, independent: bool) -> tuple[TargetKey, ...]:
    """Channel k is label k, unless a label file says otherwise."""
    if choice.regions_only and count == len(choice.regions):
        return tuple(region.name for region in choice.regions)
    values = choice.values or ()
    if choice.from_file:
        listed = (BACKGROUND, *values)
        if count == len(listed):
            return tuple(sorted(listed))
        if independent and count == len(values):
            return values
        if count <= max(values, default=0):
            raise LabelError(
                f"{name}: has {count} channels, the label file names {len(listed)} labels, background included "
                f"({_shown(listed)}); give the label file that belongs to this map"
            )
    return tuple(range(count))


def _evaluated(name: str, channels: tuple[int, ...], choice: LabelChoice) -> tuple[int, ...]:
    if choice.values is None or not channels:
        return tuple(key for key in channels if key not in (BACKGROUND, choice.ignore))
    missing = [value for value in choice.values if value not in channels]
    if missing:
        raise LabelError(
            f"{name}: has {len(channels)} channels, for the labels {_shown(channels)}; there is none for "
            f"label {_shown(missing)}; leave it out of --labels, or name the channels in a label file"
        )
    return choice.values


def _require_channels_of_regions(name: str, channels: Sequence[TargetKey], choice: LabelChoice) -> None:
    for region in choice.regions:
        if region.name in channels or region.labels is None:
            continue
        missing = sorted(label for label in region.labels if label not in channels)
        if missing:
            raise LabelError(
                f"{name}: region {region.name!r} needs label {_shown(missing)}, but there is no such channel among "
                f"{_shown(channels)}; change the region, or name the channels in a label file"
            )


def _shown(values: Sequence[TargetKey]) -> str:
    text = ", ".join(map(str, values[:10]))
    return text + (", …" if len(values) > 10 else "")
