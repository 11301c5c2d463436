"""HDF5, Zarr and OME-Zarr: the voxels that the libraries give, slab by slab, and what cannot be read."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr
from formats import assert_refused
from hypothesis import given
from hypothesis import strategies as st

from segeval import evaluate
from segeval.errors import UnreadableFile
from segeval.readers import Input, ReadOptions, open_volume, slabs
from segeval.volumes.volume import gather

Segeval = Callable[..., Any]
Array = np.ndarray[Any, Any]

LABELS = np.random.default_rng(6).choice([0, 1, 2, 300], (7, 6, 5)).astype(np.uint16)  # (z, y, x)
CERTAIN = np.moveaxis(np.eye(3, dtype=np.float32)[np.minimum(LABELS, 2)], -1, 0) * 0.7 + 0.1


def hdf5(path: Path, datasets: dict[str, Array], **options: Any) -> Path:
    with h5py.File(path, "w") as file:
        for name, array in datasets.items():
            file.create_dataset(name, data=array, **options)
    return path


def ome(path: Path, array: Array, version: int = 2, unit: str | None = "micrometer", **more: Any) -> Path:
    """A label image of two levels, as OME-NGFF 0.4 and 0.5 write it; the second one at half the size."""
    group = zarr.open_group(str(path), mode="w", zarr_format=version)
    axes = ["c", "z", "y", "x"][-array.ndim :]
    levels = []
    for number in (0, 1):
        level = array[..., :: 2**number, :: 2**number]
        one = group.create_array(str(number), shape=level.shape, chunks=(2,) * level.ndim, dtype=level.dtype)
        one[...] = level
        scale = [*[1.0] * (array.ndim - 3), 3000.0, 1500.0 * 2**number, 800.0 * 2**number]
        shift = [*[0.0] * (array.ndim - 3), 5000.0, -20000.0, 10000.0]
        levels.append(
            {
                "path": str(number),
                "coordinateTransformations": [
                    {"type": "scale", "scale": scale}, {"type": "translation", "translation": shift}
                ],
            }
        )  # fmt: skip
    described = [{"name": n, "type": "space" if n != "c" else "channel"} for n in axes]
    for axis in described:
        if axis["type"] == "space" and unit is not None:
            axis["unit"] = unit
    image = {
        "multiscales": [{"version": "0.4" if version == 2 else "0.5", "axes": described, "datasets": levels}],
        **more,
    }
    group.attrs.update(image if version == 2 else {"ome": image})
    return path


def read(path: Path) -> tuple[Array, Any]:
    with open_volume(path, ReadOptions()) as volume:
        found = np.stack([gather(volume.source, channel) for channel in range(volume.source.channels)])
        assert volume.finish() == []
        return found, volume


@given(
    st.tuples(*[st.integers(1, 7)] * 3), st.integers(1, 4), st.sampled_from(["u1", ">i2", "<i8", "f4", "?"]),
    st.sampled_from(["hdf5", "zarr 2", "zarr 3"]), st.integers(1, 200),
)  # fmt: skip
def test_any_chunks_give_the_librarys_voxels(
    tmp_path_factory: pytest.TempPathFactory, shape: tuple[int, ...], chunk: int, dtype: str, kind: str, slab: int
) -> None:
    folder = tmp_path_factory.mktemp("arrays")
    array = np.random.default_rng(1).integers(0, 2, shape).astype(dtype)
    chunks = tuple(min(chunk, n) for n in shape)
    if kind == "hdf5":
        path = hdf5(folder / "x.h5", {"a/b": array}, chunks=chunks, compression="gzip")
    else:
        path = folder / "x.zarr"
        one = zarr.create_array(str(path), shape=shape, chunks=chunks, dtype=dtype, zarr_format=int(kind[-1]))
        one[...] = array
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slabs, "_SLAB_BYTES", slab)
        found, volume = read(path)
    assert volume.shape == shape[::-1]
    assert np.array_equal(found[0].transpose(), array)


def test_a_dataset_is_named_behind_a_colon(segeval: Segeval, tmp_path: Path) -> None:
    path = hdf5(tmp_path / "x.h5", {"p/seg": LABELS, "r": LABELS})
    run = segeval("score", f"{path}:/p/seg", f"{path}:r", "--format", "json", "--hash")
    assert run.code == 0, run.err
    (case,) = run.json["cases"]
    assert {row["dice"] for row in case["rows"] if isinstance(row["label"], int)} == {1.0}
    assert case["case"] == "x_p_seg"
    assert not any("same file" in remark for remark in case["remarks"])
    again = segeval("score", f"{path}:r", f"{path}:/r", "--format", "json")
    assert any("same file" in remark for remark in again.remarks)
    assert_refused(segeval("score", path, f"{path}:r"), path, "/p/seg, /r", "x.h5:/p/seg")
    assert_refused(segeval("score", f"{path}:/q", f"{path}:r"), path, "'q' is not among them")
    assert Input(Path("a/b.h5:/c/d")).stem == "b_c_d"


def test_hdf5_states_a_spacing(segeval: Segeval, nifti: Callable[..., Path], tmp_path: Path) -> None:
    path = hdf5(tmp_path / "x.h5", {"a": LABELS})
    with h5py.File(path, "a") as file:
        file["a"].attrs["element_size_um"] = (3000.0, 1500.0, 800.0)
    _, volume = read(path)
    assert volume.geometry.spacing_mm == pytest.approx((0.8, 1.5, 3.0))
    reference = nifti("r.nii", LABELS.transpose(), np.diag([0.8, 1.5, 3.0, 1.0]))
    assert evaluate(path, reference).document()["cases"][0]["rows"][0]["dice"] == 1
    other = nifti("o.nii", LABELS.transpose(), np.diag([0.8, 1.5, 2.0, 1.0]))
    assert "spacing" in segeval("score", path, other).err


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("packed", [False, True])
def test_an_ome_zarr_has_levels_a_grid_and_names(tmp_path: Path, version: int, packed: bool) -> None:
    named = [{"label-value": 1, "class": "nucleus"}, {"label-value": 300, "name": "cell  wall"}, {"label-value": 2}]
    table = {
        "properties": named,
        "colors": [{"label-value": 1, "rgba": [255, 0, 16, 255]}],
    }  # fmt: skip
    path = ome(tmp_path / "x.zarr", LABELS, version, **{"image-label": table})
    if packed:
        path = Path(shutil.make_archive(str(path), "zip", path))
    for inside, step in (("", 1), ("0", 1), ("1", 2)):
        found, volume = read(path / inside)
        assert np.array_equal(found[0].transpose(), LABELS[:, ::step, ::step])
        assert volume.geometry.spacing_mm == pytest.approx((0.8 * step, 1.5 * step, 3.0))
        assert volume.geometry.origin_mm == pytest.approx((10.0, -20.0, 5.0))
        assert volume.names == {1: "nucleus", 300: "cell wall"}
        assert volume.colours == {1: "#ff0010"}


def test_labels_within_an_image_are_named_by_their_path(segeval: Segeval, tmp_path: Path) -> None:
    path = ome(tmp_path / "x.zarr", CERTAIN)
    ome(path / "labels" / "cells", np.minimum(LABELS, 2).astype(np.uint8))
    run = segeval("score", path, path / "labels" / "cells", "--format", "json")
    assert run.code == 0, run.err
    assert {run.row(label)["dice"] for label in (1, 2)} == {1.0}
    assert run.json["cases"][0]["case"] == "x"


def test_a_plain_array_carries_no_grid(segeval: Segeval, nifti: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "x.zarr"
    one = zarr.create_array(str(path), shape=LABELS.shape, chunks=(2, 3, 2), shards=(4, 6, 4), dtype=LABELS.dtype)
    one[...] = LABELS
    run = segeval("score", path, nifti("r.nii", LABELS.transpose()), "--format", "json")
    assert {run.row(label)["dice"] for label in (1, 2, 300)} == {1.0}
    assert any("carries no geometry" in remark for remark in run.remarks)


def test_other_grids_of_ome_zarr_are_refused(segeval: Segeval, tmp_path: Path) -> None:
    first, second = ome(tmp_path / "p.zarr", LABELS), ome(tmp_path / "r.zarr", LABELS, unit="millimeter")
    assert_refused(segeval("score", first, second), first, "different grids")


def test_what_zarr_cannot_give_is_refused(segeval: Segeval, tmp_path: Path) -> None:
    assert_refused(segeval("score", tmp_path / "no.zarr", tmp_path / "no.zarr"), tmp_path / "no.zarr", "no such file")
    path = ome(tmp_path / "x.zarr", LABELS)
    assert_refused(segeval("score", path / "7", path), path / "7", "holds 0, 1; '7' is not among it")
    (path / "0" / ".zarray").write_text('{"shape": [7')
    assert_refused(segeval("score", path, path), path, "zarr cannot read it")
    several = tmp_path / "s.zarr"
    group = zarr.open_group(str(several), mode="w")
    for name in "ab":
        group.create_array(name, shape=(2, 2), dtype="u1")
    assert_refused(segeval("score", several, several), several, "holds a, b")
    good = ome(tmp_path / "good.zarr", LABELS)
    (tmp_path / "z.zarr.zip").write_bytes(b"PK\3\4 nothing")
    assert_refused(segeval("score", tmp_path / "z.zarr.zip", good), tmp_path / "z.zarr.zip", "zarr cannot read it")
    chunk = next(file for file in (path / "1").rglob("*") if file.is_file() and not file.name.startswith("."))
    chunk.write_bytes(chunk.read_bytes()[:-3])
    assert_refused(segeval("score", path / "1", path / "1"), path / "1", "zarr cannot read it")


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("codec", ["blosc", "zstd", "gzip"])
def test_a_cut_chunk_is_refused_whatever_compressed_it(
    segeval: Segeval, tmp_path: Path, version: int, codec: str
) -> None:
    """Blosc's decoder believes the chunk, and gives what lies behind it in memory."""
    import numcodecs
    from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

    old = {"blosc": numcodecs.Blosc(), "zstd": numcodecs.Zstd(), "gzip": numcodecs.GZip()}
    new = {"blosc": BloscCodec(), "zstd": ZstdCodec(), "gzip": GzipCodec()}
    path = tmp_path / "x.zarr"
    one = zarr.create_array(
        str(path), shape=(4, 4, 4), chunks=(2, 2, 2), dtype="u2", zarr_format=version,
        compressors=(old if version == 2 else new)[codec],
    )  # fmt: skip
    one[...] = np.arange(1, 65, dtype="u2").reshape(4, 4, 4)
    assert np.array_equal(read(path)[0][0].transpose(), np.arange(1, 65).reshape(4, 4, 4))
    for chunk in sorted(file for file in path.rglob("*") if file.is_file() and file.name[0].isdigit()):
        content = chunk.read_bytes()
        for cut in (1, 3, len(content) - 2):
            chunk.write_bytes(content[:-cut])
            assert_refused(segeval("inspect", path), path, "zarr cannot read it")
        chunk.write_bytes(content)


