"""A provenance file is enough to repeat a number, and names no machine and no user."""

from __future__ import annotations

import getpass
import hashlib
import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segeval.cases.libraries import together
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


def test_the_files_of_options_are_among_them(pair: tuple[str, str], segeval: Any) -> None:
    Path("distances.csv").write_text("0,1,1\n1,0,0.5\n1,0.5,0\n")
    Path("ours.toml").write_text(
        'title = "Ours"\nyear = 2026\nversion = 1\nsource = "here"\ndecides = "Two labels."\n'
        '[options]\nlabels = [1, 2]\nmetrics = "dice"\n[columns]\nDice = "1.dice"\n'
    )
    options = ("--protocol", "ours.toml", "--label-distances", "distances.csv", "--provenance", "run.json")
    assert segeval("score", *pair, *options).code == 0
    assert {entry["path"] for entry in provenance()["files"]} == {"distances.csv", "ours.toml", *pair}
    ours = Path("ours.toml").read_text().replace("[columns]", 'label_distances = "distances.csv"\n[columns]')
    Path("ours.toml").write_text(ours)
    assert segeval("score", *pair, "--protocol", "ours.toml", "--provenance", "run.json").code == 0
    assert {entry["path"] for entry in provenance()["files"]} == {"distances.csv", "ours.toml", *pair}
    assert segeval("score", *pair, "--protocol", "kits23", "--provenance", "run.json").code == 0
    assert {entry["path"] for entry in provenance()["files"]} == set(pair)


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
    from segeval.cases import files

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


@pytest.fixture
def study(nifti: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of every way to score, in the current folder."""
    monkeypatch.chdir(tmp_path)
    shape = (12, 10, 8)
    labels = (np.arange(960).reshape(shape) // 7 % 4).astype(np.uint8)
    shifted = np.roll(labels, 1, axis=0)
    maps = np.stack([np.where(shifted == k, 0.7, 0.1) for k in range(4)]).astype(np.float32)
    nifti("r.nii.gz", labels)
    nifti("coarse.nii.gz", shifted[::2, ::2, ::2], np.diag([2.0, 2, 2, 1]))
    np.savez_compressed("maps.npz", probabilities=maps.transpose(0, 3, 2, 1))
    Path("names.json").write_text('{"liver": 1, "spleen": 2, "other": 3}')
    for name, value in (("liver", 1), ("spleen", 2)):
        nifti(f"ours/{name}.nii.gz", (shifted == value).astype(np.uint8))
        nifti(f"theirs/{name}.nii.gz", (labels == value).astype(np.uint8))
    for case in ("a", "b"):
        nifti(f"p/{case}.nii.gz", shifted)
        nifti(f"q/{case}.nii.gz", labels)
    Path("segeval.toml").write_text("[check]\nrequire = ['mean(1.dice) >= 0']\n")
    return tmp_path


WAYS = {
    "resampled": ("score", "coarse.nii.gz", "r.nii.gz", "--geometry", "resample", "--metrics", "overlap,hd95"),
    "masks": ("score", "ours", "theirs", "--metrics", "dice,instance_f1"),
    "npz": ("score", "maps.npz", "r.nii.gz", "--labels", "names.json", "--metrics", "overlap,losses,calibration"),
    "protocol": ("score", "p/a.nii.gz", "q/a.nii.gz", "--protocol", "brats-lesionwise:ped"),
    "batch": ("batch", "p", "q", "--metrics", "hd95,dice", "--workers", "2"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_number_is_repeated_from_the_note_alone(way: str, study: Path, segeval: Any) -> None:
    """Elsewhere: the files as they are listed, checked by their hashes, and the words of the command."""
    first = segeval(*WAYS[way], "--format", "json", "--provenance", "run.json")
    assert first.code == 0
    found = provenance()
    assert hashlib.sha256(first.out.encode()).hexdigest() == found["results_sha256"]
    elsewhere = study / "elsewhere"
    for entry in found["files"]:
        copy = elsewhere / entry["path"]
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(Path(entry["path"]).read_bytes())
        assert hashlib.sha256(copy.read_bytes()).hexdigest() == entry["sha256"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(elsewhere)
        again = segeval(*found["command"][1:])
        repeated = provenance()
    assert again.out == first.out
    for key in ("results_sha256", "signature", "settings", "names", "libraries", "files"):
        assert repeated[key] == found[key]


@pytest.mark.usefixtures("study")
def test_names_tell_which_value_a_label_had(segeval: Any) -> None:
    assert segeval(*WAYS["masks"], "--provenance", "run.json").code == 0
    assert provenance()["names"] == {"1": "liver", "2": "spleen"}


@pytest.mark.usefixtures("study")
def test_the_libraries_are_those_of_the_workers_even_of_an_earlier_run() -> None:
    """What a fresh parent process has not loaded itself: cc3d for lesions, SciPy for their distances."""
    options = ["--protocol", "brats-lesionwise", "-o", "x.json", "--provenance", "run.json"]
    command = [sys.executable, "-m", "segeval", "batch", "p", "q", *options]
    for more in ([], ["--resume"]):
        subprocess.run([*command, *more], check=True, capture_output=True)
        libraries = provenance()["libraries"]
        for name in ("scipy", "connected-components-3d", "numpy", "isal"):
            assert libraries[name] == metadata.version(name)


def test_versions_that_differ_are_all_named() -> None:
    found = together([{"numpy": "2.1.0"}, {"numpy": "2.0.0", "scipy": "1.13.0"}, {"numpy": "2.1.0"}])
    assert found == {"numpy": "2.0.0, 2.1.0", "scipy": "1.13.0"}


@pytest.mark.usefixtures("study")
def test_a_check_notes_what_it_scored_and_its_rules(segeval: Any) -> None:
    assert segeval("check", "p", "q", "--provenance", "run.json").code == 0
    volumes = {f"{side}/{case}.nii.gz" for side in "pq" for case in "ab"}
    assert {entry["path"] for entry in provenance()["files"]} == {"segeval.toml", *volumes}
    assert provenance()["command"][:2] == ["segeval", "check"]
    assert segeval("batch", "p", "q", "--metrics", "dice", "-o", "x.json").code == 0
    baseline = ("--baseline", "base.json", "--max-drop", "dice=0")
    assert segeval("check", "x.json", *baseline, "--update-baseline", "--provenance", "run.json").code == 0
    assert {entry["path"] for entry in provenance()["files"]} == {"segeval.toml", "x.json"}
    assert segeval("check", "x.json", *baseline, "--provenance", "run.json").code == 0
    files = {entry["path"]: entry["sha256"] for entry in provenance()["files"]}
    assert set(files) == {"segeval.toml", "x.json", "base.json"}
    assert files["x.json"] == hashlib.sha256(Path("x.json").read_bytes()).hexdigest()
    assert provenance()["results_sha256"] is None


@pytest.mark.usefixtures("study")
def test_a_check_does_not_write_its_note_over_its_baseline(segeval: Any) -> None:
    arguments = ("--baseline", "base.json", "--update-baseline", "--provenance", "base.json")
    assert segeval("check", "p", "q", *arguments).code == 2
    assert not Path("base.json").exists()
