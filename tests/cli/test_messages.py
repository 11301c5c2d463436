"""Messages as a table: what is wrong, where, and what to do. Volumes have a table of their own in test_bad_input.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

LABELS = (np.arange(60).reshape(5, 4, 3) % 3).astype(np.uint8)
SCORE = ("score", "v.nii", "v.nii", "--metrics", "dice")
CHECK = ("check", "results.json")


@dataclass(frozen=True)
class Message:
    """A problem: files that make it, the command that meets it, and words for where, what and what to do."""

    problem: str
    files: dict[str, str]
    command: tuple[str, ...]
    where: str
    what: str
    advice: str
    code: int = 3


TABLE = [
    # label files
    Message("no label file", {}, (*SCORE, "--labels", "x.json"), "x.json", "cannot be read", "name a label file"),
    Message("an empty label file", {"x.json": " "}, (*SCORE, "--labels", "x.json"), "x.json", "is empty",
            "name a label file"),
    Message("a damaged label file", {"x.json": '{"liver": 1'}, (*SCORE, "--labels", "x.json"), "x.json",
            "not valid JSON", "correct it"),
    Message("a name for two labels", {"x.tsv": "index\tname\n1\ta\n2\ta\n"}, (*SCORE, "--labels", "x.tsv"), "x.tsv",
            "stands for two labels, 1 and 2", "give each its own"),
    Message("a label that is no number", {"x.json": '{"liver": "one"}'}, (*SCORE, "--labels", "x.json"), "x.json",
            "not a label value", "write an integer"),
    Message("nothing but background", {"x.json": '{"background": 0}'}, (*SCORE, "--labels", "x.json"), "x.json",
            "no label other than background", "add the labels"),
    # pairing
    Message("no such folder", {}, ("batch", "p", "r"), "p", "no such folder", "check the path"),
    Message("a file for a folder", {}, ("batch", "v.nii", "v.nii"), "v.nii", "is a file", "segeval score"),
    Message("no manifest", {}, ("batch", "--manifest", "m.csv"), "m.csv", "no such file", "check the path"),
    Message("a manifest without a column", {"m.csv": "case,prediction\na,v.nii\n"}, ("batch", "--manifest", "m.csv"),
            "m.csv", "lacks the column reference", "its first line is"),
    Message("a manifest without a case", {"m.csv": "case,prediction,reference\n"}, ("batch", "--manifest", "m.csv"),
            "m.csv", "lists no case", "write one line per case"),
    Message("a case twice", {"m.csv": "case,prediction,reference\na,v.nii,v.nii\na,v.nii,v.nii\n"},
            ("batch", "--manifest", "m.csv"), "m.csv", "lines 2 and 3", "a case of its own"),
    Message("an open quote", {"m.csv": 'case,prediction,reference\n"a,v.nii,v.nii\n'}, ("batch", "--manifest", "m.csv"),
            "m.csv", "no CSV", "check its quotes"),
    Message("a manifest in another encoding", {"m.csv": "case,prediction,reference\n\udcff,v.nii,v.nii\n"},
            ("batch", "--manifest", "m.csv"), "m.csv", "no UTF-8", "save it as CSV in UTF-8"),
    Message("a shard that is none", {}, ("batch", "p", "r", "--shard", "5/4"), "--shard '5/4'", "which part",
            "like 3/16", 2),
    Message("resuming nothing", {}, ("batch", "p", "r", "--resume"), "--resume", "journal", "with -o", 2),
    # results
    Message("no results", {}, ("check", "x.json", "--require", "dice >= 0"), "x.json", "no such file",
            "check the path"),
    Message("results that are none", {"x.json": "{}"}, ("merge", "x.json"), "x.json", "is no report",
            "give the .json output"),
    Message("damaged results", {"x.json": '{"schema": 1'}, ("merge", "x.json"), "x.json", "is no JSON",
            "give the .json output"),
    Message("one report compared", {}, ("compare", "results.json"), "1 report", "given",
            "one or more to compare with it", 2),
    # rules and baselines
    Message("no configuration", {}, (*CHECK, "--config", "x.toml"), "x.toml", "no such file", "check the path", 2),
    Message("rules that are no TOML", {"x.toml": "[check"}, (*CHECK, "--config", "x.toml"), "x.toml", "is no TOML",
            "correct it", 2),
    Message("an unknown setting", {"x.toml": '[check]\nrequired = ["dice >= 0"]\n'}, (*CHECK, "--config", "x.toml"),
            "x.toml", "no setting check.required", "did you mean require", 2),
    Message("a setting of another type", {"x.toml": "[check]\nsignificant = 1\n"}, (*CHECK, "--config", "x.toml"),
            "x.toml", "significant = 1", "write true or false", 2),
    Message("a rule without a quantity", {}, (*CHECK, "--require", "dyce >= 0.5"), "dyce", "no quantity",
            "did you mean dice", 2),
    Message("no baseline", {}, (*CHECK, "--baseline", "b.json"), "b.json", "no such file", "check the path"),
    Message("results for a baseline", {}, (*CHECK, "--baseline", "results.json", "--max-drop", "dice=0.1"),
            "results.json", "schema", "--update-baseline"),
    Message("a damaged baseline", {"b.json": "["}, (*CHECK, "--baseline", "b.json", "--max-drop", "dice=0.1"), "b.json",
            "is no JSON", "--update-baseline"),
    # outputs and limits
    Message("an ending that says no format", {}, (*SCORE, "-o", "x.doc"), "x.doc", "ending says the format",
            "known are .txt, .csv, .json", 2),
    Message("an output over an input", {}, (*SCORE, "-o", "results.json", "--labels", "results.json"), "results.json",
            "would be overwritten", "name another file", 2),
    Message("an output in no folder", {}, (*SCORE, "-o", "no/x.json"), "no/x.json", "there is no folder", "create it"),
    Message("a provenance of another format", {}, (*SCORE, "--provenance", "x.csv"), "x.csv", "it is JSON",
            "ends in .json", 2),
    Message("a size that is none", {}, (*SCORE, "--max-memory", "lots"), "--max-memory 'lots'", "write a size",
            "like 4G", 2),
]  # fmt: skip


@pytest.mark.parametrize("message", TABLE, ids=lambda message: message.problem)
def test_a_message_names_file_problem_and_what_to_do(
    message: Message, tmp_path: Path, nifti: Callable[..., Path], segeval: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    nifti("v.nii", LABELS)
    monkeypatch.chdir(tmp_path)
    assert segeval(*SCORE, "-o", "results.json").code == 0
    for name, content in message.files.items():
        Path(name).write_bytes(content.encode("utf-8", "surrogateescape"))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    run = segeval(*message.command)
    assert (run.code, run.out) == (message.code, "")
    assert run.err.startswith("segeval: ")
    assert run.err.count("\n") == 1
    for words in (message.where, message.what, message.advice):
        assert words in run.err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_table_holds_every_command_that_reads_files() -> None:
    assert {message.command[0] for message in TABLE} == {"score", "batch", "merge", "check", "compare"}
