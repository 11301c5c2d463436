"""Trees of benchmarks that are alike on both sides: their folders are no cases, and nothing else is taken for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from trees import Tree, nothing_left, shown

from segeval.errors import PairingError
from segeval.pairing import pair_folders

FRAMES = ("frankfurt_000000_000294", "frankfurt_000001_064925", "lindau_000000_000019")
CITY = {frame: f"{frame.partition('_')[0]}/{frame}" for frame in FRAMES}
REMARK = "paired by layout {}, as all names say; --pairing folders makes cases of folders"


@pytest.mark.parametrize("tail", ["", "_leftImg8bit", "_pred", "_gtFine_labelIds"])
@pytest.mark.parametrize("more", [(), ("color", "instanceIds", "labelTrainIds")])
@pytest.mark.parametrize("frames", [FRAMES, FRAMES[1:]])  # several pictures of a city, and one of each
def test_a_city_is_no_case(tail: str, more: tuple[str, ...], frames: tuple[str, ...], tree: Tree) -> None:
    kinds = ("labelIds", *more)
    references = tree("gtFine/val", *(f"{CITY[frame]}_gtFine_{kind}.png" for frame in frames for kind in kinds))
    predictions = tree("results/val", *(f"{CITY[frame]}{tail}.png" for frame in frames))
    pairing = pair_folders(predictions, references)
    assert (pairing.layout, nothing_left(pairing)) == ("cityscapes", True)
    assert shown(pairing, predictions, references) == {
        frame: (f"{CITY[frame]}{tail}.png", f"{CITY[frame]}_gtFine_labelIds.png") for frame in frames
    }
    assert pairing.remarks == ((REMARK.format("cityscapes"),) if not more else ())  # else no city is a case in any way
    cities = {frame.partition("_")[0] for frame in frames}
    assert {pair.case for pair in pair_folders(predictions, references, layout="folders").pairs} <= cities


def test_files_of_one_city_are_compared_by_their_labels(tree: Tree) -> None:
    """By name, each picture would be four cases, whose values mean different things."""
    kinds = ("labelIds", "labelTrainIds", "instanceIds", "color")
    sides = [tree(side, *(f"{frame}_gtFine_{kind}.png" for frame in FRAMES[:2] for kind in kinds)) for side in "pr"]
    pairing = pair_folders(*sides)
    assert (pairing.layout, [pair.case for pair in pairing.pairs]) == ("cityscapes", list(FRAMES[:2]))
    assert pairing.remarks == (
        "paired by layout cityscapes, as all names say; --pairing name makes a case of every file",
    )
    assert len(pair_folders(*sides, layout="name").pairs) == 8
    alone = [tree(side, *(f"{frame}_gtFine_labelIds.png" for frame in FRAMES[:2])) for side in ("p2", "r2")]
    assert pair_folders(*alone).layout == "name"


def test_a_frame_without_a_prediction_is_missing_and_two_are_duplicates(tree: Tree) -> None:
    references = tree("gtFine/val", *(f"{CITY[frame]}_gtFine_labelIds.png" for frame in FRAMES))
    pairing = pair_folders(tree("p", *(f"{CITY[frame]}_a.png" for frame in FRAMES[1:])), references)
    assert [pair.case for pair in pairing.missing] == [FRAMES[0]]
    twice = pair_folders(tree("q", *(f"{CITY[frame]}_{which}.png" for frame in FRAMES for which in "ab")), references)
    assert (twice.layout, len(twice.duplicates)) == ("cityscapes", 3)
    with pytest.raises(PairingError, match="3 cases have several files"):
        twice.require_complete(allow_missing=False)


@pytest.mark.parametrize("within", ["", "01_GT"])
def test_folders_of_a_sequence_are_no_cases(within: str, tree: Tree) -> None:
    files = [f"01_GT/SEG/man_seg00{frame}.tif" for frame in range(3)]
    markers = [f"01_GT/TRA/man_track00{frame}.tif" for frame in range(3)]
    references, predictions = tree("truth", *files, *markers) / within, tree("found", *files) / within
    pairing = pair_folders(predictions, references)
    assert (pairing.layout, nothing_left(pairing)) == ("celltracking", True)
    paths = {f"01_t00{frame}": file.removeprefix("01_GT/" * bool(within)) for frame, file in enumerate(files)}
    assert shown(pairing, predictions, references) == {case: (path, path) for case, path in paths.items()}
    assert pairing.remarks == ((REMARK.format("celltracking"),) if not within else ())  # else TRA is left over


def test_a_data_set_with_its_results_needs_no_layout(tree: Tree) -> None:
    root = tree(
        "d", "01/t000.tif", "01/t001.tif", "01_RES/mask000.tif", "01_RES/mask001.tif", "01_GT/SEG/man_seg000.tif"
    )
    pairing = pair_folders(root, root)
    assert shown(pairing, root, root) == {"01_t000": ("01_RES/mask000.tif", "01_GT/SEG/man_seg000.tif")}


def test_class_masks_of_voc_and_annotations_of_ade20k(tree: Tree) -> None:
    names = ("2007_000033", "2007_000042")
    kinds = ("SegmentationClass", "SegmentationObject")
    kit = tree("VOC2012", *(f"{kind}/{name}.png" for kind in kinds for name in names))
    found = tree("found", *(f"SegmentationClass/{name}.png" for name in names))
    pairing = pair_folders(found, kit)
    assert (pairing.layout, [pair.case for pair in pairing.pairs]) == ("voc", list(names))
    scenes = ("ADE_val_00000001", "ADE_val_00000002")
    sides = [tree(side, *(f"annotations/{scene}.png" for scene in scenes)) for side in "pr"]
    pairing = pair_folders(*sides)
    assert (pairing.layout, [pair.case for pair in pairing.pairs]) == ("ade20k", list(scenes))


@pytest.mark.parametrize(
    "files",
    [
        [f"s00{case}/segmentations/{organ}.nii.gz" for case in (1, 2) for organ in ("liver", "spleen")],
        [f"case_0000{case}/segmentation.nii.gz" for case in (1, 2)],
        [f"frankfurt/{organ}.png" for organ in ("road", "car")],
        [f"{CITY[FRAMES[0]]}_gtFine_labelIds.png", "frankfurt/notes.png"],  # one name that is not Cityscapes'
        [f"01_GT/{organ}.tif" for organ in ("nucleus", "cell")],
    ],
)
def test_cases_that_are_folders_stay_cases(files: list[str], tree: Tree) -> None:
    pairing = pair_folders(tree("p", *files), tree("r", *files))
    assert pairing.layout == "folders"
    assert {pair.case for pair in pairing.pairs} == {file.partition("/")[0] for file in files}
    assert not pairing.remarks


def test_a_mirrored_tree_is_scored_by_picture(segeval: Callable[..., Any], tmp_path: Path) -> None:
    labels = np.arange(48, dtype=np.uint8).reshape(6, 8) % 3
    for side, tail in (("p", "_pred"), ("r", "_gtFine_labelIds")):
        for frame in FRAMES:
            path = tmp_path / side / f"{CITY[frame]}{tail}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(labels).save(path)
    run = segeval("batch", tmp_path / "p", tmp_path / "r", "--format", "json", "--workers", "1")
    assert run.code == 0, run.err
    assert {case["case"]: case["rows"][0]["tp"] for case in run.json["cases"]} == dict.fromkeys(FRAMES, 16)
    assert run.json["remarks"][0] == REMARK.format("cityscapes")
