"""Laws of streams: however they are cut, and whenever their reader leaves, the voxels are the same."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from segeval.volumes import chunks
from segeval.volumes.chunks import ChannelStream, lockstep, read_ahead, restretch
from segeval.volumes.volume import PIECE_VOXELS, ArraySource, gather

Array = NDArray[Any]
LENGTHS = st.lists(st.integers(1, 9), max_size=12)


def cut(values: Array, lengths: list[int]) -> list[Array]:
    """The values in pieces of these lengths, the last of them what is left."""
    ends = [end for end in accumulate(lengths) if end < values.size]
    return [piece for piece in np.split(values, ends) if piece.size]


def joined(pieces: list[Array]) -> list[Any]:
    return [value for piece in pieces for value in piece.tolist()]


def threads_left(before: set[threading.Thread]) -> list[str]:
    """Threads that were not there before, after a moment to end."""
    gc.collect()
    for _ in range(100):
        left = [thread.name for thread in threading.enumerate() if thread not in before]
        if not left:
            return []
        time.sleep(0.02)
    return left


# --- lockstep


@given(size=st.integers(0, 60), cuts=st.lists(LENGTHS, min_size=1, max_size=4))
def test_lockstep_gives_the_same_voxels_however_the_streams_are_cut(size: int, cuts: list[list[int]]) -> None:
    streams = [np.arange(size) + 1000 * index for index in range(len(cuts))]
    steps = list(lockstep([iter(cut(values, lengths)) for values, lengths in zip(streams, cuts, strict=True)]))
    for step in steps:
        assert len(step) == len(cuts)
        assert len({piece.size for piece in step}) == 1
        assert step[0].size > 0
    for index, values in enumerate(streams):
        assert joined([step[index] for step in steps]) == values.tolist()


@given(size=st.integers(1, 40), cuts=st.tuples(LENGTHS, LENGTHS))
def test_lockstep_cuts_only_where_a_stream_ends_a_piece(size: int, cuts: tuple[list[int], list[int]]) -> None:
    pieces = [cut(np.arange(size), lengths) for lengths in cuts]
    ends = {end for stream in pieces for end in accumulate(piece.size for piece in stream)}
    steps = list(lockstep([iter(stream) for stream in pieces]))
    assert list(accumulate(step[0].size for step in steps)) == sorted(ends)
    assert all(
        np.shares_memory(piece, whole[0].base) for step in steps for piece, whole in zip(step, pieces, strict=True)
    )


@given(size=st.integers(0, 20), more=st.integers(1, 20), cuts=st.tuples(LENGTHS, LENGTHS), longer_first=st.booleans())
def test_lockstep_refuses_streams_of_unequal_lengths(
    size: int, more: int, cuts: tuple[list[int], list[int]], longer_first: bool
) -> None:
    streams = [cut(np.arange(size + more), cuts[0]), cut(np.arange(size), cuts[1])]
    if not longer_first:
        streams.reverse()
    with pytest.raises(ValueError, match="length"):
        list(lockstep([iter(stream) for stream in streams]))


@given(
    size=st.integers(0, 20),
    cuts=st.tuples(LENGTHS, LENGTHS),
    empties=st.tuples(st.lists(st.integers(0, 25), max_size=5), st.lists(st.integers(0, 25), max_size=5)),
)
def test_lockstep_passes_over_pieces_that_hold_nothing(
    size: int, cuts: tuple[list[int], list[int]], empties: tuple[list[int], list[int]]
) -> None:
    streams = []
    for lengths, places in zip(cuts, empties, strict=True):
        pieces = cut(np.arange(size), lengths)
        for place in places:
            pieces.insert(min(place, len(pieces)), np.arange(0))
        streams.append(pieces)
    steps = list(lockstep([iter(stream) for stream in streams]))
    for index in range(2):
        assert joined([step[index] for step in steps]) == list(range(size))


def test_lockstep_asks_a_stream_for_no_piece_before_it_is_needed() -> None:
    asked: list[int] = []

    def stream() -> Iterator[Array]:
        for number in range(5):
            asked.append(number)
            yield np.arange(3)

    steps = lockstep([stream(), iter([np.arange(15)])])
    next(steps)
    assert asked == [0]


def test_lockstep_hands_on_what_a_stream_raises() -> None:
    def stream() -> Iterator[Array]:
        yield np.arange(3)
        raise OSError("gone")

    steps = lockstep([stream(), iter([np.arange(9)])])
    assert next(steps)[1].tolist() == [0, 1, 2]
    with pytest.raises(OSError, match="gone"):
        next(steps)


# --- restretch


@given(lengths=st.lists(st.integers(1, 12), max_size=8), cuts=LENGTHS)
def test_restretch_gives_the_same_voxels_at_their_places(lengths: list[int], cuts: list[int]) -> None:
    size = sum(lengths)
    values = np.arange(size)
    starts = [0, *accumulate(lengths)]
    seen: list[Any] = []
    for stretch, offset, view in restretch(iter(cut(values, cuts)), lengths):
        assert view.size > 0
        assert view[0] == starts[stretch] + offset
        assert offset + view.size <= lengths[stretch]
        seen += view.tolist()
    assert seen == values.tolist()


@given(lengths=st.lists(st.integers(1, 12), max_size=8), cuts=LENGTHS, other=st.integers(0, 120), read=st.booleans())
def test_restretch_refuses_a_stream_of_another_length(
    lengths: list[int], cuts: list[int], other: int, read: bool
) -> None:
    size = other + (other >= sum(lengths))  # any length but the right one
    with pytest.raises(ValueError, match="longer" if size > sum(lengths) else "shorter"):
        list(restretch(iter(cut(np.arange(size), cuts)), lengths if read else iter(lengths)))


# --- read_ahead


@given(items=st.lists(st.one_of(st.none(), st.integers(), st.booleans()), max_size=30))
def test_read_ahead_gives_the_same_items_in_order(items: list[Any]) -> None:
    assert list(read_ahead(iter(items))) == items


def test_read_ahead_produces_in_a_thread_of_its_own_and_leaves_none_behind() -> None:
    before = set(threading.enumerate())
    producers = set()

    def items() -> Iterator[int]:
        for number in range(20):
            producers.add(threading.current_thread())
            yield number

    assert sum(read_ahead(items())) == 190
    assert len(producers) == 1
    assert threading.current_thread() not in producers
    assert threads_left(before) == []


def test_on_one_core_read_ahead_produces_where_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "_on_one_core", False)  # and so again after the test
    chunks.stay_on_one_core()
    produced_in = list(read_ahead(threading.current_thread() for _ in range(3)))
    assert produced_in == [threading.current_thread()] * 3


@pytest.mark.parametrize("problem", [OSError("gone"), ValueError("bad"), MemoryError(), KeyboardInterrupt()])
@pytest.mark.parametrize("after", [0, 1, 3, 40])
def test_an_exception_in_the_producing_thread_reaches_the_reader_after_the_items(
    problem: BaseException, after: int
) -> None:
    before = set(threading.enumerate())

    def items() -> Iterator[int]:
        yield from range(after)
        raise problem

    seen = []
    with pytest.raises(type(problem)) as caught:
        for item in read_ahead(items()):
            seen.append(item)  # noqa: PERF402 (what came before the exception matters)
    assert caught.value is problem
    assert seen == list(range(after))
    assert threads_left(before) == []


@pytest.mark.parametrize("taken", [1, 2, 30])
def test_leaving_early_ends_the_thread_and_stops_the_producer(taken: int) -> None:
    before = set(threading.enumerate())
    made = []

    def items() -> Iterator[int]:
        number = 0
        while True:
            made.append(number)
            yield number
            number += 1

    stream = read_ahead(items())
    for _ in range(taken):
        next(stream)
    stream.close()
    assert set(threading.enumerate()) <= before  # at once: the file that it reads may now be closed
    count = len(made)
    assert taken <= count <= taken + 10  # a few ahead, not the whole stream
    time.sleep(0.02)
    assert len(made) == count


def test_leaving_a_loop_with_an_exception_ends_the_thread() -> None:
    before = set(threading.enumerate())

    def read() -> None:
        for _ in read_ahead(iter(range(1000))):
            raise LookupError

    with pytest.raises(LookupError):
        read()
    assert threads_left(before) == []


def test_a_stream_that_is_dropped_or_never_begun_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    never_begun = read_ahead(iter(range(1000)))
    begun = read_ahead(iter(range(1000)))
    next(begun)
    del begun, never_begun
    assert threads_left(before) == []


def test_the_producer_closes_its_source_when_the_reader_leaves() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    stream = read_ahead(items())
    next(stream)
    stream.close()
    del stream
    gc.collect()
    assert closed.is_set()


def test_streams_in_lockstep_leave_no_thread_when_one_of_them_fails() -> None:
    before = set(threading.enumerate())

    def failing() -> Iterator[Array]:
        yield np.arange(3)
        raise OSError("gone")

    def read() -> None:
        whole = (np.arange(3) for _ in range(1000))
        for _ in lockstep([read_ahead(failing()), read_ahead(whole)]):
            pass

    with pytest.raises(OSError, match="gone"):
        read()
    assert threads_left(before) == []


def test_scoring_that_fails_half_way_leaves_no_thread(segeval: Any, nifti: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    prediction = rng.random((128, 128, 96)).astype(np.float32)
    prediction[0, 0, 20] = np.nan
    reference = nifti("r.nii.gz", rng.integers(0, 2, prediction.shape).astype(np.uint8))
    before = set(threading.enumerate())
    run = segeval("score", nifti("p.nii.gz", prediction), reference, "-o", tmp_path / "out.json")
    assert run.code == 3
    assert threads_left(before) == []


# --- ChannelStream


def channel_pieces(channel: int) -> Iterator[Array]:
    """The numbers 0 … 99 of a channel, ten at a time."""
    for start in range(0, 100, 10):
        yield 1000 * channel + np.arange(start, start + 10)


@pytest.mark.parametrize("piece_bytes", [None, 1, 1 << 40], ids=["no thread", "far ahead", "hardly ahead"])
def test_channels_come_one_after_the_other(piece_bytes: int | None) -> None:
    before = set(threading.enumerate())
    stream = ChannelStream(channel_pieces, 3, 100, piece_bytes)
    for channel in range(3):
        assert np.concatenate(list(stream.pieces(channel))).tolist() == [1000 * channel + n for n in range(100)]
    assert threads_left(before) == []
    with pytest.raises(ValueError, match="channel 1 asked for, channel 3 is next"):
        stream.pieces(1)


def test_the_next_channel_is_decoded_while_this_one_is_counted() -> None:
    begun = [threading.Event() for _ in range(2)]

    def decode(channel: int) -> Iterator[Array]:
        begun[channel].set()
        yield from channel_pieces(channel)

    stream = ChannelStream(decode, 2, 100, 1)
    first = stream.pieces(0)
    next(first)
    assert begun[1].wait(10)
    first.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("taken", [1, 10, 13], ids=["within a channel", "between two", "within the next"])
def test_channels_that_are_given_up_leave_no_thread(taken: int) -> None:
    before = set(threading.enumerate())
    stream = ChannelStream(channel_pieces, 3, 100, 1 << 40)
    pieces = (piece for channel in range(3) for piece in stream.pieces(channel))
    for _ in range(taken):
        next(pieces)
    pieces.close()
    stream.close()
    assert threads_left(before) == []


def test_an_error_of_a_later_channel_comes_out_of_that_channel() -> None:
    def decode(channel: int) -> Iterator[Array]:
        if channel == 1:
            raise OSError("gone")
        yield from channel_pieces(channel)

    stream = ChannelStream(decode, 2, 100, 1)
    assert len(list(stream.pieces(0))) == 10
    with pytest.raises(OSError, match="gone"):
        list(stream.pieces(1))


# --- ArraySource and gather

SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=6)
DTYPES = st.sampled_from(["u1", "<i2", ">i2", "<i4", ">u4", "<i8", ">i8", ">u8", "<f4", ">f4", "<f8", ">f8"])


@st.composite
def strided(draw: Any) -> Array:
    """(channels, *shape) with strides of any order, sign and step."""
    shape = draw(SHAPES)
    dtype = np.dtype(draw(DTYPES))
    bits = st.integers(0, 2**31 - 1)
    count = int(np.prod([2 * n for n in shape], dtype=np.int64))
    base = np.random.default_rng(draw(bits)).integers(0, 100, count).astype(dtype).reshape([2 * n for n in shape])
    steps = tuple(slice(None, None, draw(st.sampled_from([1, 2, -1, -2]))) for _ in shape)
    view = base[steps].transpose(draw(st.permutations(range(len(shape)))))
    return view[np.newaxis] if draw(st.booleans()) else view


@given(array=strided())
def test_an_array_of_any_strides_comes_back_as_it_was(array: Array) -> None:
    source = ArraySource(array)
    assert source.channels == array.shape[0]
    assert source.shape == array.shape[1:]
    assert source.dtype.isnative
    for channel in range(source.channels):
        result = gather(source, channel)
        assert result.dtype == source.dtype
        assert result.shape == source.shape
        assert np.array_equal(result, array[channel])


@given(array=strided())
def test_the_first_axis_varies_fastest_in_the_stream(array: Array) -> None:
    source = ArraySource(array)
    for channel in range(source.channels):
        pieces = list(source.pieces(channel))
        assert all(piece.ndim == 1 and piece.dtype == source.dtype for piece in pieces)
        assert joined(pieces) == array[channel].ravel(order="F").tolist()


@pytest.mark.parametrize(
    "shape", [(3, PIECE_VOXELS, 2), (PIECE_VOXELS * 2 + 1,), (2, 2, PIECE_VOXELS + 3), (1, 1, 1), (700, 700, 3)]
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_large_arrays_come_in_pieces_of_bounded_length(shape: tuple[int, ...], order: Any) -> None:
    array = np.arange(np.prod(shape), dtype=np.int32).reshape(shape, order=order)
    pieces = list(ArraySource(array[np.newaxis]).pieces(0))
    assert max(piece.size for piece in pieces) <= PIECE_VOXELS
    assert np.array_equal(np.concatenate(pieces), array.ravel(order="F"))


def test_a_broadcast_array_and_a_read_only_one_stream_like_any_other() -> None:
    broadcast = np.broadcast_to(np.array([[1, 2, 3]], np.uint8), (2, 4, 3))
    assert np.array_equal(gather(ArraySource(broadcast), 1), broadcast[1])
    locked = np.arange(12).reshape(1, 3, 4)
    locked.flags.writeable = False
    assert np.array_equal(gather(ArraySource(locked), 0), locked[0])


def test_channels_may_be_read_side_by_side_and_again() -> None:
    array = np.arange(24).reshape(2, 3, 4)
    source = ArraySource(array)
    assert not source.in_order
    steps = list(lockstep([source.pieces(1), source.pieces(0), source.pieces(1)]))
    assert joined([step[0] for step in steps]) == array[1].ravel(order="F").tolist()
    assert joined([step[2] for step in steps]) == array[1].ravel(order="F").tolist()


def test_a_single_voxel_without_axes_is_a_stream_of_one() -> None:
    source = ArraySource(np.array([5, 6], ">i4"))
    assert [piece.tolist() for piece in source.pieces(1)] == [[6]]
    assert gather(source, 1).shape == ()


def test_what_is_gathered_may_be_written_to() -> None:
    array = np.zeros((1, 3, 4))
    gather(ArraySource(array), 0)[:] = 1
    assert not array.any()
