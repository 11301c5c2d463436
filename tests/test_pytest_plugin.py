"""The pytest plugin: an assertion whose failure is the table of the case."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest

from segeval.errors import UnreadableFile, UsageError
from segeval.pytest_plugin import assert_segmentation

SAMPLES = Path(__file__).parents[1] / "sample_data"
PAIR = (SAMPLES / "prediction.nii.gz", SAMPLES / "reference.nii.gz")
LABELS = SAMPLES / "labels.json"

TESTS = f"""
from segeval.pytest_plugin import assert_segmentation as check

PAIR = ({str(PAIR[0])!r}, {str(PAIR[1])!r})

def test_good(assert_segmentation):
    assert_segmentation(*PAIR, {{"liver.dice": ">= 0.9"}}, labels={str(LABELS)!r})

def test_bad():
    check(*PAIR, {{"liver.dice": ">= 0.9", "tumor.dice": ">= 0.9"}}, labels={str(LABELS)!r}, metrics="dice,iou")
"""


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """pytest in a process of its own, where the plugin is there through its entry point only."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--color=no", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8")


def test_the_entry_point_is_the_plugin() -> None:
    (found,) = entry_points(group="pytest11", name="segeval")
    assert found.value == "segeval.pytest_plugin"


def test_a_failure_shows_the_broken_rule_and_the_table_and_no_source_of_segeval(tmp_path: Path) -> None:
    (tmp_path / "test_model.py").write_text(TESTS)
    done = run_pytest(tmp_path, "-W", "error")
    assert done.returncode == 1, done.stderr
    assert "1 failed, 1 passed" in done.stdout
    assert "tumor.dice >= 0.9: expected every case >= 0.9, got 0.5931" in done.stdout
    assert "liver.dice >= 0.9: expected" not in done.stdout
    assert "E       5 tumor" in done.stdout
    assert "0.4216" in done.stdout
    assert "signature" not in done.stdout
    assert "segeval:0" in done.stdout  # the signature
    assert "pytest_plugin.py" not in done.stdout


def test_the_fixture_is_listed(tmp_path: Path) -> None:
    (tmp_path / "test_model.py").write_text("")
    assert "assert_segmentation" in run_pytest(tmp_path, "--fixtures").stdout


def test_loading_the_plugin_is_light() -> None:
    code = "import sys, segeval.pytest_plugin; print({'numpy', 'rich', 'lark', 'nibabel', 'pandas'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "set()"


def test_arrays_and_their_options() -> None:
    reference = np.zeros((6, 5), int)
    reference[1:4, 1:4] = 3
    prediction = np.roll(reference, 1, axis=0)
    rules = {"lesion.dice": ">= 0.6", "dice": "< 1", "mean(iou)": "> 0.4", "failed": "== 0"}
    assert_segmentation(prediction, reference, rules, labels={"lesion": 3})
    with pytest.raises(AssertionError) as caught:
        assert_segmentation(prediction, reference, {"lesion.dice": ">= 0.7"}, labels={"lesion": 3}, metrics="dice")
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("lesion.dice >= 0.7: expected every case >= 0.7, got 0.66")
    assert any(line.split() == ["3", "lesion", "0.6667"] for line in lines)


def test_an_undefined_value_fails_unless_the_rule_allows_it() -> None:
    nothing = np.zeros((3, 3), int)
    with pytest.raises(AssertionError, match="undefined"):
        assert_segmentation(nothing, nothing, {"1.dice": ">= 0.9"}, labels=[1])
    assert_segmentation(nothing, nothing, {"1.dice": ">= 0.9, undefined ok"}, labels=[1])


def test_what_cannot_be_asserted_is_an_error_of_its_own() -> None:
    array = np.zeros((3, 3), int)
    with pytest.raises(UsageError, match="there is no rule"):
        assert_segmentation(array, array, {})
    with pytest.raises(UsageError, match="give two paths or two arrays"):
        assert_segmentation(array, PAIR[1], {"dice": "> 0"})
    with pytest.raises(UsageError, match="dise"):
        assert_segmentation(*PAIR, {"dise": "> 0"})
    with pytest.raises(UsageError, match="column"):
        assert_segmentation(*PAIR, {"dice": "about 1"})
    with pytest.raises(UnreadableFile):
        assert_segmentation("none.nii.gz", PAIR[1], {"dice": "> 0"})
