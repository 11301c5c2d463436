"""What a pair holds until its last voxel, asked for before the first."""

from __future__ import annotations

import math

from segeval.cases.pair import Pair
from segeval.kernels.held_labels import BYTES as HELD_BYTES
from segeval.kernels.numpy_backend import NumpyBackend
from segeval.tallies.tally import TallyOptions
from segeval.volumes.memory import Need, require_memory
from segeval.volumes.volume import needs_of


def require_room(pair: Pair, *needs: Need) -> None:
    """Raises NotEnoughMemory where what is held until the last voxel is too much, before the first."""
    kept = [] if pair.kept is None else [pair.kept.need]
    sources = [source for source in (pair.prediction, pair.reference, pair.weights) if source is not None]
    held = [] if pair.parts is not None else [need for source in sources for need in needs_of(source)]
    require_memory(pair.prediction_name, *held, *kept, *needs)


def held_maps(pair: Pair, kinds: int = 1) -> Need:
    """Both label maps, where something is measured on them afterwards."""
    size = kinds * HELD_BYTES * math.prod(pair.reference.shape) if pair.settings.holds_label_maps else 0
    return Need(
        size,
        "keeping both label maps for distances, instances and topology",
        "leave distances, instances and topology out of --metrics",
    )


def channel_state(pair: Pair, options: TallyOptions) -> Need:
    """The reference, and what the voxels' channels share, where the channels come one after the other."""
    one_after_the_other = pair.prediction.in_order and pair.prediction.channels > 1
    if not one_after_the_other or not isinstance(pair.backend, NumpyBackend):  # a device has memory of its own
        return Need(0, "", "")
    from segeval.kernels.numpy_soft import stretch_bytes

    size = stretch_bytes(options, pair.sets, pair.prediction.dtype, pair.reference.dtype)
    return Need(
        size * math.prod(pair.reference.shape),
        "a map whose channels come one after the other",
        "store it uncompressed, as .nii, in the reference's axis order",
    )
