"""Alignment: grids that differ, and files without one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from grids import ANISOTROPIC, SHAPE, SPACING, Array, in_memory, labels, moved, refusal, restored, scores, stated_mm
from msgspec.structs import replace

from segeval.errors import GeometryError
from segeval.volumes.alignment import align


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
