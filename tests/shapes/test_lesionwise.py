"""BraTS's lesion-wise procedure: an example by hand, and a slow restatement that goes lesion by lesion."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from scipy.spatial.distance import cdist

from segeval.errors import UsageError
from segeval.quantities.lesionwise import (
    lesionwise_dice,
    lesionwise_fn,
    lesionwise_fp,
    lesionwise_hd95,
    lesionwise_nsd,
    lesionwise_tp,
)
from segeval.shapes.lesionwise import match_lesions
from segeval.tallies.instances import BRATS_2023, Instances, LesionwiseOptions, TargetInstances

Map = np.ndarray[Any, Any]
FULL = np.ones((3, 3, 3))


def brute_force_hd95(a: Map, b: Map, spacing: Any) -> float:
    """The larger of the two directed 95th percentiles over boundary voxels, all distances at once."""
    points = [np.argwhere(m & ~ndimage.binary_erosion(m)) * np.asarray(spacing) for m in (a, b)]
    distances = cdist(*points)
    return float(max(np.percentile(distances.min(axis=1), 95), np.percentile(distances.min(axis=0), 95)))


def brute_force_shares(a: Map, b: Map, spacing: Any) -> dict[float, float]:
    """The mean of both boundaries' shares within 0.5 and 1 mm."""
    points = [np.argwhere(m & ~ndimage.binary_erosion(m)) * np.asarray(spacing) for m in (a, b)]
    distances = cdist(*points)
    near = [distances.min(axis=1), distances.min(axis=0)]
    return {tau: float(np.mean([(side <= tau).mean() for side in near])) for tau in (0.5, 1.0)}


def lesions(prediction: Map, reference: Map, options: LesionwiseOptions, spacing: Any = (1, 1, 1)) -> TargetInstances:
    functions: Any = {"hd95": brute_force_hd95, "nsd": brute_force_shares}
    return match_lesions("wt", prediction, reference, options, **functions, spacing_mm=spacing)


def numbers(found: TargetInstances) -> list[float]:
    """TP, FP, FN, Dice and HD95, as the challenge reports them."""
    instances = Instances((found,))
    quantities = (lesionwise_tp, lesionwise_fp, lesionwise_fn, lesionwise_dice, lesionwise_hd95)
    return [float(quantity(instances)[0]) for quantity in quantities]


@pytest.fixture
def example() -> tuple[Map, Map]:
    """Five lesions and five predictions on one line of a volume, dilated by 1; ``volume[x, 1, 1]`` for x by x.

    x          0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27
    reference  A  A  A  A  .  .  B  B  .  .  .  .  .  .  C  C  C  .  .  .  .  D  .  .  .  .  .  .
    prediction a  a  a  .  .  .  .  b  b  .  .  .  .  .  .  .  .  c  c  c  .  .  d  .  .  .  e  e
    """
    reference, prediction = np.zeros((28, 3, 3), dtype=bool), np.zeros((28, 3, 3), dtype=bool)
    reference[[0, 1, 2, 3, 6, 7, 14, 15, 16, 21], 1, 1] = True
    prediction[[0, 1, 2, 7, 8, 17, 18, 19, 22, 26, 27], 1, 1] = True
    return prediction, reference


def test_the_example_by_hand(example: tuple[Map, Map]) -> None:
    """A and B are two voxels apart: their dilations touch, and AB is one lesion of 6 voxels, with a and b (5, 4 in it).

    C is met by c only through its dilation: Dice 0, but no miss. D has 1 voxel, which 1 mm³ leaves out with d, which
    therefore is no invention. e meets nothing. Dice (8/11 + 0 + 0) / 3.
    HD95 of AB: from the reference 0 0 0 0 1 1, of which the 95th percentile is 1; from the prediction less. Of C:
    1 2 3 both ways, whose 95th percentile is 2.9. Together with 374 mm for e: (1 + 2.9 + 374) / 3.
    """
    found = lesions(*example, LesionwiseOptions(dilation=1, scored_above_mm3=1))
    (ab, c), (d,), (e,) = found.matches, found.left_out, found.invented
    assert (ab.reference.voxels, ab.reference.box) == (6, ((0, 8), (1, 2), (1, 2)))
    assert [p.voxels for p in ab.predictions] == [3, 2]
    assert (ab.iou, ab.dice, ab.hd95) == (4 / 7, 8 / 11, 1)
    assert ([p.voxels for p in c.predictions], c.dice, c.hd95) == ([3], 0, pytest.approx(2.9))
    assert ([p.voxels for p in d.predictions], d.dice, e.voxels) == ([1], 0, 2)
    assert numbers(found) == pytest.approx([2, 1, 0, 8 / 33, 377.9 / 3])


