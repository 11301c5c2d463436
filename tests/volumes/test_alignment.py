"""Which grids are the same, which are brought together with a remark, and which are refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from msgspec.structs import replace
from numpy.typing import NDArray

from segeval.errors import GeometryError
from segeval.volumes.alignment import align
from segeval.volumes.geometry import Geometry
from segeval.volumes.volume import ArraySource, Volume, gather

Array = NDArray[Any]
SHAPE = (6, 5, 4)
SPACING = (1.5, 1.0, 2.0)
ANISOTROPIC = np.array([[1.5, 0, 0, -10], [0, 1.0, 0, 7], [0, 0, 2.0, 30], [0, 0, 0, 1]])


def labels(shape: tuple[int, ...] = SHAPE, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 4, shape).astype(np.uint8)


def moved(affine: Array, x: float = 0, y: float = 0, z: float = 0) -> Array:
    result = affine.astype(np.float64).copy()
    result[:3, 3] += x, y, z
    return result


def rotation_z(degrees: float) -> Array:
    angle = np.deg2rad(degrees)
    result = np.eye(4)
    result[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return result


def restored(
    array: Array, affine: Array, axes: tuple[int, int, int], flipped: tuple[bool, bool, bool]
) -> tuple[Array, Array]:
    """The same volume with its axes stored in another order and direction, and the affine that says so."""
    to_old = np.eye(4)
    to_old[:3, :3] = 0
    steps = []
    for new, (old, flip) in enumerate(zip(axes, flipped, strict=True)):
        to_old[old, new] = -1 if flip else 1
        to_old[old, 3] = array.shape[old] - 1 if flip else 0
        steps.append(slice(None, None, -1 if flip else 1))
    return np.ascontiguousarray(array.transpose(axes)[tuple(steps)]), affine @ to_old


def in_memory(name: str, array: Array, affine: Array | None, oriented: bool = True) -> Volume:
    geometry = None if affine is None else Geometry(array.shape, affine, oriented)
    return Volume(name, geometry, ArraySource(array[np.newaxis]))


def scores(run: Any) -> tuple[Any, Any]:
    """The numbers of the only case."""
    assert run.code == 0, run.err
    (case,) = run.json["cases"]
    return case["rows"], case["confusion"]


def refusal(run: Any) -> str:
    """The one line of a run that was refused with exit 3."""
    assert run.code == 3, run.out
    assert run.out == ""
    (line,) = run.err.splitlines()
    return str(line)


def stated_mm(message: str) -> float:
    found = re.search(r"up to ([0-9.e+-]+) mm apart", message)
    assert found is not None, message
    return float(found.group(1))


@pytest.fixture
def header_only(tmp_path: Path) -> Callable[..., Path]:
    """Write a NIfTI with codes and affines of the caller's choice."""

    def write(
        name: str,
        array: Array,
        *,
        sform: tuple[Array, int] = (np.eye(4), 0),
        qform: tuple[Array, int] = (np.eye(4), 0),
        spacing: tuple[float, ...] | None = None,
    ) -> Path:
        header = nibabel.Nifti1Header()  # by hand: an image without an affine is given a code when nibabel saves it
        header.set_data_dtype(array.dtype)
        header.set_data_shape(array.shape)
        header.set_xyzt_units("mm")
        header.set_sform(sform[0], code=sform[1])
        header.set_qform(qform[0], code=qform[1])
        if spacing is not None:
            header.set_zooms(spacing)
        header["vox_offset"], header["magic"] = 352, b"n+1"
        (tmp_path / name).write_bytes(header.binaryblock + bytes(4) + array.tobytes(order="F"))
        return tmp_path / name

    return write


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


# --- --geometry ignore


def test_ignore_compares_equal_shapes_in_array_order(segeval: Any, nifti: Any) -> None:
    prediction, reference = labels(seed=1), labels(seed=2)
    same = segeval("score", nifti("p.nii", prediction), nifti("r.nii", reference), "--format", "json")
    flipped = np.diag([-3, 0.1, 7, 1.0])  # would be reordered, or refused, under the other policies
    other = nifti("q.nii", prediction, moved(flipped, 100))
    run = segeval("score", other, nifti("r.nii", reference), "--format", "json", "--geometry", "ignore")
    assert scores(run) == scores(same)
    assert "|geometry:ignore" in run.json["signature"]


