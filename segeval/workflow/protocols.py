"""Published procedures as settings: a challenge's regions, quantities and parameters under one name."""

from __future__ import annotations

from msgspec.structs import replace

from segeval.errors import UsageError
from segeval.instances import BRATS_2023, DEFAULT_CHALLENGE
from segeval.quantities import select
from segeval.targets import Region
from segeval.workflow.settings import Settings

_NAME = "brats-lesionwise"
_QUANTITIES = "dice,lesionwise"
_REGIONS = (
    Region("whole_tumour", frozenset((1, 2, 3))),
    Region("tumour_core", frozenset((1, 3))),
    Region("enhancing_tumour", frozenset((3,))),
)
"""Of BraTS 2023: 1 necrotic core, 2 oedema, 3 enhancing tumour."""


def apply_protocol(settings: Settings, protocol: str, own_quantities: bool) -> Settings:
    """The settings under ``brats-lesionwise`` or ``brats-lesionwise:CHALLENGE``. Raises UsageError.

    own_quantities: the user chose quantities, which stay. Regions of the user's stay, too.
    """
    name, _, challenge = protocol.partition(":")
    challenge = challenge or DEFAULT_CHALLENGE
    if name != _NAME or challenge not in BRATS_2023:
        known = ", ".join(BRATS_2023)
        raise UsageError(f"--protocol {protocol!r}: there is {_NAME}, and {_NAME}:CHALLENGE with one of {known}")
    labels = settings.labels if settings.labels.regions else replace(settings.labels, regions=_REGIONS)
    selections = settings.selections if own_quantities else select(_QUANTITIES)
    return replace(settings, labels=labels, selections=selections, challenge=challenge)
