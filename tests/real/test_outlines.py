"""Outlines that people drew on photographs, as COCO, YOLO and COCO panoptic, which others wrote from them.

What they cover is pycocotools' and Pillow's; panoptic quality is panopticapi's.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cocos import drawn as polygons_drawn
from cocos import encoded
from formats import assert_refused
from pycocotools.coco import COCO
from real_files import PHOTOGRAPHS, VOID, Array, Segeval, agrees, assert_agrees, counts, inspected, opened, run_package

Masks = Mapping[int, Array]


@pytest.fixture
def instances(real_packages: Path) -> Path:
    return real_packages / "labelme" / "examples" / "instance_segmentation"


@pytest.fixture
def annotations(instances: Path) -> Path:
    """labelme's COCO, whose category 0 is `_background_`."""
    return instances / "data_dataset_coco" / "annotations.json"


@pytest.fixture
def converted(instances: Path, real_packages: Path, tmp_path: Path) -> Path:
    """labelme's JSON as labelme2yolo converts it: `yolo` and `coco`, of the same outlines."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("labelme2yolo is a program for Linux on x86-64")
    drawn = shutil.copytree(instances / "data_annotated", tmp_path / "drawn")
    (programs,) = (real_packages / "labelme2yolo").rglob("scripts")
    for name, options in (("yolo", ("--output_format", "polygon", "--deterministic_labels")), ("coco", ())):
        program = shutil.copy(programs / f"labelme2{name}", tmp_path / f"labelme2{name}")
        os.chmod(program, 0o700)  # noqa: PTH101
        subprocess.run(
            [program, "-d", drawn, "-o", tmp_path / name, "--val_size", "0", *options], check=True, capture_output=True
        )
    return tmp_path


def of_coco(path: Path, photograph: str, capsys: pytest.CaptureFixture[str]) -> Masks:
    """By category, as pycocotools reads the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = COCO(str(path))
        (image,) = [one["id"] for one in file.dataset["images"] if photograph in one["file_name"]]
        found: dict[int, Array] = {}
        for one in file.loadAnns(file.getAnnIds(imgIds=[image])):
            mask = file.annToMask(one).astype(bool)
            found[one["category_id"]] = found.get(one["category_id"], np.zeros_like(mask)) | mask
    capsys.readouterr()
    return found


def of_yolo(path: Path, size: tuple[int, int]) -> Masks:
    """By class, from 1."""
    found: dict[int, Array] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, *places = line.split()
        polygon = np.array(places, dtype=float).reshape(-1, 2) * (size[1], size[0])
        mask = polygons_drawn([polygon.ravel().tolist()], size)
        found[int(name) + 1] = found.get(int(name) + 1, np.zeros(size, bool)) | mask
    return found


def named_categories(path: Path) -> dict[str, int]:
    return {one["name"]: one["id"] for one in json.loads(path.read_text(encoding="utf-8"))["categories"]}


def assert_rows(run: Any, ours: Masks, theirs: Masks) -> None:
    """The rows of a score, by label of the reference, are those of masks, in which labels may overlap."""
    assert run.code == 0, run.err
    rows = {row["label"]: row for row in run.json["cases"][0]["rows"] if isinstance(row["label"], int)}
    empty = np.zeros_like(next(iter(theirs.values())))
    assert {label for label, row in rows.items() if row["tp"] + row["fp"] + row["fn"]} == {*ours, *theirs}
    for label in {*ours, *theirs}:
        assert_agrees(rows[label], ours.get(label, empty), theirs.get(label, empty))


SCORED = ("--format", "json", "--metrics", "tp,fp,fn,dice,iou")