def test_ignore_does_not_reorder_a_twin(segeval: Any, nifti: Any) -> None:
    array = np.zeros(SHAPE, np.uint8)
    array[:2] = 1
    twin = nifti("p.nii", *restored(array, np.eye(4), (0, 1, 2), (True, False, False)))
    run = segeval("score", twin, nifti("r.nii", array), "--format", "json", "--geometry", "ignore")
    assert run.row(1)["dice"] == 0


@pytest.mark.parametrize("shape", [(6, 5, 3), (5, 6, 4), (4, 5, 6), (120, 1, 1)])
def test_ignore_refuses_unequal_shapes(segeval: Any, nifti: Any, shape: tuple[int, ...]) -> None:
    prediction, reference = nifti("p.nii", labels(shape)), nifti("r.nii", labels())
    message = refusal(segeval("score", prediction, reference, "--geometry", "ignore"))
    assert "×".join(map(str, shape)) in message
    assert "6×5×4" in message


# --- Singleton axes


@pytest.mark.parametrize("longer", [(6, 5, 4, 1), (6, 5, 4, 1, 1), (6, 5, 4, 1, 1, 1, 1)])
@pytest.mark.parametrize("side", ["prediction", "reference"])
@pytest.mark.parametrize("policy", ["strict", "ignore", "resample"])
def test_singleton_axes_after_the_third_are_dropped_on_either_side(
    segeval: Any, nifti: Any, longer: tuple[int, ...], side: str, policy: str
) -> None:
    shapes = {"prediction": SHAPE, "reference": SHAPE, side: longer}
    prediction = nifti("p.nii.gz", labels(seed=1).reshape(shapes["prediction"]), ANISOTROPIC)
    reference = nifti("r.nii.gz", labels(seed=2).reshape(shapes["reference"]), ANISOTROPIC)
    plain = segeval("score", nifti("a.nii", labels(seed=1)), nifti("b.nii", labels(seed=2)), "--format", "json")
    run = segeval("score", prediction, reference, "--format", "json", "--geometry", policy)
    assert scores(run)[1] == scores(plain)[1]
    assert run.remarks == []


@pytest.mark.parametrize("side", ["prediction", "reference"])
@pytest.mark.parametrize("singleton", [(6, 5, 1), (6, 5, 1, 1)])
@pytest.mark.parametrize("policy", ["strict", "ignore", "resample"])
def test_a_third_singleton_axis_is_dropped_against_a_plane(
    segeval: Any, nifti: Any, side: str, singleton: tuple[int, ...], policy: str
) -> None:
    shapes: dict[str, tuple[int, ...]] = {"prediction": (6, 5), "reference": (6, 5), side: singleton}
    arrays = {"prediction": labels((6, 5), seed=1), "reference": labels((6, 5), seed=2)}
    paths = [nifti(f"{k}.nii.gz", arrays[k].reshape(shapes[k]), ANISOTROPIC) for k in ("prediction", "reference")]
    run = segeval("score", *paths, "--format", "json", "--geometry", policy)
    expected = np.zeros((4, 4), int)
    np.add.at(expected, (arrays["reference"].ravel(), arrays["prediction"].ravel()), 1)
    assert scores(run)[1] == [[r, p, int(n)] for (r, p), n in np.ndenumerate(expected) if n]
    assert run.remarks == []


