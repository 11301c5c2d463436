"""Whatever a user names in a file is used, refused, or told to be of no use: never left out without a word."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
SAMPLE = Path(__file__).parents[2] / "sample_data"
PAIR = (SAMPLE / "prediction.nii.gz", SAMPLE / "reference.nii.gz")


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, segeval: Run) -> Path:
    """A batch of two cases, its report and its baseline, in the current folder."""
    monkeypatch.chdir(tmp_path)
    for side, path in zip("pr", PAIR, strict=True):
        Path(side).mkdir()
        for case in ("a", "b"):
            shutil.copyfile(path, f"{side}/{case}.nii.gz")
    labels = ("--labels", SAMPLE / "labels.json")
    assert segeval("batch", "p", "r", *labels, "--metrics", "dice,iou", "--hash", "-o", "x.json").code == 0
    assert segeval("check", "x.json", "--baseline", "base.json", "--update-baseline").code == 0
    return tmp_path


def edit(path: str, before: str, after: str) -> None:
    text = Path(path).read_text(encoding="utf-8")
    assert before in text
    Path(path).write_text(text.replace(before, after, 1), encoding="utf-8")


ROW = '{"case": "a", "label": 1, "name": "'
BASELINES = {
    "a value twice in a row": (ROW, '{"dice": 0.5, ' + ROW[1:], "the key 'dice' is there twice, with two values"),
    "a case twice in a row": (ROW, '{"case" : "c", ' + ROW[1:], "the key 'case' is there twice"),
    "an unknown key": ('"regions": {}', '"regions": {},\n"weights": {"a": 2}', "unknown field `weights`"),
    "a key of the head twice": ('"regions": {}', '"regions": {},\n"regions": {"x": [1]}', "the key 'regions' is there"),
    "a hash of no case": ('"sha256": {\n', '"sha256": {\n"z": {"prediction": "1", "reference": "2"},\n', "names z, of"),
    "two names of a label": (ROW + "liver", ROW + "river", "label 1 has two names, "),
}


@pytest.mark.parametrize("kind", BASELINES)
@pytest.mark.usefixtures("study")
def test_a_baseline_is_read_to_the_last_key(kind: str, segeval: Run) -> None:
    before, after, words = BASELINES[kind]
    assert segeval("check", "x.json", "--baseline", "base.json").code == 0
    edit("base.json", before, after)
    run = segeval("check", "x.json", "--baseline", "base.json")
    assert (run.code, run.err.count("\n")) == (3, 1)
    assert run.err.startswith("segeval: base.json: the baseline is damaged (")
    assert words in run.err


@pytest.mark.parametrize("laid_out", [True, False])
@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ('"dice": ', '"dice": 0.125, "dice": ', "dice"),
        ('"case": "b"', '"case": "z", "case": "b"', "case"),
        ('"status": "ok"', '"status": "error", "status": "ok"', "status"),
        ('"empty": "nan"', '"empty": "one", "empty": "nan"', "empty"),
    ],
)
@pytest.mark.usefixtures("study")
def test_a_report_has_no_key_twice(before: str, after: str, key: str, laid_out: bool, segeval: Run) -> None:
    edit("x.json", before, after)
    if not laid_out:
        Path("x.json").write_text(Path("x.json").read_text().replace("\n", " "))
    for command in (
        ("check", "x.json", "--require", "mean(dice) >= 0"),
        ("merge", "x.json"),
        ("compare", "x.json", "x.json"),
    ):
        run = segeval(*command)
        assert run.code == 3
        assert f"the key '{key}' is there twice, with two values" in run.err


@pytest.mark.parametrize("nan", ["NaN", "Infinity"])
@pytest.mark.usefixtures("study")
def test_what_is_no_json_but_is_written_by_others_is_taken_from_reports(nan: str, segeval: Run) -> None:
    """Python's json and pandas write it; a baseline is segeval's alone, and refuses it."""
    edit("x.json", '"settings": {', f'"settings": {{"note": {nan}, ')
    assert segeval("check", "x.json", "--require", "mean(dice) >= 0").code == 0


@pytest.mark.usefixtures("study")
def test_a_key_twice_with_one_value_leaves_nothing_out(segeval: Run) -> None:
    edit("x.json", '"status": "ok"', '"status": "ok", "status": "ok"')
    assert segeval("check", "x.json", "--require", "mean(dice) >= 0").code == 0


@pytest.mark.usefixtures("study")
def test_rules_that_another_file_stands_before_are_named(segeval: Run) -> None:
    Path("pyproject.toml").write_text('[tool.segeval.check]\nrequire = ["mean(dice) >= 2"]\n')
    assert segeval("check", "x.json").code == 1
    Path("segeval.toml").write_text('[check]\nrequire = ["mean(dice) >= 0"]\n')
    run = segeval("check", "x.json")
    assert run.code == 0
    words = "pyproject.toml: its [tool.segeval] is not used, because there is a segeval.toml"
    assert words in run.err
    Path("pyproject.toml").write_text("[tool.segeval.chek]\nrequire = []\n")
    assert words in segeval("check", "x.json").err  # whatever it holds, nobody reads it
    Path("pyproject.toml").write_text("[tool.ruff]\n")
    assert "not used" not in segeval("check", "x.json").err
    Path("pyproject.toml").write_text("no TOML at all")
    assert "not used" not in segeval("check", "x.json").err


@pytest.mark.parametrize("by_file", [True, False])
@pytest.mark.usefixtures("study")
def test_what_may_change_is_said_of_a_baseline(by_file: bool, segeval: Run) -> None:
    if by_file:
        Path("segeval.toml").write_text('[check]\nallow_changed = ["cases"]\n')
    options = () if by_file else ("--allow-changed", "cases")
    run = segeval("check", "x.json", "--require", "mean(dice) >= 0", *options)
    assert run.code == 2
    assert "--allow-changed compare with a baseline; name it with --baseline" in run.err


@pytest.mark.parametrize("option", ["--max-drop", "--max-case-drop"])
@pytest.mark.usefixtures("study")
def test_a_tolerance_is_read_where_a_baseline_is_written_too(option: str, segeval: Run) -> None:
    run = segeval("check", "x.json", "--baseline", "new.json", "--update-baseline", option, "dice=much")
    assert (run.code, Path("new.json").exists()) == (2, False)
    assert "tolerance 'much': write a number of at least 0" in run.err


@pytest.mark.parametrize("option", ["--max-drop", "--max-case-drop"])
@pytest.mark.parametrize("by_file", [True, False])
@pytest.mark.parametrize("key", ["nothing", "kidney.dice", "hd95", "ref_voxels"])
@pytest.mark.usefixtures("study")
def test_a_drop_of_what_there_is_not_is_refused_where_a_baseline_is_written_too(
    key: str, by_file: bool, option: str, segeval: Run
) -> None:
    options = () if by_file else (option, f"{key}=0.1")
    if by_file:
        Path("segeval.toml").write_text(f'[check]\n{option[2:].replace("-", "_")} = {{"{key}" = "0.1"}}\n')
    compared = segeval("check", "x.json", "--baseline", "base.json", *options)
    written = segeval("check", "x.json", "--baseline", "new.json", "--update-baseline", *options)
    assert (written.code, written.err, written.out) == (compared.code, compared.err, compared.out)
    assert (compared.code, Path("new.json").exists()) == (2, False)


@pytest.mark.parametrize("option", ["--max-drop", "--max-case-drop"])
@pytest.mark.usefixtures("study")
def test_a_drop_that_can_be_checked_hinders_no_baseline(option: str, segeval: Run) -> None:
    for key in ("dice", "liver.dice", "1.iou"):
        run = segeval("check", "x.json", "--baseline", "new.json", "--update-baseline", option, f"{key}=1%")
        assert (run.code, Path("new.json").read_bytes()) == (0, Path("base.json").read_bytes())


@pytest.mark.usefixtures("study")
def test_tabs_behind_a_row_of_a_label_file_name_nothing(segeval: Run) -> None:
    Path("dseg.tsv").write_text("index\tname\n1\tliver\t\n2\tspleen\t \n")
    assert segeval("score", *PAIR, "--labels", "dseg.tsv").code == 0


LABEL_FILES = {
    "a cell too many": ("dseg.tsv", "index\tname\n1\tliver\tred\n", "line 2 has 3 cells under 2 titles"),
    "two indices": ("dseg.tsv", "index\tname\tindex\n1\tliver\t2\n", "the column 'index' is there twice"),
    "two names": ("dseg.tsv", "name\tindex\tname\nliver\t1\tspleen\n", "the column 'name' is there twice"),
    **{
        f"{key} beside nnU-Net's labels": (
            "dataset.json",
            json.dumps({"labels": {"background": 0, "liver": 1}, key: value}),
            f"nobody reads '{key}' beside nnU-Net's 'labels'",
        )
        for key, value in (("ignore", 4), ("ignore_label", 4), ("regions", {"all": [1]}))
    },
}


@pytest.mark.parametrize("kind", LABEL_FILES)
def test_a_label_file_is_read_to_the_last_cell(kind: str, tmp_path: Path, segeval: Run) -> None:
    name, text, words = LABEL_FILES[kind]
    (tmp_path / name).write_text(text)
    run = segeval("score", *PAIR, "--labels", tmp_path / name)
    assert (run.code, run.err.count("\n")) == (3, 1)
    assert words in run.err


def test_what_nnunet_itself_writes_beside_the_labels_is_no_trouble(tmp_path: Path, segeval: Run) -> None:
    """Of its documentation, dataset_format.md, and of the data sets that it converts."""
    about = {
        "channel_names": {"0": "CT"}, "modality": {"0": "CT"}, "numTraining": 32, "file_ending": ".nii.gz", "name": "x",
        "description": "y", "reference": "z", "licence": "CC", "release": "1.0", "regions_class_order": [1, 2],
        "overwrite_image_reader_writer": "SimpleITKIO", "training": [], "test": [], "dataset": {}, "mean": float("nan"),
    }  # fmt: skip
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "liver": 1}, **about}))
    assert segeval("score", *PAIR, "--labels", tmp_path / "dataset.json").code == 0
