"""NRRD and MetaImage as streams: the values that SimpleITK reads, in a few pieces' memory, verified to the end."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from segeval.errors import UnreadableFile
from segeval.files.byte_stream import ByteStream
from segeval.readers import ReadOptions, open_volume, simpleitk
from segeval.volumes.volume import ArraySource, gather

Array = np.ndarray[Any, Any]
OPTIONS = ReadOptions(False, None, None)
TYPES = [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.float32, np.float64]
NRRD_TYPES = {
    "u1": "uchar", "i1": "signed char", "u2": "unsigned short", "i2": "int16_t", "u4": "uint", "i4": "int",
    "i8": "long long int", "u8": "uint64_t", "f4": "float", "f8": "double",
}  # fmt: skip
MET_TYPES = {
    "u1": "MET_UCHAR", "i1": "MET_CHAR", "u2": "MET_USHORT", "i2": "MET_SHORT", "u4": "MET_UINT", "i4": "MET_INT",
    "f4": "MET_FLOAT", "f8": "MET_DOUBLE",
}  # fmt: skip


def nrrd(array: Array, encoding: str, apart: str = "", endian: str = "little") -> tuple[bytes, bytes]:
    """Header and voxels, the first axis fastest."""
    code = array.dtype.str[1:]
    lines = [
        "NRRD0004", f"type: {NRRD_TYPES[code]}", f"dimension: {array.ndim}",
        "sizes: " + " ".join(map(str, array.shape)), f"encoding: {encoding}", f"endian: {endian}",
    ]  # fmt: skip
    data = array.astype(array.dtype.newbyteorder("<" if endian == "little" else ">")).tobytes(order="F")
    lines += [f"data file: {apart}"] if apart else []
    return ("\n".join(lines) + "\n\n").encode(), gzip.compress(data) if encoding == "gzip" else data


def metaimage(array: Array, deflated: bool, apart: str = "LOCAL", msb: bool = False) -> tuple[bytes, bytes]:
    """Header and voxels, the first axis fastest."""
    data = array.astype(array.dtype.newbyteorder(">" if msb else "<")).tobytes(order="F")
    voxels = zlib.compress(data) if deflated else data
    lines = [
        "ObjectType = Image", f"NDims = {array.ndim}", f"BinaryDataByteOrderMSB = {msb}",
        *([f"CompressedData = True\nCompressedDataSize = {len(voxels)}"] if deflated else []),
        "DimSize = " + " ".join(map(str, array.shape)), f"ElementType = {MET_TYPES[array.dtype.str[1:]]}",
        f"ElementDataFile = {apart}",
    ]  # fmt: skip
    return ("\n".join(lines) + "\n").encode(), voxels


@st.composite
def files(draw: st.DrawFn) -> tuple[str, dict[str, bytes], Array]:
    """A file's name, what the files hold, and the voxels."""
    shape = draw(st.lists(st.integers(1, 5), min_size=2, max_size=4).filter(lambda s: len(s) < 4 or s[3] > 1))
    dtype = np.dtype(draw(st.sampled_from(TYPES)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    array = (rng.normal(size=shape) * 50).astype(np.int64).clip(-100 if dtype.kind != "u" else 0, 100).astype(dtype)
    big, deflated, apart = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    if draw(st.booleans()):
        name, data = ("x.nhdr", "x.raw") if apart else ("x.nrrd", "")
        parts = nrrd(array, "gzip" if deflated else "raw", data, "big" if big else "little")
    else:
        name, data = ("x.mhd", "x.raw") if apart else ("x.mha", "")
        parts = metaimage(array, deflated, data or "LOCAL", big)
    return name, {name: parts[0], data: parts[1]} if data else {name: b"".join(parts)}, array


def written(folder: Path, contents: dict[str, bytes]) -> None:
    for name, content in contents.items():
        (folder / name).write_bytes(content)


@given(files())
def test_a_stream_has_the_voxels_that_simpleitk_reads(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[str, dict[str, bytes], Array]
) -> None:
    name, contents, array = case
    folder = tmp_path_factory.mktemp("x")
    written(folder, contents)
    theirs = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / name))).T
    with open_volume(folder / name, OPTIONS) as volume:
        assert not isinstance(volume.source, ArraySource)
        assert volume.source.dtype == theirs.dtype
        ours = np.stack([gather(volume.source, channel) for channel in range(volume.source.channels)], axis=-1)
        assert np.array_equal(ours.reshape(array.shape), theirs.reshape(array.shape))
        assert volume.finish() == []


