"""Whatever a user writes where a file may be named: words and an exit code, never a traceback."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segeval.cli.app import _COMMANDS, _built, main
from segeval.files.paths import LONGEST_NAME, beside, exists, is_directory, is_file, real, require_possible

BAD = {
    "a long name": "x" * 300,
    "a long path": "/".join(["y" * 200] * 30),
    "a NUL byte": "a\0b",
    "half of a surrogate pair": "a\ud800b",
    "a byte that is no text": "a\udcffb",
    "a loop": "{folder}/loop",
    "through a file": "{folder}/file/inside",
    "a folder": "{folder}/folder",
    "nothing there": "{folder}/nothing/there",
}
PAGES = {("report", "--output"), ("check", "--output")}
ENDINGS = {"--output": ".json", "--provenance": ".json", "--junit": ".xml"}


def options() -> Iterator[Any]:
    """Every option and argument of every command that takes text: what may be a path now or later."""
    for command in _COMMANDS:
        for parameter in _built(command).params:
            if parameter.type.name in ("path", "str", "text"):
                name = parameter.opts[0] if parameter.param_type_name == "option" else parameter.name
                yield pytest.param(command, name, id=f"{command} {name}")


def is_path(command: str, name: str) -> bool:
    return any(p.type.name == "path" and name in (*p.opts, p.name) for p in _built(command).params)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs of volumes, a report of them, and the things that a bad path leads through."""
    import nibabel

    found = tmp_path_factory.mktemp("paths")
    for name in ("loop", "loop.json", "loop.xml", "loop.html"):
        (found / name).symlink_to(name)
    (found / "file").write_text("text")
    for name in ("folder", "p", "r"):
        (found / name).mkdir()
    for side in "pr":
        for case in ("a", "b"):
            image = nibabel.Nifti1Image(np.ones((4, 4, 4), np.uint8), np.eye(4))
            nibabel.save(image, found / side / f"{case}.nii")
    assert main(["batch", f"{found}/p", f"{found}/r", "--workers", "1", "-o", f"{found}/report.json"]) == 0
    assert json.loads((found / "report.json").read_text())["schema"] == "segeval/1"
    return found


def arguments(command: str, folder: Path) -> dict[str, str]:
    """Of a command that works."""
    report = f"{folder}/report.json"
    return {
        "score": {"prediction": f"{folder}/p/a.nii", "reference": f"{folder}/r/a.nii"},
        "batch": {"predictions": f"{folder}/p", "references": f"{folder}/r"},
        "merge": {"reports": report},
        "check": {"results": report},
        "compare": {"reports": report},
        "inspect": {"file": f"{folder}/p/a.nii"},
        "completion": {"shell": "zsh"},
        "formats": {},
        "protocols": {},
        "quantities": {},
        "schema": {},
        "report": {"results": report},
    }[command]