def test_shards_of_blosc_chunks_are_refused(segeval: Segeval, tmp_path: Path) -> None:
    from zarr.codecs import BloscCodec

    path = tmp_path / "x.zarr"
    one = zarr.create_array(
        str(path), shape=(4, 4, 4), chunks=(2, 2, 2), shards=(4, 4, 4), dtype="u2", compressors=BloscCodec()
    )
    one[...] = 1
    assert_refused(segeval("inspect", path), path, "shards of Blosc")


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        (["x", "y", "z"], "in this order"),
        (["z", "y", "y"], "in this order"),
        (["z", "y"], "in this order"),
        (["t", "y", "x"], "in this order"),
    ],
)
def test_axes_in_another_order_are_refused(segeval: Segeval, tmp_path: Path, axes: list[str], words: str) -> None:
    path = ome(tmp_path / "x.zarr", LABELS)
    group = zarr.open_group(str(path), mode="a")
    multiscales = group.attrs["multiscales"]
    multiscales[0]["axes"] = [{"name": name} for name in axes]  # type: ignore[index,call-overload]
    for level in multiscales[0]["datasets"]:  # type: ignore[index,call-overload,union-attr]
        level.pop("coordinateTransformations")  # type: ignore[union-attr,call-arg]
    group.attrs["multiscales"] = multiscales
    assert_refused(segeval("score", path, path), path, words)


