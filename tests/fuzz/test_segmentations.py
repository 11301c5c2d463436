"""Damaged segmentations of many segments: the voxels that another reader sees, or a line of words."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicoms import affine_of, dicom_seg, with_fixed_identifiers
from nibabel import cifti2
from rtstructs import Roi, by_scikit_image, closed, rectangle, rtstruct
from slicers import Array, Segment, seg_nrrd

from segeval.readers import ReadOptions, open_volume
from segeval.volumes.geometry import Geometry
from segeval.volumes.volume import Volume, gather

LAYERS = np.random.default_rng(2).choice([0, 0, 1, 2], (2, 5, 4, 3)).astype(np.uint16)
SEGMENTS: list[Segment] = [(0, 1, "liver"), (0, 2, "spleen"), (1, 1, "vessel"), (1, 2, "tumour")]
SLICER_FILES = {"one.seg.nrrd": seg_nrrd(LAYERS[0], SEGMENTS[:2]), "two.seg.nrrd": seg_nrrd(LAYERS, SEGMENTS)}


def counted(volume: Volume) -> dict[str, int]:
    """Voxels by the name of the segment."""
    found: Counter[str] = Counter()
    codes = gather(volume.source, 0)
    for code, count in zip(*np.unique(codes, return_counts=True), strict=True):
        for label in volume.sets.get(int(code), frozenset({int(code)})) - {0}:
            found[f"{label} {volume.names[label]}"] += int(count)
    volume.finish()
    return dict(found)


def counted_in(path: Path) -> dict[str, int]:
    with open_volume(path, ReadOptions()) as volume:
        return counted(volume)


def by_pynrrd(path: Path) -> dict[str, int]:
    """The same by another reader; raises for what it cannot read."""
    import nrrd

    array, header = nrrd.read(str(path))
    layers: Array = array if array.ndim == 4 else array[np.newaxis]
    numbers = {int(match[1]) for key in header if (match := re.fullmatch(r"Segment([0-9]+)_\w+", key, re.ASCII))}
    found = {}
    for place, number in enumerate(sorted(numbers)):
        layer = int(header.get(f"Segment{number}_Layer", place))
        value = int(header.get(f"Segment{number}_LabelValue", 1))
        if count := int(np.count_nonzero(layers[layer] == value)):
            found[str(number)] = count
    return found


def test_slicer_segmentations(judge: Any, tmp_path: Path) -> None:
    compared: Counter[str] = Counter()
    for number, random in enumerate(judge.inputs(31, 2000)):
        name = list(SLICER_FILES)[number % 2]
        head, _, voxels = SLICER_FILES[name].partition(b"\n\n")
        path = tmp_path / f"input.{name}"
        if number % 4:
            judge.write(path, judge.damaged(head, random, text=True) + b"\n\n" + voxels)
        else:
            judge.write(path, head + b"\n\n" + judge.damaged(voxels, random))
        found = judge.answer(lambda path=path: counted_in(path), path)
        if found is None:
            continue
        try:
            expected = by_pynrrd(path)
        except Exception:  # noqa: S112 (the oracle cannot read what segeval can)
            continue
        compared[name] += 1
        assert sorted(found.values()) == sorted(expected.values()), (number, path.read_bytes()[:3000])
    assert judge.outcomes["refused"] > 200
    assert min(compared[name] for name in SLICER_FILES) > 100, (judge.outcomes, compared)


def by_pydicom(path: Path) -> list[int]:
    """Voxels of each segment, from all frames at once; raises for what it cannot read."""
    import pydicom

    dataset = pydicom.dcmread(path)
    frames = dataset.pixel_array.reshape(int(dataset.NumberOfFrames), -1)
    found: Counter[int] = Counter()
    if dataset.SegmentationType == "LABELMAP":
        listed = [int(segment.SegmentNumber) for segment in dataset.SegmentSequence]
        found.update({value: int(np.count_nonzero(frames == value)) for value in listed if value})
    for frame, group in zip(frames, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        if dataset.SegmentationType == "BINARY":
            found[int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)] += int(frame.sum())
    return sorted(count for count in found.values() if count)


@pytest.mark.filterwarnings("ignore")  # of the oracle
def test_dicom_segmentations(judge: Any, tmp_path: Path) -> None:
    masks = np.stack([LAYERS[0] == 1, LAYERS[1] == 2], axis=-1)
    names = ["liver", "spleen"]
    of_labels = dicom_seg(tmp_path / "l.dcm", LAYERS[0].astype(np.uint8), names, "LABELMAP")
    files = {
        "binary.dcm": with_fixed_identifiers(dicom_seg(tmp_path / "b.dcm", masks, names)).read_bytes(),
        "labels.dcm": with_fixed_identifiers(of_labels).read_bytes(),
    }
    compared: Counter[str] = Counter()
    for number, random in enumerate(judge.inputs(32, 1500)):
        name = list(files)[number % 2]
        path = tmp_path / f"input.{name}"
        judge.write(path, judge.damaged(files[name], random))
        found = judge.answer(lambda path=path: counted_in(path), path)
        if found is None:
            continue
        try:
            expected = by_pydicom(path)
        except Exception:  # noqa: S112 (the oracle cannot read what segeval can)
            continue
        compared[name] += 1
        assert sorted(found.values()) == expected, (number, path.read_bytes())
    assert judge.outcomes["refused"] > 150
    assert min(compared[name] for name in files) > 50, (judge.outcomes, compared)


GRID = Geometry((8, 7, 3), affine_of(), oriented=True)
TRIANGLE = [(0.3, 0.2), (6.4, 1.3), (3.1, 5.7)]
STRUCTURES: list[Roi] = [
    (1, "liver", [closed([(x + 0.7 * n, y) for x, y in TRIANGLE], n) for n in range(3)]),
    (2, "spleen", [closed(rectangle(1.3, 1.4, 6.2, 5.3), 1), closed(rectangle(2.6, 2.1, 4.9, 3.2), 1)]),
]


def counted_on(grid: Geometry, path: Path) -> dict[str, int]:
    with open_volume(path, ReadOptions()) as volume:
        if volume.on is None:
            return counted(volume)
        return counted(volume.on(grid, 0.01))


@pytest.mark.filterwarnings("ignore")  # of the oracle
def test_structure_sets(judge: Any, tmp_path: Path) -> None:
    files = {
        "implicit.dcm": rtstruct(tmp_path / "i.dcm", STRUCTURES).read_bytes(),
        "explicit.dcm": rtstruct(tmp_path / "e.dcm", STRUCTURES, implicit=False).read_bytes(),
    }
    compared: Counter[str] = Counter()
    for number, random in enumerate(judge.inputs(35, 1500)):
        name = list(files)[number % 2]
        path = tmp_path / f"input.{name}"
        judge.write(path, judge.damaged(files[name], random, text=number % 3 == 0))
        found = judge.answer(lambda path=path: counted_on(GRID, path), path)
        if found is None:
            continue
        try:
            expected = by_scikit_image(path, GRID.shape, affine_of())
        except Exception:  # noqa: S112 (the oracle cannot read what segeval can)
            continue
        compared[name] += 1
        voxels = sorted(int(mask.sum()) for mask in expected.values() if mask.any())
        assert sorted(found.values()) == voxels, (number, path.read_bytes())
    assert judge.outcomes["refused"] > 150
    assert min(compared[name] for name in files) > 50, (judge.outcomes, compared)


def test_hostile_structure_sets(judge: Any, tmp_path: Path) -> None:
    path = tmp_path / "input.dcm"
    turns = np.linspace(0, 2 * np.pi, 50_000)
    radii = np.where(np.arange(turns.size) % 2, 0.1, 200.0)  # every edge crosses half of a large plane
    zigzag = np.column_stack([250 + radii * np.cos(turns), 250 + radii * np.sin(turns)])
    large = Geometry((512, 512, 3), affine_of(), oriented=True)
    rtstruct(path, [(1, "x", [closed(zigzag, 1)])])
    assert 0 < judge.answer(lambda: counted_on(large, path), path)["1 x"] < 512 * 512
    many = [closed(TRIANGLE, 1) for _ in range(2_001)]  # of one place: an odd number of them is one
    once = counted_on(GRID, rtstruct(path, [(1, "x", many[:1])]))
    rtstruct(path, [(1, "x", many)])
    assert judge.answer(lambda: counted_on(GRID, path), path) == once == {"1 x": 15}
    random = np.random.default_rng(3)
    shuffled = [closed(random.permutation(zigzag[:100]), 1) for _ in range(300)]  # all of one box
    shaken = [closed(np.tile([(1.0, 1.0), (9.0, 7.0)], (2_000, 1)), 1)] * 2  # where one begins may be anywhere
    rtstruct(path, [(1, "x", shuffled), (2, "y", shaken)])
    assert judge.answer(lambda: counted_on(large, path), path)["1 x"] > 0
    far = [closed([(0, 0), (1e9, 0), (0, 1e9)], 1), closed([(-16_000, -16_000), (16_000, 0), (0, 16_000)], 1)]
    assert judge.answer(lambda: counted_on(GRID, rtstruct(path, [(1, "x", far[:1])])), path) is None
    assert judge.answer(lambda: counted_on(GRID, rtstruct(path, [(1, "x", far[1:])])), path) == {"1 x": 8 * 7}
    head = rtstruct(path, [(1, "x", [])]).read_bytes()
    start = head.index(b"\x06\x30\x20\x00")  # sequences within sequences, of no stated length
    path.write_bytes(head[:start] + (b"\x06\x30\x20\x00" + b"\xff" * 4 + b"\xfe\xff\x00\xe0" + b"\xff" * 4) * 20_000)
    assert judge.answer(lambda: counted_on(GRID, path), path) is None


@pytest.mark.filterwarnings("ignore")  # of the oracle
def test_cifti_labels(judge: Any, tmp_path: Path) -> None:
    axes = (
        cifti2.LabelAxis(["a map"], {1: ("liver", (1, 0, 0, 1)), 2: ("spleen", (0, 1, 0, 1))}),
        cifti2.BrainModelAxis.from_mask(np.ones(60, np.bool_), name="cortex_left"),
    )
    image = cifti2.Cifti2Image(LAYERS[0].reshape(1, -1).astype(np.int32), cifti2.Cifti2Header.from_axes(axes))
    image.nifti_header.set_intent("NIFTI_INTENT_CONNECTIVITY_DENSE_LABELS")
    image.to_filename(path := tmp_path / "input.dlabel.nii")
    content, compared = path.read_bytes(), 0
    voxels = len(content) - 4 * 60
    for number, random in enumerate(judge.inputs(36, 1500)):
        cut = (540, voxels, len(content))[number % 3]
        judge.write(path, judge.damaged(content[:cut], random, text=number % 2 == 0) + content[cut:])

        def read() -> Array:
            with open_volume(path, ReadOptions()) as volume:
                found = np.stack([gather(volume.source, channel) for channel in range(volume.source.channels)])
                volume.finish()
                return found

        if (found := judge.answer(read, path)) is None:
            continue
        try:
            expected = np.asanyarray(cifti2.Cifti2Image.from_bytes(path.read_bytes()).dataobj)
        except Exception:  # noqa: S112 (the oracle cannot read what segeval can)
            continue
        compared += 1
        assert np.array_equal(found.ravel(), expected.ravel(), equal_nan=expected.dtype.kind == "f"), number
    assert judge.outcomes["refused"] > 300
    assert compared > 75, (judge.outcomes, compared)


def test_numpy_arrays(judge: Any, tmp_path: Path) -> None:
    files = {}
    for name, array in (("c.npy", LAYERS[0].transpose()), ("f.npy", np.asfortranarray(LAYERS[0].transpose()))):
        np.save(tmp_path / name, array)
        files[name] = (tmp_path / name).read_bytes()
    compared = 0
    for number, random in enumerate(judge.inputs(33, 2000)):
        name = list(files)[number % 2]
        path = tmp_path / f"input.{name}"
        content = files[name]
        cut = 128 if number % 5 else len(content)
        judge.write(path, judge.damaged(content[:cut], random, text=True) + content[cut:])

        def read(path: Path = path) -> Array:
            with open_volume(path, ReadOptions()) as volume:
                found = np.stack([gather(volume.source, channel) for channel in range(volume.source.channels)])
                volume.finish()
                return found

        if (found := judge.answer(read, path)) is None:
            continue
        try:
            expected = np.load(path)
        except Exception:  # noqa: S112 (the oracle cannot read what segeval can)
            continue
        compared += 1
        whole = expected if expected.ndim == 4 else expected[np.newaxis]
        assert np.array_equal(
            found, whole.transpose(0, *range(whole.ndim - 1, 0, -1)), equal_nan=found.dtype.kind == "f"
        )
    assert judge.outcomes["refused"] > 400
    assert compared > 100, judge.outcomes


def arrays_in_files(folder: Path) -> dict[str, bytes]:
    """Chunks with checksums or deflated, in files that hold several arrays."""
    import h5py
    import zarr

    array = LAYERS[0].transpose()
    with h5py.File(folder / "x.h5", "w") as file:
        file.create_dataset("a", data=array, chunks=(2, 3, 5), fletcher32=True, compression="gzip")
    zarr.create_array(str(folder / "x.zarr"), shape=array.shape, chunks=(2, 3, 5), dtype=array.dtype)[...] = array
    with zipfile.ZipFile(folder / "x.zarr.zip", "w") as archive:  # of no time, in an order of its own
        for path in sorted((folder / "x.zarr").rglob("*")):
            name = path.relative_to(folder / "x.zarr").as_posix()
            if path.is_dir():
                archive.writestr(zipfile.ZipInfo(f"{name}/"), b"")
            else:
                archive.writestr(zipfile.ZipInfo(name), path.read_bytes())
    return {name: (folder / name).read_bytes() for name in ("x.h5", "x.zarr.zip")}


@pytest.mark.filterwarnings("ignore")  # of the libraries
def test_arrays_in_files(judge: Any, tmp_path: Path) -> None:
    files = arrays_in_files(tmp_path)
    read_right = 0
    for number, random in enumerate(judge.inputs(34, 1200)):
        name = list(files)[number % 2]
        path = tmp_path / f"input.{name}"
        judge.write(path, judge.damaged(files[name], random))

        def read(path: Path = path) -> Array:
            with open_volume(path, ReadOptions()) as volume:
                found = gather(volume.source, 0)
                volume.finish()
                return found

        found = judge.answer(read, path)
        read_right += found is not None and np.array_equal(found, LAYERS[0])
    assert judge.outcomes["refused"] > 300
    assert read_right > 50, judge.outcomes
