"""Damaged twins of real files, of formats that are fuzzed in files of our own elsewhere: voxels, or a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from real_files import package_file

from segeval.readers import ReadOptions, open_volume

LABELME = "labelme/examples/instance_segmentation"
FILES = {  # where they lie, what they are called, and what of a container is read
    "indices.png": (f"{LABELME}/data_dataset_voc/SegmentationClass/2011_000003.png", ""),
    "objects.npy": (f"{LABELME}/data_dataset_voc/SegmentationObjectNpy/2011_000003.npy", ""),
    "outlines.json": (f"{LABELME}/data_dataset_coco/annotations.json", ":/2011_000006"),
    "cells.tif": ("stardist/stardist/data/images/mask3d.tif", ""),
    "flat.tif": ("stardist/stardist/data/images/mask2d.tif", ""),
    "packed.h5": ("tables/tables/tests/test_szip.h5", ""),
    "growing.h5": ("tables/tables/tests/smpl_SDSextendible.h5", ""),
    "gzip.mnc": ("nibabel/tests/data/minc2_1_scale.mnc", ""),  # MINC 2 is HDF5
    "gzip.h5": ("tables/tables/tests/attr-u16.h5", ":/wfm_group0/axes/axis1/data_vector/data"),
}


def voxels(path: Path) -> Any:
    with open_volume(path, ReadOptions()) as volume:
        pieces = [np.array(piece) for piece in volume.source.pieces(0)]
        volume.finish()
    return np.concatenate(pieces)


@pytest.mark.parametrize("name", list(FILES))
def test_a_damaged_twin_is_read_or_refused_in_a_line(
    name: str, real_packages: Path, judge: Any, tmp_path: Path
) -> None:
    place, inside = FILES[name]
    found = package_file(*place.split("/")) if place.startswith("nibabel/") else real_packages / place
    content, path = found.read_bytes(), tmp_path / name
    for random in judge.inputs(59, 40):
        judge.write(path, judge.damaged(content, random, text=path.suffix == ".json"))
        first = judge.answer(lambda: voxels(Path(f"{path}{inside}")), path)
        if first is not None:
            np.testing.assert_array_equal(voxels(Path(f"{path}{inside}")), first)
    assert judge.outcomes["refused"] > 0
