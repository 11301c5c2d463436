"""Instances of many targets in one pass: against each target by itself, found by SciPy and measured by brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from instance_maps import Values, match_maps, values_of
from scipy import ndimage
from scipy.spatial.distance import cdist

from segeval.kernels.held_labels import HeldLabels
from segeval.kernels.held_runs import HeldRuns
from segeval.shapes import counting, far_points, slabs, towers
from segeval.shapes.matching import choose_pairs
from segeval.shapes.pairs import Pairs
from segeval.shapes.percentiles import Ranks
from segeval.tallies.instances import Instance, InstanceOptions, TargetInstances

Map = np.ndarray[Any, Any]
AXES_OF = {2: {None: 2, 8: 2, 4: 1}, 3: {None: 3, 26: 3, 18: 2, 6: 1}}  # SciPy's name: axes that change in a step


class Alone:
    """The instances of one target in one map, one mask each; (id, mask) in the order of their first voxels."""

    def __init__(self, labels: Map, values: Values, options: InstanceOptions, kept: Map, voxel_mm3: float) -> None:
        inside = np.isin(labels, list(values)) & kept
        if options.labelled:
            found = [(value, inside & (labels == value)) for value in sorted(values_of(labels[inside]))]
        else:
            structure = ndimage.generate_binary_structure(labels.ndim, AXES_OF[labels.ndim][options.connectivity])
            numbers = ndimage.label(inside.T, structure)[0].T
            found = [(k, numbers == k) for k in range(1, numbers.max(initial=0) + 1)]
        self.ids, self.masks = [], []
        for k, mask in found:
            if mask.sum() * voxel_mm3 >= options.min_volume_mm3:
                self.ids.append(k)
                self.masks.append(mask)

    def instances(self) -> list[Instance]:
        found = []
        for k, mask in zip(self.ids, self.masks, strict=True):
            places = np.argwhere(mask)
            box = tuple(zip(places.min(axis=0).tolist(), (places.max(axis=0) + 1).tolist(), strict=True))
            found.append(Instance(k, len(places), box, tuple(places.mean(axis=0).tolist())))
        return found


def hd95_of(prediction: Map, reference: Map, spacing: Any) -> float:
    """The greater of the two 95th percentiles of the distances between boundary voxels."""
    p, r = (np.argwhere(m & ~ndimage.binary_erosion(m)) * np.asarray(spacing) for m in (prediction, reference))
    table = cdist(p, r)
    return float(max(np.percentile(table.min(axis=1), 95), np.percentile(table.min(axis=0), 95)))


def matched_alone(
    prediction: Map, reference: Map, target: tuple[Values, Values], options: InstanceOptions, spacing: Any, ignore: Any
) -> tuple[list[Any], list[Instance], list[Instance]]:
    """(Matches, missed, invented) as they read."""
    kept = np.ones(reference.shape, dtype=bool) if ignore is None else reference != ignore
    mm3 = float(np.prod(spacing))
    p, r = Alone(prediction, target[0], options, kept, mm3), Alone(reference, target[1], options, kept, mm3)
    shared = [(i, j, int((a & b).sum())) for i, a in enumerate(r.masks) for j, b in enumerate(p.masks)]
    overlaps = np.array([each for each in shared if each[2]], dtype=np.int64).reshape(-1, 3).T
    sizes = [np.array([mask.sum() for mask in side.masks], dtype=np.int64) for side in (p, r)]
    pairs = choose_pairs(Pairs(*overlaps), sizes[0], sizes[1], options)
    matches, ours, theirs = [], r.instances(), p.instances()
    for i in sorted(set(pairs.reference.tolist())):
        members = pairs.prediction[pairs.reference == i].tolist()
        together = np.logical_or.reduce([p.masks[j] for j in members])
        both, either = (together & r.masks[i]).sum(), (together | r.masks[i]).sum()
        hd95 = hd95_of(together, r.masks[i], spacing)
        matches.append((ours[i], [theirs[j] for j in members], both / either, 2 * both / (both + either), hd95))
    found, taken = set(pairs.reference.tolist()), set(pairs.prediction.tolist())
    missed = [instance for i, instance in enumerate(ours) if i not in found]
    return matches, missed, [instance for j, instance in enumerate(theirs) if j not in taken]


def require_equal(found: TargetInstances, expected: tuple[list[Any], list[Instance], list[Instance]]) -> None:
    matches, missed, invented = expected
    require_same([match.reference for match in found.matches], [match[0] for match in matches])
    for match, (_, members, iou, dice, hd95) in zip(found.matches, matches, strict=True):
        require_same(match.predictions, members)
        assert (match.iou, match.dice) == pytest.approx((iou, dice), abs=1e-15)
        assert match.hd95 == pytest.approx(hd95, rel=1e-12)
    require_same(found.missed, missed)
    require_same(found.invented, invented)


def require_same(found: Any, expected: list[Instance]) -> None:
    assert [(i.id, i.voxels, i.box) for i in found] == [(i.id, i.voxels, i.box) for i in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.centroid == pytest.approx(other.centroid, abs=1e-12)


@st.composite
def pairs_of_maps(draw: st.DrawFn) -> tuple[Map, Map]:
    """Blobs of the values 0 to 5, and specks in them; the second differs from the first in places."""
    axes = draw(st.integers(2, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    coarse = rng.choice(6, p=[0.5, *[0.1] * 5], size=draw(st.tuples(*[st.integers(1, 3)] * axes)))
    reference = np.kron(coarse, np.ones(draw(st.tuples(*[st.integers(1, 4)] * axes)), dtype=np.int64))
    moved = np.roll(reference, draw(st.integers(-1, 1)), axis=draw(st.integers(0, axes - 1)))
    changed = rng.random(reference.shape) < draw(st.sampled_from([0, 0.1, 0.4]))
    prediction = np.where(changed, rng.integers(0, 6, reference.shape), moved)
    stored = draw(st.sampled_from([np.uint8, np.int16, np.int64, np.uint64]))
    shift = draw(st.sampled_from([0, 250, 30_000 if stored == np.int16 else 1 << 40])) if stored != np.uint8 else 0
    return tuple(np.where(m > 3, m + shift, m).astype(stored) for m in (prediction, reference))  # type: ignore[return-value]


@st.composite
def targets_of(draw: st.DrawFn, values: list[int]) -> dict[int | str, tuple[Values, Values]]:
    """Labels, and regions that may overlap them."""
    chosen = draw(st.lists(st.frozensets(st.sampled_from(values), min_size=1), min_size=1, max_size=4))
    labels = {value: frozenset({value}) for value in values if value}
    named = {f"region {k}": members for k, members in enumerate(chosen)}
    return {key: (members, members) for key, members in (labels | named if draw(st.booleans()) else named).items()}


@given(st.data(), pairs_of_maps())
def test_all_targets_together_are_each_target_alone(data: st.DataObject, maps: tuple[Map, Map]) -> None:
    """With slabs of a plane or two, towers of a few boxes, and look-ups that end early."""
    prediction, reference = maps
    values = sorted(values_of(prediction) | values_of(reference) | {0})
    targets = data.draw(targets_of(values))
    options = InstanceOptions(
        connectivity=data.draw(st.sampled_from(list(AXES_OF[reference.ndim]))),
        min_volume_mm3=data.draw(st.sampled_from([0.0, 3.0])),
        matching=data.draw(st.sampled_from(["one-to-one", "any-overlap", "many-to-one", "greedy"])),
        threshold=data.draw(st.sampled_from([0.0, 0.3])),
        labelled=data.draw(st.booleans()),
    )
    spacing = data.draw(st.tuples(*[st.sampled_from([1.0, 0.5, 3.0])] * reference.ndim))
    ignore = data.draw(st.sampled_from([None, *values]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slabs, "VOXELS", data.draw(st.sampled_from([1, 20, 1 << 21])))
        patch.setattr(towers, "_VOXELS", data.draw(st.sampled_from([1, 500, 1 << 22])))
        patch.setattr(far_points, "_PAIRS", data.draw(st.sampled_from([3, 1 << 20])))
        patch.setattr(towers, "_OFFSETS", data.draw(st.sampled_from([7, 256])))
        towers.rings.cache_clear()
        found = match_maps(
            prediction, reference, options, targets, spacing_mm=spacing, ignore=ignore, distances=True, threads=2
        )
    towers.rings.cache_clear()
    assert [each.target for each in found] == list(targets)
    for each, target in zip(found, targets.values(), strict=True):
        require_equal(each, matched_alone(prediction, reference, target, options, spacing, ignore))


def test_given_instances_that_touch_have_one_boundary_together() -> None:
    """Four quarters of a square of 8 × 8, which is the reference: what lies between them is no boundary."""
    reference = np.zeros((12, 12), dtype=np.uint8)
    reference[2:10, 2:10] = 1
    prediction = reference.copy()
    prediction[2:10, 6:10] += 1
    prediction[6:10, 2:10] += 2
    options = InstanceOptions(labelled=True, matching="many-to-one")
    (found,) = match_maps(prediction, reference, options, distances=True)
    (match,) = found.matches
    assert (len(match.predictions), match.iou, match.hd95) == (4, 1.0, 0.0)


def boundary_distances(prediction: Map, reference: Map, spacing: tuple[float, ...]) -> list[Map]:
    """Both ways, by SciPy's erosion and distance transform; beyond the image is background."""
    borders = [mask & ~ndimage.binary_erosion(mask) for mask in (prediction, reference)]
    far = [ndimage.distance_transform_edt(~border, sampling=spacing) for border in borders]
    return [far[1][borders[0]], far[0][borders[1]]]


