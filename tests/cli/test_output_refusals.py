"""Outputs and options that cannot be: refused in a line, under the names of files as they are."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from bad_files import (
    GOOD_BYTES,
    Segeval,
    assert_refused,
    compressed_in_storage_order,
)

# Outputs


def test_a_directory_as_output_is_refused(folder: Path, segeval: Segeval) -> None:
    (folder / "out.json").mkdir()
    run = segeval("score", folder / "good.nii.gz", folder / "good.nii.gz", "-o", folder / "out.json")
    assert_refused(run, folder / "out.json", "is a directory", "name a file")
    assert list((folder / "out.json").iterdir()) == []


def test_an_output_in_a_missing_folder_is_refused(folder: Path, segeval: Segeval) -> None:
    run = segeval("score", folder / "good.nii.gz", folder / "good.nii.gz", "-o", folder / "missing" / "out.json")
    assert_refused(run, folder / "missing" / "out.json", "no folder", "create it")
    assert not (folder / "missing").exists()


def test_an_output_below_a_file_is_refused(folder: Path, segeval: Segeval) -> None:
    run = segeval("score", folder / "good.nii.gz", folder / "good.nii.gz", "-o", folder / "good.nii.gz" / "out.json")
    assert_refused(run, folder / "good.nii.gz" / "out.json")


def test_a_failed_run_leaves_an_older_output_as_it_was(folder: Path, segeval: Segeval) -> None:
    (folder / "out.json").write_text("yesterday")
    run = segeval("score", folder / "missing.nii.gz", folder / "good.nii.gz", "-o", folder / "out.json")
    assert_refused(run, folder / "missing.nii.gz")
    assert (folder / "out.json").read_text(encoding="utf-8") == "yesterday"


# Usage


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-o", "out.xyz"), ("out.xyz", ".json")),
        (("-o", "out"), ("out", ".csv")),
        (("--format", "xml"), ("xml", "table")),
        (("--no-such-option",), ("--no-such-option",)),
        (("third.nii.gz",), ("third.nii.gz",)),
        (("--metrics", "dyce"), ("dyce", "dice")),
        (("--metrics", "focal:gama=2"), ("gama", "gamma")),
        (("--metrics", "focal:gamma=x"), ("gamma", "x")),
        (("--metrics", ""), ("--metrics",)),
        (("--labels", "1,two"), ("1,two",)),
        (("--labels", ""), ("--labels",)),
        (("--region", "whole"), ("whole",)),
        (("--region", "whole=1+x"), ("1+x",)),
        (("--region", "mean=1"), ("mean",)),
        (("--region", "7=1"), ("7",)),
        (("--region", "a=1", "--region", "a=2"), ("'a'",)),
        (("--ignore-label", "x"), ("--ignore-label", "int")),
        (("--empty", "two"), ("two",)),
        (("--class-weights", "1"), ("1",)),
        (("--class-weights", "1=-2"), ("1=-2",)),
        (("--kind", "image"), ("image",)),
        (("--kind", "labels", "--clip"), ("--clip",)),
        (("--threshold", "nan"), ("--threshold",)),
        (("--scale", "0"), ("--scale",)),
        (("--tolerance", "-1"), ("--tolerance",)),
        (("--geometry", "maybe"), ("maybe",)),
        (("--class-axis", "3"), ("--class-axis",)),
        (("--class-axis", "-4"), ("--class-axis",)),
    ],
    ids=" ".join,
)
def test_a_usage_error_is_one_line_and_exit_2(
    options: tuple[str, ...], words: tuple[str, ...], folder: Path, segeval: Segeval, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    run = segeval("score", "good.nii.gz", "good.nii.gz", *options)
    assert_refused(run, words[0], *words, code=2)
    assert [entry.name for entry in folder.iterdir()] == ["good.nii.gz"]


@pytest.mark.parametrize(
    "arguments", [("score",), ("score", "good.nii.gz"), ("scor",), ("--no-such-option",)], ids=" ".join
)
def test_an_incomplete_command_is_exit_2(arguments: tuple[str, ...], segeval: Segeval) -> None:
    assert_refused(segeval(*arguments), "segeval", code=2)


def test_an_unknown_format_in_the_environment_is_exit_2(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from segeval.cli.app import main

    monkeypatch.setenv("SEGEVAL_FORMAT", "xml")
    code = main(["score", str(folder / "good.nii.gz"), str(folder / "good.nii.gz")])
    captured = capsys.readouterr()
    assert (code, captured.out) == (2, "")
    assert "xml" in captured.err


@pytest.mark.parametrize("name", ["good.nii.gz", "link.json", "names.json"])
def test_an_output_that_would_overwrite_an_input_is_exit_2(
    name: str, folder: Path, segeval: Segeval, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    Path("link.json").symlink_to("good.nii.gz")
    Path("names.json").write_text('{"liver": 1}')
    run = segeval("score", "good.nii.gz", "good.nii.gz", "--labels", "names.json", "-o", name)
    assert_refused(run, name, code=2)
    assert Path("names.json").read_text(encoding="utf-8") == '{"liver": 1}'
    assert Path("good.nii.gz").read_bytes() == compressed_in_storage_order(GOOD_BYTES)


# Names of files

NAMES = {
    "two words": "two words.nii.gz",
    "unicode": "Hölle 肝臓 🫀.nii.gz",
    "markup": "[red]a[bold] [b.nii.gz",
    "a leading dash": "-o.nii.gz",
    "a percent sign and braces": "%s {0}.nii.gz",
    "a newline": "two\nlines.nii.gz",
    "a carriage return": "two\rlines.nii.gz",
    "an escape sequence": "\x1b[31mred\x1b[0m.nii.gz",
    "bytes that are no UTF-8": b"caf\xe9.nii.gz".decode("utf-8", "surrogateescape"),
}


SHOWN = {
    "a newline": "two\\nlines.nii.gz",
    "a carriage return": "two\\rlines.nii.gz",
    "an escape sequence": "\\x1b[31mred\\x1b[0m.nii.gz",
    "bytes that are no UTF-8": "caf\\udce9.nii.gz",
}


@pytest.mark.parametrize("kind", list(NAMES))
def test_an_error_shows_the_file_name_as_it_is(
    kind: str, folder: Path, segeval: Segeval, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    run = segeval("score", "--", NAMES[kind], "good.nii.gz")
    assert_refused(run, SHOWN.get(kind, NAMES[kind]), "no such file")
    with suppress(OSError):
        Path(NAMES[kind]).write_bytes(GOOD_BYTES[:-1])
    run = segeval("score", "--", "good.nii.gz", NAMES[kind])
    assert_refused(run, SHOWN.get(kind, NAMES[kind]), "again")


@pytest.mark.parametrize("kind", list(NAMES))
def test_the_table_shows_the_file_name_as_it_is_on_one_line(
    kind: str, folder: Path, segeval: Segeval, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    Path(NAMES[kind]).write_bytes(GOOD_BYTES)
    run = segeval("score", "--metrics", "dice", "--", NAMES[kind], "good.nii.gz")
    assert run.code == 0
    assert run.err == ""
    assert f"prediction {SHOWN.get(kind, NAMES[kind])}\n" in run.out


@pytest.mark.parametrize("kind", list(NAMES))
def test_json_and_csv_hold_the_file_name_as_it_is(
    kind: str, folder: Path, segeval: Segeval, monkeypatch: pytest.MonkeyPatch
) -> None:
    import csv
    import io
    import json

    monkeypatch.chdir(folder)
    name = NAMES[kind]
    Path(name).write_bytes(GOOD_BYTES)
    run = segeval("score", "--metrics", "dice", "--format", "json", "-o", "out.json", "--", name, "good.nii.gz")
    assert run.code == 0
    assert run.json["cases"][0]["prediction"] == name
    assert run.json["cases"][0]["case"] == name.removesuffix(".nii.gz")
    written = json.loads(Path("out.json").read_text(encoding="utf-8"))
    assert written["cases"][0]["prediction"] == name
    run = segeval("score", "--metrics", "dice", "--format", "csv", "--", name, "good.nii.gz")
    shown = SHOWN.get(kind, name).removesuffix(".nii.gz")
    cases = {row["case"] for row in csv.DictReader(io.StringIO(run.out, newline=""))}
    assert cases == {"'" + shown if shown[0] in "=+-@" else shown}
