"""Every option of scoring means the same in `batch`, in `check` and in a segeval.toml."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from segeval.cli.scoring import flags
from segeval.settings.asking import options
from segeval.settings.options_table import options_table

Run = Callable[..., Any]
SAMPLE = Path(__file__).parents[2] / "sample_data"
ANSWERS: dict[str, tuple[list[str], Any]] = {  # on the command line, and in TOML
    "labels": (["--labels", "labels.json"], "labels.json"),
    "regions": (["--region", "both=1+2", "--region", "any=*"], {"both": "1+2", "any": "*"}),
    "ignore_label": (["--ignore-label", "2"], 2),
    "background": (["--background"], True),
    "metrics": (["--metrics", "iou,focal:gamma=3"], "iou,focal:gamma=3"),
    "empty": (["--empty", "one"], "one"),
    "class_weights": (["--class-weights", "0=1,1=2,2=1,3=1,4=1,5=1"], "0=1,1=2,2=1,3=1,4=1,5=1"),
    "label_distances": (["--label-distances", "distances.csv"], [[0, 1], [1, 0]]),
    "mask": (["--mask", "m"], "m"),
    "within": (["--within", "1+2"], "1+2"),
    "border_mm": (["--border-mm", "1.5"], 1.5),
    "slices_of": (["--slices-of", "1+2:before-last"], "1+2:before-last"),
    "weights": (["--weights", "m/case.nii.gz"], "m/case.nii.gz"),
    "kind": (["--kind", "labels"], "labels"),
    "threshold": (["--threshold", "0.3"], 0.3),
    "channels": (["--channels", "independent"], "independent"),
    "activation": (["--activation", "softmax"], "softmax"),
    "scale": (["--scale", "1"], 1),
    "clip": (["--clip"], True),
    "min_score": (["--min-score", "0.5"], 0.5),
    "drawn_on": (["--drawn-on", "r"], "r"),
    "class_axis": (["--class-axis", "3"], 3),
    "volume": (["--volume", "0"], 0),
    "key": (["--key", "seg"], "seg"),
    "level": (["--level", "0"], 0),
    "palette": (["--palette", "voc"], "voc"),
    "geometry": (["--geometry", "ignore"], "ignore"),
    "tolerance": (["--tolerance", "0.5"], 0.5),
    "distance_spacing": (["--distance-spacing", "voxels"], "voxels"),
    "missed": (["--missed", "nan"], "nan"),
    "tau": (["--tau", "1=5,*=2"], "1=5,*=2"),
    "max_distance": (["--max-distance", "12.5"], 12.5),
    "instances": (["--instances"], True),
    "connectivity": (["--connectivity", "6"], 6),
    "min_volume_mm3": (["--min-volume-mm3", "5"], 5.0),
    "matching": (["--matching", "any-overlap"], "any-overlap"),
    "iou": (["--iou", "0.25"], 0.25),
    "match_by": (["--match-by", "dice"], "dice"),
    "protocol": (["--protocol", "brats-lesionwise:ped"], "brats-lesionwise:ped"),
    "lesionwise": (["--lesionwise", "dilation=1,inventions=no"], "dilation=1,inventions=no"),
    "hash": (["--hash"], True),
    "backend": (["--backend", "auto"], "auto"),
}
SOFT = ("threshold", "channels", "activation", "scale", "clip", "class_axis")
RULES = ("--require", "mean(dice) >= 0", "--require", "mean(hd95) >= 0", "--require", "mean(pq) >= 0")


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Label maps, probability maps and references of one case."""
    for side, name in (
        ("p", "prediction"),
        ("soft", "prediction_softmax"),
        ("r", "reference"),
        ("m", "reference"),
    ):
        (tmp_path / side).mkdir()
        shutil.copyfile(SAMPLE / f"{name}.nii.gz", tmp_path / side / "case.nii.gz")
    (tmp_path / "arrays").mkdir()
    labels = nibabel.load(SAMPLE / "prediction.nii.gz").get_fdata().astype(np.uint8)  # type: ignore[attr-defined]
    np.savez(tmp_path / "arrays" / "case.npz", seg=labels.T, other=labels.T)
    shutil.copyfile(SAMPLE / "labels.json", tmp_path / "labels.json")
    (tmp_path / "distances.csv").write_text("0,1\n1,0\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def noted(segeval: Run, *words: str) -> dict[str, Any]:
    """The settings of a run, from its provenance."""
    run = segeval(*words, "--provenance", "run.json")
    assert run.code in (0, 1), run.err
    found: dict[str, Any] = json.loads(Path("run.json").read_text())
    return found


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {json.dumps(each)}" for key, each in value.items()) + "}"
    return json.dumps(value)


