"""Matching: examples by hand, every assignment by permutation, and pairs of masks one by one."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from instance_maps import match_maps

from segeval.shapes.components import find_components, shared_voxels
from segeval.shapes.matching import choose_pairs, match_distances
from segeval.tallies.instances import InstanceOptions, TargetInstances

Map = np.ndarray[Any, Any]
Found = list[tuple[int, tuple[int, ...], float, float]]

maps = arrays(np.uint8, (12,), elements=st.integers(0, 4)).map(lambda values: values.reshape(-1, 1))
thresholds = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.7])


def matched(prediction: Any, reference: Any, **options: Any) -> TargetInstances:
    """Of maps of instances, given as rows of voxels."""
    (found,) = match_maps(np.asarray(prediction), np.asarray(reference), InstanceOptions(labelled=True, **options))
    return found


def pairs_of(found: TargetInstances) -> list[tuple[int, tuple[int, ...]]]:
    return [(match.reference.id, tuple(p.id for p in match.predictions)) for match in found.matches]


def ids(instances: Any) -> list[int]:
    return [instance.id for instance in instances]


def iou_of(prediction: Map, reference: Map, p: tuple[int, ...], r: int) -> float:
    a, b = np.isin(prediction, p), reference == r
    return float((a & b).sum() / (a | b).sum())


def values_of(array: Map) -> list[int]:
    return [value for value in np.unique(array).tolist() if value]


# voxel       0  1  2  3  4  5  6  7  8  9
REFERENCE = [1, 1, 1, 1, 0, 2, 2, 2, 0, 3]
PREDICTION = [1, 1, 1, 0, 0, 0, 0, 2, 2, 0]


def test_greedy_by_hand() -> None:
    """1–1 has IoU 4/9; 2–1 with 3/7 and 1–2 with 1/3 share an instance with it, and are more together."""
    reference, prediction = [1, 1, 1, 1, 1, 1, 2, 2, 2], [2, 2, 1, 1, 1, 1, 1, 1, 1]
    found = matched(prediction, reference, matching="greedy", threshold=0.3)
    assert (pairs_of(found), ids(found.missed), ids(found.invented)) == ([(1, (1,))], [2], [2])
    assert found.matches[0].iou == 4 / 9
    assert pairs_of(matched(prediction, reference, threshold=0.3)) == [(1, (2,)), (2, (1,))]
    assert pairs_of(matched([1, 1], [1, 0], matching="greedy", threshold=0.5)) == [(1, (1,))]  # reached
    assert pairs_of(matched([1, 1, 0, 2], [1, 1, 0, 2], matching="greedy", threshold=1.0)) == [(1, (1,)), (2, (2,))]
    assert pairs_of(matched([1, 1, 0, 2, 2], [1, 1, 0, 2, 0], matching="greedy", threshold=1.0)) == [(1, (1,))]
    assert not matched([1, 1], [1, 0], threshold=0.5).matches


@given(maps, maps, thresholds)
def test_greedy_is_pair_by_pair(prediction: Map, reference: Map, threshold: float) -> None:
    """As panoptica's NaiveThresholdMatching: of all pairs, the best first, until one falls short."""
    pairs = {
        (r, p): iou_of(prediction, reference, (p,), r) for r in values_of(reference) for p in values_of(prediction)
    }
    expected: dict[int, int] = {}
    for (r, p), iou in sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0])):
        if iou >= threshold and iou > 0 and r not in expected and p not in expected.values():
            expected[r] = p
    found = matched(prediction, reference, matching="greedy", threshold=threshold)
    assert dict(pairs_of(found)) == {r: (p,) for r, p in expected.items()}


def test_one_to_one_by_hand() -> None:
    """1 and 1 share 3 of 4 voxels; 2 and 2 share 1 of 4; 3 meets nothing."""
    found = matched(PREDICTION, REFERENCE)
    (match,) = found.matches
    assert (match.reference.id, ids(match.predictions)) == (1, [1])
    assert match.iou == 3 / 4
    assert match.dice == 6 / 7
    assert match.hd95 is None
    assert ids(found.missed) == [2, 3]
    assert ids(found.invented) == [2]


def test_any_overlap_by_hand() -> None:
    found = matched(PREDICTION, REFERENCE, matching="any-overlap")
    assert pairs_of(found) == [(1, (1,)), (2, (2,))]
    assert [(m.iou, m.dice) for m in found.matches] == [(3 / 4, 6 / 7), (1 / 4, 2 / 5)]
    assert ids(found.missed) == [3]
    assert found.invented == ()


