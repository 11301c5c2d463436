"""Which grids are the same, which are brought together with a remark, and which are refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from grids import ANISOTROPIC, SHAPE, SPACING, Array, in_memory, labels, moved, refusal, restored, scores, stated_mm

from segeval.errors import GeometryError
from segeval.volumes.alignment import align
from segeval.volumes.volume import gather


def rotation_z(degrees: float) -> Array:
    angle = np.deg2rad(degrees)
    result = np.eye(4)
    result[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return result


# --- Tolerance


@pytest.mark.parametrize(
    ("fraction", "options", "accepted"),
    [
        (0.0015, (), True),
        (0.0099, (), True),
        (0.0101, (), False),
        (0.099, ("--tolerance", "0.1"), True),
        (0.101, ("--tolerance", "0.1"), False),
        (0.00101, ("--tolerance", "0.001"), False),
        (0.00099, ("--tolerance", "0.001"), True),
        (0.0, ("--tolerance", "0"), True),
    ],
)
def test_a_shift_is_accepted_up_to_the_tolerance_times_the_smallest_spacing(
    segeval: Any, nifti: Any, fraction: float, options: tuple[str, ...], accepted: bool
) -> None:
    affine = np.diag([3.0, 0.5, 2.0, 1.0])  # no offset: float32 holds the shift of a small number exactly enough
    prediction = nifti("p.nii.gz", labels(), moved(affine, z=fraction * 0.5))
    run = segeval("score", prediction, nifti("r.nii.gz", labels(), affine), "--format", "json", *options)
    if accepted:
        assert run.row("all")["dice"] == 1
        assert run.remarks == []
    else:
        message = refusal(run)
        assert stated_mm(message) == pytest.approx(fraction * 0.5, rel=1e-3)


def test_the_tolerance_is_a_fraction_of_the_references_spacing_not_of_the_predictions() -> None:
    fine, coarse = np.diag([0.1, 1, 1, 1.0]), np.diag([0.12, 1, 1, 1.0])
    one, other = in_memory("one", labels((2, 5, 4)), fine), in_memory("other", labels((2, 5, 4)), coarse)
    # Corners lie 0.02 mm apart: 0.2 of the spacing 0.1, 0.1667 of the spacing 0.12.
    align(one, other, "strict", 0.18)
    with pytest.raises(GeometryError):
        align(other, one, "strict", 0.18)
    align(other, one, "strict", 0.21)


@pytest.mark.parametrize(("stretch", "accepted"), [(0.00199, True), (0.00201, False)])
def test_noise_counts_where_it_is_largest_at_the_far_corner(stretch: float, accepted: bool) -> None:
    affine = np.eye(4)
    affine[0, 0] += stretch  # over 5 steps along x: 0.00995 and 0.01005 mm at the far corner
    prediction, reference = in_memory("p", labels(), affine), in_memory("r", labels(), np.eye(4))
    if accepted:
        align(prediction, reference, "strict", 1e-2)
    else:
        with pytest.raises(GeometryError, match=r"0\.01005 mm"):
            align(prediction, reference, "strict", 1e-2)


def test_noise_in_every_entry_of_the_affine_is_accepted_below_the_tolerance(segeval: Any, nifti: Any) -> None:
    noise = np.random.default_rng(3).normal(size=(3, 4)) * 2e-4
    affine = ANISOTROPIC.copy()
    affine[:3] += noise
    run = segeval("score", nifti("p.nii", labels(), affine), nifti("r.nii", labels(), ANISOTROPIC), "--format", "json")
    assert run.row("all")["dice"] == 1
    assert run.remarks == []


def test_the_signature_states_policy_and_tolerance(segeval: Any, nifti: Any) -> None:
    path = nifti("p.nii", labels())
    run = segeval(
        "score", path, nifti("r.nii", labels()), "--format", "json", "--tolerance", "0.25", "--geometry", "resample"
    )
    assert run.code == 0
    assert "|geometry:resample@0.25" in run.json["signature"] or "|geometry:resample@2.5e-1" in run.json["signature"]


# --- Axes stored flipped or permuted


@pytest.mark.parametrize(
    ("axes", "flipped", "letters"),
    [
        ((0, 1, 2), (True, False, False), "LAS"),
        ((0, 1, 2), (False, True, False), "RPS"),
        ((0, 1, 2), (False, False, True), "RAI"),
        ((0, 1, 2), (True, True, True), "LPI"),
        ((1, 0, 2), (False, False, False), "ARS"),
        ((2, 0, 1), (False, False, False), "SRA"),
        ((1, 2, 0), (True, False, True), "PSL"),
    ],
)
def test_axes_stored_otherwise_with_the_matching_affine_score_as_if_they_were_not(
    segeval: Any,
    nifti: Any,
    axes: tuple[int, int, int],
    flipped: tuple[bool, bool, bool],
    letters: str,
) -> None:
    prediction, reference = labels(seed=1), nifti("r.nii.gz", labels(seed=2), ANISOTROPIC)
    plain = segeval("score", nifti("plain.nii.gz", prediction, ANISOTROPIC), reference, "--format", "json")
    assert plain.remarks == []
    twin = nifti("twin.nii.gz", *restored(prediction, ANISOTROPIC, axes, flipped))
    run = segeval("score", twin, reference, "--format", "json")
    assert scores(run) == scores(plain)
    (remark,) = run.remarks
    assert str(twin) in remark
    assert letters in remark
    assert "RAS" in remark
    assert "reorder" in remark


def test_the_prediction_is_reordered_where_the_reference_is_the_flipped_one(segeval: Any, nifti: Any) -> None:
    prediction, reference = labels(seed=1), labels(seed=2)
    ours = nifti("p.nii", prediction, ANISOTROPIC)
    plain = segeval("score", ours, nifti("r.nii", reference, ANISOTROPIC), "--format", "json")
    twin = nifti("twin.nii", *restored(reference, ANISOTROPIC, (2, 1, 0), (False, True, False)))
    run = segeval("score", ours, twin, "--format", "json")
    assert scores(run)[1] == scores(plain)[1]
    (remark,) = run.remarks
    assert str(ours) in remark


def test_a_flipped_probability_map_is_reordered_in_every_channel(segeval: Any, nifti: Any) -> None:
    logits = np.random.default_rng(4).normal(size=(*SHAPE, 4))
    softmax = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    reference = nifti("r.nii.gz", labels(), ANISOTROPIC)
    plain = segeval("score", nifti("plain.nii.gz", softmax, ANISOTROPIC), reference, "--format", "json")
    stored = [restored(softmax[..., k], ANISOTROPIC, (1, 2, 0), (True, True, False)) for k in range(4)]
    for name in ("twin.nii.gz", "twin.nii"):  # channels one after the other, and side by side
        twin = nifti(name, np.stack([array for array, _ in stored], axis=-1), stored[0][1])
        run = segeval("score", twin, reference, "--format", "json")
        for ours, theirs in zip(scores(run)[0], scores(plain)[0], strict=True):
            assert ours.keys() == theirs.keys()
            for key, value in theirs.items():
                assert ours[key] == (pytest.approx(value, rel=1e-12) if isinstance(value, float) else value), key
        assert len(run.remarks) == 1


def test_a_flipped_array_whose_affine_is_not_flipped_is_scored_as_it_says(segeval: Any, nifti: Any) -> None:
    reference = np.zeros(SHAPE, np.uint8)
    reference[:2] = 1
    prediction, target = nifti("p.nii", reference[::-1], ANISOTROPIC), nifti("r.nii", reference, ANISOTROPIC)
    run = segeval("score", prediction, target, "--format", "json")
    assert run.row(1)["dice"] == 0
    assert run.remarks == []


def test_a_flipped_affine_over_an_unflipped_array_is_another_place(segeval: Any, nifti: Any) -> None:
    affine = ANISOTROPIC.copy()
    affine[0, 0] *= -1  # about voxel 0: the volume now reaches to the other side
    message = refusal(segeval("score", nifti("p.nii", labels(), affine), nifti("r.nii", labels(), ANISOTROPIC)))
    assert "LAS" in message
    assert "RAS" in message
    assert stated_mm(message) == pytest.approx(5 * 1.5)  # best order: flipped back, 7.5 mm to the left


def test_noise_is_accepted_on_top_of_a_reordering(segeval: Any, nifti: Any) -> None:
    array, affine = restored(labels(), ANISOTROPIC, (2, 0, 1), (False, True, True))
    reference = nifti("r.nii", labels(), ANISOTROPIC)
    run = segeval("score", nifti("p.nii", array, moved(affine, y=0.009)), reference, "--format", "json")
    assert run.row("all")["dice"] == 1
    message = refusal(segeval("score", nifti("q.nii", array, moved(affine, y=0.02)), reference))
    assert stated_mm(message) == pytest.approx(0.02, rel=1e-3)


def test_a_header_in_lps_is_no_reordering(segeval: Any, nifti: Any, tmp_path: Path) -> None:
    array = labels()
    image = sitk.GetImageFromArray(array.transpose(2, 1, 0))
    image.SetSpacing(SPACING)
    image.SetOrigin((10, -7, 30))
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    for name in ("p.nrrd", "p.mha"):
        sitk.WriteImage(image, str(tmp_path / name))
        run = segeval("score", tmp_path / name, nifti("r.nii.gz", array, ANISOTROPIC), "--format", "json")
        assert run.row("all")["dice"] == 1
        assert run.remarks == []


def test_a_volume_stored_along_l_and_p_is_reordered_whatever_its_format(
    segeval: Any, nifti: Any, tmp_path: Path
) -> None:
    array = labels()
    image = sitk.GetImageFromArray(np.ascontiguousarray(array[::-1, ::-1].transpose(2, 1, 0)))
    image.SetSpacing(SPACING)
    image.SetOrigin((10 - 5 * 1.5, -7 - 4 * 1.0, 30))  # LPS; direction identity: to the left and to the back
    sitk.WriteImage(image, str(tmp_path / "p.nrrd"))
    run = segeval("score", tmp_path / "p.nrrd", nifti("r.nii.gz", array, ANISOTROPIC), "--format", "json")
    assert run.row("all")["dice"] == 1
    (remark,) = run.remarks
    assert "LPS" in remark
    assert "RAS" in remark


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_cube_turned_about_its_centre_is_the_same_grid(turns: int) -> None:
    cube = labels((5, 5, 5))
    centre = np.eye(4)
    centre[:3, 3] = -2
    turned = np.linalg.inv(centre) @ rotation_z(90 * turns) @ centre
    prediction = in_memory("p", cube, turned)
    aligned, _, remarks = align(prediction, in_memory("r", cube, np.eye(4)), "strict", 1e-2)
    # Voxel (i, j) lies at the position of the reference's voxel turned by 90°: (4 - j, i), so r(x, y) = p(y, 4 - x).
    expected = np.rot90(cube, turns, axes=(0, 1))
    assert np.array_equal(gather(aligned.source, 0), expected)
    assert len(remarks) == 1


def test_a_quarter_turn_moves_each_voxel_where_the_affine_says() -> None:
    cube = np.zeros((3, 3, 3), np.uint8)
    cube[0, 2, 1] = 7
    affine = np.array([[0, -1, 0, 2], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    aligned, _, _ = align(in_memory("p", cube, affine), in_memory("r", cube, np.eye(4)), "strict", 1e-2)
    assert np.argwhere(gather(aligned.source, 0)).tolist() == [[0, 0, 1]]  # (2 - 2, 0, 1)


def test_a_cube_turned_about_its_corner_is_another_grid(segeval: Any, nifti: Any) -> None:
    cube = labels((5, 5, 5))
    message = refusal(segeval("score", nifti("p.nii", cube, rotation_z(90)), nifti("r.nii", cube)))
    assert stated_mm(message) == pytest.approx(4)  # x spans -4 to 0 instead of 0 to 4


def test_a_cube_as_stored_is_left_alone_where_its_grid_already_fits() -> None:
    cube = labels((4, 4, 4))
    aligned, _, remarks = align(in_memory("p", cube, np.eye(4)), in_memory("r", cube, np.eye(4)), "strict", 1e-2)
    assert np.array_equal(gather(aligned.source, 0), cube)
    assert remarks == []


# --- Refused


def test_an_origin_shift_is_refused_with_both_values_and_the_way_out(segeval: Any, nifti: Any) -> None:
    prediction = nifti("p.nii", labels(), moved(ANISOTROPIC, x=3, y=-4))
    reference = nifti("r.nii", labels(), ANISOTROPIC)
    message = refusal(segeval("score", prediction, reference))
    assert str(prediction) in message
    assert str(reference) in message
    assert "-7, 3, 30" in message
    assert "-10, 7, 30" in message
    assert stated_mm(message) == pytest.approx(5)  # 3-4-5
    assert "--geometry resample" in message
    assert "--geometry ignore" in message


def test_a_spacing_mismatch_is_refused_with_both_values_and_the_way_out(segeval: Any, nifti: Any) -> None:
    prediction, reference = nifti("p.nii", labels(), np.diag([1, 1, 1.25, 1])), nifti("r.nii", labels())
    message = refusal(segeval("score", prediction, reference))
    assert "1×1×1.25" in message
    assert "1×1×1 " in message
    assert stated_mm(message) == pytest.approx(3 * 0.25)  # the last of four slices
    assert "--geometry resample" in message


def test_a_shape_mismatch_is_refused_with_both_values_and_the_way_out(segeval: Any, nifti: Any) -> None:
    prediction, reference = nifti("p.nii", labels((6, 5, 7))), nifti("r.nii", labels())
    message = refusal(segeval("score", prediction, reference))
    assert "6×5×7" in message
    assert "6×5×4" in message
    assert stated_mm(message) == pytest.approx(3)  # z reaches 6 instead of 3
    assert "--geometry resample" in message
    assert "--geometry ignore" not in message  # which would refuse the pair too


def test_a_rotation_is_refused_with_both_directions_and_the_way_out(segeval: Any, nifti: Any) -> None:
    prediction = nifti("p.nii", labels(), rotation_z(10))
    message = refusal(segeval("score", prediction, nifti("r.nii", labels())))
    assert "direction" in message
    assert "0.98" in message  # cos 10°
    assert "-0.17" in message  # -sin 10°
    # The farthest corner lies √(5² + 4²) mm from the axis, and moves along a chord of 10°.
    assert stated_mm(message) == pytest.approx(2 * np.sin(np.deg2rad(5)) * np.hypot(5, 4), rel=1e-3)
    assert "--geometry resample" in message


def test_a_rotation_about_the_centre_shows_the_directions_too(segeval: Any, nifti: Any) -> None:
    centre = moved(np.eye(4), -2.5, -2, -1.5)
    affine = np.linalg.inv(centre) @ rotation_z(10) @ centre
    message = refusal(segeval("score", nifti("p.nii", labels(), affine), nifti("r.nii", labels())))
    assert "direction" in message  # the origin differs as well, but only because the grid was turned
    assert "0.98" in message


@pytest.mark.parametrize(
    ("prediction", "reference"),
    [
        (moved(np.eye(4), x=1234.56), moved(np.eye(4), x=1234.58)),  # 0.02 mm
        (moved(np.eye(4), x=-123.456), moved(np.eye(4), x=-123.440)),  # 0.016 mm
        (np.diag([1.0004, 1, 1, 1]), np.eye(4)),  # 0.0156 mm at the last of 40 voxels
        (np.diag([0.97656, 1, 1, 1]), np.diag([0.97696, 1, 1, 1])),
        (rotation_z(0.02), np.eye(4)),
    ],
)
def test_the_two_values_of_a_refusal_read_differently(prediction: Array, reference: Array) -> None:
    shape = (40, 5, 4)
    with pytest.raises(GeometryError) as caught:
        align(in_memory("p", labels(shape), prediction), in_memory("r", labels(shape), reference), "strict", 1e-2)
    message = str(caught.value)
    found = re.search(r"(?:origin|spacing|direction) (.+?) and (.+?)(?: mm)?; corner", message)
    assert found is not None, message
    assert found.group(1) != found.group(2), message


def test_an_origin_of_positive_numbers_reads_as_a_place_not_as_a_size() -> None:
    prediction, reference = in_memory("p", labels(), moved(np.eye(4), 10, 20, 31)), moved(np.eye(4), 10, 20, 30)
    with pytest.raises(GeometryError, match=r"origin 10, 20, 31 and 10, 20, 30 mm"):
        align(prediction, in_memory("r", labels(), reference), "strict", 1e-2)


def test_a_refusal_writes_no_output_file(segeval: Any, nifti: Any, tmp_path: Path) -> None:
    prediction = nifti("p.nii", labels(), moved(np.eye(4), x=1))
    segeval("score", prediction, nifti("r.nii", labels()), "-o", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("policy", ["strict", "resample"])
def test_a_plane_against_a_volume_is_refused(segeval: Any, nifti: Any, policy: str) -> None:
    prediction, reference = nifti("p.nii", labels((6, 5))), nifti("r.nii", labels())
    for first, second in ((prediction, reference), (reference, prediction)):
        message = refusal(segeval("score", first, second, "--geometry", policy))
        assert "6×5×4" in message
        assert re.search(r"6×5(?!×)", message)


def test_what_resampling_cannot_repair_does_not_name_resampling_as_the_way_out(segeval: Any, nifti: Any) -> None:
    prediction, reference = nifti("p.nii", labels((6, 5))), nifti("r.nii", labels())
    assert "--geometry resample" not in refusal(segeval("score", prediction, reference, "--geometry", "resample"))
