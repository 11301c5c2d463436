"""Damaged volumes: the right numbers, or a line of words."""

from __future__ import annotations

import gzip
import io
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from handmade import afni_header, minc, par_header
from numpy.typing import NDArray

from segeval.cases.files import score_pair
from segeval.readers import Input
from segeval.settings import Settings
from segeval.targets import LabelChoice

Array = NDArray[Any]
Confusion = dict[tuple[int, int], int]

GZIP = b"\x1f\x8b"
AFFINE = np.diag([0.8, 1.5, 3.0, 1.0])
LABELS: Array = (np.arange(60).reshape(5, 4, 3) % 3).astype(np.uint8)
FLAT: Array = LABELS[:, 0]  # what pictures hold
CERTAIN = np.moveaxis(np.eye(3, dtype=np.float32)[LABELS], -1, 0)
SOFTMAX = (0.7 * CERTAIN + 0.1).astype(np.float32)  # (C, x, y, z)
AS_STORED = Settings(labels=LabelChoice(), metrics="tp", geometry="ignore")
IN_SPACE = Settings(labels=LabelChoice(), metrics="tp")


def nifti(array: Array, cls: Any = nibabel.Nifti1Image, **scaling: float) -> bytes:
    image = cls(array, AFFINE, dtype=array.dtype)
    if scaling:
        image.header.set_slope_inter(**scaling)
    return bytes(image.to_bytes())


def big_endian(array: Array) -> bytes:
    header = nibabel.Nifti1Header(endianness=">")
    header.set_data_dtype(array.dtype.newbyteorder(">"))
    return bytes(nibabel.Nifti1Image(array, AFFINE, header).to_bytes())


def mgh(array: Array) -> bytes:
    return bytes(nibabel.MGHImage(array, AFFINE).to_bytes())


def npz(array: Array, compressed: bool) -> bytes:
    target = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(target, probabilities=array.transpose(0, 3, 2, 1))
    return target.getvalue()


NIFTI_FILES: dict[str, bytes] = {
    "uint8.nii": nifti(LABELS),
    "scaled.nii": nifti((LABELS * 2).astype(np.int16), slope=0.5, inter=0.0),
    "big.nii": big_endian(LABELS.astype(np.int16)),
    "two.nii": nifti(LABELS.astype(np.int32), nibabel.Nifti2Image),
    "floats.nii": nifti(LABELS.astype(np.float64)),
    "softmax.nii": nifti(np.moveaxis(SOFTMAX, 0, -1)),
}
GZIP_FILES = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in NIFTI_FILES.items()}
MGH_FILES = {"m.mgh": mgh(LABELS), "m.mgz": gzip.compress(mgh(LABELS.astype(np.int32)), mtime=0)}
NPZ_FILES = {"deflated.npz": npz(SOFTMAX, True), "stored.npz": npz(SOFTMAX, False)}


def read_by_nibabel(path: Path) -> Array:
    cls = nibabel.MGHImage if ".mg" in path.name else None
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    if cls is None:
        two = int.from_bytes(content[:4], "little") == 540 or int.from_bytes(content[:4], "big") == 540
        cls = nibabel.Nifti2Image if two else nibabel.Nifti1Image
    return np.asanyarray(cls.from_bytes(content).dataobj)


def read_by_numpy(path: Path) -> Array:
    with np.load(path) as archive:
        array: Array = archive["probabilities"]
    return np.moveaxis(array.transpose(0, *range(array.ndim - 1, 0, -1)), 0, -1)


def expected(array: Array, reference: Array) -> Confusion:
    """The joint histogram of a prediction, by argmax where it has channels, and a reference of its shape."""
    while array.ndim > 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim > 3:
        array = array.reshape(*array.shape[:3], -1).argmax(axis=-1)
    codes = [np.rint(one).ravel(order="F").tolist() for one in (reference, array.reshape(reference.shape, order="F"))]
    return dict(Counter(zip(map(int, codes[0]), map(int, codes[1]), strict=True)))