def test_hdf5_that_points_elsewhere_or_holds_no_numbers_is_refused(segeval: Segeval, tmp_path: Path) -> None:
    good = hdf5(tmp_path / "good.h5", {"a": LABELS})
    cases: dict[str, Callable[[Any], object]] = {
        "other files": lambda file: file.create_virtual_dataset("a", _virtual(good)),
        "not among them": lambda file: file.__setitem__("a", h5py.ExternalLink(str(good), "a")),
        "not numbers": lambda file: file.create_dataset("a", data=[b"x", b"y"]),
        "has the shape 5": lambda file: file.create_dataset("a", data=np.arange(5)),
        "which cannot be used": lambda file: file.create_dataset("a", shape=(0, 2, 2), dtype="u1"),
    }
    for number, (words, make) in enumerate(cases.items()):
        path = tmp_path / f"x{number}.h5"
        with h5py.File(path, "w") as file:
            make(file)
        assert_refused(segeval("score", f"{path}:a", good), path, words)


def _virtual(good: Path) -> Any:
    layout = h5py.VirtualLayout(LABELS.shape, LABELS.dtype)
    layout[...] = h5py.VirtualSource(str(good), "a", LABELS.shape)
    return layout


def test_hdf5_without_a_dataset_is_refused(segeval: Segeval, tmp_path: Path) -> None:
    path = hdf5(tmp_path / "x.h5", {})
    assert_refused(segeval("inspect", path), path, "holds no dataset; export it again")


