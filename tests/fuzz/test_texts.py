"""Damaged label files, manifests, rules, reports and baselines: read as they are, or refused in a line of words."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segeval import evaluate_arrays
from segeval.gates.baseline_files import read_baseline, scores_of, write_baseline
from segeval.gates.config import read_config
from segeval.pairing.manifest import read_manifest
from segeval.readers.label_files import read_label_file
from segeval.reports.report_files import read_report

NNUNET = {
    "channel_names": {"0": "CT"},
    "labels": {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "active": 3, "ignore": 4},
    "numTraining": 3,
    "regions_class_order": [1, 2, 3],
    "file_ending": ".nii.gz",
}
LABEL_FILES: dict[str, bytes] = {
    "dataset.json": json.dumps(NNUNET).encode(),
    "plain.json": b'{"liver": 1, "spleen": 2, "lesions": [3, 4], "5": "bone"}'.replace(b', "5": "bone"', b""),
    "names.toml": b'liver = 1\nspleen = 2\n"left kidney" = 3\nboth = [1, 2]\n',
    "colours.toml": b'road = "#804080"\nignore = "#FF00ff"\n"the sky" = "#4682b4"\nbackground = "#000000"\n',
    "colours.json": b'{"7": "#804080", "0": "#000000", "12": "#4682b4"}',
    "dseg.tsv": b"index\tname\tabbreviation\n0\tbackground\tBG\n1\tliver\tL\n2\tspleen\tn/a\n",
    "snap.txt": b'# ITK-SnAP\n    0     0    0    0        0  0  0    "Clear Label"\n'
    b'    1   255    0    0        1  1  1    "liver"\n    2     0  255    0        1  1  1    "left lung"\n',
    "lut.ctab": b"#No. Label Name: R G B A\n\n0 Unknown 0 0 0 0\n1 Left-Liver 25 5 25 0\n2 Spleen 245 245 245 0\n",
}
MANIFEST = b'case,prediction,reference\na,p/a.nii.gz,r/a.nii.gz\nb,"p/b, too.nii.gz",r/b.nii.gz\nc,,r/c.nii.gz\n'
RULES = (
    b'[check]\nrequire = ["mean(dice) >= 0.8", "p10(1.dice) > 0.5, undefined ok", "count(dice < 0.2) <= 3"]\n'
    b'warn = ["undefined(2.dice) <= 2"]\nbaseline = "base.json"\n'
    b'max_drop = {dice = "0.01", iou = "1%"}\nsignificant = true\n'
    b'tolerate_errors = 1\nallow_changed = ["labels"]\n'
)


def fuzz(judge: Any, path: Path, content: bytes, read: Callable[[Path], Any], count: int, seed: int) -> int:
    """Read damaged versions of a file; how many had another meaning than the file itself."""
    changed = 0
    path.write_bytes(content)
    whole = repr(read(path))
    for random in judge.inputs(seed, count):
        judge.write(path, judge.damaged(content, random, text=True))
        found = judge.answer(lambda: read(path), path)
        same = _meaning(path) == _meaning_of(path.suffix, content)
        assert not (same and found is not None and repr(found) != whole), path.read_bytes()
        changed += found is not None and repr(found) != whole
    return changed


def _meaning(path: Path) -> object:
    return _meaning_of(path.suffix, path.read_bytes())


def _meaning_of(ending: str, content: bytes) -> object:
    """What an independent parser reads; the bytes themselves where there is none, or it refuses."""
    try:
        if ending == ".json":
            return json.dumps(json.loads(content))
        if ending == ".toml":
            return repr(tomllib.loads(content.decode()))
    except (ValueError, RecursionError):
        pass
    return content


@pytest.mark.parametrize("name", list(LABEL_FILES))
def test_label_files(name: str, judge: Any, tmp_path: Path) -> None:
    fuzz(judge, tmp_path / name, LABEL_FILES[name], read_label_file, 2000, 11)
    assert judge.outcomes["refused"] > 100
    assert judge.outcomes["result"] > 100


def test_manifests(judge: Any, tmp_path: Path) -> None:
    fuzz(judge, tmp_path / "cases.csv", MANIFEST, read_manifest, 3000, 12)
    assert judge.outcomes["refused"] > 100
    assert judge.outcomes["result"] > 100


CELLS = st.sampled_from(["", " ", "a", "b", "p.nii", '"r,1.nii"'])


@given(
    rows=st.lists(st.lists(CELLS, max_size=5), max_size=6), columns=st.permutations(["case", "prediction", "reference"])
)
def test_no_row_of_a_manifest_is_passed_over(
    rows: list[list[str]], columns: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "rows.csv"
    path.write_text("\n".join([",".join(columns), *map(",".join, rows)]) + "\n")
    written = [row for row in rows if any(cell.strip() for cell in row)]
    if not written:
        return
    found = read_manifest(path)
    said = " ".join((*found.ambiguous, *found.duplicates))
    cases: dict[str, int] = {}
    for number, row in enumerate(rows, 2):
        if not any(cell.strip() for cell in row):
            continue
        values = dict(zip(columns, (cell.strip().strip('"') for cell in row), strict=False))
        if len(row) == 3 and values["case"] and values["reference"]:
            cases[values["case"]] = cases.get(values["case"], 0) + 1
        else:
            assert f"line {number} of rows.csv" in said
    once = {case for case, count in cases.items() if count == 1}
    assert {pair.case for pair in (*found.pairs, *found.missing)} == once
    assert len(found.duplicates) == len(cases) - len(once)
    assert found.extra == ()


@pytest.mark.parametrize("name", ["dseg.tsv", "snap.txt", "lut.ctab"])
def test_no_row_of_a_label_file_is_passed_over(name: str, judge: Any, tmp_path: Path) -> None:
    """A field, or part of a line, is taken away: what is read holds every label whose line still begins with one."""
    lines = LABEL_FILES[name].decode().splitlines()
    path = tmp_path / name
    for random in judge.inputs(17, 600):
        damaged = list(lines)
        number = random.randrange(1, len(lines))
        fields = damaged[number].split("\t" if name == "dseg.tsv" else None)
        for _ in range(random.randint(1, 3)):
            if fields:
                fields.pop(random.randrange(len(fields)))
        damaged[number] = ("\t" if name == "dseg.tsv" else " ").join(fields)
        judge.write(path, ("\n".join(damaged) + "\n").encode())
        choice = judge.answer(lambda: read_label_file(path), path)
        if choice is None:
            continue
        wanted = [line.split()[0] for line in damaged[1:] if line.split() and not line.startswith("#")]
        assert {0, *(choice.values or ())} >= {int(text) for text in wanted}, path.read_text()
    assert judge.outcomes["refused"] > 50
    assert judge.outcomes["result"] > 20 or name == "snap.txt"  # whose lines are whole or refused


def test_rules(judge: Any, tmp_path: Path) -> None:
    path = tmp_path / "segeval.toml"
    path.write_bytes(RULES)
    fuzz(judge, path, RULES, read_config, 3000, 13)
    assert judge.outcomes["usage"] > 100
    assert judge.outcomes["result"] > 100


@pytest.fixture(scope="module")
def report() -> Any:
    """A report of two labels and a region, as a batch would have it."""
    reference = (np.arange(60).reshape(5, 4, 3) % 3).astype(np.uint8)
    return evaluate_arrays(np.roll(reference, 1), reference, regions={"both": [1, 2]}, metrics="dice,iou,ce")


def test_reports_and_baselines(report: Any, judge: Any, tmp_path: Path) -> None:
    fuzz(
        judge, tmp_path / "report.json", report.to_json().encode(), lambda path: scores_of(read_report(path)), 3000, 14
    )
    baseline = tmp_path / "base.json"
    write_baseline(report, baseline)
    fuzz(judge, baseline, baseline.read_bytes(), read_baseline, 3000, 15)
    assert judge.outcomes["refused"] > 500
    assert judge.outcomes["result"] > 100


def test_commands_over_damaged_texts(
    report: Any, judge: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], nifti: Callable[..., Path]
) -> None:
    """The same through the command line, where exit codes and stderr are."""
    volume = nifti("v.nii", (np.arange(60).reshape(5, 4, 3) % 3).astype(np.uint8))
    results = tmp_path / "results.json"
    results.write_text(report.to_json())
    base = tmp_path / "input.base.json"
    write_baseline(report, base)
    rules = b'[check]\nrequire = ["mean(dice) >= 0"]\n'
    commands: list[tuple[str, bytes, Callable[[Path], list[object]]]] = [
        *((f"input.{name}", content, lambda path: ["score", volume, volume, "--metrics", "dice", "--labels", path])
          for name, content in LABEL_FILES.items()),
        ("input.csv", MANIFEST, lambda path: ["batch", "--manifest", path, "--dry-run"]),
        ("input.toml", rules, lambda path: ["check", results, "--config", path]),
        ("input.report.json", results.read_bytes(), lambda path: ["merge", path]),
        ("input.base.json", base.read_bytes(),
         lambda path: ["check", results, "--baseline", path, "--max-drop", "dice=0.1"]),
    ]  # fmt: skip
    for number, random in enumerate(judge.inputs(16, 1500)):
        name, content, arguments = commands[number % len(commands)]
        path = tmp_path / name
        judge.write(path, judge.damaged(content, random, text=True))
        judge.command(capsys, path, *arguments(path))
    assert judge.outcomes["exit 0"] > 100
    assert judge.outcomes["exit 3"] > 100


READERS = (read_label_file, read_manifest, read_config, read_report, read_baseline)
NAMES = ("any.json", "any.toml", "any.tsv", "any.txt", "any.ctab", "any.csv")
CONTENTS = st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass"))


@given(read=st.sampled_from(READERS), name=st.sampled_from(NAMES), content=CONTENTS)
def test_any_bytes_at_all_are_no_traceback(
    read: Callable[[Path], Any], name: str, content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Bytes of hypothesis' own invention, which it makes small before it shows them."""
    from segeval.errors import SegevalError

    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(content)
    try:
        read(path)
    except SegevalError as refusal:
        assert str(path) in str(refusal)