def scored(path: Path, reference: Path, settings: Settings) -> Confusion:
    (case,) = score_pair(Input(path), Input(reference), settings).cases
    assert all(math.isfinite(value) or math.isnan(value) for row in case.rows for value in row.values.values())
    return {(r, p): count for r, p, count in case.confusion}  # type: ignore[misc]


def fuzz(
    judge: Any, tmp_path: Path, files: dict[str, bytes], count: int, seed: int, oracle: Callable[[Path], Array],
    header: int | None = None, text: bool = False, opened: dict[str, str] | None = None,
) -> None:  # fmt: skip
    """Score damaged files on both sides; what is scored must be what the oracle reads, where it reads the file.

    opened: for the data of a pair, the whole header beside them, which is what is opened.
    """
    whole, flat = tmp_path / "good.nii", tmp_path / "flat.nii"
    whole.write_bytes(nifti(LABELS))
    flat.write_bytes(nifti(FLAT))
    compared: Counter[str] = Counter()
    for number, random in enumerate(judge.inputs(seed, count)):
        name = list(files)[number % len(files)]
        content, path = files[name], tmp_path / f"input.{name}"
        cut = header if header is not None and random.random() < 0.8 else len(content)
        if content.startswith(GZIP) and random.random() < 0.5:
            judge.write(path, gzip.compress(judge.damaged(gzip.decompress(content), random), mtime=0))
        else:
            judge.write(path, judge.damaged(content[:cut], random, text) + content[cut:])
        if opened is not None:
            path = tmp_path / f"input.{opened[name]}"
        good, labels = (flat, FLAT) if name.startswith("picture") else (whole, LABELS)
        settings = AS_STORED if number % 3 else IN_SPACE
        as_reference = "softmax" not in name and ".npz" not in name and number % 4 == 1
        pair = (good, path) if as_reference else (path, good)
        found = judge.answer(lambda pair=pair, settings=settings: scored(*pair, settings), path)
        if not found:
            continue
        try:
            array = oracle(path)
        except Exception:  # noqa: S112 (the oracle cannot read what segeval can: a padded stream, another magic)
            continue
        compared[name] += 1
        sides = (labels, np.rint(array).reshape(array.shape[:3])) if as_reference else (array, labels)
        truth = expected(*sides)
        if settings is IN_SPACE:  # axes may have been reordered: what does not depend on the order must agree
            side = 0 if as_reference else 1
            assert marginal(found, side) == marginal(truth, side), (number, path.read_bytes())
        else:
            assert found == truth, (number, path.read_bytes())
    assert judge.outcomes["refused"] > count // 10
    assert min(compared[name] for name in files) > count // len(files) // 100, (judge.outcomes, compared)


def marginal(confusion: Confusion, side: int) -> Counter[int]:
    counts: Counter[int] = Counter()
    for key, count in confusion.items():
        counts[key[side]] += count
    return counts


def test_nifti_headers(judge: Any, tmp_path: Path) -> None:
    fuzz(judge, tmp_path, NIFTI_FILES, 6000, 1, read_by_nibabel, header=352)


def test_gzip_streams(judge: Any, tmp_path: Path) -> None:
    fuzz(judge, tmp_path, GZIP_FILES, 4000, 2, read_by_nibabel)


def test_mgh_volumes(judge: Any, tmp_path: Path) -> None:
    fuzz(judge, tmp_path, MGH_FILES, 2000, 3, read_by_nibabel, header=284)


def test_label_maps_in_npz_archives(judge: Any, tmp_path: Path) -> None:
    files = {}
    for name, save in (("seg-deflated.npz", np.savez_compressed), ("seg-stored.npz", np.savez)):
        target = io.BytesIO()
        save(target, seg=LABELS.T)
        files[name] = target.getvalue()

    def by_numpy(path: Path) -> Array:
        with np.load(path) as archive:
            (name,) = archive.files
            array: Array = archive[name]
        return array.T

    fuzz(judge, tmp_path, files, 1500, 5, by_numpy)