@pytest.mark.parametrize("merged", [False, True])
def test_a_lesion_of_the_limit_is_not_scored_in_any_unit(merged: bool) -> None:
    """50 voxels of 0.1³ mm³ are 0.05 mm³, though their product is a little more as float64; 51 are more."""
    lesion = np.zeros((9, 9, 6), dtype=bool)
    lesion[2:7, 2:7, 2:4] = True
    options = LesionwiseOptions(dilation=1, scored_above_mm3=0.05, merged=merged)
    alike = lesions(lesion, lesion, options, (0.1, 0.1, 0.1))
    assert (len(alike.matches), len(alike.left_out)) == (0, 1)
    lesion[2, 2, 4] = True
    assert len(lesions(lesion, lesion, options, (0.1, 0.1, 0.1)).matches) == 1


def test_the_surface_dice_by_hand(example: tuple[Map, Map]) -> None:
    """Of AB within 0.5 mm 4 of 5 voxels and 4 of 6, within 1 mm all; of C none, and 1 of 3 both ways; e counts 0."""
    instances = Instances((lesions(*example, LesionwiseOptions(dilation=1, scored_above_mm3=1)),))
    assert lesionwise_nsd(instances, tau=0.5) == pytest.approx((4 / 5 + 4 / 6) / 2 / 3)
    assert lesionwise_nsd(instances, tau=1.0) == pytest.approx((1 + 1 / 3) / 3)


def test_merged_predictions_by_hand(example: tuple[Map, Map]) -> None:
    """c and d are two voxels apart: cd, of 4 voxels, belongs to C, and to D, which is left out. e counts in no mean.

    HD95 of C: from the reference 3 2 1, from the prediction 1 2 3 6, whose 95th percentile is 5.55.
    """
    options = LesionwiseOptions(dilation=1, scored_above_mm3=1, merged=True, inventions=False)
    found = lesions(*example, options)
    assert [[p.voxels for p in match.predictions] for match in (*found.matches, *found.left_out)] == [[3, 2], [4], [4]]
    assert numbers(found) == pytest.approx([2, 1, 0, 8 / 11 / 2, (1 + 5.55) / 2])
    small = lesions(*example, LesionwiseOptions(dilation=1, scored_above_mm3=2, merged=True))
    assert [p.voxels for match in small.matches for p in match.predictions] == [3, 4]  # b and e have two voxels each
    assert not small.invented
    assert numbers(small)[:3] == [2, 0, 0]


def test_lesions_as_far_apart_as_twice_the_dilation_are_one() -> None:
    """Voxels 0 and 7 dilated by 3 reach 3 and 4, which touch; voxel 8 reaches 5, and nothing fills the gap at 4."""
    for distance, number in ((7, 1), (8, 2)):
        reference = np.zeros((12, 1, 1), dtype=bool)
        reference[[0, distance]] = True
        found = lesions(reference, reference, LesionwiseOptions(dilation=3, scored_above_mm3=0))
        assert len(found.matches) == number


def test_a_step_of_the_dilation_reaches_edges_and_no_corners() -> None:
    """A voxel that shares an edge with a lesion belongs to it at a dilation of 1; one that shares a corner does not."""
    reference = np.zeros((4, 4, 4), dtype=bool)
    reference[0, 0, 0] = True
    for place, belongs in (((1, 1, 0), True), ((1, 1, 1), False)):
        prediction = np.zeros_like(reference)
        prediction[place] = True
        found = lesions(prediction, reference, LesionwiseOptions(dilation=1, scored_above_mm3=0))
        assert [len(found.matches), len(found.missed), len(found.invented)] == ([1, 0, 0] if belongs else [0, 1, 1])


def test_a_prediction_over_two_lesions_counts_for_both() -> None:
    reference = np.zeros((12, 1, 1), dtype=bool)
    reference[[0, 1, 10, 11]] = True
    found = lesions(np.ones_like(reference), reference, LesionwiseOptions(dilation=1, scored_above_mm3=0))
    assert [[p.voxels for p in match.predictions] for match in found.matches] == [[12], [12]]
    assert [match.dice for match in found.matches] == [4 / 14, 4 / 14]
    assert found.invented == ()


