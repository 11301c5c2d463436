"""A provenance file is enough to repeat a number, and names no machine and no user."""

from __future__ import annotations

import getpass
import hashlib
import json
import re
import socket
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segeval.version import __version__

LABELS = (np.arange(60).reshape(5, 4, 3) % 3).astype(np.uint8)
AFFINE = np.array([[-0.8, 0, 0, 5], [0, 1.5, 0, -7], [0, 0, 3.0, 11], [0, 0, 0, 1.0]])


@pytest.fixture
def pair(nifti: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A prediction and a reference in the current folder."""
    nifti("p.nii.gz", np.roll(LABELS, 1), AFFINE)
    nifti("r.nii", LABELS.astype(np.int16), AFFINE)
    monkeypatch.chdir(tmp_path)
    return "p.nii.gz", "r.nii"


def provenance(path: str = "run.json") -> Any:
    return json.loads(Path(path).read_text("utf-8"))


def test_every_file_has_its_size_hash_and_header(pair: tuple[str, str], segeval: Any) -> None:
    Path("names.json").write_text('{"liver": 1, "spleen": 2}')
    arguments = ["score", *pair, "--labels", "names.json", "--metrics", "dice", "--format", "json"]
    run = segeval(*arguments, "--provenance", "run.json")
    assert run.code == 0
    found = provenance()
    assert found["schema"] == "segeval-provenance/1"
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["time"])
    assert found["segeval"] == __version__
    assert found["libraries"]["numpy"] == metadata.version("numpy")
    assert found["libraries"]["isal"] == metadata.version("isal")
    assert found["command"] == ["segeval", *arguments, "--provenance", "run.json"]
    assert found["settings"] == run.json["settings"]
    assert found["signature"] == run.json["signature"]
    assert found["cases"] == [{"case": "p", "status": "ok", "prediction": "p.nii.gz", "reference": "r.nii"}]
    files = {entry["path"]: entry for entry in found["files"]}
    assert set(files) == {"names.json", *pair}
    for name, entry in files.items():
        content = Path(name).read_bytes()
        assert entry["bytes"] == len(content)
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
    assert files["names.json"]["header"] is None
    header = files["r.nii"]["header"]
    assert (header["shape"], header["dtype"], header["channels"]) == ([5, 4, 3], "int16", 1)
    assert header["affine"] == pytest.approx(AFFINE, abs=1e-6)
    assert header["spacing_mm"] == pytest.approx([0.8, 1.5, 3])
    assert header["oriented"] is True


def test_nothing_of_the_machine_is_in_it(pair: tuple[str, str], segeval: Any, tmp_path: Path) -> None:
    assert segeval("score", *pair, "--metrics", "dice", "--provenance", "run.json").code == 0
    text = Path("run.json").read_text("utf-8")
    assert str(tmp_path) not in text
    assert str(Path.home()) + "/" not in text
    for word in (socket.gethostname(), getpass.getuser()):
        assert not re.search(rf"\b{re.escape(word)}\b", text)


def test_a_batch_lists_every_file_of_every_case(pair: tuple[str, str], segeval: Any) -> None:
    import SimpleITK as sitk

    for side in ("p", "r"):
        Path(side).mkdir()
        for case in ("a", "b"):
            (Path(side) / f"{case}.nii.gz").write_bytes(Path(pair[0]).read_bytes())
        sitk.WriteImage(sitk.GetImageFromArray(LABELS), f"{side}/c.mhd")
    (Path("p") / "b.nii.gz").write_bytes(b"rubbish")
    run = segeval("batch", "p", "r", "--metrics", "dice", "--workers", "1", "--provenance", "run.json")
    assert run.code == 3
    found = provenance()
    assert {case["case"]: case["status"] for case in found["cases"]} == {"a": "ok", "b": "error", "c": "ok"}
    files = {entry["path"]: entry for entry in found["files"]}
    expected = {f"{side}/{name}" for side in "pr" for name in ("a.nii.gz", "b.nii.gz", "c.mhd", "c.raw")}
    assert set(files) == expected
    assert files["p/b.nii.gz"]["sha256"] == hashlib.sha256(b"rubbish").hexdigest()
    assert files["p/b.nii.gz"]["header"] is None
    assert files["p/c.mhd"]["header"]["shape"] == [3, 4, 5]
    assert files["p/c.raw"]["header"] is None
    assert found["libraries"]["SimpleITK"] == metadata.version("SimpleITK")


def test_the_masks_of_a_folder_are_listed_one_by_one(pair: tuple[str, str], nifti: Any, segeval: Any) -> None:
    nifti("masks/liver.nii.gz", (LABELS == 1).astype(np.uint8))
    nifti("masks/spleen.nii.gz", (LABELS == 2).astype(np.uint8))
    assert pair
    assert segeval("score", "masks", "masks", "--metrics", "dice", "--provenance", "run.json").code == 0
    assert [entry["path"] for entry in provenance()["files"]] == ["masks/liver.nii.gz", "masks/spleen.nii.gz"]


def test_it_is_written_whole_or_not_at_all(pair: tuple[str, str], segeval: Any, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    Path("cut.nii").write_bytes(Path(pair[1]).read_bytes()[:-3])
    assert segeval("score", "cut.nii", pair[1], "--provenance", "run.json").code == 3
    Path("cut.nii").unlink()
    assert sorted(tmp_path.iterdir()) == before
    run = segeval("score", *pair, "--provenance", "missing/run.json")
    assert (run.code, run.out, run.err.count("\n")) == (3, "", 1)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--provenance", "run.txt"), ".json"),
        (("--provenance", "run.json", "-o", "run.json"), "another file"),
        (("--provenance", "p.nii.gz"), ".json"),
        (("--provenance", "names.json", "--labels", "names.json"), "overwritten"),
    ],
)
def test_a_name_that_cannot_be_meant_is_a_usage_error(
    options: tuple[str, ...], word: str, pair: tuple[str, str], segeval: Any
) -> None:
    Path("names.json").write_text('{"liver": 1}')
    run = segeval("score", *pair, "--metrics", "dice", *options)
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert word in run.err
    assert Path("names.json").read_text() == '{"liver": 1}'
    assert not Path("run.json").exists()


def test_a_file_that_changed_after_it_was_scored_has_no_provenance(
    pair: tuple[str, str], segeval: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from segeval.workflow import files

    whole = files.score_pair

    def and_then_written(*arguments: Any) -> Any:
        report = whole(*arguments)
        with Path(pair[0]).open("ab") as file:
            file.write(b"\0")
        return report

    monkeypatch.setattr(files, "score_pair", and_then_written)
    run = segeval("score", *pair, "--metrics", "dice", "--provenance", "run.json", "-o", "out.json")
    assert (run.code, run.out, run.err.count("\n")) == (3, "", 1)
    assert "p.nii.gz: changed" in run.err
    assert not Path("run.json").exists()
    assert not Path("out.json").exists()