def test_npz_archives(judge: Any, tmp_path: Path) -> None:
    fuzz(judge, tmp_path, NPZ_FILES, 3000, 4, read_by_numpy)


def itk_files(folder: Path) -> dict[str, bytes]:
    """Every format and encoding that SimpleITK writes; detached data lie in the folder and stay whole."""
    import SimpleITK as sitk

    files = {}
    for name, array, compressed in (
        ("raw.nrrd", LABELS, False), ("gzip.nrrd", LABELS, True), ("apart.nhdr", LABELS, False),
        ("raw.mha", LABELS, False), ("zlib.mha", LABELS.astype(np.int16), True), ("apart.mhd", LABELS, False),
        ("plain.gipl", LABELS, False), ("gzip.gipl.gz", LABELS, False), ("binary.vtk", LABELS, False),
    ):  # fmt: skip
        path = folder / f"input.{name}"
        sitk.WriteImage(sitk.GetImageFromArray(array.transpose()), str(path), compressed)
        files[name] = path.read_bytes()
    numbers = " ".join(map(str, LABELS.ravel(order="F"))).encode()
    files["text.nrrd"] = (
        b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 5 4 3\nencoding: ascii\nspace: left-posterior-superior\n"
        b"space directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\n\n" + numbers + b"\n"
    )
    files["keys.nrrd"] = files["raw.nrrd"].replace(
        b"encoding: raw\n", b"encoding: raw\n# 12 3456\nSegment0_Extent:=0 511 0 511 0 99\nuid:=1.2.840.113619.2.5\n"
    )
    files["text.mha"] = (
        b"ObjectType = Image\nNDims = 3\nBinaryData = False\nElementSpacing = 1 1 1\nDimSize = 5 4 3\n"
        b"ElementType = MET_UCHAR\nElementDataFile = LOCAL\n" + numbers + b"\n"
    )
    files["text.vtk"] = (
        b"# vtk DataFile Version 3.0\na title\nASCII\nDATASET STRUCTURED_POINTS\nDIMENSIONS 5 4 3\nSPACING 1 1 1\n"
        b"ORIGIN 0 0 0\nPOINT_DATA 60\nSCALARS scalars unsigned_char 1\nLOOKUP_TABLE default\n" + numbers + b"\n"
    )
    return files


def read_by_simpleitk(path: Path) -> Array:
    import SimpleITK as sitk

    array: Array = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    return array.transpose()


def test_itk_headers_and_data(judge: Any, tmp_path: Path) -> None:
    files = itk_files(tmp_path)
    fuzz(judge, tmp_path, files, 4000, 5, read_by_simpleitk, text=True)


def two_files(cls: Any, array: Array) -> tuple[bytes, bytes]:
    """The header and the voxels of a pair, as nibabel writes it."""
    header, voxels = io.BytesIO(), io.BytesIO()
    cls(array, AFFINE).to_file_map(cls.make_file_map({"header": header, "image": voxels}))
    return header.getvalue(), voxels.getvalue()


AFNI_FILES = {
    "plain.HEAD": (afni_header(), LABELS.tobytes("F"), ".BRIK"),
    "packed.HEAD": (afni_header(kind=1), gzip.compress(LABELS.astype("<i2").tobytes("F"), mtime=0), ".BRIK.gz"),
    "softmax.HEAD": (afni_header(3, 3), np.moveaxis(SOFTMAX, 0, -1).tobytes("F"), ".BRIK"),
    "scaled.HEAD": (afni_header(1, 1, (0.5,)), (LABELS * 2).astype("<i2").tobytes("F"), ".BRIK"),
}
PAR_FILES = {
    "bytes.PAR": (par_header(), LABELS.tobytes("F"), ".REC"),
    "shorts.PAR": (par_header(16), LABELS.astype("<u2").tobytes("F"), ".REC"),
}
NIFTI_PAIRS = {
    "one.hdr": (*two_files(nibabel.Nifti1Pair, LABELS), ".img"),
    "two.hdr": (*two_files(nibabel.Nifti2Pair, LABELS.astype(np.int16)), ".img"),
    "analyze.hdr": (*two_files(nibabel.AnalyzeImage, LABELS), ".img"),
}
MINC_FILES = {"bytes.mnc": minc(LABELS), "shorts.mnc": minc(LABELS.astype(np.int16), "h", b"signed__")}