def test_a_threshold_is_to_be_exceeded() -> None:
    """IoU 1/2 at a threshold of 1/2: two such predictions would fit one reference, so neither does."""
    assert matched([1, 1, 2, 2], [1, 1, 1, 1]).matches == ()
    assert pairs_of(matched([1, 1, 1, 2], [1, 1, 1, 1])) == [(1, (1,))]


def test_the_dice_in_place_of_the_iou() -> None:
    """IoU: 1–1 4/7, 1–2 1/5, 2–1 2/7: the first is most. Dice: 8/11, 2/6, 4/9: the others together are 7/9."""
    reference, prediction = [1, 1, 1, 1, 1, 2, 2, 2], [1, 2, 1, 1, 1, 1, 1, 0]
    assert pairs_of(matched(prediction, reference, threshold=0.0)) == [(1, (1,))]
    assert pairs_of(matched(prediction, reference, threshold=0.0, by="dice")) == [(1, (2,)), (2, (1,))]
    for matching in ("one-to-one", "greedy", "many-to-one"):  # 4/7, or both pieces' 5/7, and 8/11, or 10/12
        assert not matched(prediction, reference, threshold=0.72, matching=matching).matches
        assert len(matched(prediction, reference, threshold=0.72, matching=matching, by="dice").matches) == 1


def test_the_best_sum_wins_over_the_best_pair() -> None:
    """IoU: 1–1 3/7, 1–2 2/5, 2–1 2/6. The best pair alone gives 3/7, the two others together 11/15."""
    reference = [1, 1, 1, 1, 1, 2, 2, 2, 0, 0]
    prediction = [2, 2, 1, 1, 1, 1, 1, 0, 0, 0]
    r, p = np.array(reference), np.array(prediction)
    assert [iou_of(p, r, (j,), i) for i, j in ((1, 1), (1, 2), (2, 1))] == [3 / 7, 2 / 5, 2 / 6]
    assert pairs_of(matched(prediction, reference, threshold=0.1)) == [(1, (2,)), (2, (1,))]


def test_of_equal_sums_the_one_of_more_pairs_is_taken() -> None:
    """IoU: 1–1 6/12, 1–2 2/8, 2–1 3/12: one pair of 1/2, or two of 1/4."""
    reference = [1] * 8 + [2] * 5 + [0]
    prediction = [2, 2] + [1] * 9 + [0, 0, 1]
    r, p = np.array(reference), np.array(prediction)
    assert [iou_of(p, r, (j,), i) for i, j in ((1, 1), (1, 2), (2, 1))] == [6 / 12, 2 / 8, 3 / 12]
    assert pairs_of(matched(prediction, reference, threshold=0.0)) == [(1, (2,)), (2, (1,))]


def test_many_to_one_by_hand() -> None:
    """Three pieces of a lesion are one match; a piece that lies half outside does not belong to it."""
    reference = [1, 1, 1, 1, 1, 1, 0, 0, 2, 2, 2]
    prediction = [1, 0, 2, 0, 3, 4, 4, 0, 0, 0, 5]
    assert matched(prediction, reference).matches == ()
    found = matched(prediction, reference, matching="many-to-one", threshold=0.4)
    (match,) = found.matches
    assert (match.reference.id, ids(match.predictions)) == (1, [1, 2, 3])
    assert match.iou == 3 / 6
    assert match.dice == 6 / 9
    assert ids(found.missed) == [2]
    assert ids(found.invented) == [4, 5]


@given(maps, maps, thresholds)
def test_one_to_one_is_the_best_of_all_assignments(prediction: Map, reference: Map, threshold: float) -> None:
    rows, columns = values_of(reference), values_of(prediction)
    table = np.array([[iou_of(prediction, reference, (p,), r) for p in columns] for r in rows]).reshape(
        len(rows), len(columns)
    )
    table[table <= threshold] = 0
    table = np.pad(table, ((0, 4 - len(rows)), (0, 4 - len(columns))))
    sums = [
        (round(sum(table[i, j] for i, j in enumerate(order)), 9), sum(table[i, j] > 0 for i, j in enumerate(order)))
        for order in permutations(range(4))
    ]
    found = matched(prediction, reference, threshold=threshold)
    assert (round(sum(m.iou for m in found.matches), 9), len(found.matches)) == max(sums)
    require_a_partition(found, prediction, reference)
    assert all(match.iou > threshold and len(match.predictions) == 1 for match in found.matches)


