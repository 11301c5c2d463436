"""Connected components of masks: against SciPy's label, brute force, and examples by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from segeval.errors import UsageError
from segeval.shapes.components import Components, find_components, measure, shared_voxels
from segeval.tallies.instances import Instance, InstanceOptions

RANK = {4: 1, 8: 2, 6: 1, 18: 2, 26: 3}  # SciPy's name for a connectivity: how many axes may change in a step

masks = st.one_of(
    st.tuples(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=7)), st.sampled_from([4, 8])),
    st.tuples(arrays(bool, array_shapes(min_dims=3, max_dims=3, max_side=5)), st.sampled_from([6, 18, 26])),
)


def parts(places: np.ndarray[Any, Any]) -> set[frozenset[tuple[int, ...]]]:
    """The instances as sets of voxels, whatever they are called."""
    return {frozenset(map(tuple, np.argwhere(places == k).tolist())) for k in np.unique(places).tolist() if k}


def test_a_picture_by_hand() -> None:
    """Two voxels that touch at a corner, and a bar of three."""
    picture = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 1, 1, 1]], dtype=bool)
    assert find_components(picture).instances() == [
        Instance(1, 2, ((0, 2), (0, 2)), (0.5, 0.5)),
        Instance(2, 3, ((3, 4), (1, 4)), (3.0, 2.0)),
    ]
    assert find_components(picture, 4).voxels.tolist() == [1, 1, 3]


@pytest.mark.parametrize(("connectivity", "expected"), [(None, 1), (26, 1), (18, 2), (6, 3)])
def test_the_neighbours_in_three_dimensions(connectivity: Any, expected: int) -> None:
    """A voxel, a second that shares an edge with it, a third that shares a corner with the second."""
    volume = np.zeros((3, 3, 3), dtype=bool)
    volume[0, 0, 0] = volume[1, 1, 0] = volume[2, 2, 1] = True
    assert len(find_components(volume, connectivity)) == expected


@given(masks, st.sampled_from("CF"))
def test_components_are_those_of_scipy(case: tuple[np.ndarray[Any, Any], int], order: Any) -> None:
    mask, connectivity = case
    found = find_components(np.asarray(mask, order=order), connectivity)  # type: ignore[arg-type]
    structure = ndimage.generate_binary_structure(mask.ndim, RANK[connectivity])
    expected, number = ndimage.label(mask, structure)
    assert len(found) == number
    assert parts(found.places) == parts(expected)
    for k, instance in enumerate(found.instances(), start=1):
        own = found.places == k
        assert instance.voxels == own.sum()
        (box,) = ndimage.find_objects(own.astype(int))
        assert instance.box == tuple((part.start, part.stop) for part in box)
        assert instance.centroid == pytest.approx(ndimage.center_of_mass(own))


@given(arrays(bool, (7, 4, 3)), st.tuples(*(st.tuples(st.integers(0, n), st.integers(0, n)) for n in (7, 4, 3))))
def test_components_of_a_box_cut_out_of_a_volume(volume: np.ndarray[Any, Any], ends: Any) -> None:
    """Lines, planes and boxes without a voxel among them."""
    mask = volume[tuple(slice(min(pair), max(pair)) for pair in ends)]
    for connectivity in (26, 18, 6):
        expected, _ = ndimage.label(mask, ndimage.generate_binary_structure(3, RANK[connectivity]))
        assert parts(find_components(mask, connectivity).places) == parts(expected)  # type: ignore[arg-type]


def test_a_volume_full_of_one_instance_and_an_empty_one() -> None:
    assert find_components(np.ones((1, 1, 1), dtype=bool)).voxels.tolist() == [1]
    nothing = find_components(np.zeros((2, 3, 4), dtype=bool))
    assert len(nothing) == 0
    assert nothing.instances() == []
    assert find_components(np.zeros((0, 0, 0), dtype=bool)).instances() == []


def test_a_box_knows_where_it_lies_in_the_volume() -> None:
    (instance,) = find_components(np.ones((2, 1, 1), dtype=bool), origin=(10, 20, 30)).instances()
    assert instance == Instance(1, 2, ((10, 12), (20, 21), (30, 31)), (10.5, 20.0, 30.0))


def test_the_connectivity_of_the_other_dimension_is_refused() -> None:
    with pytest.raises(UsageError, match=r"connectivity 8 does not exist in 3 dimensions; choose 26 or 18 or 6"):
        find_components(np.ones((2, 2, 2), dtype=bool), 8)
    with pytest.raises(UsageError, match=r"connectivity 26 does not exist in 2 dimensions; choose 8 or 4"):
        find_components(np.ones((2, 2), dtype=bool), 26)


@given(
    arrays(np.int16, (4, 3, 2), elements=st.integers(0, 4)),
    arrays(np.int16, (4, 3, 2), elements=st.integers(0, 4)),
    st.sampled_from("CF"),
    st.sampled_from("CF"),
)
def test_shared_voxels_are_those_of_every_pair_of_masks(a: Any, b: Any, order_a: Any, order_b: Any) -> None:
    reference, prediction = numbered(np.asarray(a, order=order_a)), numbered(np.asarray(b, order=order_b))
    expected = [
        (i, j, int(((a == r) & (b == p)).sum()))
        for i, r in enumerate(values(a))
        for j, p in enumerate(values(b))
        if ((a == r) & (b == p)).any()
    ]
    assert triples(reference, prediction) == expected


def values(labels: Any) -> list[int]:
    return [value for value in np.unique(labels).tolist() if value]


def numbered(labels: Any) -> Components:
    """The values as instances, in ascending order."""
    places = np.zeros_like(labels, dtype=np.uint32)
    for k, value in enumerate(values(labels), start=1):
        places[labels == value] = k
    return measure(places)


def triples(reference: Components, prediction: Components) -> list[tuple[int, int, int]]:
    pairs = shared_voxels(reference, prediction)
    return list(zip(pairs.reference.tolist(), pairs.prediction.tolist(), pairs.voxels.tolist(), strict=True))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"connectivity": 7}, "--connectivity 7: write 4 or 8"),
        ({"matching": "largest"}, "--matching 'largest': write one of one-to-one, any-overlap, many-to-one, greedy"),
        ({"threshold": 1.0}, "--iou 1: the IoU of a match must exceed it"),
        ({"threshold": float("nan")}, "--iou nan"),
        ({"min_volume_mm3": -1.0}, "--min-volume-mm3 -1"),
    ],
)
def test_options_that_make_no_sense_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        InstanceOptions(**wrong)