def test_empty_volumes_have_the_published_values() -> None:
    """Nothing to find and nothing found: Dice 1, HD95 0. All missed, or all invented: 0 and 374 mm."""
    empty, full = np.zeros((4, 4, 4), dtype=bool), np.ones((4, 4, 4), dtype=bool)
    assert numbers(lesions(empty, empty, BRATS_2023["gli"])) == [0, 0, 0, 1, 0]
    assert numbers(lesions(empty, full, BRATS_2023["gli"])) == [0, 0, 1, 0, 374]
    assert numbers(lesions(full, empty, BRATS_2023["gli"])) == [0, 1, 0, 0, 374]
    assert numbers(lesions(full, full, BRATS_2023["gli"])) == [1, 0, 0, 1, 0]


def test_a_lesion_of_exactly_the_threshold_is_left_out() -> None:
    """50 mm³ are left out at 50, 51 are not; a voxel of 0.5 mm³ halves the volume."""
    for voxels, spacing, scored in ((50, (1, 1, 1), 0), (51, (1, 1, 1), 1), (51, (1, 1, 0.5), 0)):
        reference = np.zeros((60, 1, 1), dtype=bool)
        reference[:voxels] = True
        found = lesions(np.zeros_like(reference), reference, BRATS_2023["gli"], spacing)
        assert (len(found.missed), len(found.left_out)) == (scored, 1 - scored)


def test_two_dimensions_are_refused() -> None:
    with pytest.raises(UsageError, match="brats-lesionwise is defined in three dimensions, and the volumes have 2"):
        lesions(np.ones((2, 2), dtype=bool), np.ones((2, 2), dtype=bool), BRATS_2023["gli"])


sparse_masks = st.sets(st.tuples(*(st.integers(0, side - 1) for side in (14, 6, 5))), max_size=9).map(
    lambda places: np.isin(np.arange(14 * 6 * 5), [np.ravel_multi_index(p, (14, 6, 5)) for p in places]).reshape(
        14, 6, 5
    )
)
blobs = st.tuples(sparse_masks, arrays(bool, (3,))).map(
    lambda case: ndimage.binary_dilation(
        case[0], case[1][:, None, None] | np.array([False, True, False])[:, None, None]
    )
)


@given(blobs, blobs, st.integers(0, 3), st.sampled_from([0.0, 1.0, 4.0]))
def test_lesion_by_lesion(prediction: Map, reference: Map, dilation: int, small: float) -> None:
    """Distances of one mask against another, geodesics nowhere: a lesion's surroundings by an explicit dilation."""
    spacing = (1.0, 2.0, 0.5)
    reach = ndimage.generate_binary_structure(3, 2)

    def around(mask: Map) -> Map:
        for _ in range(dilation):
            mask = ndimage.binary_dilation(mask, reach)
        return mask

    regions, number = ndimage.label(around(reference), FULL)
    parts, _ = ndimage.label(prediction, FULL)
    dice, hd95, hits, misses, belonging = [], [], 0, 0, {0}
    for k in range(1, number + 1):
        lesion = reference & (regions == k)
        members = set(np.unique(parts[around(lesion)]).tolist()) - {0}
        belonging |= members
        if lesion.sum() * 1.0 <= small:
            continue
        found = np.isin(parts, list(members))
        hits, misses = hits + bool(members), misses + (not members)
        dice.append(2 * (found & lesion).sum() / (found.sum() + lesion.sum()))
        hd95.append(brute_force_hd95(found, lesion, spacing) if members else 374)
    invented = len(set(np.unique(parts).tolist()) - belonging)
    expected = [hits, invented, misses, 1.0, 0.0]
    if dice or invented:
        expected[3:] = [sum(dice) / (len(dice) + invented), (sum(hd95) + 374 * invented) / (len(dice) + invented)]
    options = LesionwiseOptions(dilation, small)
    assert numbers(lesions(prediction, reference, options, spacing)) == pytest.approx(expected)


def test_the_parameters_of_the_five_challenges() -> None:
    assert {name: (o.dilation, o.scored_above_mm3) for name, o in BRATS_2023.items()} == {
        "gli": (3, 50), "ssa": (3, 50), "ped": (3, 50), "men": (1, 50), "met": (1, 2),
    }  # fmt: skip
    assert BRATS_2023["gli"] == LesionwiseOptions()
