"""Chunks of HDF5: what h5py reads of whole ones, and a line for those that decode to another length."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import imagecodecs
import numpy as np
import pytest
from formats import assert_refused
from reading import read_picture
from real_files import package_file

Segeval = Callable[..., Any]
Array = np.ndarray[Any, Any]

FILTERS: dict[str, dict[str, Any]] = {
    "none": {}, "gzip": {"compression": "gzip"}, "lzf": {"compression": "lzf"}, "szip": {"compression": "szip"},
    "shuffle": {"shuffle": True}, "fletcher32": {"fletcher32": True}, "scaleoffset": {"scaleoffset": 0},
    "shuffle, gzip, fletcher32": {"shuffle": True, "compression": "gzip", "fletcher32": True},
    "shuffle, lzf": {"shuffle": True, "compression": "lzf"},
    "scaleoffset, gzip": {"scaleoffset": 0, "compression": "gzip"},
}  # fmt: skip


def stored(path: Path, array: Array, chunks: tuple[int, int], version: str = "earliest", **filters: Any) -> Path:
    with h5py.File(path, "w", libver=version) as file:
        file.create_dataset("a", data=array, chunks=chunks, **filters)
    return path


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("dtype", ["u1", ">u2", "<i4", "i8"])
@pytest.mark.parametrize("version", ["earliest", "latest"])
def test_every_filter_gives_h5pys_values(name: str, dtype: str, version: str, tmp_path: Path) -> None:
    array = np.random.default_rng(2).integers(0, 90, (41, 30)).astype(dtype)
    array[5:20] = 3
    for chunks in ((8, 30), (41, 30), (10, 16)):  # at the edge chunks reach beyond; szip pads lines of 30
        path = stored(tmp_path / "x.h5", array, chunks, version, **FILTERS[name])
        np.testing.assert_array_equal(read_picture(path)[0], array)


@pytest.mark.parametrize("dtype", ["f4", "f8", "?"])
def test_floats_and_booleans(dtype: str, tmp_path: Path) -> None:
    array = np.random.default_rng(2).integers(0, 2, (41, 30)).astype(dtype)
    for filters in ({}, {"shuffle": True, "compression": "gzip"}):
        path = stored(tmp_path / "x.h5", array, (10, 16), **filters)
        np.testing.assert_array_equal(read_picture(path)[0], array.astype(read_picture(path)[0].dtype))


def test_chunks_that_are_not_there_are_the_fill_value(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        one = file.create_dataset("a", shape=(41, 30), dtype="u2", chunks=(10, 16), fillvalue=7, compression="gzip")
        one[10:20, 16:] = 300
        expected = one[...]
    np.testing.assert_array_equal(read_picture(path)[0], expected)
    with h5py.File(path, "w") as file:
        file.create_dataset("a", shape=(41, 30), dtype="u2", chunks=(10, 16))
    assert read_picture(path)[0].max() == 0


def test_a_chunk_that_was_not_worth_filtering(tmp_path: Path) -> None:
    array = np.random.default_rng(2).integers(0, 256, (16, 16)).astype(np.uint8)
    path = stored(tmp_path / "x.h5", array, (16, 16), compression="lzf")
    with h5py.File(path) as file:
        assert file["a"].id.read_direct_chunk((0, 0))[0] != 0  # the filter that was skipped
    np.testing.assert_array_equal(read_picture(path)[0], array)


WHOLE = np.arange(64 * 64, dtype=np.int32).reshape(64, 64)


def packed(name: str) -> bytes:
    """A chunk as HDF5 stores it."""
    with h5py.File("x.h5", "w", driver="core", backing_store=False) as file:
        one = file.create_dataset("a", data=WHOLE, chunks=WHOLE.shape, **FILTERS[name])
        return bytes(one.id.read_direct_chunk((0, 0))[1])


SHORT = WHOLE.tobytes()[:8000]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none", SHORT, "is cut"),
        ("gzip", zlib.compress(SHORT), "has 8000 bytes, not 16384"),
        ("gzip", zlib.compress(WHOLE.tobytes() * 2), "has 32768 bytes, not 16384"),
        ("gzip", zlib.compress(WHOLE.tobytes())[:-20], "is cut"),
        ("gzip", bytes(100_000), "out buffer is only"),
        ("lzf", imagecodecs.lzf_encode(SHORT), "has 8000 bytes, not 16384"),
        ("shuffle", SHORT, "has 8000 bytes, not 16384"),
        ("fletcher32", packed("fletcher32")[:-1], "checksum"),
        ("fletcher32", packed("fletcher32").replace(b"\1", b"\2", 1), "checksum"),
        ("fletcher32", SHORT + b"\0\0\0\0", "checksum"),
        ("szip", packed("szip")[:900], "ends after"),
        ("scaleoffset", packed("scaleoffset")[:3000], "12 bits"),
        ("scaleoffset, gzip", zlib.compress(packed("scaleoffset")[:3000]), "12 bits"),
    ],
)
def test_a_chunk_of_another_length_is_refused(
    name: str, content: bytes, words: str, tmp_path: Path, segeval: Segeval
) -> None:
    """HDF5 gives memory as the values that are not there."""
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        one = file.create_dataset("a", shape=WHOLE.shape, dtype=WHOLE.dtype, chunks=WHOLE.shape, **FILTERS[name])
        one.id.write_direct_chunk((0, 0), content)
    assert_refused(segeval("inspect", path), path, words)


def test_a_short_chunk_of_minc_2_is_refused(tmp_path: Path, segeval: Segeval) -> None:
    path, chunk = tmp_path / "x.mnc", (10, 20, 20)
    content = package_file("nibabel", "tests", "data", "minc2_1_scale.mnc").read_bytes()
    path.write_bytes(content)
    assert segeval("inspect", path).code == 0
    with h5py.File(path, "r+") as file:
        one = file["minc-2.0/image/0/image"]
        assert one.chunks == chunk
        one.id.write_direct_chunk((0, 0, 0), zlib.compress(bytes(1000)))
    assert_refused(segeval("inspect", path), path, "has 1000 bytes, not 4000")
