"""What the values that were counted stand for."""

from __future__ import annotations

from collections.abc import Mapping

from segeval.kernels.soft_targets import SoftTargets
from segeval.tallies.tally import Tally


def stored_predictions(tally: Tally) -> Mapping[int, int]:
    """Label by counted value: of a probability map the number of the winning channel was counted."""
    if tally.soft is not None:
        return dict(enumerate(SoftTargets(tally.options, {}).labels_of_winners()))
    return {value: value for _, value in (tally.confusion.pairs if tally.confusion else ())}