@pytest.mark.parametrize("photograph", PHOTOGRAPHS)
def test_coco_and_the_png_that_labelme_wrote_of_the_same_outlines(
    photograph: str, annotations: Path, instances: Path, segeval: Segeval, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = of_coco(annotations, photograph, capsys)
    image = f"{annotations}:/{photograph}"
    assert inspected(segeval, image) == {label: int(mask.sum()) for label, mask in drawn.items()}
    png = instances / "data_dataset_voc" / "SegmentationClass" / f"{photograph}.png"
    indices = opened(png)
    judged = indices != VOID
    run = segeval("score", image, png, "--ignore-label", VOID, *SCORED)
    theirs = {label: indices == label for label in np.unique(indices).tolist() if label not in (0, VOID)}
    assert_rows(run, {label: mask & judged for label, mask in drawn.items() if (mask & judged).any()}, theirs)
    large = [run.row(label)["dice"] for label, mask in theirs.items() if mask.sum() > 5000]
    assert min(large) > 0.95  # Pillow draws what lies on an outline, too
    assert run.row(max(theirs, key=lambda label: int(theirs[label].sum())))["name"] is not None


def test_results_by_pycocotools(
    annotations: Path, tmp_path: Path, segeval: Segeval, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run lengths that pycocotools makes of the outlines are the outlines; a weaker one is left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pycocotools, on NumPy 2
        file = COCO(str(annotations))
        results = [
            {
                "image_id": one["image_id"],
                "category_id": one["category_id"],
                "score": 0.9,
                "segmentation": encoded(mask),
            }
            for one in file.dataset["annotations"]
            if (mask := file.annToMask(one)).any()
        ]
    bottle = [one for one in results if one["category_id"] == 5]
    bottle[0]["score"] = 0.1
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results), encoding="utf-8")
    for photograph in PHOTOGRAPHS:
        drawn = of_coco(annotations, photograph, capsys)
        assert_rows(segeval("score", path, f"{annotations}:/{photograph}", *SCORED), drawn, drawn)
        left = {label: mask for label, mask in drawn.items() if label != 5}
        assert_rows(segeval("score", path, f"{annotations}:/{photograph}", "--min-score", 0.5, *SCORED), left, drawn)


