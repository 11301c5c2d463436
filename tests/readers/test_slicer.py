"""3D Slicer's segmentations: the voxels of every segment, layers that overlap, crops, and what cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from formats import assert_refused
from hypothesis import given
from hypothesis import strategies as st
from slicers import ORIGIN, SPACING, Segment, by_pynrrd, seg_nrrd

from segeval import evaluate
from segeval.readers import ReadOptions, open_volume
from segeval.volumes.volume import gather

Segeval = Callable[..., Any]

SHAPE = (7, 6, 5)
TWO = np.random.default_rng(5).choice([0, 0, 1, 2], (2, *SHAPE)).astype(np.uint8)
SEGMENTS: list[Segment] = [(0, 1, "liver"), (0, 2, "spleen"), (1, 1, "vessel"), (1, 2, "tumour")]
AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.array(
    [[SPACING[0], 0, 0, ORIGIN[0]], [0, SPACING[1], 0, ORIGIN[1]], [0, 0, SPACING[2], ORIGIN[2]], [0, 0, 0, 1]]
)
REAL = {
    "ribs": 8487, "cervical vertebral column": 1216, "thoracic vertebral column": 2712,
    "lumbar vertebral column": 3259, "right lung": 34450, "left lung": 33700, "tissue": 154589,
}  # fmt: skip
SPHERE = 19139


def rows(run: Any) -> dict[str, dict[str, Any]]:
    assert run.code == 0, run.err
    return {row["name"]: row for row in run.json["cases"][0]["rows"] if isinstance(row["label"], int)}


def test_slicers_own_files_have_the_voxels_that_slicer_counts(segeval: Segeval, real_data: Path) -> None:
    plain, overlapping = (
        real_data / "slicer" / f"{name}.seg.nrrd" for name in ("Segmentation", "SegmentationOverlapping")
    )
    found = rows(segeval("score", plain, overlapping, "--format", "json"))
    assert {name: (row["pred_voxels"], row["ref_voxels"]) for name, row in found.items()} == {
        **{name: (count, count) for name, count in REAL.items()},
        "overlapping sphere": (0, SPHERE),
    }
    assert {row["dice"] for name, row in found.items() if name in REAL} == {1.0}
    assert found["overlapping sphere"]["dice"] == 0


@pytest.mark.parametrize("writer", ["by hand", "by pynrrd"])
def test_every_segment_of_overlapping_layers_counts_on_its_own(writer: str, tmp_path: Path) -> None:
    prediction, reference = tmp_path / "p.seg.nrrd", tmp_path / "r.seg.nrrd"
    other = np.roll(TWO, 1, axis=1)
    for path, layers in ((prediction, TWO), (reference, other)):
        if writer == "by hand":
            path.write_bytes(seg_nrrd(layers, SEGMENTS))
        else:
            by_pynrrd(path, layers, SEGMENTS)
    (case,) = evaluate(prediction, reference).document()["cases"]
    found = {row["name"]: row for row in case["rows"] if isinstance(row["label"], int)}
    assert list(found) == ["liver", "spleen", "vessel", "tumour"]
    assert [row["label"] for row in found.values()] == [1, 2, 3, 4]
    for layer, value, name in SEGMENTS:
        ours, theirs = TWO[layer] == value, other[layer] == value
        assert found[name]["tp"] == np.count_nonzero(ours & theirs)
        assert found[name]["pred_voxels"] == np.count_nonzero(ours)
        assert found[name]["ref_voxels"] == np.count_nonzero(theirs)
    overlapping = np.count_nonzero((TWO != 0).all(axis=0))
    assert any(f"{overlapping} voxels lie in several segments" in remark for remark in case["remarks"])


def test_the_grid_is_what_itk_says(tmp_path: Path) -> None:
    path = tmp_path / "x.seg.nrrd"
    path.write_bytes(seg_nrrd(TWO[0], SEGMENTS[:2]))
    image = sitk.ReadImage(str(path))
    with open_volume(path, ReadOptions()) as volume:
        assert volume.geometry is not None
        assert volume.shape == image.GetSize()
        theirs = [image.TransformIndexToPhysicalPoint(index) for index in ((0, 0, 0), (6, 5, 4), (1, 2, 3))]
        ours = volume.geometry.to_mm(np.array([(0, 0, 0), (6, 5, 4), (1, 2, 3)]))
        assert np.allclose(ours, np.array(theirs) * [-1, -1, 1], rtol=0, atol=1e-12)
        assert np.array_equal(gather(volume.source, 0), TWO[0])
        assert volume.names == {1: "liver", 2: "spleen"}
        assert volume.colours == {1: "#80ff00", 2: "#80ff00"}


def test_a_cropped_segmentation_is_background_beyond_its_crop(segeval: Segeval, tmp_path: Path) -> None:
    whole = np.zeros(SHAPE, np.uint8)
    whole[2:5, 1:4, 2:4] = TWO[0, 2:5, 1:4, 2:4]
    reference = tmp_path / "r.nii.gz"
    nibabel.save(nibabel.Nifti1Image(TWO[0], AFFINE), reference)
    crop = tmp_path / "p.seg.nrrd"
    origin = [start + spacing * first for start, spacing, first in zip(ORIGIN, SPACING, (2, 1, 2), strict=True)]
    crop.write_bytes(seg_nrrd(whole[2:5, 1:4, 2:4], SEGMENTS[:2], origin=origin))
    for pair in ((crop, reference), (reference, crop)):
        run = segeval("score", *pair, "--format", "json")
        found = rows(run)
        for value, name in ((1, "liver"), (2, "spleen")):
            assert found[name]["tp"] == np.count_nonzero((whole == value) & (TWO[0] == value))
            assert found[name]["pred_voxels"] + found[name]["ref_voxels"] == np.count_nonzero(
                whole == value
            ) + np.count_nonzero(TWO[0] == value)
            assert found[name]["tn"] + found[name]["tp"] + found[name]["fp"] + found[name]["fn"] == TWO[0].size
        assert any("states 3×3×2 of 7×6×5 voxels" in remark for remark in run.remarks)


def test_two_crops_meet_on_a_grid_that_holds_both(segeval: Segeval, tmp_path: Path) -> None:
    paths = []
    for name, (x, y, z) in (("p", (0, 1, 0)), ("r", (2, 0, 1))):
        paths.append(tmp_path / f"{name}.seg.nrrd")
        origin = [start + spacing * first for start, spacing, first in zip(ORIGIN, SPACING, (x, y, z), strict=True)]
        paths[-1].write_bytes(seg_nrrd(TWO[0, x : x + 4, y : y + 4, z : z + 3], SEGMENTS[:2], origin=origin))
    both = TWO[0, 2:4, 1:4, 1:3]  # where the crops overlap
    found = rows(segeval("score", *paths, "--format", "json"))
    assert {name: row["tp"] for name, row in found.items()} == {
        "liver": np.count_nonzero(both == 1),
        "spleen": np.count_nonzero(both == 2),
    }
    assert sum(found["liver"][key] for key in ("tp", "fp", "fn", "tn")) == 6 * 5 * 4


@pytest.mark.parametrize(
    ("origin", "words"),
    [((10.0, -20.0, 6.0), "are not voxels of the other volume's grid"), ((10.0, -20.0, 8.0), "reaches beyond")],
)
def test_a_crop_between_or_beyond_the_voxels_is_refused(
    segeval: Segeval, tmp_path: Path, origin: tuple[float, ...], words: str
) -> None:
    nibabel.save(nibabel.Nifti1Image(TWO[0], AFFINE), tmp_path / "r.nii")
    crop = tmp_path / "p.seg.nrrd"
    crop.write_bytes(seg_nrrd(TWO[0], SEGMENTS[:2], origin=origin))
    assert_refused(segeval("score", crop, tmp_path / "r.nii"), crop, words)


def test_values_of_no_segment_are_background_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "x.seg.nrrd"
    layer = TWO[0].astype(np.uint16)
    layer[0, 0, :2] = (9, 60_000)
    path.write_bytes(seg_nrrd(layer, SEGMENTS[:2]))
    with open_volume(path, ReadOptions()) as volume:
        assert np.array_equal(gather(volume.source, 0), np.where(layer > 2, 0, layer))
        assert any(
            "2 voxels have values of no segment" in remark and "9 (1 voxels)" in remark for remark in volume.finish()
        )


def test_segments_without_layers_are_a_layer_each(tmp_path: Path) -> None:
    """As Slicer wrote them until 4.10."""
    path = tmp_path / "x.seg.nrrd"
    text = seg_nrrd((TWO != 0).astype(np.uint8), [(0, 1, "a"), (1, 1, "b")])
    head, _, voxels = text.partition(b"\n\n")
    lines = [line for line in head.split(b"\n") if b"_Layer" not in line and b"_LabelValue" not in line]
    path.write_bytes(b"\n".join(lines) + b"\n\n" + voxels)
    with open_volume(path, ReadOptions()) as volume:
        codes = gather(volume.source, 0)
        members = {value: volume.sets.get(value, frozenset({value})) for value in np.unique(codes).tolist()}
        for number, label in enumerate((1, 2)):
            inside = np.isin(codes, [value for value, labels in members.items() if label in labels])
            assert np.array_equal(inside, TWO[number] != 0)
        assert volume.names == {1: "a", 2: "b"}


GOOD = seg_nrrd(TWO, SEGMENTS)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (b"Segment0_", b"Other0_", "x.seg.nrrd"),
        (b"Segment2_Layer:=1", b"Segment2_Layer:=2", "layer 2 of 2"),
        (b"Segment2_Layer:=1", b"Segment2_Layer:=0", "share one value"),
        (b"Segment2_LabelValue:=1", b"Segment2_LabelValue:=0", "Segment2_LabelValue"),
        (b"Segment2_LabelValue:=1", b"Segment2_LabelValue:=x", "Segment2_LabelValue"),
        (b"Segment1_Name:=spleen", b"Segment0_Name:=spleen", "Segment0_Name twice"),
        (b"Segment0_ID", b"Segmentation_MasterRepresentation:=Fractional labelmap\nSegment0_ID", "Fractional labelmap"),
        (b"left-posterior-superior", b"scanner-xyz", "no known space"),
        (b"space directions: none ", b"space directions: ", "4 axes"),
        (b"space origin: (10.0,", b"space origin: (1e400,", "not finite"),
        (b"(0.8,0.0,0.0)", b"(0.0,0.0,0.0)", "singular"),
        (b"type: unsigned short", b"type: float\nx:=", "save it again in Slicer"),
        (b"encoding: gzip", b"encoding: ascii", "save it again in Slicer"),
        (b"sizes: 2 7 6 5", b"sizes: 2 7 6 6", "promises"),
        (b"sizes: 2 7 6 5", b"sizes: 5000 7 6 5", "5000 layers"),
    ],
)
def test_what_slicer_would_not_write_is_refused(
    segeval: Segeval, tmp_path: Path, before: bytes, after: bytes, words: str
) -> None:
    path = tmp_path / "x.seg.nrrd"
    assert before in GOOD
    path.write_bytes(GOOD.replace(before, after) if before != b"Segment0_" else GOOD.replace(b"\nSegment", b"\nOther"))
    assert_refused(segeval("score", path, path), path, words)


def test_damaged_voxels_are_refused(segeval: Segeval, tmp_path: Path) -> None:
    path = tmp_path / "x.seg.nrrd"
    path.write_bytes(GOOD[:-6])
    assert_refused(segeval("score", path, path), path)
    path.write_bytes(GOOD[:-6] + b"\0" + GOOD[-5:])
    assert_refused(segeval("score", path, path), path)


@given(st.data())
def test_a_crop_of_any_place_lies_where_numpy_puts_it(data: st.DataObject) -> None:
    from segeval.volumes.geometry import Geometry
    from segeval.volumes.placing import place
    from segeval.volumes.volume import ArraySource

    shape = data.draw(st.tuples(*[st.integers(1, 5)] * 3))
    first = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    size = tuple(data.draw(st.integers(1, n - f)) for n, f in zip(shape, first, strict=True))
    order = data.draw(st.permutations(range(3)))
    turned = [data.draw(st.booleans()) for _ in range(3)]
    crop = np.arange(1, np.prod(size) + 1).reshape(size)
    expected = np.zeros(shape, int)
    expected[tuple(slice(f, f + n) for f, n in zip(first, size, strict=True))] = crop
    own = AFFINE.copy()
    own[:3, 3] += AFFINE[:3, :3] @ first
    steps = tuple(slice(None, None, -1 if turn else 1) for turn in turned)
    other = AFFINE.copy()
    for axis, turn in enumerate(turned):
        if turn:
            other[:3, 3] += AFFINE[:3, axis] * (shape[axis] - 1)
            other[:3, axis] *= -1
    other[:, :3] = other[:, order]
    grid = Geometry(tuple(shape[axis] for axis in order), other, oriented=True)
    source = ArraySource(crop[np.newaxis], piece_voxels=data.draw(st.integers(1, 9)))
    placed, target = place("x", source, Geometry(size, own, oriented=True), grid, 0.01)
    assert np.array_equal(gather(placed, 0), expected)
    assert np.allclose(target.affine, AFFINE)
    assert steps  # the other grid's own order is align's to restore
