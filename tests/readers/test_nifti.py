"""NIfTI as programs write it: every byte order, type, scaling, pairing and compression, against nibabel's reading."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from niftis import AFFINE, RAMP, SHAPE, Array, Segeval, image, patched, written
from reading import channels_of, read

from segeval.errors import UnreadableFile
from segeval.readers import ReadOptions, open_volume

VOXEL_ML = 0.8 * 1.5 * 3.0 / 1000


def assert_read_like_nibabel(path: Path) -> Array:
    """Values, shape and affine are what nibabel reads."""
    array, volume = read(path)
    oracle = nibabel.load(path)
    values = np.asanyarray(oracle.dataobj)
    assert array.shape == values.shape
    np.testing.assert_array_equal(array, values)
    assert volume.geometry is not None
    np.testing.assert_allclose(volume.geometry.affine, oracle.affine, rtol=1e-6, atol=1e-6)
    return array


# Files, byte orders, types


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".NII", ".Nii.Gz"])
def test_a_single_file_is_read_in_any_version_and_byte_order(
    version: str, order: str, ending: str, tmp_path: Path
) -> None:
    content = image(RAMP.astype(np.int16), version=version, order=order).to_bytes()
    path = tmp_path / f"x{ending}"
    path.write_bytes(gzip.compress(content) if ending.lower().endswith(".gz") else content)
    array, volume = read(path)
    np.testing.assert_array_equal(array, RAMP)
    assert array.dtype == np.int16
    assert volume.remarks == []
    assert volume.geometry is not None
    np.testing.assert_allclose(volume.geometry.affine, AFFINE)


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("named", [".hdr", ".img"])
def test_a_pair_is_read_whichever_file_is_named(
    version: str, order: str, packed: str, named: str, tmp_path: Path
) -> None:
    written(tmp_path / f"x.img{packed}", RAMP.astype(np.int32), version=version, order=order, pair=True)
    array, volume = read(tmp_path / f"x{named}{packed}")
    np.testing.assert_array_equal(array, RAMP)
    assert volume.name == str(tmp_path / f"x{named}{packed}")
    assert volume.geometry is not None
    np.testing.assert_allclose(volume.geometry.affine, AFFINE)


def test_a_plain_header_goes_with_a_compressed_image(tmp_path: Path) -> None:
    written(tmp_path / "x.img", RAMP.astype(np.uint8), pair=True)
    (tmp_path / "x.img.gz").write_bytes(gzip.compress((tmp_path / "x.img").read_bytes()))
    (tmp_path / "x.img").unlink()
    for name in ("x.hdr", "x.img.gz"):
        np.testing.assert_array_equal(read(tmp_path / name)[0], RAMP)


def test_a_pair_may_begin_its_voxels_at_an_offset(tmp_path: Path) -> None:
    written(tmp_path / "x.img", RAMP.astype(np.uint8), pair=True)
    header = tmp_path / "x.hdr"
    header.write_bytes(patched(header.read_bytes(), 108, "<f", 16.0))
    (tmp_path / "x.img").write_bytes(bytes(16) + (tmp_path / "x.img").read_bytes())
    np.testing.assert_array_equal(read(header)[0], RAMP)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"])
def test_every_integer_type_is_exact_to_its_limits(dtype: str, order: str, tmp_path: Path) -> None:
    limits = np.iinfo(dtype)
    array = np.zeros(SHAPE, dtype=dtype)
    array[0, 0, 0], array[4, 3, 2], array[1, 2, 0], array[2, 0, 1] = limits.min, limits.max, limits.max - 1, 3
    path = written(tmp_path / "x.nii.gz", array, order=order)
    found, volume = read(path)
    assert found.dtype == np.dtype(dtype)
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, array)
    assert volume.kind == "labels"
    assert_read_like_nibabel(path)


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("i8", (2**53, 2**53 + 1, -(2**53) - 1, -7)),
        ("u8", (2**53, 2**53 + 1, 2**63 + 1, 2**64 - 1)),
        ("i4", (-(2**31), 2**31 - 1, -1, 70_000)),
    ],
)
def test_wide_and_negative_labels_are_scored_as_labels_of_their_own(
    dtype: str, values: tuple[int, ...], tmp_path: Path, segeval: Segeval
) -> None:
    array = np.zeros(SHAPE, dtype=dtype)
    for place, value in enumerate(values):
        array.flat[place * 7 : place * 7 + place + 1] = value
    reference = written(tmp_path / "r.nii", array)
    array = array.copy()
    array.flat[40] = values[1]
    run = segeval("score", written(tmp_path / "p.nii.gz", array), reference, "--format", "json")
    rows = {row["label"]: row for row in run.json["cases"][0]["rows"]}
    assert [label for label in rows if isinstance(label, int)] == sorted(values)
    for place, value in enumerate(values):
        assert rows[value]["ref_voxels"] == place + 1
        assert rows[value]["tp"] == place + 1
        assert rows[value]["fp"] == (value == values[1])
    assert [0, values[1], 1] in run.json["cases"][0]["confusion"]


@pytest.mark.parametrize(("first", "second"), [("i8", "u8"), ("u8", "i8"), ("f4", "u8"), ("i2", "u1"), ("f8", "i4")])
def test_the_type_of_either_side_does_not_change_the_labels(
    first: str, second: str, tmp_path: Path, segeval: Segeval
) -> None:
    array = RAMP % 5
    run = segeval(
        "score", written(tmp_path / "p.nii", array.astype(first)), written(tmp_path / "r.nii", array.astype(second)),
        "--format", "json", "--kind", "labels",
    )  # fmt: skip
    assert {(r, p) for r, p, _ in run.json["cases"][0]["confusion"]} == {(k, k) for k in range(5)}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_floats_are_read_as_they_are(dtype: str, order: str, ending: str, tmp_path: Path) -> None:
    path = written(tmp_path / f"x{ending}", (RAMP / 7).astype(dtype), order=order)
    found = assert_read_like_nibabel(path)
    assert found.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(found, (RAMP / 7).astype(dtype))


@pytest.mark.parametrize("order", ["F", "C"])
def test_the_first_axis_is_the_fastest_whatever_the_layout_in_memory(order: Any, tmp_path: Path) -> None:
    path = written(tmp_path / "x.nii", np.asarray(RAMP, dtype=np.uint8, order=order))
    np.testing.assert_array_equal(read(path)[0].ravel(order="F"), np.arange(60))


def test_volumes_longer_than_a_piece_are_read_whole(tmp_path: Path) -> None:
    array = np.random.default_rng(1).integers(0, 9, (101, 97, 89)).astype(np.int16)
    for name in ("x.nii", "x.nii.gz"):
        for side_by_side in (False, True):
            found, _ = read(written(tmp_path / name, array), side_by_side=side_by_side)
            np.testing.assert_array_equal(found, array)


# Scaling


def scaled(path: Path, array: Any, slope: float, intercept: float) -> Path:
    """Stored integers under a slope and an intercept, written byte by byte."""
    content = image(array).to_bytes()
    path.write_bytes(patched(content, 112, "<2f", slope, intercept))
    return path


@pytest.mark.parametrize(
    ("slope", "intercept"), [(2.0, 0.0), (1.0, -1024.0), (0.5, 3.0), (-1.0, 0.0), (1 / 3, 0.0), (1.0, 0.0), (0.0, 7.0)]
)
def test_slope_and_intercept_are_honoured_as_nibabel_does(slope: float, intercept: float, tmp_path: Path) -> None:
    path = scaled(tmp_path / "x.nii", (RAMP * 3).astype(np.int16), slope, intercept)
    assert_read_like_nibabel(path)


def test_a_slope_of_0_means_no_scaling_and_keeps_integers(tmp_path: Path) -> None:
    found, volume = read(scaled(tmp_path / "x.nii", RAMP.astype(np.uint8), 0.0, 7.0))
    np.testing.assert_array_equal(found, RAMP)
    assert found.dtype == np.uint8
    assert volume.kind == "labels"


def test_a_slope_of_1_keeps_wide_integers_exact(tmp_path: Path) -> None:
    array = RAMP.astype(np.int64) + 2**53
    np.testing.assert_array_equal(read(scaled(tmp_path / "x.nii", array, 1.0, 0.0))[0], array)


def test_a_slope_of_a_third_scores_as_the_labels_that_it_means(tmp_path: Path, segeval: Segeval) -> None:
    labels = (RAMP % 4).astype(np.int16)
    prediction = scaled(tmp_path / "p.nii", labels * 3, 1 / 3, 0.0)
    run = segeval("score", prediction, written(tmp_path / "r.nii", labels), "--format", "json", "--labels", "1,2,3")
    assert run.row("all")["accuracy"] == 1
    assert {tuple(entry) for entry in run.json["cases"][0]["confusion"]} == {(k, k, 15) for k in range(4)}
    assert not any("rounded" in remark for remark in run.remarks)


def test_labels_that_moved_by_more_than_a_hair_are_rounded_with_a_remark(tmp_path: Path, segeval: Segeval) -> None:
    labels = RAMP % 4 * 2338
    moved = labels.astype(np.float32)
    moved[moved == 7014] = 7014.0005
    run = segeval(
        "score", written(tmp_path / "p.nii", moved), written(tmp_path / "r.nii", labels.astype(np.int32)),
        "--format", "json",
    )  # fmt: skip
    assert run.row(7014)["dice"] == 1
    assert any("rounded" in remark and "p.nii" in remark for remark in run.remarks)


def test_an_intercept_of_minus_1024_scores_as_the_labels_that_it_means(tmp_path: Path, segeval: Segeval) -> None:
    labels = (RAMP % 4).astype(np.int16)
    reference = scaled(tmp_path / "r.nii", labels + 1024, 1.0, -1024.0)
    run = segeval("score", written(tmp_path / "p.nii", labels), reference, "--format", "json")
    assert run.row("all")["accuracy"] == 1
    assert run.row(3)["ref_voxels"] == 15


# Offsets, extensions, ends


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("version", ["1", "2"])
def test_header_extensions_before_the_voxels_are_skipped(version: str, ending: str, tmp_path: Path) -> None:
    picture = image(RAMP.astype(np.uint8), version=version)
    picture.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"a comment of some length " * 30))
    nibabel.save(picture, tmp_path / f"x{ending}")
    assert nibabel.load(tmp_path / f"x{ending}").dataobj.offset > 1000
    assert_read_like_nibabel(tmp_path / f"x{ending}")


def test_an_offset_longer_than_a_piece_is_skipped(tmp_path: Path) -> None:
    content = patched(image(RAMP.astype(np.uint8)).to_bytes(), 108, "<f", 1_000_000.0)
    content = content[:352] + b"\7" * (1_000_000 - 352) + content[352:]
    for name, stored in (("x.nii", content), ("x.nii.gz", gzip.compress(content))):
        (tmp_path / name).write_bytes(stored)
        np.testing.assert_array_equal(read(tmp_path / name)[0], RAMP)


@pytest.mark.parametrize("cuts", [(1,), (348,), (352, 360), (100, 200, 300, 400), (411,)])
def test_several_gzip_members_are_one_stream(cuts: tuple[int, ...], tmp_path: Path) -> None:
    content = image(RAMP.astype(np.uint8)).to_bytes()
    ends = [*cuts, len(content)]
    members = [gzip.compress(content[a:b]) for a, b in zip([0, *cuts], ends, strict=True)]
    (tmp_path / "x.nii.gz").write_bytes(b"".join(members) + gzip.compress(b""))
    found, volume = read(tmp_path / "x.nii.gz")
    np.testing.assert_array_equal(found, RAMP)
    assert volume.remarks == []


@pytest.mark.parametrize("zeros", [1, 2, 511, 100_000])
def test_zero_padding_after_gzip_is_nothing(zeros: int, tmp_path: Path) -> None:
    content = gzip.compress(image(RAMP.astype(np.uint8)).to_bytes())
    (tmp_path / "x.nii.gz").write_bytes(content + bytes(zeros))
    found, volume = read(tmp_path / "x.nii.gz")
    np.testing.assert_array_equal(found, RAMP)
    assert volume.remarks == []


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("extra", [1, 4096, 1 << 20])
def test_up_to_a_mebibyte_behind_the_voxels_is_a_remark(channels: int, ending: str, extra: int, tmp_path: Path) -> None:
    content = image(np.zeros((*SHAPE, channels), np.uint8)).to_bytes() + b"\5" * extra
    path = tmp_path / f"x{ending}"
    path.write_bytes(gzip.compress(content, 1) if ending == ".nii.gz" else content)
    with open_volume(path, ReadOptions()) as volume:
        channels_of(volume)
    (remark,) = volume.remarks
    assert str(path) in remark
    assert f"{extra} bytes" in remark


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_more_than_a_mebibyte_behind_the_voxels_is_an_error(channels: int, ending: str, tmp_path: Path) -> None:
    content = image(np.zeros((*SHAPE, channels), np.uint8)).to_bytes() + b"\5" * ((1 << 20) + 1)
    path = tmp_path / f"x{ending}"
    path.write_bytes(gzip.compress(content, 1) if ending == ".nii.gz" else content)
    with open_volume(path, ReadOptions()) as volume, pytest.raises(UnreadableFile, match="bytes follow"):
        channels_of(volume)


def test_the_content_decides_whether_a_file_is_compressed(tmp_path: Path) -> None:
    content = image(RAMP.astype(np.uint8)).to_bytes()
    (tmp_path / "packed.nii").write_bytes(gzip.compress(content))
    (tmp_path / "plain.nii.gz").write_bytes(content)
    for name in ("packed.nii", "plain.nii.gz"):
        found, volume = read(tmp_path / name)
        np.testing.assert_array_equal(found, RAMP)
        assert volume.remarks == []


def test_the_file_that_is_named_is_read_and_not_its_neighbour(tmp_path: Path) -> None:
    written(tmp_path / "pred.nii", np.zeros(SHAPE, np.uint8))
    written(tmp_path / "pred.nii.gz", RAMP.astype(np.uint8))
    np.testing.assert_array_equal(read(tmp_path / "pred.nii.gz")[0], RAMP)
    assert not read(tmp_path / "pred.nii")[0].any()


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_digest_is_that_of_the_file_on_disk(ending: str, channels: int, tmp_path: Path) -> None:
    path = written(tmp_path / f"x{ending}", np.zeros((*SHAPE, channels), np.float32))
    with open_volume(path, ReadOptions(hashed=True)) as volume:
        channels_of(volume)
        assert volume.digest() == hashlib.sha256(path.read_bytes()).hexdigest()


# Geometry


def with_forms(
    path: Path, sform: Any = None, qform: Any = None, unit: int = 2, array: Any = None, version: str = "1"
) -> Path:
    """A volume that states the given affines (code 0 where None) and a unit code."""
    picture = image(RAMP.astype(np.uint8) if array is None else array, version=version)
    picture.header.set_sform(np.eye(4) if sform is None else sform, 0 if sform is None else 1)
    picture.header.set_qform(np.eye(4) if qform is None else qform, 0 if qform is None else 1)
    picture.header["xyzt_units"] = unit
    content = picture.header.binaryblock + bytes(4) + picture.get_fdata().astype(np.uint8).tobytes(order="F")
    content = patched(content, 108, "<f", 352.0) if version == "1" else patched(content, 168, "<q", 544)
    path.write_bytes(content)
    return path


def moved(by_mm: float) -> Array:
    """The affine, shifted along x."""
    affine = AFFINE.copy()
    affine[0, 3] += by_mm
    return affine


def test_the_sform_wins_with_a_remark_where_the_qform_differs(tmp_path: Path, segeval: Segeval) -> None:
    path = with_forms(tmp_path / "p.nii", sform=AFFINE, qform=moved(2.5))
    _, volume = read(path)
    assert volume.geometry is not None
    np.testing.assert_allclose(volume.geometry.affine, AFFINE)
    run = segeval("score", path, written(tmp_path / "r.nii", RAMP.astype(np.uint8)), "--format", "json")
    assert run.code == 0
    (remark,) = [remark for remark in run.remarks if "qform" in remark]
    assert str(path) in remark
    assert "sform" in remark
    assert "2.5 mm" in remark


def test_a_qform_that_differs_within_the_tolerance_is_no_remark(tmp_path: Path, segeval: Segeval) -> None:
    path = with_forms(tmp_path / "p.nii", sform=AFFINE, qform=moved(0.005))
    reference = written(tmp_path / "r.nii", RAMP.astype(np.uint8))
    assert segeval("score", path, reference, "--format", "json").remarks == []
    stricter = segeval("score", path, reference, "--format", "json", "--tolerance", "0.005")
    assert any("qform" in remark for remark in stricter.remarks)


def test_the_qform_counts_where_there_is_no_sform(tmp_path: Path) -> None:
    _, volume = read(with_forms(tmp_path / "x.nii", qform=AFFINE))
    assert volume.geometry is not None
    assert volume.geometry.oriented
    np.testing.assert_allclose(volume.geometry.affine, AFFINE, atol=1e-5)


def test_without_a_code_there_is_spacing_but_no_orientation(tmp_path: Path, segeval: Segeval) -> None:
    path = with_forms(tmp_path / "p.nii")
    content = patched(path.read_bytes(), 80, "<3f", 0.8, 1.5, 3.0)
    path.write_bytes(content)
    _, volume = read(path)
    assert volume.geometry is not None
    assert not volume.geometry.oriented
    np.testing.assert_allclose(volume.geometry.spacing_mm, (0.8, 1.5, 3.0), rtol=1e-6)
    run = segeval("score", path, written(tmp_path / "r.nii", RAMP.astype(np.uint8)), "--format", "json")
    assert run.code == 0
    assert any("no orientation" in remark and str(path) in remark for remark in run.remarks)
    assert run.row("all")["accuracy"] == 1


def test_without_a_code_another_spacing_is_an_error(tmp_path: Path, segeval: Segeval) -> None:
    path = with_forms(tmp_path / "p.nii")
    path.write_bytes(patched(path.read_bytes(), 80, "<3f", 0.8, 1.5, 2.0))
    run = segeval("score", path, written(tmp_path / "r.nii", RAMP.astype(np.uint8)))
    assert run.code == 3
    assert "spacing" in run.err


@pytest.mark.parametrize(
    ("unit", "factor"), [(2, 1.0), (1, 1000.0), (3, 0.001), (0, 1.0), (2 | 8, 1.0), (1 | 16, 1000.0)]
)
@pytest.mark.parametrize("version", ["1", "2"])
def test_lengths_are_converted_to_millimetres(
    unit: int, factor: float, version: str, tmp_path: Path, segeval: Segeval
) -> None:
    stated = AFFINE.copy()
    stated[:3] /= factor
    path = with_forms(tmp_path / "p.nii", sform=stated, qform=stated, unit=unit, version=version)
    reference = written(tmp_path / "r.nii", RAMP.astype(np.uint8))
    run = segeval("score", path, reference, "--format", "json", "--labels", "7,12")
    assert run.code == 0, run.err
    swapped = segeval("score", reference, path, "--format", "json", "--labels", "7,12")
    for result in (run, swapped):
        assert result.row(12)["ref_volume_ml"] == pytest.approx(VOXEL_ML, rel=1e-6)
        assert result.row(12)["pred_volume_ml"] == pytest.approx(VOXEL_ML, rel=1e-6)
    assert run.remarks == [remark for remark in run.remarks if "not in the list" in remark]


@pytest.mark.parametrize("code", ["qform", "sform"])
def test_a_qfac_and_a_left_handed_affine_are_kept(code: str, tmp_path: Path) -> None:
    mirrored = AFFINE @ np.diag([1, 1, -1, 1])
    assert np.linalg.det(AFFINE[:3, :3]) * np.linalg.det(mirrored[:3, :3]) < 0
    for affine in (AFFINE, mirrored):
        _, volume = read(with_forms(tmp_path / "x.nii", **{code: affine}))
        assert volume.geometry is not None
        np.testing.assert_allclose(volume.geometry.affine, affine, atol=1e-5)


def test_a_sheared_sform_is_kept_and_gives_its_volume(tmp_path: Path, segeval: Segeval) -> None:
    sheared = AFFINE.copy()
    sheared[0, 2] = 0.4
    path = with_forms(tmp_path / "x.nii", sform=sheared)
    run = segeval("score", path, path, "--format", "json")
    assert run.row(7)["ref_volume_ml"] == pytest.approx(abs(np.linalg.det(sheared[:3, :3])) / 1000, rel=1e-6)


def test_analyze_is_read_by_shape_and_spacing(tmp_path: Path, segeval: Segeval) -> None:
    old = nibabel.AnalyzeImage(RAMP.astype(np.int16), np.diag([0.8, 1.5, 3.0, 1.0]))
    nibabel.save(old, tmp_path / "old.img")
    for name in ("old.img", "old.hdr"):
        found, volume = read(tmp_path / name)
        np.testing.assert_array_equal(found, RAMP)
        assert volume.geometry is not None
        assert not volume.geometry.oriented
        np.testing.assert_allclose(volume.geometry.spacing_mm, (0.8, 1.5, 3.0), rtol=1e-6)
    reference = written(tmp_path / "r.nii", RAMP.astype(np.int16))
    run = segeval("score", tmp_path / "old.hdr", reference, "--format", "json")
    assert run.code == 0
    assert any("no orientation" in remark for remark in run.remarks)
