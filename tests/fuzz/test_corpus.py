"""What fuzzing found, kept: each of these once ended the process, hung, or gave numbers that nobody stored."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from handmade import afni_header, attribute, bmp, minc, par_header, tiff

from segeval.readers import ReadOptions, open_volume

Segeval = Callable[..., Any]

LABELS = (np.arange(60).reshape(5, 4, 3) % 3).astype(np.uint8)
VOXELS = LABELS.tobytes(order="F")
NUMBERS = " ".join(map(str, VOXELS)).encode()
ENDLESS = b"1" * 5000
SIZED = b"CompressedData = True\nCompressedDataSize = %d\n" % len(zlib.compress(VOXELS))


def nrrd(data: bytes = VOXELS, *, encoding: bytes = b"raw", sizes: bytes = b"5 4 3", more: bytes = b"") -> bytes:
    return (
        b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: "
        + sizes
        + b"\nencoding: "
        + encoding
        + b"\n"
        + more
        + b"\n"
        + data
    )


def mha(data: bytes = VOXELS, *, axes: bytes = b"3", sizes: bytes = b"5 4 3", more: bytes = b"") -> bytes:
    return (
        b"ObjectType = Image\nNDims = " + axes + b"\nBinaryData = True\n" + more + b"DimSize = " + sizes
        + b"\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n" + data
    )  # fmt: skip


def coco(mask: bytes, width: bytes = b"5") -> bytes:
    return (
        b'{"images":[{"id":1,"height":4,"width":' + width + b'}],"categories":[{"id":1}],"annotations":'
        b'[{"image_id":1,"category_id":1,"segmentation":' + mask + b"}]}"
    )


def vtk(data: bytes = NUMBERS, *, sizes: bytes = b"5 4 3", components: bytes = b"1") -> bytes:
    lines = (
        b"# vtk DataFile Version 3.0", b"title", b"ASCII", b"DATASET STRUCTURED_POINTS", b"DIMENSIONS " + sizes,
        b"SPACING 1 1 1", b"ORIGIN 0 0 0", b"POINT_DATA 60", b"SCALARS s unsigned_char " + components,
        b"LOOKUP_TABLE default", data,
    )  # fmt: skip
    return b"\n".join(lines)


@dataclass(frozen=True)
class Found:
    """An input, what it did, words of the refusal, and the files that belong beside it."""

    did: str
    name: str
    content: bytes
    words: str
    beside: dict[str, bytes | None] = field(default_factory=dict)  # None: a pipe


SLICES = [LABELS[:, :, z] for z in range(3)]
PACKED = gzip.compress(VOXELS, mtime=0)
AFNI = afni_header()
PAR = par_header()
BRIK: dict[str, bytes | None] = {"x.BRIK": VOXELS}
REC: dict[str, bytes | None] = {"x.REC": VOXELS}
MINC = minc(LABELS)
LINE = b"\n2 1 1 1 0 1 1 8"  # how the second slice of the PAR begins


def after(content: bytes, words: bytes, skip: int, new: bytes) -> bytes:
    """The content with other bytes so many bytes behind these words."""
    at = content.index(words) + len(words) + skip
    return content[:at] + new + content[at + len(new) :]


def in_a_circle(content: bytes) -> bytes:
    """A TIFF whose last directory, which ends it, leads to the first."""
    return content[:-4] + content[4:8]


FOUND = [
    Found("segfault: a direction of 5000 digits", "x.nrrd",
          nrrd(more=b"space: left-posterior-superior\nspace directions: (1,0,0) (0,1,0) (0,0," + ENDLESS + b")\n"),
          "no header holds"),
    Found("segfault: a voxel of 5000 digits", "x.nrrd", nrrd(NUMBERS[:-1] + ENDLESS, encoding=b"ascii"), "no number"),
    Found("traceback: a size of 5000 digits", "x.nrrd", nrrd(sizes=b"5 4 " + ENDLESS), "no header holds"),
    Found("segfault: a field of 2000 letters", "x.nrrd", nrrd(more=b"kinds: " + b"d" * 2000 + b"\n"), "no header"),
    Found("segfault: a line without an end", "x.nrrd", nrrd(more=b"d" * 2000 + b"\n"), "no header holds"),
    Found("segfault: a field before a key", "x.nrrd", nrrd(more=b"a: b:=" + b"d" * 2000 + b"\n"), "no header holds"),
    Found("segfault: a line that ends in a comment", "x.nrrd", nrrd(more=b"# c\r" + b"d" * 2000 + b"\n"),
          "no header holds"),
    Found("traceback: a superscript as size", "x.nrrd", nrrd(sizes=b"5 4 \xb3"), "sizes"),
    Found("8 GiB for 60 bytes", "x.nrrd", nrrd(sizes=b"5 4 2147483648"), "promises"),
    Found("10^15 voxels", "x.nrrd", nrrd(sizes=b"100000 100000 100000"), "promises"),
    Found("segfault: 65536 axes", "x.mha", mha(axes=b"65536"), "65536 axes"),
    Found("segfault: 1e15 axes", "x.mha", mha(axes=b"1e15"), "NDims"),
    Found("abort: 255 axes", "x.mha", mha(axes=b"255"), "255 axes"),
    Found("an axis of -1 voxels", "x.mha", mha(sizes=b"5 4 -1"), "DimSize"),
    Found("read as raw by one ITK, inflated by another", "x.mha",
          mha(zlib.compress(VOXELS), more=b"BinaryDataByteOrderMSB 9 False\nCompressedData = True\n"), "has no value"),
    Found("10^15 voxels", "x.mha", mha(sizes=b"100000 100000 100000"), "promises"),
    Found("10^15 voxels, compressed", "x.mha", mha(
        zlib.compress(VOXELS), sizes=b"100000 100000 100000", more=b"CompressedData = True\nCompressedDataSize = 17\n"),
        "promises"),
    Found("memory as voxels: a compressed size of 0", "x.mha",
          mha(zlib.compress(VOXELS), more=b"CompressedData = True\nCompressedDataSize = 0\n"), "CompressedDataSize"),
    Found("memory as voxels: no compressed size", "x.mha", mha(zlib.compress(VOXELS), more=b"CompressedData = True\n"),
          "CompressedDataSize"),
    Found("memory as voxels: a compressed size too small", "x.mha",
          mha(zlib.compress(VOXELS), more=b"CompressedData = True\nCompressedDataSize = 9\n"), "CompressedDataSize"),
    Found("memory as voxels: compressed, by a first letter", "x.mha",
          mha(zlib.compress(VOXELS) + bytes(60), more=b"CompressedData = = 1\n"), "CompressedData"),
    Found("memory as voxels: a key in other letters", "x.mha",
          mha(zlib.compress(VOXELS), more=SIZED.replace(b"DataSize", b"DAtaSize")), "CompressedDataSize"),
    Found("one key with two values", "x.mha", mha(more=b"DimSize = 5 4 2\n"), "twice"),
    Found("hang: a dimension that is no number", "x.vtk", vtk(sizes=b"$2 4 3"), "dimensions"),
    Found("hang: a voxel that is no number", "x.vtk", vtk(NUMBERS.replace(b"1 ", b"!1", 1)), "no number"),
    Found("a voxel too few", "x.vtk", vtk(NUMBERS[:-2]), "59 numbers"),
    Found("no component", "x.vtk", vtk(components=b"0"), "scalars"),
    Found("16 TiB of pixels", "x.bmp", b"BM" + bytes(8) + b"\x36\0\0\0\x28\0\0\0" + b"\xff\xff\xff\x7f" * 2
          + b"\x01\0\x08\0" + bytes(24), "again"),
    Found("a pipe behind a header", "x.nhdr", nrrd(b"", more=b"data file: pipe\n"), "FIFO"),
    Found("a pipe behind a header", "x.mhd", mha().replace(b"LOCAL", b"pipe"), "FIFO"),
    Found("a device behind a header", "x.nhdr", nrrd(b"", more=b"data file: /dev/zero\n"), "device"),
    Found("many files behind a header", "x.nhdr", nrrd(b"", more=b"data file: s%03d.raw 1 3 1\n"), "several files"),
    Found("many files behind a header", "x.mhd", mha().replace(b"LOCAL", b"s%03d.raw 1 3 1"), "several files"),
    Found("another format by content", "x.nrrd", mha(), ".mha"),
    Found("hang: slices in a circle", "x.tif", b"II*\0\x08\0\0\0\x01\0" + b"\0\x01\x03\0\x01\0\0\0\x05\0\0\0"
          + b"\x08\0\0\0" + bytes(40), "damaged"),
    Found("hang: the last slice leads to the first", "x.tif", in_a_circle(tiff(*SLICES)), "in a circle"),
    Found("XML with an entity", "x.vtk",
          b'<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>\n<VTKFile>&e;</VTKFile>\n',
          "web page"),
    Found("memory as voxels: a slice of another size", "x.tif", tiff(*SLICES, width=1), "differ in size"),
    Found("segfault: a thumbnail among the slices", "x.tif", tiff(*SLICES, subfile=255), "thumbnail"),
    Found("segfault: a marked slice among others", "x.tif", tiff(*SLICES, subfile=0), "differ in size"),
    Found("the header as voxels: a strip at byte 0", "x.tif", tiff(*SLICES, offsets=0), "strip"),
    Found("zeros as voxels: a strip that was left out", "x.tif", tiff(*SLICES, offsets=0, counts=0), "sparse"),
    Found("a strip beyond the end", "x.tif", tiff(*SLICES, offsets=10**6), "cut"),
    Found("4 GiB of rows", "x.tif", tiff(*SLICES[:1], length=2**28, rows=2**28), "again"),
    Found("a size read from elsewhere: a BMP of another kind", "x.bmp",
          after(bmp(LABELS[:, :, 0]), b"BM", 12, struct.pack("<I", 12)), "12 bytes"),
    Found("a BMP that was cut", "x.bmp", bmp(LABELS[:, :, 0])[:-1], "cut"),
    Found("another byte order: of no name", "x.HEAD", afni_header(order="MSB_FIRSX"), "BYTEORDER_STRING", BRIK),
    Found("an attribute of 13 values that are 12", "x.HEAD", AFNI.replace(b"count = 12", b"count = 13"), "13", BRIK),
    Found("one attribute with two values", "x.HEAD",
          AFNI + b"\n" + attribute("integer", "BRICK_TYPES", 1).encode(), "twice", BRIK),
    Found("no voxel: a factor that is a text", "x.HEAD",
          AFNI.replace(b"type = float-attribute\nname = BRICK_F", b"type = string-attribute\nname = BRICK_F"),
          "BRICK_FLOAT_FACS", BRIK),
    Found("a number with an underscore", "x.HEAD", AFNI.replace(b"5 4 3 0 0", b"5 4 3_0 0 0"), "3_0", BRIK),
    Found("a checksum that nobody looked at", "x.HEAD", AFNI, "checksum",
          {"x.BRIK.gz": PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:]}),
    Found("as much memory as there is, for 29 bytes", "x.HEAD", AFNI.replace(b"5 4 3 0 0", b"50000 400 300 0 0"),
          "promises", {"x.BRIK.gz": PACKED}),
    Found("hang: a pipe beside a header", "x.HEAD", AFNI, "FIFO", {"x.BRIK": None}),
    Found("hang: a pipe beside a header", "x.PAR", PAR, "FIFO", {"x.REC": None}),
    Found("hang: a line of blanks", "x.PAR", PAR.replace(b". ", b". a" + b" " * 100_000 + b"b\n. ", 1), "line 4", REC),
    Found("slices in another order than in the header", "x.PAR",
          PAR.replace(LINE, b"\n2 1 1 1 0 1 2 8").replace(b"\n3 1 1 1 0 1 2 8", b"\n3 1 1 1 0 1 1 8"), "order", REC),
    Found("a warning of a library: an unknown version", "x.PAR", PAR.replace(b"V4.2", b"V5"), "V5", REC),
    Found("a number read as far as it goes", "x.PAR", PAR.replace(b"9.000", b"9.O00"), "again", REC),
    Found("a value too many", "x.PAR", PAR.replace(LINE, b"\n2 1 1 1 0 1 1 8 8"), "again", REC),
    Found("an axis of what is left", "x.mnc", after(MINC, b"xspace", 2, struct.pack(">i", -1)), "axis without"),
    Found("another label: voxels outside the valid range", "x.mnc", minc(np.where(LABELS == 2, 200, LABELS)), "20 of"),
    Found("a warning of a library: a valid range of nothing", "x.mnc",
          after(MINC, b"valid_range", 1 + 4 + 4 + 8, bytes(8)), "valid range"),
    Found("2 GiB for an attribute", "x.mnc", after(MINC, b"signtype", 4, struct.pack(">i", 2**31 - 1)), "2147483647"),
    Found("a warning of a library: a step of 1e300", "x.mnc",
          after(MINC, b"step", 4 + 4, struct.pack(">d", 1e300)), "beyond"),
    Found("an attribute in the place of the voxels", "x.mnc", MINC.replace(b"step", b"data"), "data"),
    Found("beyond its memory: runs longer than the image", "x.json", coco(b'{"size":[4,5],"counts":[9,12]}'), "add up"),
    Found("beyond its memory: 2^60 pixels of runs", "x.json", coco(b'{"size":[4,5],"counts":"ooooooo0"}'), "run"),
    Found("segfault: a polygon as far as 10^15", "x.json", coco(b"[[0,0,1e15,0,3,3]]"), "1000000000000000"),
    Found("16 EiB for an image", "x.json", coco(b"[]", b"4294967296"), "cannot be used"),
]  # fmt: skip


@pytest.mark.parametrize("found", FOUND, ids=lambda found: f"{found.name}: {found.did}")
def test_what_was_found_is_refused(found: Found, tmp_path: Path, nifti: Any, segeval: Segeval, judge: Any) -> None:
    import os

    path, good = tmp_path / found.name, nifti("good.nii", LABELS)
    path.write_bytes(found.content)
    for name, content in {"pipe": None, **found.beside}.items():
        if content is None:
            os.mkfifo(tmp_path / name)
        else:
            (tmp_path / name).write_bytes(content)
    run = segeval("score", path, good, "--geometry", "ignore")
    assert (run.code, run.out) == (3, ""), run
    assert run.err.startswith(f"segeval: {tmp_path / path.stem}.")
    assert run.err.count("\n") == 1
    assert found.words in run.err
    assert judge.outcomes == {}  # its limit of memory was in force


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.nrrd", nrrd()),
        ("x.nrrd", nrrd(more=b"# \x80 \x01\nSegment0_Tags:=a: " + ENDLESS + b"|" + ENDLESS + b"\nsizes:=7\n")),
        ("x.nrrd", nrrd(NUMBERS, encoding=b"ascii")),
        ("x.nrrd", nrrd(b" ".join(b"%02x" % byte for byte in VOXELS), encoding=b"hex")),
        ("x.mha", mha()),
        ("x.mha", mha(zlib.compress(VOXELS), more=SIZED)),
        ("x.mha", mha(NUMBERS + b"\n").replace(b"BinaryData = True", b"BinaryData = False")),
        ("x.vtk", vtk()),
        ("x.tif", tiff(*SLICES)),
        ("x.HEAD", AFNI),
        ("x.PAR", PAR),
        ("x.mnc", MINC),
    ],
    ids=["nrrd", "nrrd with keys of its own", "nrrd text", "nrrd hex", "mha", "mha zlib", "mha text", "vtk text",
         "tiff", "afni", "par", "minc"],
)  # fmt: skip
def test_the_same_files_undamaged_are_read(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    for other in ("x.BRIK", "x.REC"):
        (tmp_path / other).write_bytes(VOXELS)
    with open_volume(path, ReadOptions()) as volume:
        assert volume.shape == LABELS.shape
        assert np.concatenate(list(volume.source.pieces(0))).tolist() == list(VOXELS)


def test_a_number_of_thousands_of_digits_in_rules_is_refused(tmp_path: Path, segeval: Segeval) -> None:
    path = tmp_path / "segeval.toml"
    for setting in (b"max_drop = ", b"max_drop = 0x"):
        path.write_bytes(b"[check]\n" + setting + ENDLESS + b"\n")
        run = segeval("check", tmp_path / "results.json", "--config", path)
        assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
        assert str(path) in run.err


def test_reading_a_small_report_makes_no_room_for_a_large_one(tmp_path: Path, segeval: Segeval, judge: Any) -> None:
    path = tmp_path / "results.json"
    path.write_text("{}")
    run = segeval("merge", path)
    assert (run.code, run.out, run.err.count("\n")) == (3, "", 1)
    assert "is no report" in run.err
    assert judge.outcomes == {}  # its limit of memory was in force


def test_what_zipfile_says_about_a_name_is_shortened(tmp_path: Path, nifti: Any, segeval: Segeval) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, probabilities=np.full((2, 3, 4, 5), 0.5, np.float32))
    content = bytearray(path.read_bytes())
    content[26:28] = (300).to_bytes(2, "little")  # the length of the name in the member's own header
    path.write_bytes(content)
    run = segeval("score", path, nifti("good.nii", LABELS))
    assert (run.code, run.out, run.err.count("\n")) == (3, "", 1)
    assert len(run.err) < len(str(path)) + 400