@pytest.mark.parametrize(("command", "name"), list(options()))
@pytest.mark.parametrize("kind", BAD)
def test_every_option_survives_every_name(
    command: str,
    name: str,
    kind: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    ending = ".html" if (command, name) in PAGES else ENDINGS.get(name, "")
    bad = BAD[kind].format(folder=folder) + (ending if kind != "a folder" else "")
    given = arguments(command, folder)
    if (command, name) == ("check", "references"):
        given = {"results": f"{folder}/p", "references": bad}
    if name in given:
        given = {**given, name: bad}
    words = [command, *given.values()]
    if command == "compare":
        words.insert(1, f"{folder}/report.json")
    if command == "check" and not name.startswith("--require"):
        words += ["--require", "mean(dice) >= 0"]
    if name.startswith("--"):
        words += [name, bad]
    if command == "batch":
        words += ["--workers", "1"]
    if command == "report" and name != "--output":
        words += ["--output", f"{folder}/page.html"]
    if name == "--manifest":
        words = [command, name, bad]
    code = main(words)
    captured = capsys.readouterr()
    assert code in (0, 2, 3), captured.err
    assert "Traceback" not in captured.err
    of_the_cases = "failed a: " in captured.out  # which a table tells
    assert code == 0 or of_the_cases or len(captured.err.splitlines()) >= 1
    if kind in ("a long name", "a long path", "a NUL byte", "half of a surrogate pair") and is_path(command, name):
        assert code == 2, captured.err  # before anything is read or scored
        assert len(captured.err) < 300
    written = kind == "a byte that is no text" and name in (*ENDINGS, "--markdown", "--figures")
    if not written and (name in given or name in (*ENDINGS, "--manifest", "--baseline", "--config", "--labels")):
        assert code in (2, 3), captured.err
    assert bool(list(tmp_path.iterdir())) == written
    assert all((folder / loop).is_symlink() for loop in ("loop", "loop.json", "loop.xml"))


def test_the_options_that_take_paths_are_all_of_them() -> None:
    """What the test above goes through holds at least the options that name files today."""
    known = {tuple(parameter.values) for parameter in options()}
    assert known >= {
        ("score", "--output"), ("score", "--labels"), ("batch", "--manifest"), ("batch", "--dask"),
        ("check", "--baseline"), ("check", "--junit"), ("compare", "--output"), ("merge", "reports"),
    }  # fmt: skip


def test_a_list_of_117_labels_is_a_list(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = ",".join(map(str, range(118)))
    for command in (["score", f"{folder}/p/a.nii", f"{folder}/r/a.nii"], ["batch", f"{folder}/p", f"{folder}/r"]):
        assert main([*command, "--labels", labels, "--format", "json"]) == 0, capsys.readouterr().err
        rows = json.loads(capsys.readouterr().out)["cases"][0]["rows"]
        assert [row["label"] for row in rows] == [*range(118), "mean", "all"]


def test_a_list_of_labels_is_a_list_whatever_files_there_are(folder: Path, tmp_path: Path) -> None:
    """And a file that is called so is no input of the run."""
    (tmp_path / "1,2").write_text("{}")
    note = tmp_path / "run.json"
    with contextlib.chdir(tmp_path):
        command = ["score", f"{folder}/p/a.nii", f"{folder}/r/a.nii", "--labels", "1,2", "--provenance", str(note)]
        assert main(command) == 0
    assert {Path(entry["path"]).name for entry in json.loads(note.read_text())["files"]} == {"a.nii"}


@pytest.mark.parametrize(
    "labels", ["1,2;" * 5000, "x" * 5000, "x" * 5000 + ".json", "/".join(["y" * 200] * 18) + "/labels.json"]
)
def test_thousands_of_characters_that_are_no_list_are_shown_in_part(
    labels: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", f"{folder}/p/a.nii", f"{folder}/r/a.nii", "--labels", labels]) in (2, 3)
    assert len(capsys.readouterr().err) < 500


@pytest.mark.parametrize("labels", ["[1]", "{one = 1}", '"1"', '"1,2"', '"*"'])
def test_an_audit_of_labels_that_a_configuration_holds(labels: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "1,2").write_text("{}")
    (tmp_path / "segeval.toml").write_text(
        f'[check]\nrequire = ["mean(dice) >= 0"]\n[check.scoring]\nlabels = {labels}\n'
    )
    note = tmp_path / "run.json"
    with contextlib.chdir(tmp_path):
        assert main(["check", f"{folder}/p", f"{folder}/r", "--provenance", str(note)]) == 0
    assert {Path(entry["path"]).name for entry in json.loads(note.read_text())["files"]} == {
        "a.nii", "b.nii", "segeval.toml",
    }  # fmt: skip


LOOPS = [
    ("score", "{folder}/p/a.nii", "{folder}/r/a.nii", "-o", "{loop}.json"),
    ("score", "{folder}/p/a.nii", "{folder}/r/a.nii", "--provenance", "{loop}.json"),
    ("batch", "{folder}/p", "{folder}/r", "--workers", "1", "-o", "{loop}.csv"),
    ("batch", "{folder}/p", "{folder}/r", "--workers", "1", "--provenance", "{loop}.json"),
    ("merge", "{folder}/report.json", "-o", "{loop}.json"),
    ("compare", "{folder}/report.json", "{folder}/report.json", "-o", "{loop}.md"),
    ("check", "{folder}/report.json", "--require", "mean(dice) >= 0", "--junit", "{loop}.xml"),
    ("check", "{folder}/report.json", "--require", "mean(dice) >= 0", "--markdown", "{loop}.md"),
    ("check", "{folder}/report.json", "--require", "mean(dice) >= 0", "--provenance", "{loop}.json"),
    ("check", "{folder}/report.json", "--baseline", "{loop}.json", "--update-baseline"),
]


@pytest.mark.parametrize("command", LOOPS)
@pytest.mark.parametrize("by_another", [True, False])
def test_a_link_that_leads_to_itself_is_not_written_over(
    command: tuple[str, ...], by_another: bool, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loop = next(Path(word.format(loop=tmp_path / "loop")) for word in command if "{loop}" in word)
    loop.symlink_to("other" if by_another else loop.name)
    if by_another:
        (tmp_path / "other").symlink_to(loop.name)
    links = sorted(tmp_path.iterdir())
    assert main([word.format(folder=folder, loop=tmp_path / "loop") for word in command]) in (2, 3)
    assert "is a link that leads to itself" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == links
    assert all(path.is_symlink() for path in links)


@pytest.mark.parametrize("command", LOOPS)
def test_a_link_to_a_file_is_written(command: tuple[str, ...], folder: Path, tmp_path: Path) -> None:
    link = next(Path(word.format(loop=tmp_path / "loop")) for word in command if "{loop}" in word)
    (tmp_path / "file").write_text("before")
    link.symlink_to("file")
    assert main([word.format(folder=folder, loop=tmp_path / "loop") for word in command]) == 0
    assert link.read_text() != "before"


@pytest.mark.parametrize("make", [os.mkdir, getattr(os, "mkfifo", os.mkdir)])
def test_rules_that_are_no_file_are_not_left_out(
    make: Any, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make("segeval.toml")
    assert main(["check", f"{folder}/report.json", "--require", "mean(dice) >= 0"]) == 2
    assert "segeval.toml: is " in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ("batch", "--manifest", "{pipe}"),
        ("check", "{pipe}", "--require", "dice >= 0"),
        ("check", "{folder}/report.json", "--config", "{pipe}"),
        ("check", "{folder}/report.json", "--baseline", "{pipe}"),
        ("compare", "{folder}/report.json", "{pipe}"),
        ("merge", "{pipe}"),
    ],
)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs here")
def test_a_pipe_that_nobody_writes_to_is_refused(
    command: tuple[str, ...], folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Opening it would wait for ever."""
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    assert main([word.format(folder=folder, pipe=pipe) for word in command]) in (2, 3)
    assert "is no regular file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "ending", [".nii", ".nii.gz", ".png", ".nrrd", ".mha", ".npz", ".img", ".par", ".head", ".mnc"]
)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs here")
def test_a_case_that_is_a_pipe_costs_a_case(ending: str, folder: Path, tmp_path: Path) -> None:
    """Reading it would wait for ever, and so would hashing it for the audit."""
    os.mkfifo(tmp_path / f"pipe{ending}")
    rows = f"case,prediction,reference\na,pipe{ending},{folder}/r/a.nii\nb,{folder}/p/b.nii,{folder}/r/b.nii\n"
    (tmp_path / "pairs.csv").write_text(rows)
    outputs = ["-o", str(tmp_path / "x.json"), "--provenance", str(tmp_path / "run.json")]
    assert main(["batch", "--manifest", str(tmp_path / "pairs.csv"), "--workers", "1", *outputs]) == 3
    assert [case["status"] for case in json.loads((tmp_path / "x.json").read_text())["cases"]] == ["error", "ok"]
    files = json.loads((tmp_path / "run.json").read_text())["files"]
    assert [Path(file["path"]).name for file in files if file["sha256"] is None] == [f"pipe{ending}"]


@pytest.mark.parametrize("bytes_long", [*range(240, 248), 251, 255])
def test_a_batch_with_a_long_name_has_a_journal_of_its_own(bytes_long: int, folder: Path, tmp_path: Path) -> None:
    """Up to 242 bytes it bears the whole name; above, names that begin alike must not share one."""
    names = ["x" * (bytes_long - 6) + f"{side}.json" for side in "ab"]
    for name in names:
        assert main(["batch", f"{folder}/p", f"{folder}/r", "--workers", "1", "-o", str(tmp_path / name)]) == 0
    journals = {path.name for path in tmp_path.iterdir()} - set(names)
    assert len(journals) == 2
    assert all(len(journal) <= LONGEST_NAME and journal.endswith(".journal") for journal in journals)
    if bytes_long <= 242:
        assert journals == {f"{name}.journal" for name in names}
    assert main(["batch", f"{folder}/p", f"{folder}/r", "--resume", "-o", str(tmp_path / names[0])]) == 0


def test_an_output_with_the_longest_name_there_is_can_be_written(folder: Path, tmp_path: Path) -> None:
    for name in ("x" * (LONGEST_NAME - 5) + ".json", "é" * ((LONGEST_NAME - 5) // 2) + ".json"):
        assert main(["score", f"{folder}/p/a.nii", f"{folder}/r/a.nii", "-o", str(tmp_path / name)]) == 0
        assert json.loads((tmp_path / name).read_text())["schema"] == "segeval/1"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("name", ["x" * 300, "a\\u0000b"])
def test_a_baseline_that_segeval_toml_names_so(
    name: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "segeval.toml"
    config.write_text(f'[check]\nbaseline = "{name}"\n')
    assert main(["check", f"{folder}/report.json", "--config", str(config)]) == 2
    assert "segeval.toml: baseline" in capsys.readouterr().err


@pytest.mark.parametrize("kind", BAD)
def test_a_manifest_that_names_such_files(
    kind: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = BAD[kind].format(folder=folder)
    if kind == "a folder":  # one of its own, as other tests write pictures into the shared one: masks by name
        bad = str(tmp_path / "folder")
        Path(bad).mkdir()
    rows = f"case,prediction,reference\na,{bad},{folder}/r/a.nii\nb,{folder}/p/b.nii,{folder}/r/b.nii\n"
    (tmp_path / "pairs.csv").write_text(rows, encoding="utf-8", errors="surrogatepass")
    code = main(["batch", "--manifest", str(tmp_path / "pairs.csv"), "--workers", "1", "-f", "json"])
    captured = capsys.readouterr()
    assert code == 3, captured.err
    assert "Traceback" not in captured.err
    if captured.out:  # a bad case costs one case
        cases = json.loads(captured.out)["cases"]
        assert [case["status"] for case in cases] == ["error", "ok"], captured.err
    else:
        assert "is no UTF-8 text" in captured.err


@pytest.mark.parametrize("target", ["segeval.toml", "nowhere", "file/inside"])
def test_rules_behind_a_link_that_leads_nowhere_are_not_left_out(
    target: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "segeval.toml").symlink_to(target)
    monkeypatch.chdir(tmp_path)
    assert main(["check", f"{folder}/report.json", "--require", "mean(dice) >= 0"]) == 2
    assert "segeval.toml" in capsys.readouterr().err


def test_an_audit_of_a_manifest_that_names_what_no_file_is_called(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = f"case,prediction,reference\na,a\0b.nii,{folder}/r/a.nii\nb,{folder}/p/b.nii,{folder}/r/b.nii\n"
    (tmp_path / "pairs.csv").write_text(rows)
    outputs = ["-o", str(tmp_path / "x.json"), "--provenance", str(tmp_path / "run.json")]
    assert main(["batch", "--manifest", str(tmp_path / "pairs.csv"), "--workers", "1", *outputs]) == 3
    assert "Traceback" not in capsys.readouterr().err
    assert [case["status"] for case in json.loads((tmp_path / "x.json").read_text())["cases"]] == ["error", "ok"]


def test_a_file_whose_name_is_no_text_is_in_every_output(folder: Path, tmp_path: Path) -> None:
    import pandas

    bad = tmp_path / "bad\udcff.nii"
    bad.write_bytes((folder / "p" / "a.nii").read_bytes())
    names = ["x.csv", "x.json", "x.md", "x.txt", "x.parquet"]
    outputs = [word for name in names for word in ("-o", str(tmp_path / name))]
    run = tmp_path / "run.json"
    assert main(["score", str(bad), f"{folder}/r/a.nii", *outputs, "--provenance", str(run)]) == 0
    digest = hashlib.sha256((tmp_path / "x.json").read_bytes()).hexdigest()
    assert json.loads(run.read_text())["results_sha256"] == digest
    assert set(pandas.read_parquet(tmp_path / "x.parquet")["case"]) == {"bad\\udcff"}


def test_asking_about_a_path_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_text("x")
    for text in (text.format(folder=tmp_path) for text in BAD.values()):
        path = Path(text)
        assert not is_file(path)
        assert not is_directory(path)
        assert not exists(path)
        assert isinstance(real(path), str)
    assert is_file(tmp_path / "file")
    assert is_directory(tmp_path)
    require_possible("x", tmp_path / "file")
    require_possible("x", tmp_path / "loop")
    assert len(beside(tmp_path / ("é" * 127), ".", ".part").name.encode()) <= LONGEST_NAME


def test_the_commands_are_those_of_the_package() -> None:
    assert all(hasattr(import_module(f"segeval.cli.{name}"), name) for name in _COMMANDS)
