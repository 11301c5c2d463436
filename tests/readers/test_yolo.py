"""YOLO's polygons: the pixels that pycocotools draws, names beside them, and what cannot be read."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cocos import Array, drawn
from formats import assert_refused
from PIL import Image
from reading import read_picture as read

from segeval.errors import SaysTooLittle

Segeval = Callable[..., Any]

HEIGHT, WIDTH = 80, 100
CAT = [0.1, 0.1, 0.5, 0.12, 0.47, 0.5, 0.1, 0.55]
DOG = [0.4, 0.4, 0.93, 0.4, 0.9, 0.91, 0.38, 0.8, 0.3, 0.6]


def line(kind: int, points: list[float], *more: float) -> str:
    return " ".join(map(str, [kind, *points, *more])) + "\n"


def mask(points: list[float]) -> Array:
    """(y, x), by pycocotools."""
    return drawn([[number * (HEIGHT if place % 2 else WIDTH) for place, number in enumerate(points)]], (HEIGHT, WIDTH))


def image(path: Path, turned: bool = False) -> Path:
    picture = Image.new("RGB", (HEIGHT, WIDTH) if turned else (WIDTH, HEIGHT))
    exif = picture.getexif()
    if turned:
        exif[0x0112] = 6
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, exif=exif)
    return path


def text(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines))
    return path


@pytest.mark.parametrize("picture", ["x.jpg", "x.PNG", "x.webp"])
@pytest.mark.parametrize("turned", [False, True])
def test_polygons_on_the_image_of_the_same_name(picture: str, turned: bool, tmp_path: Path) -> None:
    image(tmp_path / "images" / "val" / picture, turned)
    path = text(tmp_path / "labels" / "val" / "x.txt", line(0, CAT), "\n", line(4, DOG))
    found, volume = read(path)
    both = mask(CAT) & mask(DOG)
    np.testing.assert_array_equal(found[~both], (mask(CAT) * 1 + mask(DOG) * 5)[~both])
    (code,) = np.unique(found[both]).tolist()
    assert volume.sets[code] == {1, 5}
    assert f"{both.sum()} pixels lie in several categories" in " ".join(volume.remarks)
    assert (volume.shape, volume.geometry, volume.kind) == ((WIDTH, HEIGHT), None, "labels")
    assert read(path, hashed=True)[1].digest() == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_other_volume_says_how_large_the_image_is(tmp_path: Path, segeval: Segeval) -> None:
    Image.fromarray((mask(CAT) * 1).astype(np.uint8)).save(tmp_path / "truth.png")
    path = text(tmp_path / "found" / "x.txt", line(0, CAT))
    for pair in ((path, tmp_path / "truth.png"), (tmp_path / "truth.png", path)):
        assert segeval("score", *pair, "--format", "json", "--metrics", "dice").row(1)["dice"] == 1
    with pytest.raises(SaysTooLittle):
        read(path)
    assert_refused(segeval("score", path, path), path, "how large the image is")


def test_names(tmp_path: Path, segeval: Segeval) -> None:
    image(tmp_path / "labels" / "x.jpg")
    path = text(tmp_path / "labels" / "x.txt", line(0, CAT), line(1, DOG))
    assert read(path)[1].names == {}
    text(tmp_path / "classes.txt", "cat\n", "dog\n")
    assert read(path)[1].names == {1: "cat", 2: "dog"}
    text(tmp_path / "dataset.yaml", "names:\n  0: tom\n  1: rex\n")  # as labelme2yolo calls it
    assert read(path)[1].names == {1: "tom", 2: "rex"}
    names = text(tmp_path / "data.yaml", "path: ../x\nnc: 2\nnames: ['tabby', 'spaniel']\n")
    assert read(path)[1].names == {1: "tabby", 2: "spaniel"}
    text(names, "names:\n  0: cat\n  7: hen\n")
    assert read(path)[1].names == {1: "cat", 8: "hen"}
    run = segeval("score", path, path, "--labels", names, "--format", "json", "--metrics", "dice")
    assert {row["label"]: row.get("name") for row in run.json["cases"][0]["rows"]} == {
        1: "cat", 8: "hen", "mean": None, "all": None
    }  # fmt: skip
    for damage, words in (
        ("a: &a [1]\nnames: *a\n", "alias"),
        ("names: {0: [1]}\n", "a number and a name"),
        ("nc: 1", "no `names`"),
    ):
        text(names, damage)
        found, volume = read(path)
        assert (found.max() > 0, volume.names) == (True, {})
        assert words in " ".join(volume.remarks)
        run = segeval("score", path, path, "--labels", names)
        assert (run.code, run.err.count("\n")) == (3, 1)
        assert words in run.err


def test_confidences_and_objects(tmp_path: Path, segeval: Segeval) -> None:
    image(tmp_path / "x.png")
    path = text(tmp_path / "x.txt", line(0, CAT, 0.9), line(0, DOG, 0.4), line(2, DOG, 0.95))
    found, volume = read(path, min_score=0.5, instances=True)
    expected = np.where(mask(DOG), 300001, mask(CAT) * 100001)
    np.testing.assert_array_equal(found, expected)
    assert volume.objects == {1: {100001}, 3: {300001}}
    assert "1 of 3 objects score below --min-score" in " ".join(volume.remarks)
    image(tmp_path / "unscored.png")
    unscored = text(tmp_path / "unscored.txt", line(0, CAT), line(0, DOG))
    assert "2 of 2 objects have no score; --min-score" in " ".join(read(unscored, min_score=0.5)[1].remarks)
    truth = text(tmp_path / "truth" / "x.txt", line(0, CAT), line(0, DOG))
    metrics = "instance_tp,instance_fp,instance_fn"
    run = segeval("score", path, truth, "--instances", "--metrics", metrics, "--format", "json")
    assert [run.row("category 3")[key] for key in metrics.split(",")] == [0, 1, 0]


def test_a_batch_of_folders(tmp_path: Path, segeval: Segeval) -> None:
    for name in ("a", "b"):
        image(tmp_path / "truth" / f"{name}.png")  # the images that were labelled, and no masks
    for side in ("found", "truth"):
        text(tmp_path / side / "a.txt", line(0, CAT))
        text(tmp_path / side / "b.txt")  # nothing in it
        text(tmp_path / side / "readme.txt", "How this was labelled.\n")
    options = "--workers", "1", "--format", "json", "--metrics", "dice"
    run = segeval("batch", tmp_path / "found", tmp_path / "truth", *options)
    found = {case["case"]: [row["dice"] for row in case["rows"] if row["label"] == 1] for case in run.json["cases"]}
    assert found == {"a": [1.0], "b": []}


def test_without_a_tracer_of_polygons(tmp_path: Path, segeval: Segeval, monkeypatch: pytest.MonkeyPatch) -> None:
    image(tmp_path / "x.png")
    path = text(tmp_path / "x.txt", line(0, CAT))
    for library in ("pycocotools", "faster_coco_eval"):
        monkeypatch.setitem(sys.modules, library, None)
    assert_refused(segeval("inspect", path), path, "pip install 'segeval-cli[coco]'")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("0 0.5 0.5 0.2 0.2\n", "line 1 is a box"),
        ("0 0.5 0.5 0.2 0.2 0.9\n", "line 1 is a box"),
        ("0 0.5\n", "1 numbers behind its class"),
        ("\n0 10 10 50 10 50 40\n", "line 2 holds 10, and places are from 0 to 1"),
        ("0 0.1 0.1 nan 0.1 0.5 0.5\n", "holds 'nan'"),
        ("0 0.1 0.1 1e400 0.1 0.5 0.5\n", "holds inf"),
        ("0.5 0.1 0.1 0.5 0.1 0.5 0.5\n", "of class '0.5'"),
        ("-1 0.1 0.1 0.5 0.1 0.5 0.5\n", "of class '-1'"),
        ("0 0.1 0.1 0.5 0.1 0.5 0.5 7\n", "half a point, or 7 for a confidence"),
        ("cat 0.1 0.1 0.5 0.1 0.5 0.5\n", "holds 'cat'"),
        ("0 0.1 0.1 0.5 0.1 0.5 " + "5" * 5000, "holds '555"),
        ("<html>no such file</html>", "web page"),
        ("\x00\x01", "YOLO has a class there"),
    ],
)
def test_damage(content: str, words: str, tmp_path: Path, segeval: Segeval) -> None:
    image(tmp_path / "x.png")
    assert_refused(segeval("inspect", text(tmp_path / "x.txt", content)), tmp_path / "x.txt", words)


def test_a_damaged_image(tmp_path: Path, segeval: Segeval) -> None:
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    assert_refused(segeval("inspect", text(tmp_path / "x.txt", line(0, CAT))), tmp_path / "x.png", "cannot be read")
