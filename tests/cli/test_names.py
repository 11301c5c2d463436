"""Wherever a quantity is named, a word that is none is answered with the name that is meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segeval import SegevalError, evaluate, evaluate_arrays
from segeval.pytest_plugin import assert_segmentation

LABELS = (np.arange(60).reshape(5, 4, 3) % 3).astype(np.uint8)
CHECK = ("check", "results.json")
BASELINE = (*CHECK, "--baseline", "base.json")

COMMANDS = {
    "score": ("score", "v.nii", "v.nii", "--metrics", "dice,jaccard"),
    "batch": ("batch", "p", "r", "--metrics", "jaccard:x=1"),
    "a rule": (*CHECK, "--require", "mean(1.jaccard) >= 0.9"),
    "a rule of each case": (*CHECK, "--require", "jaccard >= 0.9"),
    "a warning": (*CHECK, "--warn", "count(jaccard < 0.5) <= 2"),
    "a rule before scoring": ("check", "p", "r", "--require", "p5(jaccard) >= 0.9"),
    "metrics before scoring": ("check", "p", "r", "--require", "dice >= 0.9", "--metrics", "jaccard"),
    "a rule of the configuration": (*CHECK, "--config", "rules.toml"),
    "a drop": (*BASELINE, "--max-drop", "jaccard=0.01"),
    "a drop of a label": (*BASELINE, "--max-drop", "1.jaccard=1%"),
    "a drop of a case": (*BASELINE, "--max-case-drop", "jaccard=0.01"),
    "a drop before scoring": ("check", "p", "r", "--baseline", "base.json", "--max-drop", "jaccard=0.01"),
    "a drop of the configuration": (*CHECK, "--config", "drops.toml"),
    "a comparison": ("compare", "results.json", "results.json", "--metrics", "jaccard"),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, nifti: Callable[..., Path], segeval: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A volume, two folders of it, its results, their baseline, and two configurations."""
    for name in ("v.nii", "p/a.nii", "r/a.nii"):
        nifti(name, LABELS)
    monkeypatch.chdir(tmp_path)
    assert segeval("score", "v.nii", "v.nii", "--metrics", "dice,iou", "-o", "results.json").code == 0
    assert segeval(*BASELINE, "--require", "dice >= 0", "--update-baseline").code == 0
    Path("rules.toml").write_text('[check]\nrequire = ["mean(jaccard) >= 0.9"]\n')
    Path("drops.toml").write_text('[check]\nbaseline = "base.json"\nmax_drop = {"1.jaccard" = "0.01"}\n')


@pytest.mark.parametrize("command", COMMANDS.values(), ids=list(COMMANDS))
def test_a_synonym_is_answered_wherever_a_quantity_is_named(command: tuple[str, ...], segeval: Any) -> None:
    run = segeval(*command)
    assert (run.code, run.out) == (2, "")
    assert run.err.count("\n") == 1
    assert "jaccard" in run.err
    assert "; did you mean iou?" in run.err


@pytest.mark.parametrize(
    ("word", "name"),
    [("recall", "sensitivity"), ("f1", "dice"), ("dsc", "dice"), ("hausdorff", "hd"), ("precicion", "precision")],
)
def test_the_words_of_the_field_and_misspellings_are_answered(word: str, name: str, segeval: Any) -> None:
    assert f"'{word}'; did you mean {name}" in segeval("score", "v.nii", "v.nii", "--metrics", word).err
    assert f"'{word}'; did you mean {name}" in segeval(*CHECK, "--require", f"mean(1.{word}) >= 0.9").err


def test_a_quantity_that_the_results_lack_is_answered_too(segeval: Any) -> None:
    """``hd`` is meant, and nothing of what the results hold."""
    assert "did you mean hd?" in segeval(*BASELINE, "--max-drop", "hausdorff=1").err
    assert "there are dice, iou" in segeval(*BASELINE, "--max-drop", "frobnicate=1").err


@pytest.mark.parametrize(
    "call",
    [
        lambda: evaluate("v.nii", "v.nii", metrics="jaccard"),
        lambda: evaluate_arrays(LABELS, LABELS, metrics="jaccard"),
        lambda: assert_segmentation(LABELS, LABELS, {"1.jaccard": ">= 0.9"}),
    ],
    ids=["evaluate", "evaluate_arrays", "assert_segmentation"],
)
def test_a_synonym_is_answered_in_python(call: Callable[[], Any]) -> None:
    with pytest.raises(SegevalError, match=r"jaccard.*did you mean iou\?"):
        call()


def test_the_explanation_of_a_quantity_tells_its_other_names(segeval: Any) -> None:
    assert "Also called recall, tpr, true_positive_rate" in segeval("quantities", "sensitivity").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("score", "v.nii", "v.nii", "--palette", "city"), "did you mean cityscapes? (see segeval score --help)"),
        (("score", "v.nii", "v.nii", "--geometry", "resampel"), "did you mean resample? (see segeval score --help)"),
        (("batch", "p", "r", "--pairing", "citys"), "did you mean cityscapes? (see segeval batch --help)"),
        (("batch", "p", "r", "--pairing", "xyzzy"), "'celltracking' (see segeval batch --help)"),
        (("formats", "-f", "jsn"), "did you mean json? (see segeval formats --help)"),
        (("score", "v.nii"), "Missing argument 'REFERENCE' (see segeval score --help)"),
    ],
)
def test_a_word_that_an_option_does_not_know_is_answered_with_the_nearest(
    words: tuple[str, ...], said: str, segeval: Any
) -> None:
    run = segeval(*words)
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert said in run.err


def test_python_is_answered_with_the_nearest_word_too() -> None:
    with pytest.raises(SegevalError, match=r"palette='citys': write voc or .* or labels; did you mean cityscapes\?"):
        evaluate("v.nii", "v.nii", palette="citys")
    with pytest.raises(TypeError, match=r"there is no option 'metric'; did you mean metrics\?"):
        evaluate_arrays(LABELS, LABELS, metric="dice")
