"""Colour masks: written by Pillow and tifffile, and their labels found again colour by colour with plain NumPy."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
from PIL import Image
from reading import read as read_channel

from segeval import evaluate
from segeval.errors import LabelError, UnreadableFile, UsageError
from segeval.readers.colours import ColourTable
from segeval.readers.label_files import read_label_file
from segeval.readers.palettes import shipped
from segeval.settings import settings_of

Array = np.ndarray[Any, Any]
Run = Callable[..., Any]
RNG = np.random.default_rng(3)
CLASSES: Array = RNG.integers(0, 21, (37, 50)).astype(np.uint8)


def bits_of_voc(index: int) -> tuple[int, ...]:
    """As the development kit computes a colour: bit j of R, G and B is bit 3 (7 - j), + 1, + 2 of the index."""
    return tuple(sum((index >> 3 * (7 - j) + c & 1) << j for j in range(8)) for c in range(3))


VOC: Array = np.array([bits_of_voc(index) for index in range(256)], dtype=np.uint8)


def read(path: Path, palette: str | None, **options: Any) -> tuple[Array, Any]:
    """(x, y, z) and the volume."""
    return read_channel(path, colours=settings_of({"palette": palette, **options}).colour_table)


def by_hand(path: Path, colours: dict[tuple[int, int, int], int]) -> Array:
    """The labels of what SimpleITK reads, (x, y)."""
    pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[..., :3]
    pixels = pixels >> 8 if pixels.dtype == np.uint16 else pixels  # palettes of TIFF have 16 bits
    labels = np.full(pixels.shape[:-1], -1)
    for colour, label in colours.items():
        labels[(pixels == colour).all(axis=-1)] = label
    return labels.T


def test_the_table_of_voc_is_that_of_its_development_kit() -> None:
    table = shipped("voc").colours
    assert {labels: colour for colour, labels in table.items()} == {
        (index,): "#" + bytes(bits_of_voc(index)).hex() for index in (*range(21), 255)
    }
    assert shipped("voc").names[20] == "tvmonitor"


def test_the_other_tables_are_whole() -> None:
    """Facts of the sources: how many labels, those that share a colour, and a few of them."""
    city, ade, cam = (shipped(name) for name in ("cityscapes", "ade20k", "camvid"))
    assert (len(city.names), len(ade.names), len(cam.names)) == (34, 151, 32)
    assert (city.colours["#804080"], city.names[7]) == ((7,), "road")
    assert (city.colours["#770b20"], city.names[33]) == ((33,), "bicycle")
    assert {labels for labels in city.colours.values() if len(labels) > 1} == {(17, 18)}  # pole, polegroup
    assert (ade.colours["#787878"], ade.names[1]) == ((1,), "wall")
    assert (ade.colours["#5c00ff"], ade.names[150]) == ((150,), "flag")
    assert {labels for labels in ade.colours.values() if len(labels) > 1} == {(7, 49)}  # road, skyscraper
    assert (cam.colours["#40c000"], cam.colours["#000000"], cam.names[31]) == ((31,), (0,), "Wall")
    assert {len(labels) for labels in cam.colours.values()} == {1}


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
@pytest.mark.parametrize("ending", ["png", "bmp", "tif"])
def test_colours_are_labels(mode: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{ending}"
    classes = np.where(CLASSES == 4, 255, CLASSES).astype(np.uint8)
    if mode == "P":  # in another order than VOC's
        image = Image.fromarray(255 - classes).convert("P")
        image.putpalette(VOC[::-1].ravel().tolist())
    else:
        image = Image.fromarray(VOC[classes]).convert(mode)
    image.save(path)
    found, volume = read(path, "voc")
    np.testing.assert_array_equal(found, classes.T)
    np.testing.assert_array_equal(found, by_hand(path, {bits_of_voc(n): n for n in (*range(21), 255)}))
    assert (found.dtype, volume.kind, volume.remarks) == (np.uint8, "labels", [])


@pytest.mark.parametrize("layout", [{}, {"tile": (16, 32)}, {"rowsperstrip": 5}, {"bigtiff": True}], ids=str)
@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "zstd"])
def test_coloured_tiffs_of_every_layout(layout: dict[str, Any], compression: str | None, tmp_path: Path) -> None:
    stack = np.stack([CLASSES, CLASSES[::-1], CLASSES[:, ::-1]])
    options = {"photometric": "rgb", "compression": compression, **layout}
    tifffile.imwrite(tmp_path / "x.tif", VOC[stack], predictor=compression is not None, **options)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "x.tif"), VOC[stack])
    found, _ = read(tmp_path / "x.tif", "voc")
    np.testing.assert_array_equal(found, stack.T)
    alpha = np.concatenate([VOC[stack], np.full((*stack.shape, 1), 9, np.uint8)], axis=-1)
    tifffile.imwrite(tmp_path / "a.tif", alpha, extrasamples=["unassalpha"], **options)
    np.testing.assert_array_equal(read(tmp_path / "a.tif", "voc")[0], stack.T)


def test_a_tiff_with_a_palette_and_one_stored_from_its_last_row(tmp_path: Path) -> None:
    palette = (VOC.astype(np.uint16) * 257)[::-1].T
    tifffile.imwrite(tmp_path / "p.tif", 255 - CLASSES, photometric="palette", colormap=palette)
    np.testing.assert_array_equal(read(tmp_path / "p.tif", "voc")[0], CLASSES.T)
    np.testing.assert_array_equal(read(tmp_path / "p.tif", None)[0], 255 - CLASSES.T)
    turned = [(274, "H", 1, 4, True)]
    tifffile.imwrite(tmp_path / "t.tif", VOC[CLASSES], photometric="rgb", rowsperstrip=5, extratags=turned)
    np.testing.assert_array_equal(read(tmp_path / "t.tif", "voc")[0], CLASSES[::-1].T)


def test_an_unknown_colour_is_named_with_its_pixel(tmp_path: Path, segeval: Run) -> None:
    pixels = VOC[CLASSES]
    pixels[31, 41] = (1, 2, 250)
    pixels[36, 2] = (1, 2, 3)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    run = segeval("score", tmp_path / "x.png", tmp_path / "x.png", "--palette", "voc")
    assert (run.code, run.out, run.err.count("\n")) == (3, "", 1)
    place = "the pixel in row 31, column 41 (from 0) has the colour #0102fa (1, 2, 250), which the palette voc lacks"
    assert f"{tmp_path / 'x.png'}: {place}" in run.err
    pixels[36, 2] = 0
    for turned in ([], [(274, "H", 1, 4, False)]):
        stack = np.stack([VOC[CLASSES], pixels if not turned else pixels[::-1]])
        tifffile.imwrite(tmp_path / "x.tif", stack, photometric="rgb", tile=(16, 32), extratags=turned)
        with pytest.raises(LabelError, match=r"row 31, column 41 of page 1 \(from 0\) has the colour #0102fa"):
            read(tmp_path / "x.tif", "voc")
    image = Image.fromarray(np.where(CLASSES[5, 6] == CLASSES, 77, CLASSES)).convert("P")
    image.putpalette(VOC[:70].ravel().tolist())
    first = np.unravel_index(int((CLASSES[5, 6] == CLASSES).argmax()), CLASSES.shape)
    image.save(tmp_path / "p.bmp")
    with pytest.raises(LabelError, match=f"row {first[0]}, column {first[1]} .*index 77"):
        read(tmp_path / "p.bmp", "voc")


def test_ids_are_base_256_with_red_first(tmp_path: Path) -> None:
    """The COCO panoptic format: id = R + 256 G + 256² B."""
    ids = np.array([[0, 1, 255, 256], [65535, 65536, 0x563412, 2**24 - 1]])
    pixels = np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=-1).astype(np.uint8)
    assert pixels[1, 2].tolist() == [0x12, 0x34, 0x56]
    Image.fromarray(pixels).save(tmp_path / "x.png")
    tifffile.imwrite(tmp_path / "x.tif", pixels, photometric="rgb")
    for name in ("x.png", "x.tif"):
        found, _ = read(tmp_path / name, "ids")
        np.testing.assert_array_equal(found, ids.T)
    Image.fromarray(pixels).quantize(8).save(tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as image:
        assert image.mode == "P"
    np.testing.assert_array_equal(read(tmp_path / "p.png", "ids")[0], ids.T)


def test_what_is_transparent_is_background(tmp_path: Path) -> None:
    opacity = np.where(CLASSES > 10, 0, 128).astype(np.uint8)
    pixels = np.dstack([VOC[CLASSES], opacity])
    pixels[opacity == 0, :3] = (9, 9, 9)  # whatever colour it hides
    Image.fromarray(pixels).save(tmp_path / "x.png")
    found, volume = read(tmp_path / "x.png", "voc")
    np.testing.assert_array_equal(found, np.where(CLASSES > 10, 0, CLASSES).T)
    (remark,) = volume.remarks
    assert f"{np.count_nonzero(CLASSES > 10)} pixels are fully transparent" in remark


def test_a_colour_of_two_labels_is_the_first_with_a_remark(tmp_path: Path) -> None:
    pixels = np.full((4, 5, 3), 153, np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    found, volume = read(tmp_path / "x.png", "cityscapes")
    assert (found == 17).all()
    assert "20 pixels have a colour that the palette cityscapes gives to 17 and to 18" in volume.remarks[0]


def png(depth: int, kind: int, row: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", 1, 1, depth, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def test_what_is_no_colour_of_8_bits_is_refused(tmp_path: Path) -> None:
    """Pillow reads the upper halves of 16 bits, without a word."""
    for kind, samples in ((2, 3), (6, 4), (4, 2)):
        (tmp_path / "x.png").write_bytes(png(16, kind, bytes(2 * samples)))
        with pytest.raises(UnreadableFile, match="16 bits"):
            read(tmp_path / "x.png", "ids")
    (tmp_path / "x.png").write_bytes(png(8, 4, bytes(2)))
    with pytest.raises(UnreadableFile, match="LA"):
        read(tmp_path / "x.png", "ids")
    tifffile.imwrite(tmp_path / "x.tif", VOC[CLASSES].astype(np.uint16), photometric="rgb")
    with pytest.raises(UnreadableFile, match="16 bits"):
        read(tmp_path / "x.tif", "ids")
    tifffile.imwrite(tmp_path / "x.tif", np.moveaxis(VOC[CLASSES], -1, 0), photometric="rgb", planarconfig="separate")
    with pytest.raises(UnreadableFile, match="planes of their own"):
        read(tmp_path / "x.tif", "voc")


def test_a_grey_picture_holds_labels_whatever_the_palette(tmp_path: Path) -> None:
    for ending in ("png", "bmp", "tif"):
        Image.fromarray(CLASSES).save(tmp_path / f"x.{ending}")
        np.testing.assert_array_equal(read(tmp_path / f"x.{ending}", "voc")[0], CLASSES.T)


def test_labels_are_called_as_in_the_palette_and_255_of_voc_does_not_count(tmp_path: Path, segeval: Run) -> None:
    truth, guess = CLASSES.copy(), CLASSES.copy()
    truth[:3] = 255
    guess[3:6] = 0
    Image.fromarray(VOC[truth]).save(tmp_path / "r.png")
    Image.fromarray(guess).save(tmp_path / "p.png")
    run = segeval("score", tmp_path / "p.png", tmp_path / "r.png", "--palette", "voc", "--format", "json")
    counted = truth != 255
    for label in (1, 7, 20):
        a, b = (guess == label) & counted, (truth == label) & counted
        assert run.row(label)["dice"] == pytest.approx(2 * (a & b).sum() / (a.sum() + b.sum()))
    assert run.row(7)["name"] == "car"
    assert 255 not in {row["label"] for row in run.json["cases"][0]["rows"]}
    assert "|ignore:255|palette:voc|" in run.json["signature"]
    other = segeval("score", tmp_path / "p.png", tmp_path / "r.png", "--palette", "voc", "--ignore-label", "7",
                    "--format", "json")  # fmt: skip
    assert other.row(255)["name"] == "void"
    within = segeval("score", tmp_path / "p.png", tmp_path / "r.png", "--palette", "voc", "--within", "car")
    assert within.code == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--palette", "voc"], "have no colours; --palette voc names labels, and looks nothing up"),
        (["--palette", "ids"], "have no colours; --palette ids changes nothing"),
        (
            ["--labels", "colours.toml"],
            "which are all that the label file states; its labels are numbered in its order",
        ),
    ],
)
@pytest.mark.parametrize("ending", ["png", "tif", "npy"])
def test_a_palette_that_nothing_is_looked_up_in_is_a_remark(
    options: list[str], words: str, ending: str, tmp_path: Path, segeval: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    label_file(tmp_path, "colours.toml", 'road = "#804080"\ncar = "#00008e"\n')
    write: dict[str, Callable[[str, Array], Any]] = {
        "npy": np.save, "tif": tifffile.imwrite, "png": lambda name, array: Image.fromarray(array).save(name)
    }  # fmt: skip
    for name in "pr":
        write[ending](f"{name}.{ending}", CLASSES)
    run = segeval("score", f"p.{ending}", f"r.{ending}", *options, "--format", "json")
    assert [f"p.{ending} and r.{ending}: " in one for one in run.remarks if words in one] == [True], run.err
    assert any(
        words.replace("have", "has") in one
        for one in segeval("inspect", f"p.{ending}", *options, "-f", "json").json["remarks"]
    )
    colours = np.array([[0, 0, 0], [128, 64, 128], [0, 0, 142]], np.uint8)[CLASSES % 3]
    if options[1] == "colours.toml":
        Image.fromarray(colours).save("c.png")
        run = segeval("score", "c.png", "c.png", *options, "--format", "json")
        assert not any("colours" in one for one in run.remarks)


def label_file(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_a_label_file_of_colours_numbers_its_labels(tmp_path: Path, segeval: Run) -> None:
    path = label_file(tmp_path, "x.toml", 'road = "#804080"\nignore = "#FF00ff"\ncar = "#00008e"\n')
    choice = read_label_file(path)
    assert (choice.values, choice.names, choice.ignore) == ((1, 3), {1: "road", 3: "car"}, 2)
    assert choice.colours == {"#804080": (1,), "#ff00ff": (2,), "#00008e": (3,)}
    assert settings_of({"labels": str(path)}).labels.colours == {**choice.colours, "#000000": (0,)}
    pixels = np.array([[[128, 64, 128], [255, 0, 255]], [[0, 0, 142], [0, 0, 0]]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    run = segeval("score", tmp_path / "x.png", tmp_path / "x.png", "--labels", path, "--format", "json")
    assert [(row["label"], row["name"]) for row in run.json["cases"][0]["rows"][:2]] == [(1, "road"), (3, "car")]
    assert run.row(1)["tn"] == 2  # the pixel that is ignored is not among them
    assert "|palette:labels#" in run.json["signature"]
    swapped = label_file(tmp_path, "y.json", '{"car": "#00008e", "ignore": "#ff00ff", "road": "#804080"}')
    other = segeval("score", tmp_path / "x.png", tmp_path / "x.png", "--labels", swapped, "--format", "json")
    assert other.json["signature"] != run.json["signature"]
    assert read_label_file(label_file(tmp_path, "z.json", '{"7": "#804080", "0": "#000000"}')).colours == {
        "#804080": (7,), "#000000": (0,)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('a = "#804080"\nb = "#804080"\n', "'a' and 'b' have the colour #804080"),
        ('a = "#804080"\nb = 2\n', "'b' is 2, which is no colour, and 'a' has one"),
        ('a = "#804080"\nb = "#00f"\nc = "#00008e"\n', "'b' is '#00f', which is no colour, and 'a' has one"),
        ('1 = "#804080"\n2 = "#80408"\n', "'2' is '#80408', which is no colour, and '1' has one"),
        ('a = "#80408"\n', "not a label value"),
        ('background = "#000000"\n', "no label other than background"),
    ],
)
def test_colours_that_cannot_be_meant_are_refused(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=words):
        read_label_file(label_file(tmp_path, "x.toml", text))


def test_tables_with_numbers_and_colours_are_used_where_asked(tmp_path: Path, segeval: Run) -> None:
    """Else a FreeSurfer table, which has colours for show, would stand in the signature of every NIfTI."""
    path = label_file(tmp_path, "lut.txt", "0 Unknown 0 0 0 0\n17 Left-Hippocampus 220 216 20 0\n")
    Image.fromarray(np.array([[[220, 216, 20], [0, 0, 0]]], np.uint8)).save(tmp_path / "x.png")
    Image.fromarray(np.array([[17, 0]], np.uint8)).save(tmp_path / "r.png")
    pair = (tmp_path / "x.png", tmp_path / "r.png", "--labels", path)
    assert "--palette" in segeval("score", *pair).err
    run = segeval("score", *pair, "--palette", "labels", "--format", "json")
    assert (run.row(17)["dice"], run.row(17)["name"]) == (1, "Left-Hippocampus")
    report = evaluate(tmp_path / "x.png", tmp_path / "r.png", labels=str(path), palette="labels")
    assert report.cases[0].rows[0].values["dice"] == 1
    assert "palette" not in segeval("score", pair[1], *pair[1:], "--format", "json").json["settings"]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("x_dseg.tsv", ["index\tname\tcolor", "7\troad\t{}", "9\tcar\t{}", "11\tsky\tn/a"]),
        ("x.txt", ['7 {} 255 1 1 "road"', '9 {} 255 1 1 "car"']),
        ("x.ctab", ["7 road {} 0", "9 car {} 0"]),
    ],
)
def test_black_is_background_in_a_table_without_it_and_a_colour_that_is_none_is_named(
    name: str, lines: list[str], tmp_path: Path, segeval: Run
) -> None:
    as_text = "#{:02x}{:02x}{:02x}" if name.endswith("tsv") else "{} {} {}"
    pixels = np.array([[[128, 64, 128], [0, 0, 142], [0, 0, 0]]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "p.png")
    Image.fromarray(np.array([[7, 9, 0]], np.uint8)).save(tmp_path / "r.png")
    table = label_file(tmp_path, name, "\n".join(lines).format(as_text.format(128, 64, 128), as_text.format(0, 0, 142)))
    pair = ("score", tmp_path / "p.png", tmp_path / "r.png", "--labels", table)
    run = segeval(*pair, "--palette", "labels", "--format", "json")
    assert [run.row(label)["dice"] for label in (7, 9)] == [1, 1], run.err
    assert run.json["settings"]["colours"] == {"#804080": [7], "#00008e": [9], "#000000": [0]}
    label_file(tmp_path, name, table.read_text().replace(as_text.format(0, 0, 142), as_text.format(0, 0, 300)))
    run = segeval(*pair, "--palette", "labels")
    assert (run.code, run.err.count("\n")) == (3, 1)
    assert f"line {2 + name.endswith('tsv')} is" in run.err
    assert ("'#000012c'; write six digits" if name.endswith("tsv") else "from 0 to 255") in run.err
    run = segeval("score", tmp_path / "r.png", tmp_path / "r.png", "--labels", table)
    assert run.code == 0  # where colours are for show


def test_a_palette_needs_colours_and_one_source_of_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="names no file that states colours"):
        settings_of({"palette": "labels", "labels": "1,2"})
    path = label_file(tmp_path, "x.toml", 'a = "#804080"\n')
    with pytest.raises(UsageError, match="--palette voc: the label file says itself"):
        settings_of({"palette": "voc", "labels": str(path)})
    with pytest.raises(UsageError, match="palette='pascal': write voc or cityscapes"):
        settings_of({"palette": "pascal"})


def test_a_batch_and_inspect_know_palettes(tmp_path: Path, segeval: Run) -> None:
    for side in "pr":
        (tmp_path / side).mkdir()
        for case in "ab":
            Image.fromarray(VOC[CLASSES]).save(tmp_path / side / f"{case}.png")
    command = ("batch", tmp_path / "p", tmp_path / "r", "--palette", "voc", "--workers", "2", "--format", "json")
    run = segeval(*command, "--provenance", tmp_path / "run.json")
    assert [case["rows"][0]["name"] for case in run.json["cases"]] == ["aeroplane"] * 2
    assert all(file["header"]["dtype"] == "uint8" for file in json.loads((tmp_path / "run.json").read_text())["files"])
    found = segeval("inspect", tmp_path / "p" / "a.png", "--palette", "voc", "--format", "json").json
    labels = {one["label"]: one for one in found["labels"]}
    assert (labels[15]["name"], labels[15]["colour"]) == ("person", "#c08080")
    assert labels[15]["voxels"] == np.count_nonzero(CLASSES == 15)


def test_a_table_is_as_narrow_as_its_labels() -> None:
    assert ColourTable("t", {"#000000": (0,), "#0000ff": (300,)}).dtype == np.uint16


@pytest.mark.parametrize("mode", ["P", "RGB"])
def test_colours_that_a_png_calls_transparent_are_background(mode: str, tmp_path: Path, segeval: Run) -> None:
    """As the same picture with an opacity for each pixel."""
    indices = np.random.default_rng(5).choice([0, 1, 15], (9, 7)).astype(np.uint8)
    picture = Image.fromarray(indices)
    picture.putpalette(VOC[:16].reshape(-1).tolist())
    hidden: Any = 15
    if mode == "RGB":
        picture, hidden = picture.convert("RGB"), tuple(VOC[15].tolist())
    picture.save(tmp_path / "p.png", transparency=hidden)
    Image.open(tmp_path / "p.png").convert("RGBA").save(tmp_path / "rgba.png")
    found = [
        segeval("inspect", tmp_path / name, "--palette", "voc", "-f", "json").json for name in ("p.png", "rgba.png")
    ]
    counts = [{label["label"]: label["voxels"] for label in one["labels"] if label["voxels"]} for one in found]
    assert counts == [{1: int((indices == 1).sum())}] * 2
    pixels = int((indices == 15).sum())
    assert all(any(f"{pixels} pixels are fully transparent" in remark for remark in one["remarks"]) for one in found)
