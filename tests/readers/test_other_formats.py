"""What SimpleITK, FreeSurfer and nnU-Net write: values, channels, grids, and damage that the libraries overlook."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from formats import (
    AFFINE,
    ITK_FILES,
    LABELS,
    SHAPE,
    SPACING,
    Array,
    Nifti,
    Segeval,
    assert_refused,
    nrrd,
    picture,
    written,
)
from reading import read_channels

OTHER = np.where(np.random.default_rng(10).random(SHAPE) < 0.7, LABELS, 2).astype(np.uint8)


read = partial(read_channels, hashed=True)


def probabilities(count: int = 3, dtype: Any = np.float32) -> Array:
    """Channels that sum to 1, last axis, in (x, y, z, c) order."""
    raw = np.random.default_rng(11).random((*SHAPE, count)) + 0.05
    return (raw / raw.sum(axis=-1, keepdims=True)).astype(dtype)


# ITK: values and grids


@pytest.mark.parametrize(("name", "compressed"), ITK_FILES)
def test_itk_volumes_are_read_with_their_grid(name: str, compressed: bool, tmp_path: Path) -> None:
    labels = LABELS.astype(np.int16) - 3
    path = written(tmp_path / name, picture(labels), compressed)
    (found,), volume = read(path)
    np.testing.assert_array_equal(found, labels)
    assert found.dtype == np.int16
    assert volume.kind == "labels"
    assert volume.remarks == []
    same = nibabel.load(written(tmp_path / "x.nii", picture(labels)))
    assert volume.geometry is not None
    np.testing.assert_allclose(volume.geometry.affine, same.affine, atol=1e-5)


@pytest.mark.parametrize(("name", "compressed"), ITK_FILES)
@pytest.mark.parametrize("swapped", [False, True])
def test_lps_and_ras_headers_of_one_anatomy_are_one_grid(
    name: str, compressed: bool, swapped: bool, tmp_path: Path, segeval: Segeval
) -> None:
    pair = [written(tmp_path / name, picture(LABELS), compressed), written(tmp_path / "x.nii.gz", picture(LABELS))]
    run = segeval("score", *(pair[::-1] if swapped else pair), "--format", "json")
    assert run.code == 0, run.err
    assert run.remarks == []
    assert run.row("all")["dice"] == 1
    assert run.row("all")["accuracy"] == 1
    for label in (1, 2, 7):
        assert run.row(label)["dice"] == 1
        assert run.row(label)["ref_volume_ml"] == pytest.approx((label == LABELS).sum() * 3.6 / 1000, rel=1e-6)


def test_a_moved_itk_volume_is_another_grid(tmp_path: Path, segeval: Segeval) -> None:
    moved = picture(LABELS)
    moved.SetOrigin((10.0, -20.0, 8.0))
    path = written(tmp_path / "x.mha", moved)
    assert_refused(segeval("score", path, written(tmp_path / "r.nii.gz", picture(LABELS))), path, "3 mm", "--geometry")


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
@pytest.mark.parametrize("name", ["x.nrrd", "x.mha"])
def test_every_type_is_exact(name: str, dtype: str, tmp_path: Path) -> None:
    array = LABELS.astype(dtype)
    if array.dtype.kind in "iu":
        array[0, 0, 0], array[4, 3, 2] = np.iinfo(dtype).min, np.iinfo(dtype).max
    (found,), _ = read(written(tmp_path / name, picture(array)))
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_an_nrrd_without_space_is_compared_by_shape_and_spacing(
    encoding: str, tmp_path: Path, nifti: Nifti, segeval: Segeval
) -> None:
    path = tmp_path / "x.nrrd"
    path.write_bytes(nrrd(LABELS, "spacings: 0.8 1.5 3", encoding=encoding))
    (found,), volume = read(path)
    np.testing.assert_array_equal(found, LABELS)
    assert volume.geometry is not None
    assert not volume.geometry.oriented
    flipped = AFFINE @ np.diag([-1, 1, -1, 1])
    run = segeval("score", path, nifti("r.nii", LABELS, flipped), "--format", "json")
    assert run.code == 0, run.err
    (remark,) = run.remarks
    assert str(path) in remark
    assert "no orientation" in remark
    assert run.row("all")["accuracy"] == 1


def test_an_nrrd_without_space_but_of_another_spacing_is_refused(
    tmp_path: Path, nifti: Nifti, segeval: Segeval
) -> None:
    path = tmp_path / "x.nrrd"
    path.write_bytes(nrrd(LABELS, "spacings: 0.8 1.5 2"))
    assert_refused(segeval("score", path, nifti("r.nii", LABELS, AFFINE)), path, "spacing", "--geometry ignore")


def test_an_nrrd_in_ras_is_where_it_says(tmp_path: Path, nifti: Nifti, segeval: Segeval) -> None:
    path = tmp_path / "x.nrrd"
    path.write_bytes(
        nrrd(LABELS, "space: right-anterior-superior", "space directions: (0.8,0,0) (0,1.5,0) (0,0,3)",
             "space origin: (0,0,0)")
    )  # fmt: skip
    run = segeval("score", path, nifti("r.nii", LABELS, AFFINE), "--format", "json")
    assert run.code == 0, run.err
    assert run.remarks == []
    assert run.row("all")["accuracy"] == 1


def test_the_digest_is_of_the_file_and_for_two_files_of_both_digests(tmp_path: Path) -> None:
    path = written(tmp_path / "x.mha", picture(LABELS), True)
    assert read(path)[1].digest() == hashlib.sha256(path.read_bytes()).hexdigest()
    path = written(tmp_path / "x.mhd", picture(LABELS))
    assert read(path)[1].digest() is not None
    before = read(path)[1].digest()
    (tmp_path / "x.raw").write_bytes((tmp_path / "x.raw").read_bytes()[::-1])
    assert read(path)[1].digest() != before


# Channels


@pytest.mark.parametrize(("name", "compressed"), ITK_FILES)
def test_the_components_of_a_vector_image_are_channels(
    name: str, compressed: bool, tmp_path: Path, segeval: Segeval
) -> None:
    maps = probabilities()
    path = written(tmp_path / name, picture(maps, vector=True), compressed)
    found, volume = read(path)
    np.testing.assert_array_equal(found, np.moveaxis(maps, -1, 0))
    assert volume.kind == "probabilities"
    reference = written(tmp_path / "r.nii.gz", picture(maps.argmax(axis=-1).astype(np.uint8)))
    run = segeval("score", path, reference, "--format", "json")
    assert run.code == 0, run.err
    assert run.remarks == []
    assert run.row("all")["dice"] == 1
    truth = np.take_along_axis(maps.astype(np.float64), maps.argmax(axis=-1)[..., np.newaxis], -1)
    assert run.row("all")["ce"] == pytest.approx(-np.log(truth).mean(), rel=1e-6)


def test_a_vector_nifti_of_itk_is_the_same_channels(tmp_path: Path) -> None:
    maps = probabilities()
    np.testing.assert_array_equal(
        read(written(tmp_path / "x.nii.gz", picture(maps, vector=True)))[0], np.moveaxis(maps, -1, 0)
    )


def test_a_vector_image_as_reference_is_refused(tmp_path: Path, segeval: Segeval) -> None:
    path = written(tmp_path / "x.nrrd", picture(probabilities(), vector=True))
    assert_refused(segeval("score", path, path), path, "3 channels", "label map")


# MGH


@pytest.mark.parametrize("ending", [".mgz", ".mgh", ".mgh.gz"])
@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "f4"])
def test_mgh_is_read_like_nibabel_reads_it(dtype: str, ending: str, tmp_path: Path) -> None:
    affine = np.array([[-0.8, 0.0, 0.0, 30.0], [0.0, 0.0, 3.0, -12.0], [0.0, -1.5, 0.0, 40.0], [0.0, 0.0, 0.0, 1.0]])
    whole = nibabel.MGHImage((LABELS * 17).astype(dtype), affine)
    plain = tmp_path / "plain.mgh"
    nibabel.save(whole, plain)
    path = tmp_path / f"x{ending}"
    path.write_bytes(plain.read_bytes() if ending == ".mgh" else gzip.compress(plain.read_bytes()))
    (found,), volume = read(path)
    oracle = nibabel.MGHImage.from_bytes(plain.read_bytes())  # nibabel.load would leave the file open
    np.testing.assert_array_equal(found.reshape(SHAPE, order="F"), np.asanyarray(oracle.dataobj))
    assert found.dtype.isnative
    assert volume.remarks == []
    assert volume.geometry is not None
    np.testing.assert_allclose(volume.geometry.affine, oracle.affine, atol=1e-5)


def test_mgz_and_nifti_of_one_anatomy_score_1_without_a_remark(tmp_path: Path, segeval: Segeval) -> None:
    affine = np.array([[-0.8, 0.0, 0.0, 30.0], [0.0, 0.0, 3.0, -12.0], [0.0, -1.5, 0.0, 40.0], [0.0, 0.0, 0.0, 1.0]])
    nibabel.save(nibabel.MGHImage(LABELS, affine), tmp_path / "x.mgz")
    nibabel.save(nibabel.Nifti1Image(LABELS, affine), tmp_path / "x.nii.gz")
    for pair in (("x.mgz", "x.nii.gz"), ("x.nii.gz", "x.mgz")):
        run = segeval("score", *(tmp_path / name for name in pair), "--format", "json")
        assert run.code == 0, run.err
        assert run.remarks == []
        assert run.row("all")["accuracy"] == 1


def test_the_frames_of_an_mgz_are_channels(tmp_path: Path) -> None:
    maps = probabilities()
    nibabel.save(nibabel.MGHImage(maps, AFFINE), tmp_path / "x.mgz")
    found, volume = read(tmp_path / "x.mgz")
    np.testing.assert_array_equal(found, np.moveaxis(maps, -1, 0))
    assert volume.kind == "probabilities"


def test_a_cut_or_flipped_mgz_is_refused(tmp_path: Path, nifti: Nifti, segeval: Segeval) -> None:
    reference, path = nifti("r.nii", LABELS, AFFINE), tmp_path / "x.mgz"
    nibabel.save(nibabel.MGHImage(LABELS, AFFINE), path)
    whole = path.read_bytes()
    short = gzip.compress(gzip.decompress(whole)[: 284 + 59])
    for content in (whole[:-1], whole[:-8], whole[:30], short, whole[:-7] + b"\0" + whole[-6:]):
        path.write_bytes(content)
        assert_refused(segeval("score", path, reference), path, "again")


# nnU-Net's .npz


def zyx(maps: Array) -> Array:
    """(x, y, z, c) as nnU-Net stores it: (c, z, y, x)."""
    return np.ascontiguousarray(maps.transpose(3, 2, 1, 0))


@pytest.mark.parametrize("key", ["probabilities", "softmax"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npz_probabilities_are_read_in_c_z_y_x(
    key: str, dtype: Any, save: Callable[..., None], order: Any, tmp_path: Path
) -> None:
    maps = probabilities(4, dtype)
    path = tmp_path / "x.npz"
    save(path, **{key: np.asarray(zyx(maps), order=order)})
    found, volume = read(path)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.moveaxis(maps, -1, 0))
    assert volume.kind == "probabilities"
    assert volume.geometry is None
    assert volume.digest() == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_npz_scores_like_the_nifti_of_the_same_map_with_a_remark_on_its_grid(
    order: Any, tmp_path: Path, nifti: Nifti, segeval: Segeval
) -> None:
    maps = probabilities()
    reference = nifti("r.nii.gz", LABELS % 3, AFFINE)
    np.savez_compressed(tmp_path / "x.npz", probabilities=np.asarray(zyx(maps), order=order), other=np.arange(3))
    run = segeval("score", tmp_path / "x.npz", reference, "--format", "json")
    expected = segeval("score", nifti("p.nii", maps, AFFINE), reference, "--format", "json")
    assert run.json["cases"][0]["rows"] == expected.json["cases"][0]["rows"]
    assert run.json["cases"][0]["case"] == "x"
    (remark,) = run.remarks
    assert "no geometry" in remark
    assert str(tmp_path / "x.npz") in remark


def test_a_big_endian_array_is_read(tmp_path: Path) -> None:
    maps = probabilities()
    np.savez(tmp_path / "x.npz", probabilities=zyx(maps).astype(">f4"))
    np.testing.assert_array_equal(read(tmp_path / "x.npz")[0], np.moveaxis(maps, -1, 0))


def test_probabilities_win_over_the_older_key(tmp_path: Path) -> None:
    maps = probabilities()
    np.savez(tmp_path / "x.npz", softmax=np.zeros((3, 3, 4, 5), np.float32), probabilities=zyx(maps))
    np.testing.assert_array_equal(read(tmp_path / "x.npz")[0], np.moveaxis(maps, -1, 0))


def test_an_npz_of_another_shape_is_refused(tmp_path: Path, nifti: Nifti, segeval: Segeval) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, probabilities=np.ascontiguousarray(np.moveaxis(probabilities(), -1, 0)))  # (c, x, y, z)
    assert_refused(segeval("score", path, nifti("r.nii", LABELS % 3, AFFINE)), path, "3×4×5", "5×4×3")


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._path,)


@pytest.mark.parametrize("key", ["probabilities", "softmax"])
def test_an_object_array_is_refused_and_never_unpickled(
    key: str, tmp_path: Path, nifti: Nifti, segeval: Segeval
) -> None:
    path, left = tmp_path / "x.npz", tmp_path / "left behind"
    np.savez(path, **{key: np.array([[[[Bomb(left)]]]], dtype=object)}, allow_pickle=True)
    assert_refused(segeval("score", path, nifti("r.nii", LABELS, AFFINE)), path, "pickled")
    assert not left.exists()


@pytest.mark.parametrize("name", ["probabilities.npy", "probabilities"])
def test_a_pickle_in_place_of_an_array_is_refused_and_never_loaded(
    name: str, tmp_path: Path, nifti: Nifti, segeval: Segeval
) -> None:
    path, left = tmp_path / "x.npz", tmp_path / "left behind"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, pickle.dumps(Bomb(left)))
    assert_refused(segeval("score", path, nifti("r.nii", LABELS, AFFINE)), path)
    assert not left.exists()


@pytest.mark.parametrize(
    "arrays",
    [
        {"seg": LABELS},
        {},
        {"probabilities": np.zeros((3, 3, 4, 5), np.complex64)},
        {"probabilities": np.zeros((3, 3, 4, 5), dtype="U3")},
        {"probabilities": np.zeros(60, np.float32)},
        {"probabilities": np.zeros((1, 1, 3, 3, 4, 5), np.float32)},
        {"probabilities": np.zeros((3, 0, 4, 5), np.float32)},
        {"probabilities": np.zeros((3, 3, 4, 5), dtype=[("a", "f4")])},
    ],
    ids=["another key", "nothing", "complex", "text", "1-D", "6-D", "no voxels", "structured"],
)
def test_an_npz_of_something_else_is_refused(
    arrays: dict[str, Array], tmp_path: Path, nifti: Nifti, segeval: Segeval
) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    assert_refused(segeval("score", tmp_path / "x.npz", nifti("r.nii", LABELS, AFFINE)), tmp_path / "x.npz")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_npz_with_a_wrong_checksum_is_refused(
    save: Callable[..., None], order: Any, tmp_path: Path, nifti: Nifti, segeval: Segeval
) -> None:
    path = tmp_path / "x.npz"
    save(path, probabilities=np.asarray(zyx(probabilities()), order=order))
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02") + 16  # the checksum in the central directory
    content[at] ^= 1
    path.write_bytes(content)
    assert_refused(segeval("score", path, nifti("r.nii", LABELS % 3, AFFINE)), path, "again")


def test_a_flipped_bit_in_an_npz_is_noticed_or_changes_no_number(
    tmp_path: Path, nifti: Nifti, segeval: Segeval
) -> None:
    path, reference = tmp_path / "x.npz", nifti("r.nii", LABELS % 3, AFFINE)
    np.savez_compressed(path, probabilities=zyx(probabilities()))
    whole = path.read_bytes()
    options = ("--metrics", "dice,ce", "--format", "json")
    expected = segeval("score", path, reference, *options).json["cases"][0]["rows"]
    for position in [*range(0, len(whole) - 120, 9), *range(len(whole) - 120, len(whole))]:
        changed = bytearray(whole)
        changed[position] ^= 1 << position % 8
        path.write_bytes(changed)
        run = segeval("score", path, reference, *options)
        if run.code == 0:
            assert run.json["cases"][0]["rows"] == expected, position
        else:
            assert_refused(run, path)


def test_a_cut_npz_is_refused(tmp_path: Path, nifti: Nifti, segeval: Segeval) -> None:
    path, reference = tmp_path / "x.npz", nifti("r.nii", LABELS % 3, AFFINE)
    np.savez(path, probabilities=zyx(probabilities()))
    whole = path.read_bytes()
    for length in (2, 30, 200, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert_refused(segeval("score", path, reference), path)


def test_an_array_that_promises_more_than_the_archive_holds_is_refused(
    tmp_path: Path, nifti: Nifti, segeval: Segeval
) -> None:
    header = io.BytesIO()
    description = {"descr": "<f4", "fortran_order": False, "shape": (100_000,) * 3 + (3,)}
    np.lib.format.write_array_header_1_0(header, description)
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("probabilities.npy", header.getvalue() + bytes(720))
    assert_refused(segeval("score", path, nifti("r.nii", LABELS, AFFINE)), path, "bytes", "again")


# Pictures and GIPL


def test_a_png_is_a_label_map_without_millimetres(tmp_path: Path, nifti: Nifti, segeval: Segeval) -> None:
    flat, other = LABELS[:, :, 0] * 30, OTHER[:, :, 0] * 30
    for name, array in (("r.png", flat), ("p.png", other)):
        sitk.WriteImage(sitk.GetImageFromArray(np.ascontiguousarray(array.T)), str(tmp_path / name))
    (found,), volume = read(tmp_path / "r.png")
    np.testing.assert_array_equal(found, flat)
    assert volume.geometry is None
    run = segeval("score", tmp_path / "p.png", tmp_path / "r.png", "--format", "json")
    assert run.code == 0, run.err
    assert run.row(30)["tp"] == np.sum((flat == 30) & (other == 30))
    assert run.row(30)["ref_volume_ml"] is None
    against = segeval("score", tmp_path / "p.png", nifti("r.nii", flat, AFFINE), "--format", "json")
    assert against.row(30)["dice"] == run.row(30)["dice"]
    assert against.row(30)["ref_volume_ml"] == pytest.approx((flat == 30).sum() * 3.6 / 1000, rel=1e-6)


def test_a_colour_png_is_refused(tmp_path: Path, segeval: Segeval) -> None:
    image = sitk.GetImageFromArray(np.zeros((4, 5, 3), np.uint8), isVector=True)
    path = written(tmp_path / "x.png", image)
    assert_refused(segeval("score", path, path), path, "colour", "export")


@pytest.mark.parametrize("name", ["x.gipl", "x.gipl.gz"])
def test_gipl_is_read_by_shape_and_spacing(name: str, tmp_path: Path, segeval: Segeval) -> None:
    image = picture(LABELS.astype(np.uint16))
    path = written(tmp_path / name, image)
    (found,), volume = read(path)
    np.testing.assert_array_equal(found, LABELS)
    assert volume.geometry is not None
    np.testing.assert_allclose(volume.geometry.spacing_mm, SPACING, rtol=1e-6)
    run = segeval("score", path, written(tmp_path / "r.nii.gz", image), "--format", "json")
    assert run.code == 0, run.err
    assert run.row("all")["accuracy"] == 1
    assert any("no orientation" in remark for remark in run.remarks)