def test_planes_are_reordered_and_refused_like_volumes(segeval: Any, nifti: Any) -> None:
    plane = labels((6, 5))
    reference = nifti("r.nii", plane, np.eye(4))
    affine = np.array([[0, -1, 0, 5], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    run = segeval("score", nifti("p.nii", plane[::-1].T, affine), reference, "--format", "json")
    assert run.row("all")["dice"] == 1
    assert len(run.remarks) == 1
    message = refusal(segeval("score", nifti("q.nii", plane, moved(np.eye(4), y=0.5)), reference))
    assert stated_mm(message) == pytest.approx(0.5)


def test_planes_at_different_heights_lie_apart(segeval: Any, nifti: Any) -> None:
    message = refusal(
        segeval("score", nifti("q.nii", labels((6, 5)), moved(np.eye(4), z=2)), nifti("r.nii", labels((6, 5))))
    )
    assert stated_mm(message) == pytest.approx(2)


def test_volumes_of_one_slice_are_compared_like_any_other(segeval: Any, nifti: Any) -> None:
    one = labels((6, 5, 1))
    reference = nifti("r.nii", one, ANISOTROPIC)
    run = segeval("score", nifti("p.nii", one, ANISOTROPIC), reference, "--format", "json")
    assert run.row("all")["dice"] == 1
    assert run.remarks == []
    message = refusal(segeval("score", nifti("q.nii", one, moved(ANISOTROPIC, z=2)), reference))
    assert stated_mm(message) == pytest.approx(2)
    twin = nifti("t.nii", *restored(one, ANISOTROPIC, (2, 1, 0), (False, True, True)))
    run = segeval("score", twin, reference, "--format", "json")
    assert run.row("all")["dice"] == 1
    assert len(run.remarks) == 1


@pytest.mark.parametrize("axes", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 1, 0), (1, 2, 0)])
def test_a_singleton_axis_in_the_middle_is_an_axis_like_any_other(
    segeval: Any, nifti: Any, axes: tuple[int, int, int]
) -> None:
    array = labels((6, 1, 4))
    twin = nifti("p.nii", *restored(array, ANISOTROPIC, axes, (False, False, True)))
    run = segeval("score", twin, nifti("r.nii", array, ANISOTROPIC), "--format", "json")
    assert run.row("all")["dice"] == 1
    assert len(run.remarks) == 1


def test_a_singleton_axis_in_the_middle_is_not_dropped_against_a_plane(segeval: Any, nifti: Any) -> None:
    message = refusal(segeval("score", nifti("p.nii", labels((6, 1, 4))), nifti("r.nii", labels((6, 4)))))
    assert "6×1×4" in message


# --- qform and sform


@pytest.mark.parametrize("stated", ["sform", "qform"])
def test_the_only_form_with_a_code_is_used(
    segeval: Any, nifti: Any, header_only: Callable[..., Path], stated: str
) -> None:
    wrong = moved(ANISOTROPIC, x=50)
    forms = {"sform": (wrong, 0), "qform": (wrong, 0), stated: (ANISOTROPIC, 1)}
    path = header_only("p.nii", labels(), **forms)
    run = segeval("score", path, nifti("r.nii", labels(), ANISOTROPIC), "--format", "json")
    assert run.row("all")["dice"] == 1
    assert run.remarks == []


def test_the_sform_wins_and_a_difference_beyond_the_tolerance_is_a_remark(
    segeval: Any, nifti: Any, header_only: Callable[..., Path]
) -> None:
    reference = nifti("r.nii", labels(), ANISOTROPIC)
    path = header_only("p.nii", labels(), sform=(ANISOTROPIC, 2), qform=(moved(ANISOTROPIC, y=3, z=4), 1))
    run = segeval("score", path, reference, "--format", "json")
    assert run.row("all")["dice"] == 1
    (remark,) = run.remarks
    assert str(path) in remark
    assert "qform" in remark
    assert "sform" in remark
    assert "5 mm" in remark  # 3-4-5
    other = header_only("q.nii", labels(), sform=(moved(ANISOTROPIC, y=3), 2), qform=(ANISOTROPIC, 1))
    assert stated_mm(refusal(segeval("score", other, reference))) == pytest.approx(3)


def test_both_forms_within_the_tolerance_are_no_remark(
    segeval: Any, nifti: Any, header_only: Callable[..., Path]
) -> None:
    path = header_only("p.nii", labels(), sform=(ANISOTROPIC, 1), qform=(moved(ANISOTROPIC, x=0.009), 1))
    run = segeval("score", path, nifti("r.nii", labels(), ANISOTROPIC), "--format", "json")
    assert run.remarks == []
    strict = segeval("score", path, nifti("r.nii", labels(), ANISOTROPIC), "--format", "json", "--tolerance", "5e-3")
    assert len(strict.remarks) == 1


def test_the_forms_of_the_reference_are_looked_at_too(
    segeval: Any, nifti: Any, header_only: Callable[..., Path]
) -> None:
    path = header_only("r.nii", labels(), sform=(ANISOTROPIC, 2), qform=(moved(ANISOTROPIC, z=1), 1))
    run = segeval("score", nifti("p.nii", labels(), ANISOTROPIC), path, "--format", "json")
    (remark,) = run.remarks
    assert str(path) in remark


