"""The volume of a file of several that is scored, and what is said to who does not choose one."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from segeval.errors import UsageError
from segeval.settings.volume_choice import VolumeChoice, volume_text
from segeval.volumes.series import one_volume
from segeval.volumes.volume import Volume

PREDICTION: Literal[0] = 0
REFERENCE: Literal[1] = 1


class SeriesAdvice(Struct, frozen=True):
    """What to do with several volumes of labels, and with what only looks like them."""

    pick: str = "pick one with --volume"
    otherwise: str = (
        "class probabilities stored as integers take --scale 255, one mask per channel takes --channels independent"
    )

    def words(self, name: str, count: int) -> str:
        """The beginning of a message about several volumes where one belongs."""
        return f"{name}: holds {count} volumes of labels where one belongs; {self.pick} (numbered 0 to {count - 1})"


def picked(volume: Volume, choice: VolumeChoice | None, side: Literal[0, 1]) -> Volume:
    """The volume that is to be scored of this file; a file of one volume as it is. Raises UsageError."""
    count = volume.source.channels
    if choice is None or (count == 1 and isinstance(choice, int)):
        return volume
    index = choice if isinstance(choice, int) else choice[side]
    if index >= count:
        held = "one volume, number 0" if count == 1 else f"{count} volumes, numbered 0 to {count - 1}"
        raise UsageError(f"--volume {volume_text(choice)}: {volume.name} holds {held}; name one of them")
    if count == 1:
        return volume
    remark = f"{volume.name}: holds {count} volumes; number {index} (from 0) is scored"
    found = one_volume(volume, index)
    return replace(found, remarks=[*volume.remarks, remark])


def require_several(choice: VolumeChoice | None, *volumes: Volume) -> None:
    """Refuse a ``--volume`` that picks nothing, because every file holds one. Raises UsageError."""
    if isinstance(choice, int) and choice > 0 and all(volume.source.channels == 1 for volume in volumes):
        names = " and ".join(volume.name for volume in volumes)
        raise UsageError(f"--volume {choice}: {names} hold one volume each, number 0; leave --volume out")