@pytest.mark.parametrize("photograph", PHOTOGRAPHS)
def test_yolo_and_coco_of_the_same_outlines(
    photograph: str, annotations: Path, converted: Path, segeval: Segeval, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = of_coco(annotations, photograph, capsys)
    size = next(iter(theirs.values())).shape
    (path,) = (converted / "yolo" / "labels").rglob(f"{photograph}_*.txt")
    ours = of_yolo(path, size)
    assert inspected(segeval, path) == {label: int(mask.sum()) for label, mask in ours.items()}
    names = [line.split(": ")[1] for line in (converted / "yolo" / "dataset.yaml").read_text().splitlines()[-7:]]
    known = named_categories(annotations)
    both = {known[name]: ours[label] for label, name in enumerate(names, 1) if label in ours and name in known}
    assert {*both} == {*theirs}
    run = segeval("score", path, f"{annotations}:/{photograph}", "--labels", ",".join(map(str, theirs)), *SCORED)
    assert_rows(run, both, theirs)
    assert min(run.row(label)["dice"] for label in theirs) > 0.99


def test_a_coco_file_that_numbers_categories_in_two_ways_is_refused(converted: Path, segeval: Segeval) -> None:
    """labelme2coco lists categories from 1, and counts them from 0 where it writes what objects are."""
    path = converted / "coco" / "annotations" / "instances_train.json"
    image = f"{path}:/{PHOTOGRAPHS[1]}"
    assert_refused(segeval("inspect", image), path, "of category 0, which the file does not list")


SOFA = 18


@pytest.fixture
def panoptic(annotations: Path, instances: Path, real_packages: Path, tmp_path: Path) -> Path:
    """What panopticapi makes of the outlines (`truth.json`) and of labelme's PNG files of them (`found.json`)."""
    listed = json.loads(annotations.read_text(encoding="utf-8"))
    for image in listed["images"]:
        image["file_name"] = Path(image["file_name"]).name
    sizes = {image["id"]: (image["height"], image["width"]) for image in listed["images"]}
    things = [
        {**one, "isthing": int(one["id"] != SOFA), "color": [9 * one["id"], 5 * one["id"], 200]}
        for one in listed["categories"]
        if one["id"]
    ]
    outlines = [
        (one["image_id"], one["category_id"], polygons_drawn(one["segmentation"], sizes[one["image_id"]]))
        for one in listed["annotations"]
    ]
    pixels = []
    for image in listed["images"]:
        name = Path(image["file_name"]).with_suffix(".png").name
        classes, objects = (
            opened(instances / "data_dataset_voc" / kind / name) for kind in ("SegmentationClass", "SegmentationObject")
        )
        for number in np.unique(objects[(classes != 0) & (classes != VOID)]).tolist():
            mask = (objects == number) & (classes != VOID)
            pixels.append((image["id"], int(classes[mask][0]), mask))
    (tmp_path / "images.json").write_text(json.dumps({"images": listed["images"]}), encoding="utf-8")
    (tmp_path / "categories.json").write_text(json.dumps(things), encoding="utf-8")
    for name, objects_of in (("truth", outlines), ("found", pixels)):
        for kind in ("stuff", "things"):
            results = [
                {"image_id": image, "category_id": category, "score": 0.9, "segmentation": encoded(mask)}
                for image, category, mask in objects_of
                if (category == SOFA) == (kind == "stuff")
            ]
            (tmp_path / f"{name}_{kind}.json").write_text(json.dumps(results), encoding="utf-8")
        run_package(
            real_packages / "panopticapi-lite", "-m", "panopticapi.combine_semantic_and_instance_predictions",
            "--semseg_json_file", tmp_path / f"{name}_stuff.json", "--stuff_area_limit", 0,
            "--instseg_json_file", tmp_path / f"{name}_things.json", "--overlap_thr", 0.9,
            "--images_json_file", tmp_path / "images.json", "--categories_json_file", tmp_path / "categories.json",
            "--panoptic_json_file", tmp_path / f"{name}.json",
        )  # fmt: skip
    return tmp_path


QUALITY = """
import json, sys
import numpy as np
from panopticapi.evaluation import pq_compute_single_core
from panopticapi.utils import rgb2id
from PIL import Image
truth, found = (json.load(open(f"{sys.argv[1]}/{name}.json", encoding="utf-8")) for name in ("truth", "found"))
for image in truth["annotations"]:  # a reference states more than a prediction
    ids = rgb2id(np.asarray(Image.open(f"{sys.argv[1]}/truth/{image['file_name']}"), np.uint32))
    for segment in image["segments_info"]:
        segment |= {"iscrowd": 0, "area": int((ids == segment["id"]).sum())}
categories = {one["id"]: one for one in truth["categories"]}
answer = {}
for pair in zip(truth["annotations"], found["annotations"]):
    quality = pq_compute_single_core(0, [pair], f"{sys.argv[1]}/truth", f"{sys.argv[1]}/found", categories)
    answer[pair[0]["file_name"][:-4]] = quality.pq_average(categories, None)[1]
print("ANSWER", json.dumps(answer))
"""


def test_panoptic(panoptic: Path, real_packages: Path, segeval: Segeval) -> None:
    """Voxels of each category are those of the PNG's colours, and its quality is what panopticapi computes."""
    printed = run_package(real_packages / "panopticapi-lite", "-c", QUALITY, panoptic)
    quality = json.loads(printed.rpartition("ANSWER ")[2])
    truth, found = (json.loads((panoptic / f"{name}.json").read_text()) for name in ("truth", "found"))
    assert {*quality} == {*PHOTOGRAPHS}
    for photograph in PHOTOGRAPHS:
        drawn = []
        for name, file in (("truth", truth), ("found", found)):
            (entry,) = [one for one in file["annotations"] if one["file_name"] == f"{photograph}.png"]
            rgb = opened(panoptic / name / entry["file_name"]).astype(np.int64)
            ids = rgb[..., 0] + 256 * rgb[..., 1] + 65536 * rgb[..., 2]
            category = {0: 0} | {one["id"]: one["category_id"] for one in entry["segments_info"]}
            drawn.append(np.vectorize(category.__getitem__)(ids))
            assert inspected(segeval, f"{panoptic}/{name}.json:/{photograph}") == counts(drawn[-1])
        reference, prediction = drawn
        pair = [f"{panoptic}/{name}.json:/{photograph}" for name in ("found", "truth")]
        judged = reference != 0
        agrees(segeval, *pair, (prediction * judged, reference))
        run = segeval("score", *pair, "--instances", "--metrics", "instances", "--format", "json")
        assert run.code == 0, run.err
        names = {one["id"]: one["name"] for one in truth["categories"]}
        expected = {int(label): row for label, row in quality[photograph].items() if int(label) in counts(reference)}
        assert len(expected) > 1
        for label, row in expected.items():
            assert run.row(names[label])["pq"] == pytest.approx(row["pq"], rel=1e-12)
            assert run.row(names[label])["sq"] == pytest.approx(row["sq"], rel=1e-12)