# --- Files that state no orientation


@pytest.mark.parametrize("side", ["prediction", "reference", "both"])
def test_a_file_without_orientation_is_compared_by_shape_and_spacing_with_a_remark(
    segeval: Any, nifti: Any, header_only: Callable[..., Path], side: str
) -> None:
    flipped = ANISOTROPIC @ np.diag([-1, 1, -1, 1])
    paths = {}
    for name, seed in (("prediction", 1), ("reference", 2)):
        array = labels(seed=seed)
        if side in (name, "both"):
            paths[name] = header_only(f"{name}.nii", array, spacing=SPACING)
        else:
            paths[name] = nifti(f"{name}.nii", array, flipped)
    plain = segeval("score", nifti("a.nii", labels(seed=1)), nifti("b.nii", labels(seed=2)), "--format", "json")
    run = segeval("score", paths["prediction"], paths["reference"], "--format", "json")
    assert scores(run)[1] == scores(plain)[1]
    assert len(run.remarks) == (2 if side == "both" else 1)
    for name in paths if side == "both" else (side,):
        assert any(str(paths[name]) in remark and "orientation" in remark for remark in run.remarks)


def test_a_file_without_orientation_is_never_reordered(
    segeval: Any, nifti: Any, header_only: Callable[..., Path]
) -> None:
    array = np.zeros((4, 4, 4), np.uint8)
    array[0] = 1
    path = header_only("p.nii", array.transpose(2, 1, 0).copy())
    run = segeval("score", path, nifti("r.nii", array, np.diag([-1, 1, 1, 1.0])), "--format", "json")
    assert run.row(1)["dice"] == pytest.approx(2 * 4 / 32)
    message = refusal(segeval("score", header_only("q.nii", labels((4, 5, 6))), nifti("s.nii", labels((6, 5, 4)))))
    assert "4×5×6" in message
    assert "6×5×4" in message


def test_a_file_without_orientation_and_with_another_spacing_is_refused(
    segeval: Any, nifti: Any, header_only: Callable[..., Path]
) -> None:
    path = header_only("p.nii", labels(), spacing=(1.5, 1.0, 2.5))
    message = refusal(segeval("score", path, nifti("r.nii", labels(), ANISOTROPIC)))
    assert "1.5×1×2.5" in message
    assert "1.5×1×2 " in message
    assert "--geometry ignore" in message
    run = segeval("score", path, nifti("r.nii", labels(), ANISOTROPIC), "--format", "json", "--geometry", "ignore")
    assert run.row("all")["dice"] == 1


@pytest.mark.parametrize(("stretch", "accepted"), [(0.00009, True), (0.00011, False), (0.009, False)])
def test_spacings_are_compared_by_where_they_put_the_far_corner(stretch: float, accepted: bool) -> None:
    array = np.zeros((101, 2, 2), np.uint8)  # 100 steps: 0.009, 0.011 and 0.9 mm at the far corner
    prediction = in_memory("p", array, np.diag([1 + stretch, 1, 1, 1]), oriented=False)
    reference = in_memory("r", array, np.eye(4))
    if accepted:
        align(prediction, reference, "strict", 1e-2)
    else:
        with pytest.raises(GeometryError, match="spacing"):
            align(prediction, reference, "strict", 1e-2)


def test_analyze_and_nrrd_without_space_state_no_orientation(segeval: Any, nifti: Any, tmp_path: Path) -> None:
    array = labels()
    image = nibabel.AnalyzeImage(array, np.diag([*SPACING, 1.0]))
    image.header.set_zooms(SPACING)
    nibabel.save(image, tmp_path / "p.hdr")
    header = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 6 5 4\nspacings: 1.5 1 2\nencoding: raw\n\n"
    (tmp_path / "p.nrrd").write_bytes(header.encode() + array.tobytes(order="F"))
    reference = nifti("r.nii", array, ANISOTROPIC @ np.diag([-1, 1, 1, 1]))
    for name in ("p.hdr", "p.nrrd"):
        run = segeval("score", tmp_path / name, reference, "--format", "json")
        assert run.row("all")["dice"] == 1
        (remark,) = run.remarks
        assert str(tmp_path / name) in remark
        assert "orientation" in remark


# --- No geometry at all


