"""``--volume``: which volume of a file that holds several is scored; and what is said to who does not choose."""

from __future__ import annotations

import operator
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from segeval.errors import UsageError
from segeval.volumes.series import one_volume
from segeval.volumes.volume import Volume

VolumeChoice = int | tuple[int, int]
"""From 0: of every file that holds several volumes, or of the prediction and of the reference."""

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


def volume_choice(value: Any) -> VolumeChoice | None:
    """What the command line (``3``, ``3,0``) or Python (3, (3, 0)) says. Raises UsageError."""
    if value is None:
        return None
    try:
        numbers = [_index(number) for number in (value.split(",") if isinstance(value, str) else _sequence(value))]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) not in (1, 2) or min(numbers) < 0:
        raise UsageError(
            f"--volume {value!r}: write which volume to score, from 0, like 3, or 3,0 for prediction and reference"
        )
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])


def volume_text(choice: VolumeChoice) -> str:
    """As ``--volume`` takes it."""
    return str(choice) if isinstance(choice, int) else ",".join(map(str, choice))


def volume_document(choice: VolumeChoice) -> int | list[int]:
    """As the JSON output holds it."""
    return choice if isinstance(choice, int) else list(choice)


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


def _sequence(value: Any) -> Any:
    return value if isinstance(value, (tuple, list)) else [value]


def _index(number: Any) -> int:
    return int(number) if isinstance(number, str) else operator.index(number)
