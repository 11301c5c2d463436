"""Published procedures as settings: a challenge's regions, quantities and parameters under one name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from segeval.errors import UsageError
from segeval.tallies.instances import BRATS_2023, DEFAULT_CHALLENGE
from segeval.targets import Region

if TYPE_CHECKING:
    from segeval.settings.settings import Settings

_NAME = "brats-lesionwise"
_QUANTITIES = "dice,lesionwise"
_REGIONS = (
    Region("whole_tumour", frozenset((1, 2, 3))),
    Region("tumour_core", frozenset((1, 3))),
    Region("enhancing_tumour", frozenset((3,))),
)
"""Of BraTS 2023: 1 necrotic core, 2 oedema, 3 enhancing tumour."""


def challenge_of(protocol: str | None) -> str:
    """The challenge of ``brats-lesionwise`` or ``brats-lesionwise:CHALLENGE``. Raises UsageError."""
    if protocol is None:
        return DEFAULT_CHALLENGE
    name, _, challenge = protocol.partition(":")
    challenge = challenge or DEFAULT_CHALLENGE
    if name != _NAME or challenge not in BRATS_2023:
        known = ", ".join(BRATS_2023)
        raise UsageError(f"--protocol {protocol!r}: there is {_NAME}, and {_NAME}:CHALLENGE with one of {known}")
    return challenge


def under_protocol(settings: Settings) -> Settings:
    """With the protocol's regions and quantities, where the user named none."""
    labels = settings.labels if settings.labels.regions else replace(settings.labels, regions=_REGIONS)
    return replace(settings, labels=labels, metrics=_QUANTITIES if settings.metrics is None else settings.metrics)