def test_an_npz_takes_the_references_grid_with_a_remark(segeval: Any, nifti: Any, tmp_path: Path) -> None:
    array = labels()
    onehot = np.stack([array == k for k in range(4)]).astype(np.float32)
    np.savez_compressed(tmp_path / "p.npz", probabilities=onehot.transpose(0, 3, 2, 1))
    reference = nifti("r.nii.gz", array, ANISOTROPIC @ np.diag([-1, 1, -1, 1]))
    for policy in ("strict", "resample"):
        run = segeval("score", tmp_path / "p.npz", reference, "--format", "json", "--geometry", policy)
        assert run.row("all")["dice"] == 1
        (remark,) = run.remarks
        assert str(tmp_path / "p.npz") in remark
        assert "geometry" in remark


def test_an_npz_of_another_shape_is_refused_even_where_a_reordering_would_fit(
    segeval: Any, nifti: Any, tmp_path: Path
) -> None:
    onehot = np.stack([labels() == k for k in range(4)]).astype(np.float32)
    np.savez_compressed(tmp_path / "p.npz", probabilities=onehot)  # (x, y, z) where (z, y, x) belongs
    message = refusal(segeval("score", tmp_path / "p.npz", nifti("r.nii.gz", labels())))
    assert "4×5×6" in message
    assert "6×5×4" in message


@pytest.mark.parametrize("policy", ["strict", "resample"])
def test_two_volumes_without_geometry_are_told_once_that_neither_has_one(
    segeval: Any, tmp_path: Path, policy: str
) -> None:
    for name in ("p.png", "r.png"):
        sitk.WriteImage(sitk.GetImageFromArray(labels()[:, :, 0].T), tmp_path / name)
    run = segeval("score", tmp_path / "p.png", tmp_path / "r.png", "--format", "json", "--geometry", policy)
    assert run.row("all")["dice"] == 1
    (remark,) = run.remarks
    assert str(tmp_path / "p.png") in remark
    assert str(tmp_path / "r.png") in remark
    assert "neither" in remark
    assert "assumed" not in remark
    array = labels()[:, :, :1]
    np.savez(tmp_path / "p.npz", probabilities=np.stack([array == k for k in range(4)]).transpose(0, 3, 2, 1) * 1.0)
    (remark,) = segeval("score", tmp_path / "p.npz", tmp_path / "r.png", "--format", "json").remarks
    assert "neither" in remark


def test_a_picture_as_reference_takes_the_predictions_grid_with_a_remark(
    segeval: Any, nifti: Any, tmp_path: Path
) -> None:
    array = labels()[:, :, :1]
    sitk.WriteImage(sitk.GetImageFromArray(array[:, :, 0].T), tmp_path / "r.png")
    (remark,) = segeval("score", nifti("p.nii", array), tmp_path / "r.png", "--format", "json").remarks
    assert remark.startswith(str(tmp_path / "r.png"))
    assert "the other volume's grid is assumed" in remark


# --- What align leaves as it was


def test_the_volume_of_a_voxel_is_the_references(segeval: Any, nifti: Any) -> None:
    array = np.zeros(SHAPE, np.uint8)
    array[1:3, 1:4, 2] = 1
    twin = nifti("p.nii", *restored(array, ANISOTROPIC, (2, 0, 1), (False, False, True)))
    plain = segeval("score", nifti("q.nii", array, ANISOTROPIC), nifti("r.nii", array, ANISOTROPIC))
    run = segeval("score", twin, nifti("r.nii", array, ANISOTROPIC))
    numbers = [line for line in plain.out.splitlines() if line.startswith("1 ")]
    assert numbers
    assert [line for line in run.out.splitlines() if line.startswith("1 ")] == numbers


def test_aligning_keeps_what_else_a_volume_carries() -> None:
    array, affine = restored(labels(), ANISOTROPIC, (2, 0, 1), (False, True, False))
    prediction = replace(in_memory("p", array, affine), kind="labels", sets={300: frozenset({1, 2})})
    aligned, target, _ = align(prediction, in_memory("r", labels(), ANISOTROPIC), "strict", 1e-2)
    assert (aligned.name, aligned.kind, aligned.sets) == ("p", "labels", {300: frozenset({1, 2})})
    assert aligned.shape == target.shape == SHAPE
    assert aligned.geometry is not None
    assert aligned.geometry.shape == SHAPE