@pytest.mark.parametrize("name", ["x.nrrd", "x.mha"])
@pytest.mark.parametrize("deflated", [False, True])
def test_a_volume_is_placed_as_simpleitk_places_it(
    name: str, deflated: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same file, streamed and read whole."""
    image = sitk.GetImageFromArray(np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    image.SetSpacing((0.5, 1.5, 3))
    image.SetOrigin((-3, 4, 5))
    image.SetDirection((0, 1, 0, -1, 0, 0, 0, 0, 1))
    sitk.WriteImage(image, str(tmp_path / name), deflated)
    with open_volume(tmp_path / name, OPTIONS) as streamed:
        ours = gather(streamed.source, 0)
    monkeypatch.setattr(simpleitk, "can_be_streamed", lambda *_: False)
    with open_volume(tmp_path / name, OPTIONS) as whole:
        assert isinstance(whole.source, ArraySource)
        assert np.array_equal(ours, gather(whole.source, 0))
    assert streamed.geometry is not None
    assert whole.geometry is not None
    assert np.array_equal(streamed.geometry.affine, whole.geometry.affine)  # type: ignore[arg-type]
    assert (streamed.kind, streamed.geometry.oriented) == (whole.kind, whole.geometry.oriented)


LABELS = np.arange(120, dtype=np.uint16).reshape(6, 5, 4) % 7


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.nrrd", b"".join(nrrd(LABELS, "gzip"))),
        ("x.nrrd", b"".join(nrrd(LABELS, "raw"))),
        ("x.mha", b"".join(metaimage(LABELS, True))),
        ("x.mha", b"".join(metaimage(LABELS, False))),
    ],
)
def test_what_is_cut_or_damaged_is_an_error(
    name: str, content: bytes, tmp_path: Path, segeval: Callable[..., Any]
) -> None:
    """Half of the voxels; and where there is a checksum, one that is another."""
    path, other = tmp_path / name, tmp_path / "whole.mha"
    other.write_bytes(b"".join(metaimage(LABELS, False)))
    deflated = b"gzip" in content or b"CompressedData" in content
    for damaged in (content[:-20], *([content[:-5] + bytes([content[-5] ^ 1]) + content[-4:]] if deflated else [])):
        path.write_bytes(damaged)
        run = segeval("score", path, other)
        assert (run.code, run.err.count("\n")) == (3, 1)
        assert run.err.startswith(f"segeval: {path}: ")
    path.write_bytes(content)
    assert segeval("score", path, other).code == 0


def test_a_length_that_the_header_states_too_short_is_refused(tmp_path: Path) -> None:
    """MetaIO stops there and hands out memory that nobody wrote."""
    head, voxels = metaimage(LABELS, True)
    for wrong in (-3, 1):  # and what reaches beyond the end of the file
        said = str(len(voxels) + wrong).encode()
        (tmp_path / "x.mha").write_bytes(head.replace(str(len(voxels)).encode(), said) + voxels)
        with (
            open_volume(tmp_path / "x.mha", OPTIONS) as volume,
            pytest.raises(UnreadableFile, match="CompressedDataSize"),
        ):
            list(volume.source.pieces(0))
            volume.finish()


@pytest.mark.parametrize("start", [b"\x1f\x8b", b"\x78\x9c"])
def test_raw_voxels_that_look_compressed_are_raw(start: bytes, tmp_path: Path) -> None:
    array = np.frombuffer(start + bytes(58), dtype=np.uint8).reshape(3, 4, 5, order="F")
    head, voxels = nrrd(array, "raw", "x.raw")
    written(tmp_path, {"x.nhdr": head, "x.raw": voxels})
    with open_volume(tmp_path / "x.nhdr", OPTIONS) as volume:
        assert np.array_equal(gather(volume.source, 0), array)


@pytest.mark.parametrize(
    "fields",
    ["line skip: 1", "byte skip: -1", "encoding: hex"],
)
def test_what_is_not_one_plain_block_is_left_to_simpleitk(fields: str, tmp_path: Path) -> None:
    array = LABELS.astype(np.uint8)
    head, voxels = nrrd(array, "raw")
    if fields == "encoding: hex":
        content = head.replace(b"encoding: raw", b"encoding: hex") + voxels.hex().encode()
    else:
        content = head[:-1] + fields.encode() + b"\n\n" + (b"a line\n" if "line" in fields else b"xyz") + voxels
    (tmp_path / "x.nrrd").write_bytes(content)
    with open_volume(tmp_path / "x.nrrd", OPTIONS) as volume:
        assert isinstance(volume.source, ArraySource)
        assert np.array_equal(gather(volume.source, 0), array)


def test_vectors_and_scaled_values_are_left_to_simpleitk(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(np.random.default_rng(0).random((3, 4, 5, 2)), isVector=True)
    sitk.WriteImage(image, str(tmp_path / "v.nrrd"))
    head, voxels = metaimage(LABELS, False)
    scaled = head.replace(b"ElementDataFile", b"ElementToIntensityFunctionSlope = 2\nElementDataFile") + voxels
    (tmp_path / "s.mha").write_bytes(scaled)
    for name in ("v.nrrd", "s.mha"):
        with open_volume(tmp_path / name, OPTIONS) as volume:
            assert isinstance(volume.source, ArraySource)


def test_bytes_are_told_and_hashed_as_they_lie_on_disk(tmp_path: Path) -> None:
    import hashlib

    head, voxels = nrrd(LABELS, "gzip", "x.raw.gz")
    written(tmp_path, {"x.nhdr": head, "x.raw.gz": voxels, "y.nrrd": b"".join(nrrd(LABELS, "gzip"))})
    for name in ("x.nhdr", "y.nrrd"):
        told: list[int] = []
        with open_volume(tmp_path / name, ReadOptions(True, None, told.append)) as volume:
            list(volume.source.pieces(0))
            volume.finish()
            digest = volume.digest()
        size = len(head) + len(voxels) if name == "x.nhdr" else (tmp_path / name).stat().st_size
        assert sum(told) == size
        if name == "y.nrrd":
            assert digest == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()


def test_a_zlib_stream_ends_with_its_checksum(tmp_path: Path) -> None:
    content = zlib.compress(bytes(range(256)) * 5000)
    (tmp_path / "x").write_bytes(content + b"more")
    with closing(ByteStream(tmp_path / "x", encoding="zlib", packed=len(content))) as stream:
        assert stream.read(256 * 5000) == bytes(range(256)) * 5000
        assert stream.drain() == 0
    (tmp_path / "x").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with (
        closing(ByteStream(tmp_path / "x", encoding="zlib")) as stream,
        pytest.raises(UnreadableFile, match="damaged compressed data"),
    ):
        stream.read(256 * 5001)