@given(maps, maps, st.sampled_from(["any-overlap", "many-to-one"]), thresholds)
def test_the_other_rules_pair_of_masks_by_pair_of_masks(
    prediction: Map, reference: Map, matching: Any, threshold: float
) -> None:
    expected = []
    for r in values_of(reference):
        shares = {p: (reference[prediction == p] == r).mean() for p in values_of(prediction)}
        if matching == "any-overlap":
            members = tuple(p for p, share in shares.items() if share)
        else:
            members = tuple(p for p, share in shares.items() if share > 1 / 2)
            if iou_of(prediction, reference, members, r) <= threshold:
                members = ()
        if members:
            expected.append((r, members))
    found = matched(prediction, reference, matching=matching, threshold=threshold)
    assert pairs_of(found) == expected
    require_a_partition(found, prediction, reference)


@given(maps, maps, st.sampled_from([0.5, 0.7]))
def test_what_matches_one_to_one_matches_many_to_one_no_worse(p: Map, r: Map, threshold: float) -> None:
    single = {match.reference.id: match.iou for match in matched(p, r, threshold=threshold).matches}
    several = matched(p, r, threshold=threshold, matching="many-to-one").matches
    together = {match.reference.id: match.iou for match in several}
    assert all(together[reference] >= iou for reference, iou in single.items())


def require_a_partition(found: TargetInstances, prediction: Map, reference: Map) -> None:
    """Every instance is where it belongs, and the values of a match are those of its masks."""
    taken = {p for _, members in pairs_of(found) for p in members}
    assert sorted([*ids(found.missed), *(m.reference.id for m in found.matches)]) == values_of(reference)
    assert taken.isdisjoint(ids(found.invented))
    assert sorted([*taken, *ids(found.invented)]) == values_of(prediction)
    for match in found.matches:
        iou = iou_of(prediction, reference, tuple(ids(match.predictions)), match.reference.id)
        assert match.iou == pytest.approx(iou, abs=1e-15)
        assert match.dice == pytest.approx(2 * iou / (1 + iou), abs=1e-15)


@given(maps, maps, st.permutations(range(1, 5)), st.permutations(range(1, 5)), thresholds)
def test_the_names_of_instances_do_not_matter(p: Map, r: Map, new_p: Any, new_r: Any, threshold: float) -> None:
    renamed = [np.array([0, *names])[values] for names, values in ((new_p, p), (new_r, r))]
    for matching in ("one-to-one", "any-overlap", "many-to-one", "greedy"):
        before = matched(p, r, matching=matching, threshold=threshold)
        after = matched(*renamed, matching=matching, threshold=threshold)
        assert [len(x) for x in (before.matches, before.missed, before.invented)] == [
            len(x) for x in (after.matches, after.missed, after.invented)
        ]
        assert sum(m.iou for m in before.matches) == pytest.approx(sum(m.iou for m in after.matches), abs=1e-9)


def test_a_hundred_thousand_instances() -> None:
    """Instances of two voxels in a row, the prediction one voxel further: each shares 1/3 with two others."""
    reference = np.repeat(np.arange(1, 100_001), 2).reshape(1000, 200)  # 100 instances in a row
    prediction = np.roll(reference, 1, axis=1)
    found = matched(prediction, reference, threshold=0.3)
    assert len(found.matches) == 100_000
    assert {match.iou for match in found.matches} == {1 / 3}


def test_distances_are_measured_within_the_box_of_a_match() -> None:
    """In a volume of components: the masks handed over hold the match alone, and all of it."""
    seen = []

    def distance(prediction: Map, reference: Map, spacing: Any) -> float:
        seen.append((prediction.astype(int).tolist(), reference.astype(int).tolist(), tuple(spacing)))
        return 2.5

    reference, prediction = np.zeros((9, 8), dtype=bool), np.zeros((9, 8), dtype=bool)
    reference[2:4, 3:6] = prediction[2:4, 4:7] = True
    reference[8, 7] = prediction[6, 4] = True  # a missed and an invented one, which cost no distance
    p, r = find_components(prediction), find_components(reference)
    pairs = choose_pairs(shared_voxels(r, p), p.voxels, r.voxels, InstanceOptions(threshold=0.4))
    assert match_distances(p, r, pairs, distance, (1.0, 3.0)) == [2.5]
    assert seen == [([[0, 1, 1, 1]] * 2, [[1, 1, 1, 0]] * 2, (1.0, 3.0))]
