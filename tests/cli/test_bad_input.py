"""Everything that cannot be evaluated ends with exit code 3, one line on stderr, and nothing left behind."""

from __future__ import annotations

import gzip
import math
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from bad_files import (
    AFFINE,
    GOOD_BYTES,
    LABELS,
    SHAPE,
    Segeval,
    as_nifti,
    assert_refused,
    compressed_in_storage_order,
)

from segeval.files.byte_stream import ByteStream

PICTURE = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + bytes(400)


PAGE = b"\n<!DOCTYPE html>\n<html><head><title>404</title></head><body>Not found</body></html>\n" * 8


LFS_POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)


def with_values(*places: tuple[tuple[int, int, int], float]) -> np.ndarray[Any, Any]:
    """The label map as floats, with some voxels replaced."""
    array = LABELS.astype(np.float32)
    for place, value in places:
        array[place] = value
    return array


def nifti2_of(dims: tuple[int, ...]) -> bytes:
    """A NIfTI-2 header that promises these dimensions, and 100 bytes of voxels."""
    image = nibabel.Nifti2Image(LABELS, AFFINE)
    content = bytearray(image.to_bytes())
    struct.pack_into("<8q", content, 16, len(dims), *dims, *(1,) * (7 - len(dims)))
    return bytes(content[:644])