def test_every_option_has_an_answer_here() -> None:
    assert set(ANSWERS) == set(options())


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.usefixtures("folders")
def test_a_check_scores_as_a_batch_does(name: str, segeval: Run) -> None:
    """Of the quantities asked for and of those that a rule needs: a distance and instances, where there are labels."""
    words, answer = ANSWERS[name]
    soft = name in SOFT
    prediction, rules, needed = ("soft", RULES[:2], "dice") if soft else ("p", RULES, "dice,hd95,pq")
    prediction = "arrays" if name == "key" else prediction
    chosen = {"metrics": "iou,focal:gamma=3", "protocol": "dice,lesionwise_dice,lesionwise_hd95"}
    asked = chosen.get(name, "overlap,losses")
    scored = ["--metrics", f"{asked},{needed}", *(words if name != "metrics" else [])]
    batch = noted(segeval, "batch", prediction, "r", *scored, "--workers", "1")
    check = noted(segeval, "check", prediction, "r", *rules, *words)
    assert (check["signature"], check["settings"]) == (batch["signature"], batch["settings"])
    Path("segeval.toml").write_text(f"[check.scoring]\n{name.replace('_', '-')} = {toml(answer)}\n")
    written = noted(segeval, "check", prediction, "r", *rules)
    assert (written["signature"], written["settings"]) == (batch["signature"], batch["settings"])


def test_the_command_line_wins_over_the_file(folders: Path, segeval: Run) -> None:
    (folders / "segeval.toml").write_text('[check.scoring]\nempty = "one"\nmetrics = "iou"\n')
    settings = noted(segeval, "check", "p", "r", "--require", "mean(iou) >= 0", "--empty", "nan")["settings"]
    assert (settings["empty"], settings["metrics"]) == ("nan", ["iou"])


def test_a_label_file_stands_beside_the_file_that_names_it(folders: Path, segeval: Run) -> None:
    (folders / "ci").mkdir()
    (folders / "labels.json").rename(folders / "ci/labels.json")
    (folders / "ci/gate.toml").write_text('[check.scoring]\nlabels = "labels.json"\n')
    settings = noted(segeval, "check", "p", "r", *RULES, "--config", "ci/gate.toml")["settings"]
    assert settings["labels"] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[check]\nscoring = 3\n", "segeval.toml: scoring = 3; write a table of the options of segeval score"),
        ("[check.scoring]\nlabel = 3\n", "segeval.toml: scoring: there is no option label; did you mean labels?"),
        ('[check.scoring]\nthreshold = "high"\n', "scoring.threshold = 'high': Expected `float`, got `str`"),
        ('[check.scoring]\nempty = "none"\n', "segeval.toml: scoring.empty = 'none': write nan or zero or one"),
        ("[check.scoring]\nregions = {a = 1.5}\n", "region 'a'=1.5: give a sequence of integer label values"),
        ('[check.scoring]\nmetrics = "dicee"\n', "there is no quantity 'dicee'"),
    ],
)  # fmt: skip
def test_what_a_file_cannot_mean_is_refused(text: str, words: str, folders: Path, segeval: Run) -> None:
    (folders / "segeval.toml").write_text(text)
    run = segeval("check", "p", "r", *RULES)
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert words in run.err


def test_a_report_is_scored_already(folders: Path, segeval: Run) -> None:
    assert segeval("batch", "p", "r", "--metrics", "dice", "-o", "x.json").code == 0
    run = segeval("check", "x.json", *RULES[:2], "--region", "a=1+2", "--geometry", "ignore")
    assert run.code == 2
    assert "--region, --geometry: choose what is scored, and a report is scored already" in run.err
    (folders / "segeval.toml").write_text('[check.scoring]\nempty = "one"\n')
    run = segeval("check", "x.json", *RULES[:2])
    assert (run.code, "[check.scoring] is not used: a report is scored already" in run.err) == (0, True)


def test_flags_are_those_of_the_command_line() -> None:
    assert flags({"regions": [], "min_volume_mm3": 1.0}) == "--region, --min-volume-mm3"


def test_the_page_of_options_is_made_of_their_declarations() -> None:
    """``python -m segeval.settings.options_table`` prints it."""
    page = (Path(__file__).parents[2] / "docs" / "options.md").read_text(encoding="utf-8")
    assert page == options_table()
