"""Volumes through their readers, whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from segeval.readers import ReadOptions, open_volume
from segeval.volumes.volume import Volume, gather

Array = np.ndarray[Any, Any]


def channels_of(volume: Volume) -> Array:
    """Everything a volume streams, as (channels, *shape), and its end verified."""
    flat = [np.concatenate(list(volume.source.pieces(channel))) for channel in range(volume.source.channels)]
    volume.remarks += volume.finish()
    return np.stack([channel.reshape(volume.shape, order="F") for channel in flat])


def read_channels(path: Path, **options: Any) -> tuple[Array, Volume]:
    """All channels of a file, and its (closed) volume."""
    with open_volume(path, ReadOptions(**options)) as volume:
        return channels_of(volume), volume


def read(path: Path, **options: Any) -> tuple[Array, Volume]:
    """The only channel of a file, and its (closed) volume."""
    (array,), volume = read_channels(path, **options)
    return array, volume


def read_picture(path: Path | str, **options: Any) -> tuple[Array, Volume]:
    """The only channel as (y, x), and the volume."""
    array, volume = read(Path(path), **options)
    return array.T, volume


def named_masks(volume: Volume) -> dict[str, Array]:
    """Where each label that has a name is, by that."""
    codes = gather(volume.source, 0)
    members = {code: volume.sets.get(code, frozenset({code})) for code in np.unique(codes).tolist()}
    return {
        name: np.isin(codes, [code for code, labels in members.items() if label in labels])
        for label, name in volume.names.items()
        if label
    }