def read_pair(path: Path) -> tuple[bytes, bytes]:
    """The header and the voxels, decompressed, of a pair by the header's path."""
    (data,) = (p for p in path.parent.glob(f"{path.stem}.*") if p != path)
    content = data.read_bytes()
    return path.read_bytes(), gzip.decompress(content) if content.startswith(GZIP) else content


def read_pair_by_nibabel(path: Path) -> Array:
    from nibabel.brikhead import AFNIImage
    from nibabel.fileholders import FileHolder
    from nibabel.parrec import PARRECImage

    header, voxels = read_pair(path)
    text = io.StringIO(header.decode("latin-1").replace("\r\n", "\n"))
    cls = PARRECImage if path.suffix == ".PAR" else AFNIImage
    files = {"header": FileHolder(fileobj=text), "image": FileHolder(fileobj=io.BytesIO(voxels))}
    return np.asanyarray(cls.from_file_map(files).dataobj)


def read_nifti_pair_by_nibabel(path: Path) -> Array:
    header, voxels = read_pair(path)
    if int.from_bytes(header[:4], "little") == 540 or int.from_bytes(header[:4], "big") == 540:
        cls: Any = nibabel.Nifti2Pair
    else:
        cls = nibabel.Nifti1Pair if header[344:346] in (b"n+", b"ni") else nibabel.AnalyzeImage
    files = cls.make_file_map({"header": io.BytesIO(header), "image": io.BytesIO(voxels)})
    return np.asanyarray(cls.from_file_map(files).dataobj)


def read_minc_by_nibabel(path: Path) -> Array:
    from nibabel.fileholders import FileHolder

    image = nibabel.Minc1Image.from_file_map({"image": FileHolder(fileobj=io.BytesIO(path.read_bytes()))})
    return np.asanyarray(image.dataobj)


def fuzz_pairs(
    judge: Any, tmp_path: Path, files: dict[str, tuple[bytes, bytes, str]], counts: tuple[int, int], seed: int,
    oracle: Callable[[Path], Array], text: bool = False,
) -> None:  # fmt: skip
    """Damage the headers beside whole voxels, then the voxels beside whole headers; headers are what is opened."""
    voxels, opened = {}, {}
    for name, (header, data, ending) in files.items():
        stem, own = name.split(".")
        (tmp_path / f"input.{stem}{ending}").write_bytes(data)
        opened[f"of-{stem}{ending}"] = f"of-{stem}.{own}"
        (tmp_path / f"input.of-{stem}.{own}").write_bytes(header)
        voxels[f"of-{stem}{ending}"] = data
    headers = {name: header for name, (header, _, _) in files.items()}
    fuzz(judge, tmp_path, headers, counts[0], seed, oracle, text=text)
    fuzz(judge, tmp_path, voxels, counts[1], seed + 1, oracle, opened=opened)


def test_nifti_and_analyze_pairs(judge: Any, tmp_path: Path) -> None:
    fuzz_pairs(judge, tmp_path, NIFTI_PAIRS, (1500, 300), 21, read_nifti_pair_by_nibabel)


def test_afni_headers_and_data(judge: Any, tmp_path: Path) -> None:
    fuzz_pairs(judge, tmp_path, AFNI_FILES, (2000, 500), 23, read_pair_by_nibabel, text=True)


def test_par_headers_and_data(judge: Any, tmp_path: Path) -> None:
    fuzz_pairs(judge, tmp_path, PAR_FILES, (1500, 300), 25, read_pair_by_nibabel, text=True)


def test_minc_volumes(judge: Any, tmp_path: Path) -> None:
    fuzz(judge, tmp_path, MINC_FILES, 2000, 27, read_minc_by_nibabel)