def rgb() -> bytes:
    """A NIfTI of RGB24 voxels, as nibabel writes it."""
    array = np.zeros(SHAPE, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    return bytes(nibabel.Nifti1Image(array, AFFINE).to_bytes())


@dataclass(frozen=True)
class Bad:
    """A file that cannot be evaluated, and words of the problem and of the advice."""

    behaviour: str
    name: str
    content: Callable[[], bytes | None]
    problem: tuple[str, ...]
    advice: str
    options: tuple[str, ...] = ()
    sides: tuple[str, ...] = ("prediction", "reference")


PREDICTION = ("prediction",)


REFERENCE = ("reference",)


SINGULAR = (0.8, 0, 0, 0, 0, 1.5, 0, 0, 0, 1.5, 0, 0)


NOT_FINITE = (0.8, 0, 0, 0, 0, math.nan, 0, 0, 0, 0, 3.0, 0)


FRACTIONAL = with_values(((1, 2, 0), 2.5), ((4, 3, 2), 7.25))


NAN_LABEL = with_values(((2, 0, 1), math.nan))


INF_LABEL = with_values(((3, 1, 2), -math.inf))


PROBABLE = (np.arange(60).reshape(SHAPE) / 60).astype(np.float32)


NAN_PROBABLE = np.where(np.arange(60).reshape(SHAPE) == 7, np.nan, PROBABLE).astype(np.float32)


INF_PROBABLE = np.where(np.arange(60).reshape(SHAPE) == 7, np.inf, PROBABLE).astype(np.float32)


THREE_CHANNELS = np.full((*SHAPE, 3), 1 / 3, dtype=np.float32)


NAN_CHANNELS = np.where(np.arange(180).reshape(*SHAPE, 3) == 100, np.nan, THREE_CHANNELS).astype(np.float32)


TABLE = [
    Bad("a missing file", "x.nii.gz", lambda: None, ("no such file",), "check the path"),
    Bad("a missing file of unknown ending", "x.xyz", lambda: None, ("no such file",), "check the path"),
    Bad("an empty file", "x.nii.gz", lambda: b"", ("empty", "0 bytes"), "again"),
    Bad("an unknown ending", "x.xyz", lambda: GOOD_BYTES, ("no known format",), ".nii"),
    Bad("no ending", "volume", lambda: GOOD_BYTES, ("no known format",), ".nii"),
    Bad("a header cut short", "x.nii", lambda: GOOD_BYTES[:200], ("200", "348"), "again"),
    Bad("a compressed header cut short", "x.nii.gz", lambda: gzip.compress(GOOD_BYTES[:200]), ("200", "348"), "again"),
    Bad("three bytes", "x.nii", lambda: b"abc", ("3",), "again"),
    Bad("an empty gzip stream", "x.nii.gz", lambda: gzip.compress(b""), ("0 of", "348"), "again"),
    Bad("data cut short", "x.nii", lambda: GOOD_BYTES[:-7], ("53 of 60 bytes",), "again"),
    Bad("data cut short, compressed", "x.nii.gz", lambda: gzip.compress(GOOD_BYTES[:-7]), ("53 of 60 bytes",), "again"),
    Bad("no data at all", "x.nii.gz", lambda: gzip.compress(GOOD_BYTES[:352]), ("0 of 60 bytes",), "again"),
    Bad("half a gzip stream", "x.nii.gz", lambda: gzip.compress(GOOD_BYTES)[:60], ("gzip",), "again"),
    Bad("a broken checksum", "x.nii.gz", lambda: flipped(gzip.compress(GOOD_BYTES), -8), ("gzip",), "again"),
    Bad("a broken length", "x.nii.gz", lambda: flipped(gzip.compress(GOOD_BYTES), -4), ("gzip",), "again"),
    Bad("rubbish after gzip", "x.nii.gz", lambda: gzip.compress(GOOD_BYTES) + b"rubbish", ("gzip",), "again"),
    Bad("another magic", "x.nii", lambda: as_nifti(LABELS, magic=b"abc\0"), ("magic", "abc"), "export"),
    Bad("another header size", "x.nii", lambda: as_nifti(LABELS, sizeof_hdr=349), ("no NIfTI",), "check"),
    Bad("a pair's header alone", "x.nii", lambda: as_nifti(LABELS, magic=b"ni1\0"), ("another file",), ".img"),
    Bad("a header without its image", "x.hdr", lambda: as_nifti(LABELS, magic=b"ni1\0"), ("no x.img",), "together"),
    Bad("10^15 voxels", "x.nii", lambda: nifti2_of((100_000,) * 3), ("bytes", "100000"), "export"),
    Bad("10^15 voxels, compressed", "x.nii.gz", lambda: gzip.compress(nifti2_of((100_000,) * 3)), ("bytes",), "export"),
    Bad("10^13 voxels", "x.nii.gz", lambda: gzip.compress(as_nifti(LABELS, dim=(3, 32767, 32767, 32767, 1, 1, 1, 1))),
        ("bytes",), "export"),
    Bad("more voxels than could be", "x.nii", lambda: nifti2_of((2**62, 2**62, 2)), ("more than could be",), "export"),
    Bad("an axis of no voxels", "x.nii", lambda: as_nifti(LABELS, dim=(3, 5, 0, 3, 1, 1, 1, 1)), ("5×0×3",), "export"),
    Bad("an axis of -4", "x.nii", lambda: as_nifti(LABELS, dim=(3, 5, -4, 3, 1, 1, 1, 1)), ("shape",), "export"),
    Bad("eight axes", "x.nii", lambda: as_nifti(LABELS, dim=(8, 5, 4, 3, 1, 1, 1, 1)), ("8 axes",), "export"),
    Bad("no axes", "x.nii", lambda: as_nifti(LABELS, dim=(0, 5, 4, 3, 1, 1, 1, 1)), ("0 axes",), "export"),
    Bad("a vox_offset in the header", "x.nii", lambda: as_nifti(LABELS, vox_offset=100), ("vox_offset", "100"),
        "export"),
    Bad("a vox_offset of 0", "x.nii", lambda: as_nifti(LABELS, vox_offset=0), ("vox_offset",), "export"),
    Bad("a negative vox_offset", "x.nii", lambda: as_nifti(LABELS, vox_offset=-352), ("vox_offset",), "export"),
    Bad("an infinite vox_offset", "x.nii", lambda: as_nifti(LABELS, vox_offset=math.inf), ("vox_offset", "inf"),
        "export"),
    Bad("a NaN vox_offset", "x.nii.gz", lambda: gzip.compress(as_nifti(LABELS, vox_offset=math.nan)), ("vox_offset",),
        "export"),
    Bad("a huge vox_offset", "x.nii", lambda: as_nifti(LABELS, vox_offset=1e30), ("vox_offset",), "export"),
    Bad("a vox_offset past the end", "x.nii", lambda: as_nifti(LABELS, vox_offset=4096), ("0 of 60 bytes",), "again"),
    Bad("a vox_offset past the end, compressed", "x.nii.gz",
        lambda: gzip.compress(as_nifti(LABELS, vox_offset=4096)), ("0 of 60 bytes",), "again"),
    Bad("complex numbers", "x.nii", lambda: as_nifti(LABELS.astype(np.complex64)), ("complex",), "export"),
    Bad("RGB", "x.nii.gz", lambda: gzip.compress(rgb()), ("RGB",), "export"),
    Bad("single bits", "x.nii", lambda: as_nifti(LABELS, datatype=1, bitpix=1), ("code 1",), "export"),
    Bad("an unknown data type", "x.nii", lambda: as_nifti(LABELS, datatype=9999), ("9999",), "export"),
    Bad("an infinite intercept", "x.nii", lambda: as_nifti(LABELS, scl=(2, math.inf)), ("scl_inter",), "export"),
    Bad("another shape", "x.nii.gz", lambda: gzip.compress(as_nifti(LABELS[:, :, :2])), ("5×4×2", "5×4×3"),
        "--geometry"),
    Bad("swapped axes", "x.nii", lambda: as_nifti(LABELS.transpose(1, 0, 2)), ("4×5×3", "5×4×3"), "--geometry"),
    Bad("a Git LFS pointer", "x.nii.gz", lambda: LFS_POINTER, ("Git LFS pointer",), "git lfs pull"),
    Bad("a web page", "x.nii.gz", lambda: PAGE, ("web page",), "download"),
    Bad("a compressed web page", "x.nii.gz", lambda: gzip.compress(PAGE), ("web page",), "download"),
    Bad("a short web page", "x.nii", lambda: PAGE[:90], ("web page",), "download"),
    Bad("a picture", "x.nii.gz", lambda: PICTURE, ("PNG",), ".png"),
    Bad("a compressed picture", "x.nii.gz", lambda: gzip.compress(PICTURE), ("PNG",), ".png"),
    Bad("a ZIP archive", "x.nii.gz", lambda: b"PK\x03\x04" + bytes(400), ("ZIP",), "unpack"),
    Bad("twice compressed", "x.nii.gz", lambda: gzip.compress(gzip.compress(GOOD_BYTES)), ("gzip",), "decompress"),
    Bad("zeros", "x.nii.gz", lambda: bytes(1000), ("zeros",), "copy"),
    Bad("a Git LFS pointer named .nrrd", "x.nrrd", lambda: LFS_POINTER, ("Git LFS pointer",), "git lfs pull"),
    Bad("a web page named .mha", "x.mha", lambda: PAGE, ("web page",), "download"),
    Bad("a web page named .mgz", "x.mgz", lambda: PAGE, ("web page",), "download"),
    Bad("a web page named .npz", "x.npz", lambda: PAGE, ("web page",), "download", (), PREDICTION),
    Bad("a singular sform", "x.nii", lambda: as_nifti(LABELS, sform_code=1, srow=SINGULAR), ("sform", "singular"),
        "header"),
    Bad("a zero sform", "x.nii", lambda: as_nifti(LABELS, sform_code=1, srow=(0,) * 12), ("sform", "singular"),
        "header"),
    Bad("a NaN sform", "x.nii", lambda: as_nifti(LABELS, sform_code=1, srow=NOT_FINITE), ("sform", "finite"), "header"),
    Bad("a NaN spacing", "x.nii", lambda: as_nifti(
        LABELS, qform_code=1, sform_code=0, pixdim=(1, 0.8, math.nan, 3, 1, 1, 1, 1)), ("finite",), "header"),
    Bad("fractions among labels", "x.nii", lambda: as_nifti(FRACTIONAL), ("2.5", "(1, 2, 0)"), "--kind"),
    Bad("fractions in what is said to be labels", "x.nii.gz", lambda: gzip.compress(as_nifti(FRACTIONAL)),
        ("2 voxel", "2.5", "(1, 2, 0)"), "export", ("--kind", "labels"), PREDICTION),
    Bad("a probability map as reference", "x.nii", lambda: as_nifti(PROBABLE), ("59 voxel", "(1, 0, 0)"), "integers",
        (), REFERENCE),
    Bad("a NaN in a reference", "x.nii", lambda: as_nifti(NAN_LABEL), ("1 voxel", "nan", "(2, 0, 1)"), "integers", (),
        REFERENCE),
    Bad("a NaN in a label map", "x.nii", lambda: as_nifti(NAN_LABEL), ("1 voxel", "nan", "(2, 0, 1)"), "export",
        ("--kind", "labels"), PREDICTION),
    Bad("an infinity in a label map", "x.nii", lambda: as_nifti(INF_LABEL), ("1 voxel", "-inf", "(3, 1, 2)"), "",
        ("--kind", "labels"), PREDICTION),
    Bad("a NaN among labels of unsaid kind", "x.nii", lambda: as_nifti(NAN_LABEL), ("1 value", "NaN"), "replace", (),
        PREDICTION),
    Bad("an infinity in a reference", "x.nii", lambda: as_nifti(INF_LABEL), ("1 voxel", "-inf", "(3, 1, 2)"), "", (),
        REFERENCE),
    Bad("a NaN in a probability map", "x.nii", lambda: as_nifti(NAN_PROBABLE), ("NaN", "1 value"), "replace",
        ("--labels", "1"), PREDICTION),
    Bad("an infinity in a probability map", "x.nii.gz", lambda: gzip.compress(as_nifti(INF_PROBABLE)),
        ("infinit", "1 value"), "replace", ("--kind", "probabilities", "--labels", "1"), PREDICTION),
    Bad("a NaN in a channel", "x.nii.gz", lambda: gzip.compress(as_nifti(NAN_CHANNELS)), ("NaN", "1 value"), "replace",
        (), PREDICTION),
    Bad("probabilities beyond 1", "x.nii", lambda: as_nifti(PROBABLE * 1.2), ("0 to 1.18",), "--clip",
        ("--kind", "probabilities", "--labels", "1"), PREDICTION),
    Bad("channels that do not sum to 1", "x.nii", lambda: as_nifti(THREE_CHANNELS * 0.9), ("sum to 1", "0.1"),
        "--channels independent", (), PREDICTION),
    Bad("no channel for a label asked for", "x.nii", lambda: as_nifti(THREE_CHANNELS), ("3 channels", "5"), "--labels",
        ("--labels", "1,5"), PREDICTION),
    Bad("two channels for three labels", "x.nii.gz", lambda: gzip.compress(as_nifti(THREE_CHANNELS[..., :2] * 1.5)),
        ("channel", "label 2"), "--labels", (), PREDICTION),
    Bad("a reference of several channels", "x.nii", lambda: as_nifti(THREE_CHANNELS), ("3 channels",), "label map", (),
        REFERENCE),
    Bad("five axes longer than one", "x.nii", lambda: as_nifti(np.zeros((*SHAPE, 2, 2), np.float32)), ("5×4×3×2×2",),
        "--class-axis", (), PREDICTION),
]  # fmt: skip


def flipped(content: bytes, position: int, bit: int = 0) -> bytes:
    """The content with one bit inverted."""
    changed = bytearray(content)
    changed[position] ^= 1 << bit
    return bytes(changed)


@pytest.fixture
def refused(segeval: Segeval, folder: Path) -> Callable[..., None]:
    """Score with ``-o out.json`` and assert the refusal, and that the folder holds what it held before."""

    def check(prediction: Path, reference: Path, culprit: Path, words: tuple[str, ...], *options: str) -> None:
        before = sorted(folder.rglob("*"))
        run = segeval("score", prediction, reference, "-o", folder / "out.json", *options)
        assert_refused(run, culprit, *words)
        assert sorted(folder.rglob("*")) == before

    return check


def sided() -> Iterator[Any]:
    for bad in TABLE:
        for side in bad.sides:
            yield pytest.param(bad, side, id=f"{bad.behaviour} as {side}")


@pytest.mark.parametrize(("bad", "side"), list(sided()))
def test_what_cannot_be_evaluated_is_one_line_and_exit_3(
    bad: Bad, side: str, folder: Path, refused: Callable[..., None]
) -> None:
    path, good = folder / bad.name, folder / "good.nii.gz"
    content = bad.content()
    if content is not None:
        path.write_bytes(content)
    pair = (path, good) if side == "prediction" else (good, path)
    refused(*pair, path, (*bad.problem, bad.advice), *bad.options)


def test_a_label_file_of_more_labels_than_the_map_has_channels_is_refused(
    folder: Path, refused: Callable[..., None]
) -> None:
    path = folder / "x.nii.gz"
    path.write_bytes(gzip.compress(as_nifti(THREE_CHANNELS)))
    (folder / "names.json").write_text('{"liver": 1, "spleen": 2, "aorta": 3, "colon": 4}')
    words = ("3 channels", "5 labels", "label file")
    refused(path, folder / "good.nii.gz", path, words, "--labels", str(folder / "names.json"))


def test_a_foreground_map_against_several_labels_is_refused(folder: Path, refused: Callable[..., None]) -> None:
    path = folder / "x.nii"
    path.write_bytes(as_nifti(PROBABLE))
    refused(path, folder / "good.nii.gz", path, ("1, 2", "--labels"))


@pytest.mark.parametrize("side", ["prediction", "reference"])
@pytest.mark.parametrize("inside", [(), ("notes.txt",), (".hidden.nii.gz",)], ids=["empty", "notes", "hidden"])
def test_a_directory_without_masks_is_refused(
    side: str, inside: tuple[str, ...], folder: Path, refused: Callable[..., None]
) -> None:
    masks = folder / "masks"
    masks.mkdir()
    for name in inside:
        (masks / name).write_bytes(GOOD_BYTES)
    pair = (masks, folder / "good.nii.gz") if side == "prediction" else (folder / "good.nii.gz", masks)
    refused(*pair, masks, ("directory without class masks", "name a volume"))


def test_a_directory_named_like_a_volume_is_refused(folder: Path, refused: Callable[..., None]) -> None:
    (folder / "x.nii.gz").mkdir()
    refused(folder / "x.nii.gz", folder / "good.nii.gz", folder / "x.nii.gz", ("directory",))


def test_a_path_below_a_file_is_refused(folder: Path, refused: Callable[..., None]) -> None:
    path = folder / "good.nii.gz" / "x.nii.gz"
    refused(path, folder / "good.nii.gz", path, ("check the path",))


def test_a_link_that_leads_nowhere_and_one_that_leads_to_itself_are_refused(
    folder: Path, refused: Callable[..., None]
) -> None:
    for target in ("nowhere.nii.gz", "x.nii.gz"):
        path = folder / "x.nii.gz"
        path.unlink(missing_ok=True)
        path.symlink_to(target)
        refused(path, folder / "good.nii.gz", path, ("check the path",))


@pytest.mark.parametrize("side", ["prediction", "reference"])
def test_a_fifo_is_refused_and_never_waited_for(side: str, folder: Path) -> None:
    fifo = folder / "pipe.nii.gz"
    os.mkfifo(fifo)
    pair = [fifo, folder / "good.nii.gz"] if side == "prediction" else [folder / "good.nii.gz", fifo]
    command = [sys.executable, "-m", "segeval", "score", *map(str, pair)]
    done = subprocess.run(command, timeout=30, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert str(fifo) in done.stderr
    assert "FIFO" in done.stderr


@pytest.mark.parametrize("name", ["pipe.nrrd", "pipe.mgz", "pipe.npz", "pipe.gipl", "pipe.png", "pipe.par"])
def test_a_fifo_is_refused_under_the_name_of_every_reader(name: str, folder: Path) -> None:
    from segeval.errors import UnreadableFile
    from segeval.readers import ReadOptions, open_volume

    os.mkfifo(folder / name)
    descriptor = os.open(folder / name, os.O_RDWR)  # with a writer, an opening for reading cannot hang this suite
    try:
        with pytest.raises(UnreadableFile, match="FIFO"):
            open_volume(folder / name, ReadOptions())
    finally:
        os.close(descriptor)


def test_every_cut_of_a_gzip_stream_is_noticed(folder: Path, refused: Callable[..., None]) -> None:
    content = compressed_in_storage_order(GOOD_BYTES)
    path = folder / "cut.nii.gz"
    for length in range(1, len(content)):
        path.write_bytes(content[:length])
        refused(path, folder / "good.nii.gz", path, ("again" if length > 1 else "",))


def test_cuts_of_a_longer_gzip_stream_are_noticed(folder: Path, refused: Callable[..., None]) -> None:
    noise = np.random.default_rng(0).integers(0, 250, (71, 53, 47), dtype=np.uint8)
    content = compressed_in_storage_order(as_nifti(noise))
    good, path = folder / "noise.nii", folder / "cut.nii.gz"
    good.write_bytes(as_nifti(noise))
    assert len(content) > 2 * 65536
    for length in (65535, 65536, 65537, 131072, len(content) - 9, len(content) - 8, len(content) - 4, len(content) - 1):
        path.write_bytes(content[:length])
        refused(path, good, path, ("gzip stream", "again"))


def test_a_cut_second_gzip_member_is_noticed(folder: Path, refused: Callable[..., None]) -> None:
    content = compressed_in_storage_order(GOOD_BYTES) + compressed_in_storage_order(b"\1" * 50)
    path = folder / "cut.nii.gz"
    for length in (len(content) - 1, len(content) - 8, len(content) - 20, len(content) - 27):
        path.write_bytes(content[:length])
        refused(path, folder / "good.nii.gz", path, ("gzip", "again"))


def test_a_flipped_bit_in_a_gzip_stream_is_noticed_or_changes_no_number(folder: Path, segeval: Segeval) -> None:
    content = compressed_in_storage_order(GOOD_BYTES)
    good, path = folder / "good.nii.gz", folder / "flipped.nii.gz"
    whole = segeval("score", good, good, "--metrics", "tp,fp,fn,ref_volume_ml", "--format", "json")
    expected = whole.json["cases"][0]["rows"], whole.json["cases"][0]["confusion"]
    noticed = 0
    for position in range(len(content)):
        bits = range(8) if position < 10 or position >= len(content) - 8 else (position % 8, (position + 3) % 8)
        for bit in bits:
            path.write_bytes(flipped(content, position, bit))
            run = segeval("score", path, good, "--metrics", "tp,fp,fn,ref_volume_ml", "--format", "json")
            if run.code == 0:
                assert (run.json["cases"][0]["rows"], run.json["cases"][0]["confusion"]) == expected, (position, bit)
            else:
                noticed += 1
                assert_refused(run, path)
    assert noticed > len(content)


@pytest.mark.parametrize(
    ("cls", "size", "texts", "bit"),
    [(nibabel.Nifti1Image, 348, range(148, 252), 5), (nibabel.Nifti2Image, 540, range(240, 344), 6)],
)
def test_a_flipped_bit_in_a_header_never_crashes(
    cls: Any, size: int, texts: range, bit: int, folder: Path, segeval: Segeval
) -> None:
    content = bytes(cls(LABELS, AFFINE).to_bytes())
    good, path = folder / "good.nii.gz", folder / "flipped.nii"
    for position in range(size):
        if position in texts:
            continue
        path.write_bytes(flipped(content, position, bit))
        policy = ("strict", "resample", "ignore")[(position + bit) % 3]
        run = segeval("score", path, good, "--metrics", "dice", "--format", "csv", "--geometry", policy)
        if run.code != 0:
            assert_refused(run, path)


@pytest.mark.parametrize("spacing", [8e-20, 1e-37, 1e30])
def test_an_absurd_spacing_is_resampled_or_refused_without_a_crash(
    spacing: float, folder: Path, segeval: Segeval
) -> None:
    path = folder / "x.nii"
    path.write_bytes(as_nifti(LABELS, sform_code=1, srow=(0.8, 0, 0, 0, 0, spacing, 0, 0, 0, 0, 3.0, 0)))
    for pair in ((path, folder / "good.nii.gz"), (folder / "good.nii.gz", path)):
        run = segeval("score", *pair, "--geometry", "resample", "--metrics", "dice")
        if run.code != 0:
            assert_refused(run, path)


@pytest.fixture
def bytes_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the blocks that were read from files."""
    sizes: list[int] = []
    read = ByteStream._raw

    def counted(stream: ByteStream, size: int) -> bytes:
        block = read(stream, size)
        sizes.append(len(block))
        return block

    monkeypatch.setattr(ByteStream, "_raw", counted)
    return sizes


def test_a_bomb_behind_a_small_header_is_refused_without_reading_on(
    folder: Path, refused: Callable[..., None], bytes_read: list[int]
) -> None:
    zeros = compressed_in_storage_order(bytes(1 << 20))
    path = folder / "bomb.nii.gz"
    path.write_bytes(compressed_in_storage_order(GOOD_BYTES) + zeros * 30_000)
    refused(path, folder / "good.nii.gz", path, ("1048576 bytes follow", "export"))
    assert sum(bytes_read) < path.stat().st_size // 10


def test_a_bomb_in_one_gzip_member_is_refused_without_reading_on(
    folder: Path, refused: Callable[..., None], bytes_read: list[int]
) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    start = packer.compress(GOOD_BYTES) + packer.flush(zlib.Z_FULL_FLUSH)
    zeros = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)  # a full flush makes it repeatable
    path = folder / "bomb.nii.gz"
    path.write_bytes(start + zeros * 30_000)
    refused(path, folder / "good.nii.gz", path, ("1048576 bytes follow", "export"))
    assert sum(bytes_read) < path.stat().st_size // 10
