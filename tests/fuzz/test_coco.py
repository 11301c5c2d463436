"""Damaged COCO files: the pixels that pycocotools draws, or a line of words."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from cocos import annotation, dataset, drawn, encoded, image, panoptic, runs
from pycocotools import mask as coco

from segeval.readers import ReadOptions, open_volume
from segeval.volumes.volume import gather

SIZE = (30, 40)
NOISE = np.random.default_rng(3).random(SIZE) < 0.4
BOX = [2.0, 2.0, 20.0, 2.0, 20.0, 15.0, 2.0, 15.0]
NAMES = {1: "person", 18: "dog", 44: "bottle"}


def counted_in(path: Path) -> dict[int, int]:
    """Pixels of each label."""
    with open_volume(path, ReadOptions()) as volume:
        found: Counter[int] = Counter()
        values, counts = np.unique(gather(volume.source, 0), return_counts=True)
        for code, count in zip(values.tolist(), counts.tolist(), strict=True):
            found.update({label: count for label in volume.sets.get(code, {code}) if label})
        volume.finish()
        return dict(found)


def by_pycocotools(path: Path) -> dict[int, int]:
    """The same by another reader; raises for what it cannot read."""
    content = json.loads(path.read_bytes())
    listed = content["images"]
    (entry,) = listed
    size = entry["height"], entry["width"]
    whole: dict[int, Any] = {}
    shift = int(any(one["id"] == 0 for one in content["categories"]))
    for one in content["annotations"]:
        if one["image_id"] != entry["id"]:
            continue
        mask = one["segmentation"]
        if not mask:
            continue
        if isinstance(mask, dict):
            rle = coco.frPyObjects(mask, *size) if isinstance(mask["counts"], list) else mask
        else:
            polygons = [each for each in mask if len(each) >= 6]
            rle = coco.merge(coco.frPyObjects(polygons, *size)) if polygons else runs(np.zeros(size))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rle = rle if not isinstance(rle["counts"], list) else coco.frPyObjects(rle, *size)
            whole.setdefault(one["category_id"] + shift, np.zeros(size, bool)).__ior__(coco.decode(rle) > 0)
    return {label: int(mask.sum()) for label, mask in whole.items() if mask.any()}


def test_instances(judge: Any, tmp_path: Path) -> None:
    listed = [annotation(7, 1, encoded(NOISE)), annotation(7, 18, [BOX]), annotation(7, 44, runs(~NOISE))]
    content = dataset(tmp_path / "x.json", [image(7, SIZE)], listed, NAMES).read_bytes()
    compared = 0
    path = tmp_path / "input.json"
    for random in judge.inputs(41, 2500):
        judge.write(path, judge.damaged(content, random, text=True))
        found = judge.answer(lambda: counted_in(path), path)
        if found is None:
            continue
        try:
            expected = by_pycocotools(path)
        except Exception:  # noqa: S112 (the oracle cannot read what segeval can)
            continue
        compared += 1
        assert found == expected, path.read_bytes()
    assert judge.outcomes["refused"] > 500, judge.outcomes
    assert compared > 150, judge.outcomes


def test_panoptic(judge: Any, tmp_path: Path) -> None:
    ids = np.where(NOISE, 7, 70000)
    segments = [{"id": 7, "category_id": 1}, {"id": 70000, "category_id": 18, "iscrowd": 1}]
    path = panoptic(tmp_path / "input.json", {1: ids}, {1: segments}, NAMES)
    picture = path.with_suffix("") / "1.png"
    text, pixels = path.read_bytes(), picture.read_bytes()
    right = 0
    for number, random in enumerate(judge.inputs(42, 800)):
        judge.write(path, judge.damaged(text, random, text=True) if number % 2 else text)
        judge.write(picture, pixels if number % 2 else judge.damaged(pixels, random))
        found = judge.answer(lambda: counted_in(path), path)
        right += found == {1: int(NOISE.sum()), 18: int((~NOISE).sum())}
    assert judge.outcomes["refused"] > 400, judge.outcomes
    assert right > 30, judge.outcomes


def test_yolo(judge: Any, tmp_path: Path) -> None:
    from PIL import Image

    content = b"0 0.1 0.1 0.5 0.12 0.47 0.5 0.1 0.55 0.75\n1 0.4 0.4 0.93 0.4 0.9 0.91 0.38 0.8\n"
    path = tmp_path / "input.txt"
    Image.new("L", (40, 30)).save(tmp_path / "input.png")
    compared = 0
    for random in judge.inputs(43, 1500):
        judge.write(path, judge.damaged(content, random, text=True))
        if (found := judge.answer(lambda: counted_in(path), path)) is None:
            continue
        expected: dict[int, Any] = {}
        for words in map(str.split, path.read_text("utf-8-sig").splitlines()):
            if words:
                points = np.array(words[1:], float)[: (len(words) - 1) // 2 * 2].reshape(-1, 2) * (40, 30)
                drawn_here = drawn([points.reshape(-1).tolist()], SIZE)
                expected[int(float(words[0])) + 1] = expected.get(int(float(words[0])) + 1, False) | drawn_here
        compared += 1
        assert found == {label: int(mask.sum()) for label, mask in expected.items() if mask.any()}, path.read_bytes()
    assert judge.outcomes["refused"] > 500, judge.outcomes
    assert compared > 200, judge.outcomes
