"""Files that hold several volumes, such as a 4-D series of label maps, and one volume of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from msgspec.structs import replace

from segeval.volumes.volume import ArraySource, DerivedSource, Piece, Volume


class OneOfSeveral(DerivedSource, frozen=True):
    """One channel of a source as a source of its own; where channels come in order, those before it are passed over.

    index: which one, from 0.
    """

    by_voxel: ClassVar[bool] = True

    index: int

    @property
    def channels(self) -> int:
        return 1

    def pieces(self, channel: int) -> Iterator[Piece]:  # noqa: ARG002 (there is one)
        """The values of the channel; nothing is kept of the others."""
        self._pass_over(range(self.index))
        yield from self.source.pieces(self.index)

    def pass_over_the_rest(self) -> None:
        """Read what follows in the stream, so that its end can be verified. Raises what reading it raises."""
        self._pass_over(range(self.index + 1, self.source.channels))

    def _pass_over(self, channels: range) -> None:
        if self.source.in_order:
            for channel in channels:
                for _ in self.source.pieces(channel):
                    pass


def one_volume(volume: Volume, index: int) -> Volume:
    """The volume of this index, from 0, as if the file held no other: of integers, it is a label map."""
    source = volume.source
    kind = "labels" if source.dtype.kind in "iu" else None
    if isinstance(source, ArraySource):
        return replace(volume, source=replace(source, array=source.array[index : index + 1]), kind=kind)
    picked = OneOfSeveral(source, index)

    def finish() -> list[str]:
        picked.pass_over_the_rest()
        return volume.finish()

    return replace(volume, source=picked, kind=kind, finish=finish)
