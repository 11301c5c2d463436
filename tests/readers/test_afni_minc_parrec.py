"""AFNI, MINC and PAR/REC, and pictures of greys: values, places, channels, and both files of a pair."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from handmade import afni_header, bmp, minc, par_header
from numpy.typing import NDArray
from reading import read_channels

from segeval.errors import UnreadableFile

Array = NDArray[Any]

LABELS: Array = np.random.default_rng(12).choice([0, 1, 2, 7], (5, 4, 3)).astype(np.uint8)
SPACING = (0.8, 1.5, 3.0)


read = partial(read_channels, hashed=True)


def written(folder: Path, header: str, content: bytes, data: str, voxels: bytes) -> Path:
    """Both files; the header's path."""
    (folder / data).write_bytes(voxels)
    (folder / header).write_bytes(content)
    return folder / header


@pytest.mark.parametrize("packed", [False, True], ids=[".BRIK", ".BRIK.gz"])
@pytest.mark.parametrize(("kind", "dtype"), [(0, "u1"), (1, "i2"), (3, "f4")])
@pytest.mark.parametrize("order", ["LSB_FIRST", "MSB_FIRST"])
def test_an_afni_volume_is_its_numbers_in_lps(kind: int, dtype: str, order: str, packed: bool, tmp_path: Path) -> None:
    stored = LABELS.astype(np.dtype(dtype).newbyteorder("<" if order == "LSB_FIRST" else ">")).tobytes("F")
    data, voxels = ("x+orig.BRIK.gz", gzip.compress(stored)) if packed else ("x+orig.BRIK", stored)
    path = written(tmp_path, "x+orig.HEAD", afni_header(kind=kind, order=order), data, voxels)
    (found,), volume = read(path)
    np.testing.assert_array_equal(found, LABELS)
    assert volume.kind == (None if dtype == "f4" else "labels")
    assert volume.remarks == []
    assert volume.geometry is not None
    np.testing.assert_allclose(volume.geometry.affine, np.diag([*SPACING, 1.0]))  # its LPS+ is -0.8, -1.5, 3


@pytest.mark.parametrize("named", ["x.HEAD", "x.BRIK", "y.PAR", "y.REC", "z.head", "z.brik"])
def test_either_file_of_a_pair_may_be_named_and_both_are_hashed(named: str, tmp_path: Path) -> None:
    stem = named[0]
    pair = {"x": ("x.HEAD", "x.BRIK"), "y": ("y.PAR", "y.REC"), "z": ("z.head", "z.brik")}[stem]
    header = par_header() if stem == "y" else afni_header()
    written(tmp_path, pair[0], header, pair[1], LABELS.tobytes("F"))
    (found,), volume = read(tmp_path / named)
    np.testing.assert_array_equal(found, LABELS)
    digests = [hashlib.sha256(content).hexdigest() for content in (header, LABELS.tobytes("F"))]
    assert volume.digest() == hashlib.sha256("".join(digests).encode()).hexdigest()


@pytest.mark.parametrize("packed", [False, True])
def test_each_sub_brick_has_its_factor_and_0_is_none(packed: bool, tmp_path: Path) -> None:
    stored = np.stack([LABELS, LABELS * 2, LABELS * 3], axis=-1).astype("<i2").tobytes("F")
    data, voxels = ("x.BRIK.gz", gzip.compress(stored)) if packed else ("x.BRIK", stored)
    path = written(tmp_path, "x.HEAD", afni_header(3, 1, (0.5, 0.0, 2.0)), data, voxels)
    found, volume = read(path)
    np.testing.assert_array_equal(found, np.stack([LABELS * 0.5, LABELS * 2.0, LABELS * 6.0]))
    assert volume.kind == "probabilities"


def test_one_factor_scales_a_label_map(tmp_path: Path) -> None:
    path = written(tmp_path, "x.HEAD", afni_header(1, 1, (0.5,)), "x.BRIK", (LABELS * 2).astype("<i2").tobytes("F"))
    (found,), _ = read(path)
    np.testing.assert_array_equal(found, LABELS)


def test_complex_sub_bricks_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "x.HEAD", afni_header(kind=5), "x.BRIK", LABELS.astype("c8").tobytes("F"))
    with pytest.raises(UnreadableFile, match="complex"):
        read(path)


