"""The laws of every backend: chunks, order and sums of tallies never change what was counted."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from segeval.kernels import BACKENDS, Backend, NumpyBackend, SoftKernel, cupy_codes, numpy_soft
from segeval.kernels.codebook import Codebook
from segeval.kernels.cupy_device import missing_device
from segeval.kernels.kernel import SUM_PRECISION
from segeval.tallies.power_sums import PowerSum, Sides
from segeval.tallies.tally import Confusion, LogSums, SoftSums, Tally, TallyOptions
from segeval.targets import Region

Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    """Every backend that there is on this machine."""
    if request.param == "cupy" and (problem := missing_device()) is not None:
        pytest.skip(problem)
    return BACKENDS[request.param]()


INTEGERS = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]


# Label maps


@st.composite
def label_volumes(draw: st.DrawFn, size: int | None = None) -> Array:
    """A 1-D label map of any integer type (or bool) in runs of any length: few values, from the whole range."""
    dtype = draw(st.sampled_from([np.bool_, *INTEGERS]))
    if dtype is np.bool_:
        values = st.booleans()
    else:
        limits = np.iinfo(dtype)
        edges = st.sampled_from([int(limits.min), int(limits.max), 0, 1])
        values = st.one_of(edges, st.integers(int(limits.min), int(limits.max)))
    pool = np.array(draw(st.lists(values, min_size=1, max_size=6)), dtype=dtype)
    length = draw(st.integers(1, 60)) if size is None else size
    run = draw(st.sampled_from([1, 3, 20]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return np.repeat(pool[rng.integers(0, pool.size, length)], run)[:length]


@st.composite
def label_pairs(draw: st.DrawFn) -> tuple[Array, Array]:
    """A prediction and a reference of equal length; their types may differ."""
    reference = draw(label_volumes())
    return draw(label_volumes(reference.size)), reference


@st.composite
def cuts(draw: st.DrawFn) -> list[float]:
    """Where to cut a volume, as shares of its length; pieces may be empty."""
    return sorted(draw(st.lists(st.floats(0, 1), max_size=5)))


def pieces_of(size: int, shares: Sequence[float]) -> list[slice]:
    ends = [0, *(int(share * size) for share in shares), size]
    return [slice(a, b) for a, b in pairwise(ends)]


def confusion(
    backend: Backend, prediction: Array, reference: Array, parts: Iterable[slice], ignore: int | None = None
) -> Confusion:
    kernel = backend.label_kernel(ignore)
    for part in parts:
        kernel.add(prediction[part], reference[part])
    return kernel.confusion()


def counted_one_by_one(prediction: Array, reference: Array, ignore: int | None = None) -> dict[tuple[int, int], int]:
    pairs = zip(map(int, reference.tolist()), map(int, prediction.tolist()), strict=True)
    return dict(Counter(pair for pair in pairs if pair[0] != ignore))


@given(pair=label_pairs(), shares=cuts())
@settings(max_examples=300)
def test_any_chunking_of_any_integer_types_counts_every_pair_exactly(
    backend: Backend, pair: tuple[Array, Array], shares: list[float]
) -> None:
    expected = counted_one_by_one(*pair)
    assert confusion(backend, *pair, [slice(None)]).pairs == expected
    found = confusion(backend, *pair, pieces_of(pair[0].size, shares))
    assert found.pairs == expected
    assert all(type(value) is int for key in found.pairs for value in key)


@given(pair=label_pairs(), shares=cuts(), data=st.data())
def test_the_order_of_pieces_and_of_voxels_does_not_matter(
    backend: Backend, pair: tuple[Array, Array], shares: list[float], data: st.DataObject
) -> None:
    prediction, reference = pair
    parts = data.draw(st.permutations(pieces_of(prediction.size, shares)))
    shuffled = np.random.default_rng(data.draw(st.integers(0, 1000))).permutation(prediction.size)
    expected = counted_one_by_one(prediction, reference)
    assert confusion(backend, prediction, reference, parts).pairs == expected
    assert confusion(backend, prediction[shuffled], reference[shuffled], [slice(None)]).pairs == expected


@given(pair=label_pairs())
def test_views_of_any_stride_count_like_their_copies(backend: Backend, pair: tuple[Array, Array]) -> None:
    prediction, reference = pair
    for part in (slice(None, None, 2), slice(None, None, -1), slice(3, None, 3), slice(0, 0)):
        found = confusion(backend, prediction, reference, [part])
        assert found.pairs == counted_one_by_one(prediction[part], reference[part])


@given(pair=label_pairs(), shares=cuts(), data=st.data())
def test_ignored_voxels_are_left_out_by_the_references_value(
    backend: Backend, pair: tuple[Array, Array], shares: list[float], data: st.DataObject
) -> None:
    ignore = data.draw(st.sampled_from(sorted({*map(int, pair[0].tolist()), *map(int, pair[1].tolist())})))
    found = confusion(backend, *pair, pieces_of(pair[0].size, shares), ignore)
    assert found.pairs == counted_one_by_one(*pair, ignore)


@given(first=label_pairs(), second=label_pairs())
def test_the_confusions_of_two_stretches_add_to_that_of_both_and_zero_is_neutral(
    backend: Backend, first: tuple[Array, Array], second: tuple[Array, Array]
) -> None:
    a, b = (confusion(backend, *pair, [slice(None)]) for pair in (first, second))
    kernel = backend.label_kernel(None)
    kernel.add(*first)
    kernel.add(*second)
    assert (a + b).pairs == (b + a).pairs == kernel.confusion().pairs
    nothing = backend.label_kernel(None).confusion()
    assert nothing == Confusion()
    assert a + nothing == nothing + a == a


def test_pieces_of_different_types_are_counted_exactly(backend: Backend) -> None:
    kernel = backend.label_kernel(None)
    for dtype, value in ((np.int64, -1), (np.uint64, 2**64 - 1), (np.int64, -(2**63)), (np.uint8, 7)):
        kernel.add(np.full(64, value, dtype), np.zeros(64, np.uint8))
    expected = dict.fromkeys([(0, -1), (0, 2**64 - 1), (0, -(2**63)), (0, 7)], 64)
    assert kernel.confusion().pairs == expected


def test_neighbouring_values_of_64_bits_stay_apart(backend: Backend) -> None:
    top = np.array([2**64 - 1, 2**64 - 2, 2**63, 2**63 - 1, 2**53, 2**53 + 1], dtype=np.uint64)
    low = np.array([-(2**63), -(2**63) + 1, 2**63 - 1, 2**63 - 2, 2**53, 2**53 + 1], dtype=np.int64)
    assert confusion(backend, top, low, [slice(None)]).pairs == dict.fromkeys(
        zip(low.tolist(), top.tolist(), strict=True), 1
    )


def test_a_hundred_thousand_labels_need_no_dense_table_and_no_more_work_per_piece(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = 100_000
    reference = np.repeat(np.arange(labels, dtype=np.int32) * 7, 4)
    prediction = np.roll(reference, 2)
    looked_up: list[int] = []
    encode = Codebook.encode

    def recorded(self: Codebook, values: Array) -> Array:
        looked_up.append(values.size)
        return encode(self, values)

    monkeypatch.setattr(Codebook, "encode", recorded)
    tracemalloc.start()
    try:
        found = confusion(backend, prediction, reference, [slice(i, i + 10_000) for i in range(0, 4 * labels, 10_000)])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200e6
    assert len(found.pairs) == 2 * labels
    assert set(found.pairs.values()) == {2}
    assert sum(looked_up) <= 2 * reference.size


# Probability maps


@dataclass(frozen=True)
class Maps:
    """Probabilities (channels, voxels), reference labels, and what to make of them."""

    p: Array
    reference: Array
    options: TallyOptions


Sums = SoftSums | LogSums | Sides
REGIONS = (Region("pair", frozenset((1, 2))), Region("foreground", None))
LOGS = ((2.0, 1e-7), (0.0, 1e-3))
POWERS: tuple[PowerSum, ...] = (("error", 1.5, 0.0), ("log", 0.3, 1e-7), ("wrong_log", 1.0, 1e-5))


@st.composite
def probability_maps(draw: st.DrawFn) -> Maps:
    form = draw(st.sampled_from(["exclusive", "unlisted", "independent", "single", "unnamed", "regions"]))
    size = draw(st.integers(1, 50))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    options = TallyOptions(
        ignore=draw(st.sampled_from([None, 2, 9])), threshold=0.3, logs=LOGS, powers=POWERS,
        regions=REGIONS, channels=(0, 1, 2, 3), labels=(1, 2, 3),
    )  # fmt: skip
    if form == "unlisted":
        options = replace(options, labels=(1, 3))
    elif form == "independent":
        options = replace(options, independent=True)
    elif form in ("single", "unnamed"):
        options = replace(options, channels=(1,), labels=(1,), any_foreground=form == "unnamed")
    elif form == "regions":
        options = replace(options, channels=("pair", "foreground"), labels=(), independent=True)
    channels = len(options.channels)
    p = rng.dirichlet(np.full(channels, 0.3), size).T if channels > 2 else rng.random((channels, size))
    p[:, rng.random(size) < 0.2] = np.eye(channels)[0][:, np.newaxis]
    reference = np.repeat(rng.integers(0, 4, size), draw(st.sampled_from([1, 7])))[:size]
    return Maps(p.astype(draw(st.sampled_from([np.float32, np.float64]))), reference, options)


def soft_kernel(backend: Backend, maps: Maps, shares: Sequence[float], within: Sequence[float] = ()) -> SoftKernel:
    """Stretches cut at ``shares``, the channels of each cut at ``within``, one stretch after the other."""
    kernel = backend.soft_kernel(maps.options, {})
    for part in pieces_of(maps.reference.size, shares):
        stretch = kernel.stretch(maps.reference[part])
        for channel, values in enumerate(maps.p[:, part]):
            for piece in pieces_of(values.size, within):
                stretch.add(channel, piece.start, values[piece])
        stretch.finish()
    return kernel


def require_equal(found: Tally, expected: Tally) -> None:
    """Counts exactly, sums to 1e-9."""
    assert found.options == expected.options
    assert found.soft is not None
    assert expected.soft is not None
    assert (found.confusion is None) == (expected.confusion is None)
    if found.confusion is not None and expected.confusion is not None:
        assert found.confusion.pairs == expected.confusion.pairs
    assert found.soft.targets == expected.soft.targets
    for name in ("tp", "fp", "fn", "tn"):
        assert getattr(found.soft.counts, name).tolist() == getattr(expected.soft.counts, name).tolist()
    require_close(found.soft.sums, expected.soft.sums, ("n", "r", "p", "i", "p2", "i2"))
    assert found.soft.sums.logs.keys() == expected.soft.sums.logs.keys()
    for setting, logs in expected.soft.sums.logs.items():
        require_close(found.soft.sums.logs[setting], logs, ("l1", "l0", "f1", "f0"))
    assert found.soft.sums.powers.keys() == expected.soft.sums.powers.keys()
    for what, sides in expected.soft.sums.powers.items():
        require_close(found.soft.sums.powers[what], sides, ("inside", "outside"))


def require_close(found: Sums, expected: Sums, names: Sequence[str]) -> None:
    for name in names:
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-9, atol=1e-12, err_msg=name)


@given(maps=probability_maps(), shares=cuts(), within=cuts())
def test_any_chunking_gives_the_tally_of_the_whole(
    backend: Backend, maps: Maps, shares: list[float], within: list[float]
) -> None:
    whole, cut = soft_kernel(backend, maps, []), soft_kernel(backend, maps, shares, within)
    require_equal(cut.tally(), whole.tally())
    assert cut.reference_counts() == whole.reference_counts()
    assert (cut.seen.low, cut.seen.high, cut.seen.not_finite) == (whole.seen.low, whole.seen.high, 0)
    assert cut.seen.sum_error == pytest.approx(whole.seen.sum_error, abs=SUM_PRECISION)


@given(maps=probability_maps(), shares=cuts(), within=cuts())
def test_channel_by_channel_over_many_open_stretches_gives_the_tally_of_the_whole(
    backend: Backend, maps: Maps, shares: list[float], within: list[float]
) -> None:
    kernel = backend.soft_kernel(maps.options, {})
    parts = pieces_of(maps.reference.size, shares)
    stretches = [kernel.stretch(maps.reference[part]) for part in parts]
    for channel in range(len(maps.p)):
        for part, stretch in zip(parts, stretches, strict=True):
            values = maps.p[channel, part]
            for piece in pieces_of(values.size, within):
                stretch.add(channel, piece.start, values[piece])
    for stretch in stretches:
        stretch.finish()
    require_equal(kernel.tally(), soft_kernel(backend, maps, []).tally())


@given(maps=probability_maps(), shares=cuts())
def test_every_backend_gives_numpys_tally(backend: Backend, maps: Maps, shares: list[float]) -> None:
    found, expected = soft_kernel(backend, maps, shares), soft_kernel(NumpyBackend(), maps, [])
    require_equal(found.tally(), expected.tally())
    assert found.reference_counts() == expected.reference_counts()
    assert (found.seen.low, found.seen.high, found.seen.not_finite) == (expected.seen.low, expected.seen.high, 0)
    assert found.seen.sum_error == pytest.approx(expected.seen.sum_error, abs=SUM_PRECISION)


def test_values_that_are_not_finite_are_counted_and_left_out_of_the_span(backend: Backend) -> None:
    p = np.array([[0.25, np.nan, 0.5, np.inf, -np.inf, 7.0]], dtype=np.float32)
    maps = Maps(p, np.array([0, 1, 1, 0, 0, 9]), TallyOptions(channels=(1,), labels=(1,), ignore=9))
    seen = soft_kernel(backend, maps, []).seen
    assert (seen.low, seen.high, seen.not_finite) == (0.25, 0.5, 3)


@given(maps=probability_maps(), seed=st.integers(0, 1000))
def test_the_order_of_the_voxels_of_a_probability_map_does_not_matter(backend: Backend, maps: Maps, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(maps.reference.size)
    shuffled = Maps(maps.p[:, order], maps.reference[order], maps.options)
    require_equal(soft_kernel(backend, shuffled, []).tally(), soft_kernel(backend, maps, []).tally())


@given(maps=probability_maps(), share=st.floats(0, 1))
def test_the_tallies_of_two_stretches_add_to_the_tally_of_both(backend: Backend, maps: Maps, share: float) -> None:
    parts = pieces_of(maps.reference.size, [share])
    first, second = (
        soft_kernel(backend, Maps(maps.p[:, part], maps.reference[part], maps.options), []).tally() for part in parts
    )
    whole = soft_kernel(backend, maps, []).tally()
    require_equal(first + second, whole)
    require_equal(second + first, whole)


@given(maps=probability_maps())
def test_the_tally_of_no_voxel_is_neutral_on_either_side(backend: Backend, maps: Maps) -> None:
    nothing = backend.soft_kernel(maps.options, {}).tally()
    tally = soft_kernel(backend, maps, []).tally()
    require_equal(nothing + tally, tally)
    require_equal(tally + nothing, tally)
    empty = Maps(maps.p[:, :0], maps.reference[:0], maps.options)
    require_equal(soft_kernel(backend, empty, []).tally(), nothing)


@given(maps=probability_maps())
def test_views_of_any_stride_are_summed_like_their_copies(backend: Backend, maps: Maps) -> None:
    for part in (slice(None, None, 2), slice(None, None, -1)):
        view = Maps(maps.p[:, part], maps.reference[part], maps.options)
        copy = Maps(maps.p[:, part].copy(), maps.reference[part].copy(), maps.options)
        require_equal(soft_kernel(backend, view, []).tally(), soft_kernel(backend, copy, []).tally())


@st.composite
def sharp_maps(draw: st.DrawFn) -> tuple[Array, Array]:
    """Softmax maps and labels of a trained network: most channels next to nothing, some overshooting, some tied."""
    channels, size = draw(st.integers(2, 6)), draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    logits = rng.normal(size=(channels, size)) * draw(st.sampled_from([1, 5, 20, 60]))
    shares = np.exp(logits - logits.max(axis=0))
    p = (shares / shares.sum(axis=0)).astype(np.float32)
    if draw(st.booleans()):  # as resampling by splines leaves it
        p[0], p[1] = p[0] + np.float32(0.03), p[1] - np.float32(0.03)
    p[:, rng.random(size) < 0.1] = np.float32(1 / channels)
    return p, rng.integers(0, channels, size)


@given(maps=sharp_maps(), block=st.sampled_from([1, 2, 5, 100]), shares=cuts())
def test_the_winner_is_the_first_largest_channel_however_small_the_others_are(
    backend: Backend, maps: tuple[Array, Array], block: int, shares: list[float]
) -> None:
    p, reference = maps
    options = TallyOptions(channels=tuple(range(len(p))), labels=tuple(range(1, len(p))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numpy_soft, "BLOCK", block)
        kernel = soft_kernel(backend, Maps(p, reference, options), shares)
    found = kernel.tally().confusion
    assert found is not None
    assert found.pairs == counted_one_by_one(p.argmax(axis=0), reference)
    off = np.abs(p.sum(axis=0, dtype=np.float64) - 1).max()
    assert kernel.seen.sum_error == pytest.approx(off, abs=SUM_PRECISION)


@pytest.mark.parametrize("block", [1, 3, 7])
def test_the_size_of_a_block_changes_nothing(backend: Backend, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    options = TallyOptions(channels=(0, 1, 2), labels=(1,), regions=REGIONS, ignore=3)
    maps = Maps(rng.dirichlet(np.ones(3), 40).T, rng.integers(0, 4, 40), options)
    whole = soft_kernel(backend, maps, []).tally()
    monkeypatch.setattr(numpy_soft, "BLOCK", block)
    monkeypatch.setattr(cupy_codes, "STAGED", block)
    require_equal(soft_kernel(backend, maps, [0.3]).tally(), whole)


OPTIONS = TallyOptions(channels=(0, 1, 2), labels=(1, 2))
OTHERS = [
    replace(OPTIONS, ignore=9),
    replace(OPTIONS, channels=(0, 2, 1)),
    replace(OPTIONS, labels=(1,)),
    replace(OPTIONS, regions=(Region("w", frozenset((1, 2))),)),
    replace(OPTIONS, regions=(Region("w", None),)),
    replace(OPTIONS, threshold=0.4),
    replace(OPTIONS, independent=True),
    replace(OPTIONS, logs=((1.5, 1e-7),)),
    replace(OPTIONS, logs=((2.0, 1e-6),)),
]


@pytest.mark.parametrize("other", OTHERS, ids=range(len(OTHERS)))
def test_tallies_made_under_different_options_do_not_add(backend: Backend, other: TallyOptions) -> None:
    first, second = (backend.soft_kernel(options, {}).tally() for options in (OPTIONS, other))
    with pytest.raises(ValueError, match="different options"):
        first + second
    with pytest.raises(ValueError, match="different options"):
        second + first


def test_confusions_whose_codes_stand_for_other_labels_do_not_add() -> None:
    first = Confusion({(7, 0): 1}, {7: frozenset((1, 2))})
    with pytest.raises(ValueError, match="code 7"):
        first + Confusion({(7, 0): 1}, {7: frozenset((1, 3))})
    assert (first + first).pairs == {(7, 0): 2}
    assert (first + Confusion()).sets == first.sets


def test_a_voxel_of_several_labels_lies_in_each_of_them(backend: Backend) -> None:
    sets = {-5: frozenset((1, 2))}
    options = TallyOptions(channels=(0, 1, 2), labels=(1, 2), independent=True)
    kernel = backend.soft_kernel(options, sets)
    stretch = kernel.stretch(np.array([-5, 1, 0]))
    for channel, values in enumerate(np.array([[0.0, 0.1, 0.9], [0.9, 0.8, 0.1], [0.9, 0.1, 0.1]])):
        stretch.add(channel, 0, values)
    stretch.finish()
    soft = kernel.tally().soft
    assert soft is not None
    assert dict(zip(soft.targets, soft.sums.r.tolist(), strict=True)) == {0: 1, 1: 2, 2: 1}
    assert soft.counts.tp.tolist() == [1, 2, 1]
