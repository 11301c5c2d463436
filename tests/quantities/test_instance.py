"""The instance metrics: an example by hand, what is undefined, and laws on random maps of instances."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from instance_maps import match_maps
from msgspec.structs import replace

from segeval.quantities import instance as formulas
from segeval.quantities import lesionwise
from segeval.tallies.instances import Instance, InstanceOptions, Instances, Match, TargetInstances

Map = np.ndarray[Any, Any]
RATES = ("instance_sensitivity", "instance_precision", "instance_f1", "sq", "pq", "instance_dice")
COUNTS = ("instance_tp", "instance_fp", "instance_fn")

maps = arrays(np.uint8, (12,), elements=st.integers(0, 4)).map(lambda values: values.reshape(-1, 1))
rules = st.tuples(
    st.sampled_from(["one-to-one", "any-overlap", "many-to-one", "greedy"]), st.sampled_from([0.0, 0.3, 0.5])
)


def of_size(number: int, voxels: int) -> Instance:
    return Instance(number, voxels, ((0, voxels),), (voxels / 2,))


A, B, C = of_size(1, 10), of_size(2, 20), of_size(3, 30)
MATCHES = (
    Match(A, (A,), iou=0.75, dice=6 / 7, hd95=1.0, nsd={1.0: 0.75}, pooled_hd95=0.5),
    Match(B, (B,), iou=0.6, dice=0.75, hd95=4.0, nsd={1.0: 0.25}, pooled_hd95=2.0),
)
SOME = TargetInstances(1, MATCHES, missed=(C,), invented=(A, A, B))
MISSED = TargetInstances(2, missed=(A, B))
INVENTED = TargetInstances(3, invented=(C,))
NOTHING = TargetInstances(4)
ALL_FOUND = TargetInstances(5, MATCHES)


def value(name: str, target: TargetInstances, voxel_volume_ml: float = 0.5, missed_mm: float = 99.0) -> float:
    formula: Callable[[Instances], Map] = getattr(lesionwise if name.startswith("lesionwise") else formulas, name)
    (found,) = formula(Instances((target,), voxel_volume_ml, missed_mm))
    return float(found)


NAN = math.nan


@pytest.mark.parametrize(
    ("name", "some", "missed", "invented", "nothing", "all_found"),
    [
        ("instance_tp", 2, 0, 0, 0, 2),
        ("instance_fp", 3, 0, 1, 0, 0),
        ("instance_fn", 1, 2, 0, 0, 0),
        ("instance_sensitivity", 2 / 3, 0, 0, NAN, 1),
        ("instance_precision", 2 / 5, 0, 0, NAN, 1),
        ("instance_f1", 4 / 8, 0, 0, NAN, 1),
        ("sq", 1.35 / 2, 0, 0, NAN, 1.35 / 2),
        ("pq", 1.35 / 4, 0, 0, NAN, 1.35 / 2),
        ("instance_dice", (6 / 7 + 3 / 4) / 2, 0, 0, NAN, (6 / 7 + 3 / 4) / 2),
        ("instance_hd95", 2.5, 99, 99, NAN, 2.5),
        ("instance_nsd", (0.75 + 0.25) / 2, 0, 0, NAN, 0.5),
        ("missed_volume_ml", 15, 15, 0, 0, 0),
        ("invented_volume_ml", 20, 0, 15, 0, 0),
        ("lesionwise_dice", (6 / 7 + 3 / 4) / 6, 0, 0, 1, (6 / 7 + 3 / 4) / 2),
        ("lesionwise_hd95", (5 + 4 * 374) / 6, 374, 374, 0, 2.5),
        ("lesionwise_nsd", (0.75 + 0.25) / 6, 0, 0, 1, 0.5),
        ("lesionwise_tp", 2, 0, 0, 0, 2),
        ("lesionwise_fp", 3, 0, 1, 0, 0),
        ("lesionwise_fn", 1, 2, 0, 0, 0),
    ],
)
def test_by_hand(name: str, some: float, missed: float, invented: float, nothing: float, all_found: float) -> None:
    """Two matches, a miss of 30 voxels, three inventions of 10, 10 and 20; a voxel has half a millilitre."""
    found = [value(name, target) for target in (SOME, MISSED, INVENTED, NOTHING, ALL_FOUND)]
    assert found == pytest.approx([some, missed, invented, nothing, all_found], nan_ok=True)


def test_several_targets_at_once_and_some_of_them() -> None:
    several = Instances((SOME, NOTHING, MISSED))
    assert formulas.instance_f1(several) == pytest.approx([0.5, NAN, 0], nan_ok=True)
    assert formulas.instance_f1(several[[2, 0]]).tolist() == [0, 0.5]
    assert formulas.instance_tp(several[:1]).tolist() == [2]
    assert formulas.pq(several[[]]).shape == (0,)


def test_without_a_geometry_volumes_are_undefined() -> None:
    assert math.isnan(value("missed_volume_ml", SOME, voxel_volume_ml=NAN))


def test_distances_that_were_not_measured_are_undefined() -> None:
    unmeasured = replace(SOME, matches=tuple(replace(match, hd95=None) for match in MATCHES))
    assert math.isnan(value("instance_hd95", unmeasured))
    assert math.isnan(value("lesionwise_hd95", unmeasured))
    assert formulas.instance_hd95(Instances((SOME, MISSED), missed_mm=7.0), pooled=True).tolist() == [1.25, 7.0]
    assert math.isnan(float(lesionwise.lesionwise_nsd(Instances((SOME,)), tau=2.0)[0]))


def test_small_and_large_instances() -> None:
    """A voxel has half a millilitre: matches of 5000 and 10,000 mm³ with Dice 6/7 and 3/4, a miss of 15,000."""
    several = Instances((SOME, MISSED, INVENTED, NOTHING), voxel_volume_ml=0.5, missed_mm=99.0)

    def large(mm3: float) -> list[float]:
        return formulas.instance_dice(several, from_mm3=mm3).tolist()

    assert large(5001) == pytest.approx([0.75, 0, NAN, NAN], nan_ok=True)  # 5000 and 10,000 were missed
    assert large(10_001) == pytest.approx([0, NAN, NAN, NAN], nan_ok=True)
    assert large(15_001) == pytest.approx([NAN, NAN, NAN, NAN], nan_ok=True)
    assert formulas.instance_hd95(several, from_mm3=10_000).tolist()[:2] == [4.0, 99.0]
    assert formulas.instance_nsd(several, from_mm3=10_000).tolist()[:2] == [0.25, 0.0]
    for below, dice, tp, fn in ((10_000, 0, 1, 0), (10_001, 0.8, 1, 1), (20_000, 0.8, 1, 2), (0, 0.9, 0, 3)):
        assert formulas.instance_tp(several, below_mm3=below, dice=dice)[0] == tp
        assert formulas.instance_fn(several, below_mm3=below, dice=dice)[0] == fn
    assert formulas.instance_fn(several, below_mm3=10_000).tolist() == [0, 1, 0, 0]
    nowhere = Instances((SOME,))
    assert math.isnan(formulas.instance_dice(nowhere, from_mm3=1)[0])


def test_an_instance_of_just_the_volume_is_not_small() -> None:
    """Three voxels of 0.7 mm are 1.029 mm³, of which float64 makes 1.0289999999999997."""
    three = of_size(1, 3)
    target = TargetInstances(1, (Match(three, (three,), iou=1.0, dice=1.0),), missed=(three,))
    one = Instances((target,), voxel_volume_ml=0.7**3 / 1000)
    assert formulas.instance_dice(one, from_mm3=1.029).tolist() == [1]
    assert formulas.instance_tp(one, below_mm3=1.029).tolist() == [0]
    assert formulas.instance_fn(one, below_mm3=1.029).tolist() == [0]
    assert formulas.instance_fn(one, below_mm3=1.03).tolist() == [1]


def test_a_complete_miss_has_no_distance_where_none_is_wanted() -> None:
    assert math.isnan(value("instance_hd95", MISSED, missed_mm=NAN))


def test_without_a_miss_no_penalty_is_wanted() -> None:
    all_found, missed = Instances((ALL_FOUND,), missed_mm=NAN), Instances((SOME,), missed_mm=NAN)
    assert lesionwise.lesionwise_hd95(all_found, missed=True).tolist() == [2.5]
    assert math.isnan(lesionwise.lesionwise_hd95(missed, missed=True)[0])


def test_the_penalty_can_be_chosen() -> None:
    assert lesionwise.lesionwise_hd95(Instances((SOME,)), penalty_mm=10).tolist() == [45 / 6]
    assert lesionwise.lesionwise_hd95(Instances((SOME,), missed_mm=10), missed=True).tolist() == [45 / 6]


def matched(prediction: Map, reference: Map, rule: tuple[Any, float] = ("one-to-one", 0.5)) -> TargetInstances:
    options = InstanceOptions(matching=rule[0], threshold=rule[1], labelled=True)
    (found,) = match_maps(prediction, reference, options)
    return found


@given(maps, maps, st.sampled_from([0.0, 0.3, 0.5, 0.7]))
def test_exchanging_the_volumes_exchanges_sensitivity_and_precision(p: Map, r: Map, threshold: float) -> None:
    there, back = matched(p, r, ("one-to-one", threshold)), matched(r, p, ("one-to-one", threshold))
    for name, other in (
        ("instance_sensitivity", "instance_precision"),
        ("instance_fp", "instance_fn"),
        ("missed_volume_ml", "invented_volume_ml"),
        *((name, name) for name in ("instance_tp", "instance_f1", "sq", "pq")),
    ):
        if name.endswith("_ml") and threshold < 0.5:
            continue  # of equally good assignments one is taken, and they miss different instances
        assert value(name, there) == pytest.approx(value(other, back), nan_ok=True, abs=1e-9), name


@given(maps, maps, rules)
def test_rates_lie_between_0_and_1_and_are_defined_where_there_is_anything(p: Map, r: Map, rule: Any) -> None:
    found = matched(p, r, rule)
    for name in RATES:
        rate = value(name, found)
        assert 0 <= rate <= 1 if p.any() or r.any() else math.isnan(rate)


@given(maps, rules)
def test_the_reference_itself_is_perfect(r: Map, rule: Any) -> None:
    if r.any():
        assert [value(name, matched(r, r, rule)) for name in RATES] == [1] * len(RATES)


@given(maps, maps, rules)
def test_a_far_invention_lowers_what_it_should(p: Map, r: Map, rule: Any) -> None:
    """Behind both volumes, one more instance: one more false positive, and nothing else is worth less or more."""
    before = matched(p, r, rule)
    after = matched(np.pad(p, ((0, 2), (0, 0)), constant_values=9), np.pad(r, ((0, 2), (0, 0))), rule)
    assert [value(n, after) - value(n, before) for n in COUNTS] == [0, 1, 0]
    for name in ("instance_precision", "instance_f1", "pq"):
        old, new = value(name, before), value(name, after)
        assert new < old if old > 0 else new == 0
    assert value("invented_volume_ml", after) == value("invented_volume_ml", before) + 1.0


@given(maps, maps, rules)
def test_panoptic_quality_is_that_of_its_publication(p: Map, r: Map, rule: Any) -> None:
    """Σ IoU / (TP + FP/2 + FN/2), Kirillov et al. 2019."""
    found = matched(p, r, rule)
    if p.any() or r.any():
        weight = len(found.matches) + len(found.invented) / 2 + len(found.missed) / 2
        assert value("pq", found) == pytest.approx(sum(match.iou for match in found.matches) / weight)
