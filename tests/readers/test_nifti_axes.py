"""NIfTI and Analyze: axes, channels, and damage."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from niftis import RAMP, SHAPE, Array, Segeval, image, patched, written
from reading import channels_of, read

from segeval.errors import GeometryError, UnreadableFile, UsageError
from segeval.readers import ReadOptions, open_volume

# Axes


def test_a_picture_of_two_axes_is_read_and_scored(tmp_path: Path, segeval: Segeval) -> None:
    flat = RAMP[:, :, 1].astype(np.uint8)
    path = written(tmp_path / "flat.nii.gz", flat)
    np.testing.assert_array_equal(read(path)[0], flat)
    slice_of_one = written(tmp_path / "slice.nii", flat[:, :, np.newaxis])
    for pair in ((path, path), (path, slice_of_one), (slice_of_one, path)):
        run = segeval("score", *pair, "--format", "json")
        assert run.code == 0, run.err
        assert run.row("all")["accuracy"] == 1


@pytest.mark.parametrize("shape", [(*SHAPE, 1), (*SHAPE, 1, 1), (*SHAPE, 1, 1, 1, 1)])
def test_trailing_axes_of_one_are_dropped(shape: tuple[int, ...], tmp_path: Path, segeval: Segeval) -> None:
    labels = (RAMP % 3).astype(np.uint8)
    path = written(tmp_path / "x.nii.gz", labels.reshape(shape))
    reference = written(tmp_path / "r.nii", labels)
    for pair in ((path, reference), (reference, path)):
        run = segeval("score", *pair, "--format", "json")
        assert run.row("all")["accuracy"] == 1
        assert run.remarks == []


def probabilities(count: int) -> Array:
    """Channels that sum to 1, last axis."""
    raw = np.random.default_rng(2).random((*SHAPE, count)) + 0.05
    return (raw / raw.sum(axis=-1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("count", [2, 3, 7])
@pytest.mark.parametrize("between", [(), (1,)], ids=["4-D", "5-D vector"])
def test_the_axis_after_the_third_holds_the_channels(
    between: tuple[int, ...], count: int, ending: str, tmp_path: Path
) -> None:
    maps = probabilities(count)
    path = written(tmp_path / f"x{ending}", maps.reshape(*SHAPE, *between, count))
    with open_volume(path, ReadOptions()) as volume:
        assert volume.kind == "probabilities"
        found = channels_of(volume)
    np.testing.assert_array_equal(found, np.moveaxis(maps, -1, 0))
    assert volume.geometry is not None
    assert volume.geometry.shape == SHAPE


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1, -4])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_another_class_axis_counts_where_it_is_named(axis: int, ending: str, tmp_path: Path, segeval: Segeval) -> None:
    maps = probabilities(3)
    labels = written(tmp_path / "r.nii", maps.argmax(axis=-1).astype(np.uint8))
    expected = segeval("score", written(tmp_path / "last.nii", maps), labels, "--format", "json")
    path = written(tmp_path / f"x{ending}", np.moveaxis(maps, -1, axis))
    run = segeval("score", path, labels, "--class-axis", axis, "--format", "json")
    assert run.code == 0, run.err
    assert run.row("all")["dice"] == 1
    assert run.row(2)["ce"] == pytest.approx(expected.row(2)["ce"], rel=1e-9)


def test_a_class_axis_is_never_guessed_from_sizes(tmp_path: Path, segeval: Segeval) -> None:
    maps = probabilities(2)
    labels = written(tmp_path / "r.nii", np.zeros(SHAPE, np.uint8))
    run = segeval("score", written(tmp_path / "x.nii", np.moveaxis(maps, -1, 0)), labels)
    assert run.code == 3
    assert "2×5×4" in run.err


def test_a_class_axis_that_the_volume_lacks_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "x.nii", probabilities(2))
    with pytest.raises(UsageError, match="--class-axis 4"):
        open_volume(path, ReadOptions(class_axis=4))


def test_two_axes_after_the_third_are_refused_unless_one_is_named_and_the_other_is_of_one(tmp_path: Path) -> None:
    array = np.zeros((*SHAPE, 2, 3), np.float32)
    with pytest.raises(UnreadableFile, match="5×4×3×2×3"):
        open_volume(written(tmp_path / "x.nii", array), ReadOptions())
    with pytest.raises(UnreadableFile, match="5×4×3×2×3"):
        open_volume(tmp_path / "x.nii", ReadOptions(class_axis=4))


def test_integer_channels_are_probabilities_under_a_scale(tmp_path: Path, segeval: Segeval) -> None:
    stored = np.rint(probabilities(3) * 250).astype(np.uint8)
    stored[..., 0] = 255 - stored[..., 1:].sum(axis=-1)
    labels = written(tmp_path / "r.nii", stored.argmax(axis=-1).astype(np.uint8))
    path = written(tmp_path / "p.nii.gz", stored)
    assert segeval("score", path, labels, "--scale", "255", "--format", "json").row("all")["dice"] == 1


def test_a_label_intent_makes_floats_labels(tmp_path: Path) -> None:
    picture = image((RAMP % 2).astype(np.float32))
    picture.header.set_intent("label")
    nibabel.save(picture, tmp_path / "x.nii")
    assert read(tmp_path / "x.nii")[1].kind == "labels"
    assert read(written(tmp_path / "y.nii", (RAMP % 2).astype(np.float32)))[1].kind is None


# Damage that the reader itself reports


def test_a_reader_names_the_file_in_every_error(tmp_path: Path) -> None:
    path = tmp_path / "x.nii"
    content = image(RAMP.astype(np.uint8)).to_bytes()
    singular = patched(content, 280, "<12f", *(0.0,) * 12)
    for stored, problem in ((content[:100], UnreadableFile), (content[:-1], UnreadableFile), (singular, GeometryError)):
        path.write_bytes(stored)
        with pytest.raises(problem) as caught:
            open_volume(path, ReadOptions())
        assert str(caught.value).startswith(str(path))


def test_a_pair_whose_image_is_cut_is_refused(tmp_path: Path, segeval: Segeval) -> None:
    for packed in ("", ".gz"):
        written(tmp_path / f"x.img{packed}", RAMP.astype(np.uint8), pair=True)
        data = tmp_path / f"x.img{packed}"
        data.write_bytes(data.read_bytes()[:-5])
        run = segeval("score", tmp_path / f"x.hdr{packed}", tmp_path / f"x.hdr{packed}")
        assert run.code == 3
        assert "again" in run.err
