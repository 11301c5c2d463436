"""Formats that SimpleITK and nibabel read: damaged and cut files."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest
from formats import (
    AFFINE,
    ITK_FILES,
    LABELS,
    SHAPE,
    Nifti,
    Segeval,
    assert_refused,
    picture,
    written,
)

from segeval.readers import ENDINGS, itk_files

# Damage


def cuts(content: bytes, data_bytes: int) -> list[bytes]:
    """The file without its last bytes: a few, and about half of the data."""
    return [content[:-1], content[:-4], content[: -data_bytes // 2]]


@pytest.mark.parametrize(
    ("name", "compressed"),
    [*ITK_FILES[:2], *ITK_FILES[4:6], ("x.gipl", False), ("x.gipl.gz", False), ("x.vtk", False), ("x.nii.gz", False)],
)
def test_a_cut_file_is_refused(name: str, compressed: bool, tmp_path: Path, segeval: Segeval) -> None:
    image = picture(np.random.default_rng(12).integers(0, 250, SHAPE).astype(np.uint8))
    reference, path = written(tmp_path / "r.nii", image), written(tmp_path / name, image, compressed)
    assert segeval("score", path, reference).code == 0
    for content in cuts(path.read_bytes(), 60):
        path.write_bytes(content)
        for pair in ((path, reference), (reference, path)):
            assert_refused(segeval("score", *pair), path, "again")


@pytest.mark.parametrize(
    ("name", "data"), [("x.mhd", "x.raw"), ("x.mhd", "x.zraw"), ("x.nhdr", "x.raw"), ("x.nhdr", "x.raw.gz")]
)
def test_a_cut_or_missing_data_file_is_refused(name: str, data: str, tmp_path: Path, segeval: Segeval) -> None:
    image = picture(np.random.default_rng(12).integers(0, 250, SHAPE).astype(np.uint8))
    reference = written(tmp_path / "r.nii", image)
    path = written(tmp_path / name, image, data not in ("x.raw",))
    whole = (tmp_path / data).read_bytes()
    for content in cuts(whole, 60):
        (tmp_path / data).write_bytes(content)
        run = segeval("score", path, reference)
        assert_refused(run, tmp_path / "x.", "again")
    (tmp_path / data).unlink()
    assert_refused(segeval("score", path, reference), tmp_path / "x.")


@pytest.mark.parametrize(("name", "compressed"), [("x.mha", True), ("x.nrrd", True), ("x.gipl.gz", False)])
def test_a_flipped_bit_in_compressed_data_is_noticed_or_changes_no_label(
    name: str, compressed: bool, tmp_path: Path, segeval: Segeval
) -> None:
    image = picture(LABELS)
    reference, path = written(tmp_path / "r.nii", image), written(tmp_path / name, image, compressed)
    whole = path.read_bytes()
    size = (
        len(whole) if name.endswith(".gz") else len(whole) - whole.index(b"\x1f\x8b" if "nrrd" in name else b"\nx") - 1
    )
    noticed = 0
    for position in range(len(whole) - size, len(whole), 2):
        changed = bytearray(whole)
        changed[position] ^= 1 << position % 8
        path.write_bytes(changed)
        run = segeval("score", path, reference, "--metrics", "dice", "--format", "json")
        if run.code == 0:
            assert run.row("all")["dice"] == 1, position
        else:
            noticed += 1
            assert_refused(run, path)
    assert noticed > size // 4


def test_a_bomb_behind_compressed_data_is_refused(tmp_path: Path, segeval: Segeval) -> None:
    reference = written(tmp_path / "r.nii", picture(LABELS))
    zeros = gzip.compress(bytes(1 << 20), mtime=0) * 3_000
    for name in ("x.nrrd", "x.gipl.gz", "x.mgz"):
        path = tmp_path / name
        if name == "x.mgz":
            nibabel.save(nibabel.MGHImage(LABELS, AFFINE), path)
        else:
            written(path, picture(LABELS), True)
        path.write_bytes(path.read_bytes() + zeros)
        assert_refused(segeval("score", path, reference, "--geometry", "ignore"), path, "bytes")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.nrrd", b"NRRD0004\ntype: uchar\n"),
        ("x.nrrd", b"not an nrrd at all"),
        ("x.mha", b"ObjectType = Image\nNDims = 3\n"),
        ("x.mha", b"rubbish" * 50),
        ("x.mhd", b"NDims = 3\nDimSize = 5 4 3\nElementType = MET_UCHAR\nElementDataFile = missing.raw\n"),
        ("x.gipl", bytes(100)),
        ("x.gipl", b"\0" * 300),
        ("x.png", b"\x89PNG\r\n\x1a\n" + bytes(50)),
        ("x.tif", b"II*\0" + bytes(50)),
        ("x.mgz", b"\0\0\0\2" + bytes(400)),
        ("x.mgh", b"\0\0\0\1" + bytes(400)),
        ("x.mnc", b"rubbish" * 50),
        ("x.vtk", b"rubbish" * 50),
        ("x.BRIK", b"rubbish" * 50),
        ("x.par", b"rubbish" * 50),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[:20]),
)
def test_rubbish_is_refused_by_every_reader(
    name: str, content: bytes, tmp_path: Path, nifti: Nifti, segeval: Segeval
) -> None:
    path, reference = tmp_path / name, nifti("r.nii", LABELS, AFFINE)
    path.write_bytes(content)
    for pair in ((path, reference), (reference, path)):
        assert_refused(segeval("score", *pair), path)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (
            b"DATASET RECTILINEAR_GRID\nDIMENSIONS 2 2 1\nX_COORDINATES 2 double\n0 0\n0 0\n",
            "DATASET of RECTILINEAR_GRID",
        ),
        (b"DATASET POLYDATA\nPOINTS 1 double\n\0\1", "DATASET of POLYDATA"),
        (b"DATASET STRUCTURED_POINTS\nDIMENSIONS 2 2 1\nCELL_DATA 1\nSCALARS s double\n", "CELL_DATA"),
    ],
    ids=["rectilinear", "polygons", "cells"],
)
def test_vtk_that_holds_no_voxels_says_what_it_holds(
    lines: bytes, words: str, tmp_path: Path, segeval: Segeval
) -> None:
    path = tmp_path / "x.vtk"
    path.write_bytes(b"# vtk DataFile Version 4.2\nvtk output\nASCII\n" + lines)
    assert_refused(segeval("inspect", path), path, words)


def damaged_mha() -> bytes:
    """A MetaImage that promises more voxels than it holds."""
    return b"NDims = 3\nDimSize = 5 4 3\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n" + bytes(56)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.mha", b"ObjectType = Image\n" + damaged_mha()),
        ("x.mha", b"ObjectType = Image\nNDims = 3\n"),
        ("x.png", b"\x89PNG\r\n\x1a\n" + bytes(50)),
        ("x.tif", b"II*\0" + bytes(50)),
        ("x.nrrd", b"NRRD0004\ntype: uchar\n\n"),
    ],
    ids=["cut MetaImage", "MetaImage header", "PNG", "TIFF", "NRRD"],
)
def test_the_libraries_add_no_lines_of_their_own_to_stderr(
    name: str, content: bytes, tmp_path: Path, nifti: Nifti, capfd: pytest.CaptureFixture[str]
) -> None:
    from segeval.cli.app import main

    path = tmp_path / name
    path.write_bytes(content)
    reference = nifti("r.nii", LABELS, AFFINE)
    capfd.readouterr()
    code = main(["score", str(path), str(reference)])
    captured = capfd.readouterr()  # of the file descriptors: what C++ prints is seen too
    assert (code, captured.out) == (3, "")
    assert captured.err.count("\n") == 1, captured.err
    assert f"segeval: {path}: " in captured.err
    assert "give it the ending" not in captured.err  # it has that ending


def test_a_damaged_mgh_header_never_crashes(tmp_path: Path, nifti: Nifti, segeval: Segeval) -> None:
    path, reference = tmp_path / "x.mgh", nifti("r.nii", LABELS, AFFINE)
    nibabel.save(nibabel.MGHImage(LABELS, AFFINE), path)
    whole = path.read_bytes()
    for position in range(90):
        changed = bytearray(whole)
        changed[position] ^= 1 << 6
        path.write_bytes(changed)
        run = segeval("score", path, reference, "--metrics", "dice")
        if run.code != 0:
            assert_refused(run, path)


def test_every_format_whose_header_is_verified_is_read() -> None:
    assert {ending for endings, _ in itk_files._INSPECTORS for ending in endings} <= set(ENDINGS)