@given(st.data(), pairs_of_maps())
def test_pooled_hd95_and_nsd_are_scipys(data: st.DataObject, maps: tuple[Map, Map]) -> None:
    """The percentile of both ways together, and the mean of both shares; pieces that touch have one border."""
    prediction, reference = maps
    matching = data.draw(st.sampled_from(["one-to-one", "many-to-one", "any-overlap"]))
    options = InstanceOptions(labelled=True, matching=matching, threshold=0.0)
    spacing = data.draw(st.tuples(*[st.sampled_from([1.0, 0.5, 3.0])] * reference.ndim))
    (found,) = match_maps(prediction, reference, options, spacing_mm=spacing, tolerances=[0.5, 1.0], distances=True)
    assume(found.matches)
    for match in found.matches:
        p = np.isin(prediction, [instance.id for instance in match.predictions])
        ways = boundary_distances(p, reference == match.reference.id, spacing)
        assert match.pooled_hd95 == pytest.approx(np.percentile(np.concatenate(ways), 95))
        assert match.hd95 == pytest.approx(max(np.percentile(way, 95) for way in ways))
        shares = {tau: np.mean([(way <= tau).mean() for way in ways]) for tau in (0.5, 1.0)}
        assert dict(match.nsd) == pytest.approx(shares)


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=30), min_size=1, max_size=5), st.integers(0, 10))
def test_percentiles_are_numpys_to_the_last_bit(samples: list[list[int]], known: int) -> None:
    """Distances come in ascending order; from some on, all at once."""
    values = [np.sqrt(np.array(sample)) for sample in samples]
    ranks = Ranks(np.array([len(sample) for sample in samples]))
    for square in range(known):
        here = [k for k, sample in enumerate(samples) for value in sample if value == square]
        ranks.take_in(float(np.sqrt(square)), np.array(here, dtype=np.int64))
    rest = [(value, k) for k, sample in enumerate(values) for value in sample if value >= np.sqrt(known)]
    ranks.take_the_rest(np.array([v for v, _ in rest]), np.array([k for _, k in rest], dtype=np.int64))
    assert ranks.percentiles().tolist() == [np.percentile(sample, 95) for sample in values]


