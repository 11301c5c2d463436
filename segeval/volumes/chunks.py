"""Streams of pieces: read ahead in a thread, and cut into stretches of equal length."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import accumulate
from typing import TypeVar

from segeval.volumes.volume import Piece

_Item = TypeVar("_Item")
_AHEAD = 4  # pieces that a stream may be ahead of its reader
CHANNELS_AHEAD_BYTES = 16 << 20
"""How much several channels may be ahead: counting the first takes longer, as memory is taken for what all share."""
_on_one_core = False


def stay_on_one_core() -> None:
    """For a process beside others like it: ``read_ahead`` starts no threads from here on."""
    global _on_one_core
    _on_one_core = True


def read_ahead(items: Iterator[_Item], most: int = _AHEAD) -> Generator[_Item, None, None]:
    """The same items, produced in a thread of their own; an exception in there comes out here.

    most: how many may wait to be read.

    The decoders release the interpreter's lock, so two files decode side by side while a third core counts.
    """
    if _on_one_core:
        yield from items
        return
    ready: queue.SimpleQueue[tuple[bool, _Item | BaseException | None]] = queue.SimpleQueue()
    room: queue.SimpleQueue[bool] = queue.SimpleQueue()  # an entry per piece that may still be decoded; False: no more
    for _ in range(most):
        room.put(True)

    def produce() -> None:
        try:
            for item in items:
                ready.put((True, item))
                if not room.get():
                    return
            ready.put((False, None))
        except BaseException as problem:  # handed to the reader, whatever it is
            ready.put((False, problem))

    thread = threading.Thread(target=produce, daemon=True)
    thread.start()
    try:
        while True:
            more, item = ready.get()
            if not more:
                if isinstance(item, BaseException):
                    raise item
                return
            room.put(True)
            yield item  # type: ignore[misc]
    finally:
        with suppress(queue.Empty):
            while True:
                room.get_nowait()
        room.put(False)
        thread.join()


class ChannelStream:
    """The channels of one stream, one after the other: while one is counted to its end, the next is decoded.

    decode: gives the pieces of a channel, and is called in the order of the channels. voxels: of a channel.
    piece_bytes: how long a decoded piece is; None for pieces that are not worth a thread.
    """

    def __init__(
        self, decode: Callable[[int], Iterator[Piece]], channels: int, voxels: int, piece_bytes: int | None
    ) -> None:
        every_piece = (piece for channel in range(channels) for piece in decode(channel))
        if piece_bytes is not None:
            several = CHANNELS_AHEAD_BYTES // piece_bytes if channels > 1 else 0
            every_piece = read_ahead(every_piece, max(_AHEAD, several))
        self._pieces: Generator[Piece, None, None] = every_piece
        self._channels, self._voxels = channels, voxels
        self._next_channel = 0

    def pieces(self, channel: int) -> Iterator[Piece]:
        """The next channel. Raises ValueError for any other."""
        if channel != self._next_channel:
            raise ValueError(f"channel {channel} asked for, channel {self._next_channel} is next in the stream")
        self._next_channel += 1
        return self._of_a_channel(last=self._next_channel == self._channels)

    def _of_a_channel(self, last: bool) -> Iterator[Piece]:
        left = self._voxels
        try:
            while left or last:  # behind the last channel is what ends the thread
                piece = next(self._pieces, None)
                if piece is None:
                    return
                left -= piece.size
                yield piece
        except GeneratorExit:
            self.close()
            raise

    def close(self) -> None:
        """Decode no more."""
        self._pieces.close()


def lockstep(streams: Sequence[Iterator[Piece]]) -> Iterator[tuple[Piece, ...]]:
    """Pieces of the streams side by side, cut (as views) where any of them ends a piece.

    Raises ValueError if one stream is shorter than another.
    """
    heads: list[Piece | None] = [_next_piece(stream) for stream in streams]
    while any(head is not None for head in heads):
        present = [head for head in heads if head is not None]
        if len(present) < len(heads):
            raise ValueError("the streams have different lengths")
        length = min(head.size for head in present)
        yield tuple(head[:length] for head in present)
        for index, head in enumerate(present):
            rest = head[length:]
            heads[index] = rest if rest.size else _next_piece(streams[index])


def _next_piece(stream: Iterator[Piece]) -> Piece | None:
    """The next piece that holds something."""
    return next((piece for piece in stream if piece.size), None)


def restretch(stream: Iterator[Piece], lengths: Iterable[int]) -> Iterator[tuple[int, int, Piece]]:
    """The stream cut at the ends of stretches of these lengths: (stretch, offset in it, view), several per stretch.

    Raises ValueError if the stream and the stretches differ in length.
    """
    ends = list(accumulate(lengths))
    stretch, position = 0, 0
    for piece in stream:
        taken = 0
        while taken < piece.size:
            if stretch == len(ends):
                raise ValueError("the stream is longer than its stretches")
            take = min(ends[stretch] - position, piece.size - taken)
            start = ends[stretch - 1] if stretch else 0
            yield stretch, position - start, piece[taken : taken + take]
            taken, position = taken + take, position + take
            stretch += position == ends[stretch]
    if stretch < len(ends):
        raise ValueError("the stream is shorter than its stretches")
