"""Files of another machine, over HTTP and from S3, on loopback: the same numbers, and no word of who may read them."""

from __future__ import annotations

import json
import pickle
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from socket import create_server
from typing import Any

import h5py
import nibabel
import numpy as np
import pytest
import zarr
from formats import assert_refused
from hypothesis import given
from hypothesis import strategies as st
from servers import Served, served

from segeval.errors import UnreadableFile
from segeval.files.remote import RemotePath, located, without_secrets
from segeval.readers import Input, ReadOptions, open_volume
from segeval.readers.containers import container_of

Segeval = Callable[..., Any]

REFERENCE = np.random.default_rng(1).choice([0, 1, 2], (20, 30, 40)).astype(np.uint8)  # (z, y, x)
PREDICTION = np.where(np.random.default_rng(2).random(REFERENCE.shape) < 0.1, 0, REFERENCE).astype(np.uint8)
LOGIN, SIGNATURE = "someone:pa55word", "X-Amz-Signature=5ecre7%2Fkey&Expires=1"
SECRETS = ("pa55word", "5ecre7", "someone")
NAMES = ("x.zarr", "sharded.zarr", "group.zarr/labels/cells", "x.npy", "x.h5", "x.h5:/labels", "x.nii", "x.nii.gz")


def written(folder: Path, array: np.ndarray[Any, Any]) -> None:
    """The array in every format that is read from another machine."""
    folder.mkdir()
    labels = zarr.open_group(str(folder / "group.zarr"), mode="w").create_group("labels")
    for group, name, shards in (
        (zarr.open_group(str(folder)), "x.zarr", None),
        (zarr.open_group(str(folder)), "sharded.zarr", (16, 16, 16)),
        (labels, "cells", None),
    ):
        one = group.create_array(
            name, shape=array.shape, chunks=(8, 8, 8), shards=shards, dtype=array.dtype, fill_value=9
        )
        one[...] = array
    np.save(folder / "x.npy", array)
    with h5py.File(folder / "x.h5", "w") as file:
        file.create_dataset("labels", data=array, chunks=(8, 8, 8))
    for name in ("x.nii", "x.nii.gz"):
        nibabel.save(nibabel.Nifti1Image(array.T, np.eye(4)), folder / name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Predictions in `found`, references in `truth`."""
    path = tmp_path_factory.mktemp("remote")
    written(path / "found", PREDICTION)
    written(path / "truth", REFERENCE)
    return path


@pytest.fixture
def server(folder: Path) -> Iterator[Served]:
    """It asks for a password and a signature."""
    with served(Served(folder, LOGIN, SIGNATURE)) as one:
        yield one


def rows(run: Any) -> Any:
    return run.json["cases"][0]["rows"]


def assert_no_secret(*texts: object) -> None:
    for text in texts:
        for secret in SECRETS:
            assert secret not in str(text), text


@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_are_those_of_the_files_here(name: str, folder: Path, server: Served, segeval: Segeval) -> None:
    options = "--metrics", "overlap", "--format", "json"
    here = segeval("score", folder / "found" / name, folder / "truth" / name, *options)
    there = segeval("score", server.url(f"found/{name}"), server.url(f"truth/{name}"), *options)
    assert (there.code, rows(there)) == (0, rows(here)), there.err
    assert there.json["cases"][0]["prediction"] == server.url(f"found/{name}", credentials=False)
    assert there.json["cases"][0]["case"] == Input(folder / "found" / name).stem
    assert_no_secret(there.out, there.err)
    mixed = segeval("score", server.url(f"found/{name}"), folder / "truth" / name, *options)
    assert rows(mixed) == rows(here)


def test_parts_are_asked_for_and_not_the_whole(server: Served, segeval: Segeval) -> None:
    assert segeval("score", server.url("found/x.zarr"), server.url("truth/x.zarr"), "--metrics", "dice").code == 0
    chunks = [path for method, path in server.asked if method == "GET" and "/found/x.zarr/c/" in path]
    assert len(chunks) == len(set(chunks)) == 3 * 4 * 5  # each once


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz", "x.npy", "x.zarr"])
def test_a_server_is_asked_what_a_file_is_before_and_after_it_is_read(
    name: str, server: Served, segeval: Segeval
) -> None:
    assert segeval("score", server.url(f"found/{name}"), server.url(f"truth/{name}"), "--metrics", "dice").code == 0
    asked = Counter(path.partition("?")[0] for method, path in server.asked if method == "HEAD")
    assert sorted(asked.values()) == [2, 2], asked


@pytest.mark.parametrize("name", ["x.nii", "x.npy"])
def test_a_file_that_changes_there_while_it_is_read_is_refused(name: str, tmp_path: Path) -> None:
    written(tmp_path / "found", PREDICTION)
    file = tmp_path / "found" / name

    def grown(_: int) -> None:
        file.write_bytes(file.read_bytes() + bytes(1))

    with served(Served(tmp_path)) as server, pytest.raises(UnreadableFile, match="changed while it was read"):  # noqa: SIM117
        with open_volume(Path(server.url(f"found/{name}")), ReadOptions(on_bytes=grown)) as volume:
            assert sum(piece.size for piece in volume.source.pieces(0)) == PREDICTION.size
            volume.finish()


def test_processes_and_what_is_written_of_them(server: Served, tmp_path: Path, segeval: Segeval) -> None:
    pair = server.url("found/sharded.zarr"), server.url("truth/x.zarr")
    alone = segeval("score", *pair, "--metrics", "dice", "--format", "json")
    report, note = tmp_path / "r.json", tmp_path / "p.json"
    options = "--metrics", "dice", "--workers", "2", "-o", report, "-o", tmp_path / "r.html", "--provenance", note
    run = segeval("score", *pair, *options)
    assert (run.code, json.loads(report.read_text("utf-8"))["cases"][0]["rows"]) == (0, rows(alone)), run.err
    plain = [server.url("found/sharded.zarr", False), server.url("truth/x.zarr", False)]
    assert json.loads(note.read_text("utf-8"))["command"][2:4] == plain
    for file in (report, note, tmp_path / "r.html"):
        assert_no_secret(file.read_text("utf-8"))
    assert_no_secret(run.out, run.err)


def test_a_manifest_names_urls(server: Served, folder: Path, tmp_path: Path, segeval: Segeval) -> None:
    manifest = tmp_path / "m.csv"
    first = f"a,{server.url('found/x.zarr')},{server.url('truth/x.zarr')}"
    second = f"b,{server.url('found/x.nii')},{folder / 'truth' / 'x.nii'}"
    manifest.write_text(f"case,prediction,reference\n{first}\n{second}\n")
    dry = segeval("batch", "--manifest", manifest, "--dry-run")
    report = tmp_path / "r.json"
    run = segeval("batch", "--manifest", manifest, "--metrics", "dice", "--workers", "2", "-o", report)
    found = json.loads(report.read_text("utf-8"))["cases"]
    assert [case["status"] for case in found] == ["ok", "ok"], run.err
    assert found[0]["rows"] == found[1]["rows"]
    assert_no_secret(dry.out, dry.err, run.out, run.err, report.read_text("utf-8"))
    assert_no_secret(*(each.read_text("utf-8") for each in tmp_path.glob("*journal")))
    refused = segeval("batch", server.url("found"), server.url("truth"))
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "--manifest" in refused.err


def test_inspect(server: Served, segeval: Segeval) -> None:
    found = segeval("inspect", server.url("truth/x.nii.gz"), "--format", "json")
    voxels = {one["label"]: one["voxels"] for one in found.json["labels"]}
    assert voxels == {label: int((label == REFERENCE).sum()) for label in (1, 2)}
    assert_no_secret(found.out, found.err)


def test_what_cannot_be_read_is_a_line_without_credentials(server: Served, segeval: Segeval) -> None:
    good = server.url("truth/x.nii")
    for name, words in (
        ("found/none.nii", "no such file, or nobody may read it"),
        ("found/none.zarr", "its server has no zarr.json, .zarray or .zgroup there, or does not let you read it"),
        ("found/group.zarr/labels/none", "its server has no zarr.json"),
        ("found/x.png", "download it"),
        ("found/x.zarr/c/0/0/0", "its server has no zarr.json"),
    ):
        run = segeval("score", server.url(name), good)
        assert_refused(run, server.url(name, False), words)
        assert_no_secret(run.err)
    server.broken = ("/c/0/0/0", "x.h5", "x.nii.gz")
    for name in ("found/x.zarr", "found/x.h5", "found/x.nii.gz"):
        run = segeval("score", server.url(name), good)
        assert_refused(run, server.url(name, False), "its server failed (500)")
        assert_no_secret(run.err)
    server.broken, server.signature = (), "another"
    for name in ("found/x.zarr", "found/x.h5", "found/x.nii"):
        url = server.url(name).replace("another", SIGNATURE)
        assert_refused(segeval("score", url, good.replace(SIGNATURE, "another")), server.url(name, False),
                       "its server does not let you read it (403)")  # fmt: skip
    run = segeval("score", good, good, "--mask", server.url("truth/x.nii"))
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert_no_secret(run.err)


def test_a_server_that_gives_no_parts(folder: Path, segeval: Segeval) -> None:
    with served(Served(folder, ranges=False)) as server:
        no_parts = ("x.nii", "gives no parts"), ("x.h5", "gives no parts"), ("sharded.zarr", "cannot be read there")
        for name, words in no_parts:
            run = segeval("score", server.url(f"found/{name}"), folder / "truth" / name)
            assert_refused(run, server.url(f"found/{name}"), words)
        assert segeval("score", server.url("found/x.zarr"), folder / "truth" / "x.zarr").code == 0


def test_a_server_that_gives_no_parts_and_does_not_say_so(tmp_path: Path, segeval: Segeval) -> None:
    """As Python's own; fsspec asks for 5 MiB at a time, and so meets it in a larger file alone."""
    zeros = np.zeros((6, 1024, 1024), np.uint8)
    np.save(tmp_path / "x.npy", zeros)
    nibabel.save(nibabel.Nifti1Image(zeros, np.eye(4)), tmp_path / "x.nii")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("labels", data=zeros)
    with served(Served(tmp_path, ranges=False, told=False)) as server:
        for name in ("x.npy", "x.nii", "x.h5"):
            run = segeval("score", server.url(name), tmp_path / name)
            assert_refused(run, server.url(name), "its server gives no parts of a file (Range); download it")


def test_nobody_listens(folder: Path, segeval: Segeval) -> None:
    with closing(create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    for name in ("x.zarr", "x.nii"):
        run = segeval("score", f"http://someone:pa55word@127.0.0.1:{port}/{name}", folder / "truth" / name)
        assert_refused(run, f"http://127.0.0.1:{port}/{name}", "its server cannot be reached (ClientConnectorError")
        assert_no_secret(run.err)
        run = segeval("score", f"HTTPS://someone:pa55word@no-such-host.invalid/{name}", folder / "truth" / name)
        assert_refused(run, f"https://no-such-host.invalid/{name}", "nobody knows a server of this name")
        assert_no_secret(run.err)


@pytest.mark.parametrize("url", ["ftp://me:pa55word@h/x.nii", "gs://b/x.zarr", "SFTP://h/x.zarr/labels", "az://c/x.h5"])
def test_other_schemes_are_named_with_those_that_are_read(url: str, tmp_path: Path, segeval: Segeval) -> None:
    words = f"{url.partition(':')[0].lower()}:// is not read; of other machines' files https://, http://, s3:// are"
    (tmp_path / "m.csv").write_text(f"case,prediction,reference\na,{url},{url}\n")
    manifest = ("batch", "--manifest", tmp_path / "m.csv")
    for command in (("score", url, url), ("inspect", url), ("batch", url, url), manifest, (*manifest, "--dry-run")):
        run = segeval(*command)
        assert (run.code == 0) == ("--dry-run" in command)
        assert words in run.out + run.err
        assert_no_secret(run.out, run.err)


def test_where_a_hierarchy_here_has_nothing(folder: Path, tmp_path: Path, segeval: Segeval) -> None:
    (tmp_path / "x.zarr").mkdir()
    for path, words in (
        (tmp_path / "x.zarr", "has no zarr.json, .zarray or .zgroup; check what it is"),
        (folder / "found" / "group.zarr" / "none", "holds labels; 'none' is not among it"),
        (folder / "found" / "x.zarr" / "none", "holds one array; 'none' is not among it"),
    ):
        assert_refused(segeval("inspect", path), path, words)
    run = segeval("score", folder / "found" / "x.nii", folder / "found" / "x.nii", "--labels", "http://h/l.json")
    assert (run.code, "http://h/l.json: is on another machine; download it" in run.err) == (3, True)
    run = segeval("inspect", f"file://{folder}/x.nii")
    assert "file:// is not read; name the file by its path" in run.err


@pytest.mark.parametrize(
    ("url", "library"), [("https://h/x.zarr", "aiohttp"), ("s3://b/x.nii", "s3fs"), ("http://h/x.nii", "fsspec")]
)
def test_a_missing_library_is_named(url: str, library: str, segeval: Segeval, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    run = segeval("score", url, url)
    assert (run.code, run.out, run.err.count("\n")) == (3, "", 1)
    for words in (url, library, "pip install 'segeval-cli[remote]'"):
        assert words in run.err


def test_from_s3(folder: Path, segeval: Segeval, monkeypatch: pytest.MonkeyPatch) -> None:
    moto = pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in (
            ("ENDPOINT_URL", f"http://{host}:{port}"), ("ACCESS_KEY_ID", "someone"),
            ("SECRET_ACCESS_KEY", "pa55word"), ("DEFAULT_REGION", "us-east-1"),
        ):  # fmt: skip
            monkeypatch.setenv(f"AWS_{name}", value)
        store = s3fs.S3FileSystem()
        store.mkdir("bucket")
        store.put(f"{folder}/", "bucket/", recursive=True)
        options = "--metrics", "dice", "--format", "json"
        for name in ("x.zarr", "sharded.zarr", "group.zarr/labels/cells", "x.nii", "x.h5:/labels"):
            here = segeval("score", folder / "found" / name, folder / "truth" / name, *options)
            there = segeval("score", f"s3://bucket/found/{name}", f"s3://bucket/truth/{name}", *options)
            assert (there.code, rows(there)) == (0, rows(here)), (name, there.err)
            assert_no_secret(there.out, there.err)
        for url in ("s3://bucket/none.nii", "s3://nowhere/x.zarr"):
            assert_refused(segeval("score", url, folder / "truth" / "x.nii"), url)  # type: ignore[arg-type]
        run = segeval("score", "s3://someone:pa55word@bucket/found/x.nii", folder / "truth" / "x.nii")
        assert_refused(run, "s3://bucket/found/x.nii", "by the environment")  # type: ignore[arg-type]
        assert_no_secret(run.err)
    finally:
        server.stop()


WORDS = st.text("abcXYZ019-_.~%:", min_size=1, max_size=12)


@given(st.sampled_from(["http", "https", "s3"]), WORDS, st.lists(WORDS, max_size=3), st.booleans())
def test_a_url_is_printed_without_credentials(scheme: str, host: str, parts: list[str], container: bool) -> None:
    place = "/".join([host, *(part for part in parts if set(part) != {"."}), "x.zarr" if container else "x.nii"])
    path = located(Path(f"{scheme}://me:S3CRET@{place}?sig=S3CRET#S3CRET"))
    assert isinstance(path, RemotePath)
    assert str(path) == f"{scheme}://{place}"
    again = pickle.loads(pickle.dumps(path))  # noqa: S301
    assert (again, again.url, str(again)) == (path, path.url, str(path))
    file, inside = container_of(path)
    assert isinstance(file, RemotePath)
    assert (file.login, file.query) == ("me:S3CRET@", "sig=S3CRET")
    for shown in (repr(path), repr(file), inside, path.name, Input(path).stem, f"{path.parent}"):
        assert "S3CRET" not in shown
    for text in (path.url, f"x ({path.url}); y", f"url={path.url!r}", str(Path(path.url))):
        assert "S3CRET" not in without_secrets(text), text


@pytest.mark.parametrize("text", ["x.h5:/a@b?c", "gt.json:/a@b.jpg", "C:/a@b", "what? me@example.org", "a: s3 @ b"])
def test_what_is_no_url_stays(text: str) -> None:
    assert without_secrets(text) == text
    assert not isinstance(located(Path(text)), RemotePath)