def test_distances_that_nobody_asked_for_are_not_measured() -> None:
    (found,) = match_maps(np.eye(3, dtype=np.uint8), np.eye(3, dtype=np.uint8), InstanceOptions())
    assert [match.hd95 for match in found.matches] == [None]


def test_a_part_that_joins_others_in_a_later_slab(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comb of two planes: four teeth of their own numbers in the first one, one component in all."""
    comb = np.ones((7, 2), dtype=np.uint8)
    comb[1::2, 0] = 0
    monkeypatch.setattr(slabs, "VOXELS", 1)
    (found,) = match_maps(comb, comb, InstanceOptions(connectivity=4))
    assert [(match.reference.id, match.reference.voxels) for match in found.matches] == [(1, 11)]


def instances_of(labels: Map, **options: Any) -> list[Instance]:
    """Of a map that is compared with an empty one."""
    spacing = options.pop("spacing_mm", None)
    (found,) = match_maps(np.zeros_like(labels), labels, InstanceOptions(**options), spacing_mm=spacing)
    return list(found.missed)


def test_small_instances_are_dropped_and_the_rest_keeps_its_numbers() -> None:
    """Bars of 1, 3 and 2 voxels of 0.5 mm³: 1 mm³ is two voxels, which is enough."""
    found = instances_of(np.array([[1, 0, 1, 1, 1, 0, 1, 1]]), min_volume_mm3=1, spacing_mm=(1.0, 0.5))
    assert [(i.id, i.voxels, i.box) for i in found] == [(2, 3, ((0, 1), (2, 5))), (3, 2, ((0, 1), (6, 8)))]


def test_a_minimum_volume_survives_a_spacing_stored_in_single_precision() -> None:
    side = float(np.float32(0.1))  # ten voxels are 0.0100000004… or, one rounding lower, less than 0.01 mm³
    for spacing in ((side**3, 1.0), (float(np.nextafter(0.001, 0)), 1.0)):
        assert len(instances_of(np.ones((10, 1), dtype=np.uint8), min_volume_mm3=0.01, spacing_mm=spacing)) == 1
    assert instances_of(np.ones((9, 1), dtype=np.uint8), min_volume_mm3=0.01, spacing_mm=(side**3, 1.0)) == []


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.uint64])
def test_labelled_maps_are_taken_as_they_are(dtype: Any) -> None:
    """7 is in two pieces and touches 3; they are two instances, in the order of their values."""
    assert instances_of(np.array([[7, 3, 0, 7]], dtype=dtype), labelled=True) == [
        Instance(3, 1, ((0, 1), (1, 2)), (0.0, 1.0)),
        Instance(7, 2, ((0, 1), (0, 4)), (0, 1.5)),
    ]


def test_values_of_64_bits_are_exact() -> None:
    values = np.array([[2**63 + 1, 2**63, 1]], dtype=np.uint64)
    assert [instance.id for instance in instances_of(values, labelled=True)] == [1, 2**63, 2**63 + 1]


def test_a_small_instance_of_a_labelled_map_is_dropped() -> None:
    found = instances_of(np.array([[5, 9, 9]]), min_volume_mm3=2, labelled=True)
    assert [(instance.id, instance.voxels) for instance in found] == [(9, 2)]


@given(pairs_of_maps(), st.data())
def test_a_map_kept_as_runs_is_the_map(maps: tuple[Map, Map], data: st.DataObject) -> None:
    """And knows the boxes of its labels; whatever pieces it comes in, and whatever part is asked for."""
    labels, _ = maps
    flat = labels.ravel(order="F")
    edges = sorted(data.draw(st.lists(st.integers(0, flat.size), max_size=3)))
    first, behind = sorted(data.draw(st.tuples(st.integers(0, flat.size), st.integers(0, flat.size))))
    runs, whole = HeldRuns(labels.shape), HeldLabels(labels.shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segeval.kernels.held_runs._SHORT_RUNS", data.draw(st.sampled_from([0.0, 0.5, 1.0])))
        for piece in np.split(flat, edges):
            further = data.draw(st.none() | st.frozensets(st.integers(0, max(0, piece.size - 1))))
            if further is None or not piece.size:
                starts = None
            else:
                changes = np.flatnonzero(piece[1:] != piece[:-1]) + 1
                starts = np.array(sorted({0, *changes.tolist(), *further}))
            runs.add(piece, starts)
            whole.add(piece, starts)
    assert runs.dtype == whole.dtype
    assert np.array_equal(runs.labels, labels)
    assert np.array_equal(runs.part(first, behind), flat[first:behind])
    for value in values_of(labels):
        assert runs.boxes.box({value}) == whole.boxes.box({value})


def test_what_shares_a_value_with_another_is_counted_in_a_pass_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """117 labels are one pass; two regions over them that share a label are two more."""
    passes = []
    count = counting.count_instances

    def noted(*args: Any, **options: Any) -> Any:
        passes.append(1)
        return count(*args, **options)

    monkeypatch.setattr("segeval.shapes.all_instances.count_instances", noted)
    labels = np.arange(118, dtype=np.uint8).reshape(2, 59)
    targets: dict[int | str, tuple[Values, Values]] = {k: (frozenset({k}),) * 2 for k in range(1, 118)}  # type: ignore[misc]
    match_maps(labels, labels, InstanceOptions(), targets)
    assert len(passes) == 1
    for name, members in (("low", range(1, 60)), ("high", range(59, 118))):
        targets[name] = (frozenset(members), frozenset(members))
    match_maps(labels, labels, InstanceOptions(), targets)
    assert len(passes) == 1 + 3