def test_a_filter_that_h5py_lacks_is_named(segeval: Segeval, tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        stored = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        stored.set_chunk((6, 5))
        stored.set_filter(32001, h5py.h5z.FLAG_OPTIONAL)  # Blosc's number, of a plugin
        space = h5py.h5s.create_simple((6, 5))
        one = h5py.h5d.create(file.id, b"a", h5py.h5t.NATIVE_UINT8, space, dcpl=stored)
        one.write_direct_chunk((0, 0), bytes(30))
    assert_refused(segeval("inspect", path), path, "lacks the filter 32001 (")


def test_planes_beyond_the_memory_are_refused_before_they_are_read(
    segeval: Segeval, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a", shape=(2, 1 << 45), dtype="u1")
        file.create_dataset("b", shape=(2, 1 << 45), dtype="u1", chunks=(1, 1024))
        file.create_dataset("c", shape=(1 << 15, 1 << 16), dtype="u1", chunks=(1 << 15, 1 << 16))
    assert_refused(segeval("inspect", f"{path}:/a"), path, "a part that is read at once needs 32 TiB")
    assert_refused(segeval("inspect", f"{path}:/b"), path, "promises 68719476736 chunks, and holds 1 at most")
    monkeypatch.setenv("SEGEVAL_MAX_MEMORY", "1G")
    assert_refused(segeval("inspect", f"{path}:/c"), path, "a chunk of it needs 4 GiB")


def test_damaged_hdf5_is_refused(segeval: Segeval, tmp_path: Path) -> None:
    path = hdf5(tmp_path / "x.h5", {"a": LABELS}, chunks=(2, 6, 5), fletcher32=True)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert_refused(segeval("score", path, path), path, "h5py cannot read it")
    place = content.index(LABELS[:2].tobytes())
    path.write_bytes(content[:place] + b"\xff\xff" + content[place + 2 :])
    assert_refused(segeval("score", path, path), path, "h5py cannot read it")
    path.write_bytes(b"\x93NUMPY" + bytes(200))
    assert_refused(segeval("score", path, path), path, "NumPy")


@pytest.mark.parametrize(("library", "name"), [("h5py", "x.h5"), ("zarr", "x.zarr")])
def test_without_its_library_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, name: str
) -> None:
    path = hdf5(tmp_path / name, {"a": LABELS}) if library == "h5py" else ome(tmp_path / name, LABELS)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UnreadableFile, match=rf"needs {library}; .*segeval-cli\[arrays\]"):
        open_volume(path, ReadOptions())


@pytest.mark.parametrize("name", ["x.h5", "x.zarr"])
def test_a_batch_goes_on_with_what_has_not_changed(segeval: Segeval, tmp_path: Path, name: str) -> None:
    """The journal knows the file behind the path, and all files of a folder that is a volume."""
    if name == "x.h5":
        hdf5(tmp_path / name, {"p": LABELS, "r": LABELS})
        prediction, reference = f"{name}:/p", f"{name}:/r"
    else:
        for part in "pr":
            ome(tmp_path / name / "labels" / part, LABELS)
        prediction, reference = f"{name}/labels/p", f"{name}/labels/r"
    (tmp_path / "cases.csv").write_text(f"case,prediction,reference\na,{prediction},{reference}\n")
    command = (
        "batch",
        "--manifest",
        tmp_path / "cases.csv",
        "--workers",
        "1",
        "-o",
        tmp_path / "o.json",
        "--format",
        "json",
    )
    assert segeval(*command).row(1)["dice"] == 1
    again = segeval(*command, "--resume")
    assert again.row(1)["dice"] == 1
    assert "1 of 1 cases were scored before" in again.err
    if name == "x.h5":
        hdf5(tmp_path / name, {"p": LABELS * 0, "r": LABELS})
    else:
        zarr.open_array(str(tmp_path / name / "labels" / "p" / "0"), mode="r+")[...] = 0
    changed = segeval(*command, "--resume")
    assert changed.row(1)["dice"] == 0
    assert "scored before" not in changed.err


def test_a_note_of_a_run_hashes_the_file_behind_the_path(segeval: Segeval, tmp_path: Path) -> None:
    path = hdf5(tmp_path / "x.h5", {"p": LABELS, "r": LABELS})
    note = tmp_path / "run.json"
    assert segeval("score", f"{path}:/p", f"{path}:/r", "--provenance", note).code == 0
    for entry in json.loads(note.read_text())["files"]:
        assert entry["bytes"] == path.stat().st_size
        assert entry["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert entry["header"]["shape"] == [5, 6, 7]