@pytest.mark.parametrize(("bits", "dtype"), [(8, "u1"), (16, "<u2")])
def test_a_par_volume_lies_around_its_off_centre(bits: int, dtype: str, tmp_path: Path) -> None:
    path = written(tmp_path, "x.PAR", par_header(bits), "x.REC", LABELS.astype(dtype).tobytes("F"))
    (found,), volume = read(path)
    np.testing.assert_array_equal(found, LABELS)
    assert volume.kind == "labels"
    assert volume.geometry is not None
    np.testing.assert_allclose(np.linalg.norm(volume.geometry.affine[:3, :3], axis=0), SPACING)
    # off centre 1, 2, 3 mm to the back, the head, the left: in RAS+ -3, -1, 2
    np.testing.assert_allclose(volume.geometry.affine @ [2.0, 1.5, 1.0, 1.0], [-3.0, -1.0, 2.0, 1.0])


def test_a_par_lists_its_slices_in_any_order_and_scales_them(tmp_path: Path) -> None:
    header = (
        par_header().replace(b"\n1 1 1", b"\n9 1 1").replace(b"\n3 1 1", b"\n1 1 1").replace(b"\n9 1 1", b"\n3 1 1")
    )
    header = header.replace(b" 5 4 0 1 1 ", b" 5 4 -1 0.5 1 ")  # intercept and slope
    (found,), volume = read(written(tmp_path, "x.PAR", header, "x.REC", LABELS.tobytes("F")))
    np.testing.assert_array_equal(found, LABELS[:, :, ::-1] * 0.5 - 1)
    assert volume.kind is None


@pytest.mark.parametrize(("typecode", "sign"), [("b", b"unsigned"), ("h", b"signed__"), ("f", b"signed__")])
def test_a_minc_volume_is_its_real_values(typecode: str, sign: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.mnc"
    path.write_bytes(minc(LABELS, typecode, sign))
    (found,), volume = read(path)
    np.testing.assert_array_equal(found, LABELS)
    assert found.dtype.isnative
    assert volume.geometry is not None
    np.testing.assert_allclose(volume.geometry.affine, np.diag([*SPACING, 1.0]))
    assert volume.digest() == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("first", [True, False], ids=["classes first", "classes last"])
def test_the_classes_of_a_minc_are_the_axis_that_is_no_space(first: bool, tmp_path: Path) -> None:
    maps = np.stack([LABELS, LABELS * 2], axis=0 if first else -1)
    names = ("vector_dimension", "xspace", "yspace", "zspace") if first else ("xspace", "yspace", "zspace", "time")
    path = tmp_path / "x.mnc"
    path.write_bytes(minc(maps, names=names))
    found, volume = read(path)
    np.testing.assert_array_equal(found, np.stack([LABELS, LABELS * 2]))
    assert volume.shape == LABELS.shape
    assert volume.geometry is not None


def test_a_minc_2_without_h5py_says_what_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "h5py", None)
    path = tmp_path / "x.mnc"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(UnreadableFile, match="h5py"):
        read(path)


def test_a_header_without_its_voxels_says_which_file_is_missing(tmp_path: Path) -> None:
    for name, header, other in (("x.HEAD", afni_header(), "x.BRIK.gz"), ("x.PAR", par_header(), "x.REC")):
        (tmp_path / name).write_bytes(header)
        with pytest.raises(UnreadableFile, match=other):
            read(tmp_path / name)


def test_a_pointer_in_place_of_the_voxels_is_named(tmp_path: Path) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 60\n"
    with pytest.raises(UnreadableFile, match="git lfs pull"):
        read(written(tmp_path, "x.HEAD", afni_header(), "x.BRIK", pointer))


def test_a_grey_bmp_is_its_grey_values(tmp_path: Path, segeval: Callable[..., Any]) -> None:
    path = tmp_path / "x.bmp"
    path.write_bytes(bmp(LABELS[:, :, 0]))
    (found,), volume = read(path)
    np.testing.assert_array_equal(found, LABELS[:, :, 0])
    assert volume.kind == "labels"
    assert segeval("score", path, path, "--metrics", "dice").code == 0


def test_a_bmp_with_a_palette_of_colours_is_its_indices(tmp_path: Path) -> None:
    path, content = tmp_path / "x.bmp", bytearray(bmp(LABELS[:, :, 0]))
    content[54 + 4 * 7] = 200  # the blue of label 7
    path.write_bytes(content)
    (found,), _ = read(path)
    np.testing.assert_array_equal(found, LABELS[:, :, 0])
