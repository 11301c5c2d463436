"""COCO's instances, results and panoptic files: the pixels that pycocotools draws, and what cannot be read."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cocos import CATEGORIES, Array, annotation, dataset, drawn, encoded, image, panoptic, runs
from formats import assert_refused
from PIL import Image
from reading import read_picture as read

from segeval.errors import SaysTooLittle, UnreadableFile
from segeval.readers import Input, ReadOptions, open_volume

Segeval = Callable[..., Any]

SIZE = (30, 40)
BOX = [2.0, 2.0, 20.0, 2.0, 20.0, 15.0, 2.0, 15.0]
STAR = [
    20.0,
    1.5,
    25.2,
    14.0,
    38.9,
    14.7,
    28.0,
    20.0,
    33.3,
    29.0,
    20.0,
    22.0,
    7.1,
    28.8,
    12.0,
    19.0,
    -3.0,
    14.0,
    15.0,
    13.0,
]
NOISE = np.random.default_rng(3).random(SIZE) < 0.4


@pytest.mark.parametrize("form", [encoded, runs], ids=["compressed", "uncompressed"])
def test_run_lengths(form: Callable[[Array], Any], tmp_path: Path) -> None:
    path = dataset(tmp_path / "x.json", [image(7, SIZE)], [annotation(7, 18, form(NOISE))])
    found, volume = read(path)
    np.testing.assert_array_equal(found, NOISE * 18)
    assert (volume.shape, volume.kind, volume.geometry) == (SIZE[::-1], "labels", None)
    assert volume.names == CATEGORIES


@pytest.mark.parametrize("polygons", [[BOX], [STAR], [BOX, STAR], [STAR, [0.0, 0.0, 40.0, 0.0, 40.0, 30.0]]], ids=str)
@pytest.mark.parametrize("library", ["pycocotools", "faster_coco_eval"])
def test_polygons(polygons: list[list[float]], library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = dataset(tmp_path / "x.json", [image(7, SIZE)], [annotation(7, 1, polygons)])
    if library != "pycocotools":
        monkeypatch.setitem(sys.modules, "pycocotools", None)
    np.testing.assert_array_equal(read(path)[0], drawn(polygons, SIZE) * 1)


def test_a_polygon_without_an_area_is_none(tmp_path: Path) -> None:
    path = dataset(tmp_path / "x.json", [image(7, SIZE)], [annotation(7, 1, [BOX, [3.0, 3.0, 39.0, 29.0]])])
    np.testing.assert_array_equal(read(path)[0], drawn([BOX], SIZE) * 1)


def test_categories_that_overlap_are_scored_one_against_the_rest(tmp_path: Path, segeval: Segeval) -> None:
    ours, theirs = drawn([STAR], SIZE), drawn([BOX], SIZE)
    a = dataset(tmp_path / "a.json", [image(7, SIZE)], [annotation(7, 1, [STAR]), annotation(7, 18, [BOX])])
    b = dataset(tmp_path / "b.json", [image(7, SIZE)], [annotation(7, 1, [BOX]), annotation(7, 18, [STAR])])
    run = segeval("score", a, b, "--format", "json", "--metrics", "dice,tp")
    both = int((ours & theirs).sum())
    for label in (1, 18):
        row = run.row(label)
        assert (row["tp"], row["name"]) == (both, CATEGORIES[label])
        assert row["dice"] == pytest.approx(2 * both / (ours.sum() + theirs.sum()), rel=1e-12)
    assert any(f"{both} pixels lie in several categories" in remark for remark in run.remarks)


def test_which_image_is_meant(tmp_path: Path, nifti: Any) -> None:
    images = [image(7, SIZE, "a/one.jpg"), image(8, (5, 6), "b/two.png"), image(9, (4, 3), "b/one.jpg")]
    path = dataset(tmp_path / "x.json", images, [annotation(7, 1, [BOX])])
    for name in ("7", "a/one.jpg", "a/one"):
        assert read(f"{path}:/{name}")[1].shape == SIZE[::-1], name
    for name in ("8", "b/two.png", "two"):
        assert read(f"{path}:/{name}")[1].shape == (6, 5), name
    assert Input(Path(f"{path}:/8")).stem == "x_8"
    with pytest.raises(
        SaysTooLittle, match=r"holds 3 images \(a/one.jpg, b/two.png, b/one.jpg\); name one, like x.json:/a"
    ):
        read(path)
    with pytest.raises(UnreadableFile, match="'one' is not one of its 3 images"):  # there are two such
        read(f"{path}:/one")
    with open_volume(nifti("two.nii.gz", np.zeros((6, 5, 1), np.uint8)), ReadOptions()) as other:
        assert read(path, beside=other)[1].shape == (6, 5)


def test_a_file_of_numbers_from_zero(tmp_path: Path, segeval: Segeval) -> None:
    names = {0: "cell", 1: "debris"}
    path = dataset(tmp_path / "x.json", [image(7, SIZE)], [annotation(7, 0, runs(NOISE))], names)
    found, volume = read(path)
    np.testing.assert_array_equal(found, NOISE * 1)
    assert volume.names == {1: "cell", 2: "debris"}
    other = tmp_path / "results.json"  # no cell was found, so that these have no category 0
    other.write_text(json.dumps([annotation(7, 1, encoded(NOISE), score=0.5)]))
    run = segeval("score", other, path, "--format", "json", "--metrics", "dice,pred_voxels")
    assert {label: run.row(label)["pred_voxels"] for label in (1, 2)} == {1: 0, 2: int(NOISE.sum())}
    assert run.row(2)["name"] == "debris"


@pytest.mark.parametrize("called", ["_background_", "background", "Background"])
def test_category_0_that_is_the_background_moves_no_label(called: str, tmp_path: Path, segeval: Segeval) -> None:
    """labelme lists it, without objects: its labels are those of the PNG files that it writes."""
    names = {0: called, 1: "cell", 2: "debris"}
    path = dataset(tmp_path / "x.json", [image(7, SIZE)], [annotation(7, 2, encoded(NOISE))], names)
    found, volume = read(path)
    np.testing.assert_array_equal(found, NOISE * 2)
    assert volume.names == {1: "cell", 2: "debris"}
    other = tmp_path / "results.json"
    for category, code in ((2, 0), (0, 3)):
        other.write_text(json.dumps([annotation(7, category, encoded(NOISE), score=0.5)]))
        run = segeval("score", other, path, "--format", "json", "--metrics", "dice")
        assert run.code == code
        if code:
            assert_refused(run, other, f"of category 0, which the reference calls {called!r}")
        else:
            assert run.row(2)["dice"] == 1


def test_results(tmp_path: Path, segeval: Segeval) -> None:
    truth = dataset(
        tmp_path / "truth.json",
        [image(7, SIZE, "one.jpg"), image(8, SIZE, "two.jpg")],
        [annotation(7, 1, [BOX]), annotation(8, 18, [BOX])],
    )
    results = tmp_path / "results.json"
    results.write_text(json.dumps([
        annotation(7, 1, encoded(drawn([BOX], SIZE)), score=0.9), annotation(7, 18, encoded(NOISE), score=0.3),
    ]))  # fmt: skip
    pixels = int(drawn([BOX], SIZE).sum())
    for name in ("7", "one.jpg", "one"):
        run = segeval("score", results, f"{truth}:/{name}", "--format", "json", "--metrics", "pred_voxels,dice")
        assert (run.row(1)["pred_voxels"], run.row(18)["pred_voxels"]) == (pixels, int(NOISE.sum())), run.err
    run = segeval(
        "score", f"{results}:/7", f"{truth}:/7", "--min-score", "0.5", "--format", "json", "--metrics", "dice"
    )
    assert run.row(1)["dice"] == 1
    assert [row["label"] for row in run.json["cases"][0]["rows"]] == [1, "mean", "all"]
    assert "1 of 2 detections score below --min-score" in " ".join(run.remarks)
    assert "|min_score:0.5|" in run.json["signature"]
    run = segeval("score", f"{truth}:/7", f"{truth}:/7", "--min-score", "0.5", "--format", "json")
    assert run.row(1)["pred_voxels"] == pixels
    assert "image one.jpg: 1 of 1 objects have no score; --min-score leaves none of these out" in " ".join(run.remarks)
    Image.fromarray(drawn([BOX], SIZE).astype(np.uint8)).save(tmp_path / "x.png")
    run = segeval("score", tmp_path / "x.png", f"{truth}:/7", "--min-score", "0.5", "--format", "json")
    words = "holds no scores, as COCO's and YOLO's files may; --min-score changes nothing"
    assert f"{tmp_path / 'x.png'}: {words}" in run.remarks
    run = segeval("score", results, f"{truth}:/two", "--format", "json", "--metrics", "pred_voxels,ref_voxels")
    assert (run.row(18)["pred_voxels"], run.row(18)["ref_voxels"]) == (0, pixels)


H, W = 40, 60
Y, X = np.mgrid[:H, :W]
NAMES = {17: "cat", 18: "dog", 187: "sky", 193: "grass"}


def scene(horizon: int, bodies: list[tuple[int, int, int]], first: int) -> tuple[Array, list[dict[str, Any]]]:
    """Sky, grass and round bodies, the fourth of which is a dog."""
    ids = np.where(horizon > Y, 7, 300)
    for number, (y, x, radius) in enumerate(bodies):
        ids[(Y - y) ** 2 + (X - x) ** 2 <= radius**2] = first + number
    category = {7: 187, 300: 193, first + 3: 18}
    return ids, [
        {"id": one, "category_id": category.get(one, 17), "iscrowd": 0, "area": int((ids == one).sum())}
        for one in np.unique(ids).tolist()
    ]


TRUTH, TRUE_SEGMENTS = scene(12, [(20, 10, 7), (25, 26, 8), (15, 44, 6), (33, 50, 5)], 70000)
FOUND, FOUND_SEGMENTS = scene(14, [(21, 11, 7), (25, 30, 8), (15, 44, 4), (5, 5, 3)], 80000)
BY_PANOPTICAPI = {  # what pq_compute_single_core of cocodataset/panopticapi gives: TP, FP, FN, sum of IoUs
    "cat": (2, 1, 1, 1.295045045045045), "dog": (0, 1, 1, 0.0), "sky": (1, 0, 0, 0.814993954050786),
    "grass": (1, 0, 0, 0.721976401179941),
}  # fmt: skip


@pytest.fixture
def scenes(tmp_path: Path) -> tuple[Path, Path]:
    """Prediction and reference."""
    return (
        panoptic(tmp_path / "found.json", {1: FOUND}, {1: FOUND_SEGMENTS}, NAMES),
        panoptic(tmp_path / "truth.json", {1: TRUTH}, {1: TRUE_SEGMENTS}, NAMES),
    )


def test_panoptic_quality_is_that_of_the_official_code(scenes: tuple[Path, Path], segeval: Segeval) -> None:
    metrics = "instance_tp,instance_fp,instance_fn,pq"
    run = segeval("score", *scenes, "--instances", "--metrics", metrics, "--format", "json")
    for name, (tp, fp, fn, total) in BY_PANOPTICAPI.items():
        row = run.row(name)
        assert (row["instance_tp"], row["instance_fp"], row["instance_fn"]) == (tp, fp, fn), name
        assert row["pq"] == pytest.approx(total / (tp + fp / 2 + fn / 2), rel=1e-12)
    assert [row["label"] for row in run.json["cases"][0]["rows"]] == [*NAMES.values(), "mean", "all"]


def test_panoptic_segments_are_labels_of_their_categories(scenes: tuple[Path, Path]) -> None:
    category = {one["id"]: one["category_id"] for one in TRUE_SEGMENTS}
    found, volume = read(scenes[1])
    np.testing.assert_array_equal(found, np.vectorize(category.get)(TRUTH))
    assert volume.names == NAMES
    hashes = [
        hashlib.sha256(path.read_bytes()).hexdigest() for path in (scenes[1], scenes[1].with_suffix("") / "1.png")
    ]
    digest = read(scenes[1], hashed=True)[1].digest()
    assert digest == hashlib.sha256("".join(hashes).encode()).hexdigest()


def test_what_is_not_labelled_or_a_crowd_is_not_judged(tmp_path: Path, segeval: Segeval) -> None:
    ids = np.where(X < 10, 0, TRUTH)
    segments = [{**one, "iscrowd": int(one["id"] == 70001)} for one in TRUE_SEGMENTS]
    truth = panoptic(tmp_path / "truth.json", {1: ids}, {1: segments}, NAMES)
    whole = panoptic(tmp_path / "whole.json", {1: TRUTH}, {1: TRUE_SEGMENTS}, NAMES)
    run = segeval("score", whole, truth, "--metrics", "dice,fp,ref_voxels", "--format", "json")
    assert {row["fp"] for row in run.json["cases"][0]["rows"] if row["label"] in NAMES} == {0}
    assert run.row(187)["ref_voxels"] == int((ids == 7).sum())
    assert f"{10 * H} pixels are not labelled (0), and not judged" in " ".join(run.remarks)
    run = segeval(
        "score", whole, truth, "--instances", "--metrics", "instance_tp,instance_fp,instance_fn", "--format", "json"
    )
    assert {key: run.row("cat")[f"instance_{key}"] for key in ("tp", "fp", "fn")} == {"tp": 2, "fp": 0, "fn": 0}
    assert f"{int((ids == 70001).sum())} pixels of crowds" in " ".join(run.remarks)
    back = segeval("score", truth, whole, "--metrics", "fn", "--format", "json")  # a prediction says nothing there
    assert back.row(187)["fn"] == int((TRUTH[:, :10] == 7).sum())


def test_objects_that_touch_stay_apart_and_the_smaller_one_is_on_top(tmp_path: Path, segeval: Segeval) -> None:
    left, right, small = (np.zeros(SIZE, bool) for _ in range(3))
    left[5:25, 5:20], right[5:25, 20:35], small[10:14, 18:22] = True, True, True
    masks = [annotation(7, 1, encoded(mask)) for mask in (small, left, right)]
    path = dataset(tmp_path / "x.json", [image(7, SIZE)], [*masks, annotation(7, 1, runs(NOISE), iscrowd=1)])
    found, volume = read(path, instances=True, not_judged=-1)
    expected = np.where(NOISE, -1, 0)
    expected[left], expected[right], expected[small] = 100002, 100003, 100001
    np.testing.assert_array_equal(found, expected)
    assert volume.objects == {1: {100001, 100002, 100003}}
    metrics = "instance_tp,instance_fp,instance_fn"
    run = segeval("score", path, path, "--instances", "--metrics", metrics, "--format", "json")
    assert [run.row("person")[key] for key in metrics.split(",")] == [3, 0, 0]
    assert "objects overlap in 16 pixels, which the smaller one has" in " ".join(run.remarks)
    results = tmp_path / "results.json"
    results.write_text(json.dumps([{**one, "score": n / 10} for n, one in enumerate(masks)]))
    with open_volume(path, ReadOptions()) as truth:
        ranked, volume = read(results, instances=True, beside=truth)
    assert set(np.unique(ranked).tolist()) == {0, 100002, 100003}
    assert "which the more confident one has; 1 have none left" in " ".join(volume.remarks)


def test_a_batch_is_a_case_per_image(tmp_path: Path, segeval: Segeval) -> None:
    images = [image(7, SIZE, "a/one.jpg"), image(8, SIZE, "b/two.jpg"), image(9, SIZE, "b/three.jpg")]
    truth = dataset(tmp_path / "truth.json", images, [annotation(7, 1, [BOX]), annotation(8, 18, [BOX])])
    other = [{**images[0], "id": 70}, {**images[1], "id": 9}, image(5, SIZE, "four.jpg")]
    found = dataset(tmp_path / "found.json", other, [annotation(70, 1, [BOX]), annotation(9, 1, [BOX])])
    run = segeval("batch", found, truth, "--workers", "1")
    assert (run.code, run.out) == (3, "")
    assert "1 reference has no prediction: b/three" in run.err
    run = segeval("batch", found, truth, "--missing", "skip", "--workers", "2", "--format", "json", "--metrics", "dice")
    cases = {case["case"]: case for case in run.json["cases"]}
    assert {name: case["status"] for name, case in cases.items()} == {
        "a/one": "ok",
        "b/two": "ok",
        "b/three": "missing",
    }
    assert (cases["b/two"]["prediction"], cases["b/two"]["reference"]) == (f"{found}:/9", f"{truth}:/8")
    assert cases["a/one"]["rows"][0]["dice"] == 1
    assert {row["label"]: row["dice"] for row in cases["b/two"]["rows"]}[18] == 0
    assert any("four" in remark for remark in run.json["remarks"])
    results = tmp_path / "results.json"
    results.write_text(json.dumps([annotation(7, 1, encoded(drawn([BOX], SIZE)), score=1)]))
    run = segeval("batch", results, truth, "--workers", "1", "--format", "json", "--metrics", "dice")
    assert [(case["case"], case["status"]) for case in run.json["cases"]] == [
        ("a/one", "ok"),
        ("b/three", "ok"),
        ("b/two", "ok"),
    ]
    assert_pairing_refused(segeval("batch", truth, results), results, "name no image")
    results.write_text(json.dumps([annotation(70, 1, encoded(NOISE), score=1)]))
    assert_pairing_refused(segeval("batch", results, truth), results, "no image of")


def test_objects_of_several_images_are_not_pooled(tmp_path: Path, segeval: Segeval) -> None:
    images = [image(7, SIZE), image(8, SIZE)]
    path = dataset(tmp_path / "x.json", images, [annotation(7, 1, [BOX]), annotation(8, 1, [STAR])])
    options = "--pooled", "--workers", "1", "--format", "json", "--metrics", "pq,dice"
    run = segeval("batch", path, path, "--instances", *options)
    assert "pooled" not in run.json
    assert "numbered anew in each image" in " ".join(run.json["remarks"])
    run = segeval("batch", path, path, *options)
    assert [row["dice"] for row in run.json["pooled"]] == [1, 1, 1]


def assert_pairing_refused(run: Any, *words: object) -> None:
    assert (run.code, run.out, run.err.count("\n")) == (3, "", 1), run
    for word in words:
        assert str(word) in run.err


def test_without_a_tracer_of_polygons(tmp_path: Path, segeval: Segeval, monkeypatch: pytest.MonkeyPatch) -> None:
    path = dataset(tmp_path / "x.json", [image(7, SIZE)], [annotation(7, 1, [BOX])])
    easy = dataset(tmp_path / "easy.json", [image(7, SIZE)], [annotation(7, 1, runs(NOISE))])
    for library in ("pycocotools", "faster_coco_eval"):
        monkeypatch.setitem(sys.modules, library, None)
    assert_refused(segeval("score", path, path), path, "pip install 'segeval-cli[coco]'")
    assert segeval("inspect", easy).code == 0  # run lengths need nobody


def test_inspect(tmp_path: Path, segeval: Segeval) -> None:
    path = dataset(tmp_path / "x.json", [image(7, SIZE), image(8, SIZE)], [annotation(7, 18, runs(NOISE))])
    found = segeval("inspect", f"{path}:/7", "--format", "json").json
    assert (found["format"], found["shape"], found["kind"]) == ("COCO", [40, 30], "labels")
    assert {one["name"]: one["voxels"] for one in found["labels"]} == {
        "person": 0,
        "dog": int(NOISE.sum()),
        "bottle": 0,
    }
    assert_refused(segeval("inspect", path), path, "holds 2 images")


RUNS = encoded(NOISE)
DAMAGED: list[tuple[str, Any, str]] = [
    ("another size", {**RUNS, "size": [40, 30]}, "they do not belong together"),
    ("a size that is none", {**RUNS, "size": [30, "40"]}, "they do not belong together"),
    ("too few pixels", {**RUNS, "counts": [1, 2]}, "add up to 3 pixels, the image has 40×30 = 1200"),
    ("negative", {**RUNS, "counts": [-1, 1201]}, "not numbers from 0 on"),
    ("a number of thousands of digits", {**RUNS, "counts": "6" * 5000}, "add up to"),
    ("huge", {**RUNS, "counts": [1 << 60]}, "not numbers from 0 on"),
    ("huge in text", {**RUNS, "counts": "oooooooo0"}, "no text of COCO's"),
    ("negative in text", {**RUNS, "counts": "O"}, "a run of -1 pixels"),
    ("cut text", {**RUNS, "counts": RUNS["counts"][:-1] + "P"}, "end within one"),
    ("another alphabet", {**RUNS, "counts": "!!"}, "no text of COCO's"),
    ("no counts", {"size": [30, 40]}, "has run lengths None"),
    ("a name", "dog", "run lengths or polygons"),
    ("half a point", [[*BOX, 3.0]], "9 numbers"),
    ("a word in a polygon", [[*BOX, 3.0, "x"]], "for a polygon"),
    ("a box for polygons", BOX, "for a polygon"),
    ("far away", [[*BOX[:-1], 1e15]], "at y = 1000000000000000.0"),
    ("a boolean", [[*BOX[:-1], True]], "for a polygon"),
    ("no mask at all", [], "boxes without a mask"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "segmentation", "words"), DAMAGED, ids=[one[0] for one in DAMAGED])
def test_damaged_masks(what: str, segmentation: Any, words: str, tmp_path: Path, segeval: Segeval) -> None:  # noqa: ARG001
    path = dataset(tmp_path / "x.json", [image(7, SIZE)], [annotation(7, 18, segmentation)])
    assert_refused(segeval("inspect", path), path, words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"labels": {"liver": 1}}, "has no 'images' (but labels)"),
        ({"images": [{"id": 1, "width": 0, "height": 4}]}, "0×4 pixels"),
        ({"images": [{"id": 1, "width": 1 << 40, "height": 1 << 40}]}, "which cannot be used"),
        ({"images": [{"id": 1, "width": 4.5, "height": 4}]}, "`$.images[0].width`"),
        ({"images": [image(1, SIZE), image(1, (3, 4))]}, "two images 1"),
        ({"images": [image(1, SIZE)], "annotations": [annotation(1, 5, runs(NOISE))], "categories": [{"id": 6}]},
         "category 5, which the file does not list"),
        ({"images": [image(1, SIZE)], "categories": [{"id": 6, "name": "a"}, {"id": 6, "name": "b"}]},
         "category 6 twice"),
        ({"images": [], "annotations": []}, "holds no image"),
        ([{"image_id": 1, "category_id": 1}, {"score": 1}], "`image_id`"),
        (7, "is no file of COCO's"),
    ],
    ids=str,
)  # fmt: skip
def test_damaged_files(content: Any, words: str, tmp_path: Path, segeval: Segeval) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(content))
    assert_refused(segeval("inspect", path), path, words)


def test_an_image_larger_than_the_memory(tmp_path: Path, segeval: Segeval) -> None:
    size = (40_000, 50_000)
    path = dataset(tmp_path / "x.json", [image(7, size)], [annotation(7, 1, {"size": size, "counts": [2 * 10**9]})])
    run = segeval("score", path, path, "--max-memory", "1G")
    assert_refused(run, path, "an image of COCO's, which is held needs")


def test_damaged_panoptic_files(scenes: tuple[Path, Path], segeval: Segeval) -> None:
    path = scenes[1]
    picture = path.with_suffix("") / "1.png"
    good, text = picture.read_bytes(), path.read_text()
    for content, words in (
        (text.replace('"id": 70001', '"id": 70009'), "pixels have the number 70001"),
        (text.replace('"id": 70001', '"id": 7'), "segment 7 twice"),
        (text.replace('"1.png"', '"../1.png"'), "no name of a file"),
        (text.replace('"1.png"', '"2.png"'), "there is no 2.png"),
        (text.replace('"width": 60', '"width": 61'), "has 60×40 pixels, truth.json says 61×40"),
        (text.replace('"category_id": 18', '"category_id": 19'), "category 19"),
    ):
        assert content != text
        path.write_text(content)
        run = segeval("inspect", path)
        assert_refused(run, path.parent, words)
    path.write_text(text)
    picture.write_bytes(good[:-30])
    assert_refused(segeval("inspect", path), picture, "again")
    Image.fromarray(TRUTH.astype(np.uint8)).save(picture)
    assert_refused(segeval("inspect", path), picture, "no colour picture")
