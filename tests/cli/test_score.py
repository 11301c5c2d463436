"""``segeval score`` end to end: numbers, remarks, the signature, exit codes and words."""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segeval import __version__
from segeval.cli.app import _COMMANDS
from segeval.cli.score import score
from segeval.settings.words import number as _number

Run = Callable[..., Any]
Nifti = Callable[..., Path]

SAMPLES = Path(__file__).parents[2] / "sample_data"
PREDICTION, REFERENCE = SAMPLES / "prediction.nii.gz", SAMPLES / "reference.nii.gz"
SOFTMAX, LABELS = SAMPLES / "prediction_softmax.nii.gz", SAMPLES / "labels.json"
DICE = ("--metrics", "dice", "--format", "json")
START = f"segeval:{__version__}|"


def signature(run: Any) -> str:
    assert run.code == 0, run.err
    return str(run.json["signature"])


# The sample data


@pytest.mark.parametrize("prediction", [PREDICTION, SOFTMAX])
def test_the_sample_data_scores_with_its_names(prediction: Path, segeval: Run) -> None:
    run = segeval("score", prediction, REFERENCE, "--labels", LABELS, "--format", "json")
    assert (run.code, run.err, run.remarks) == (0, "", [])
    rows = run.json["cases"][0]["rows"]
    names = [(1, "liver"), (2, "spleen"), (3, "left_kidney"), (4, "right_kidney"), (5, "tumor")]
    assert [(row["label"], row["name"]) for row in rows] == [*names, ("mean", None), ("all", None)]
    assert run.row(1)["dice"] == pytest.approx(2 * 37736 / (39534 + 39850), rel=1e-12)
    assert run.row(5)["tp"] == 430
    assert run.json["cases"][0]["case"] == prediction.name.removesuffix(".nii.gz")


def test_the_softmax_of_the_sample_data_has_the_label_maps_overlap(segeval: Run) -> None:
    asked = ("--labels", LABELS, "--metrics", "overlap", "--format", "json")
    hard = segeval("score", PREDICTION, REFERENCE, *asked).json["cases"][0]
    soft = segeval("score", SOFTMAX, REFERENCE, *asked).json["cases"][0]
    assert soft["rows"] == hard["rows"]
    assert soft["confusion"] == hard["confusion"]


# Remarks


def test_the_same_file_on_both_sides_is_a_remark(segeval: Run, tmp_path: Path) -> None:
    words = "the prediction was compared with itself"
    assert any(words in remark for remark in segeval("score", REFERENCE, REFERENCE, *DICE).remarks)
    (tmp_path / "link.nii.gz").symlink_to(REFERENCE)
    assert any(words in remark for remark in segeval("score", tmp_path / "link.nii.gz", REFERENCE, *DICE).remarks)


def test_a_copy_of_the_file_is_a_remark_where_hashes_are_computed(segeval: Run, tmp_path: Path) -> None:
    words = "the prediction was compared with itself"
    copy = tmp_path / "copy.nii.gz"
    shutil.copy(REFERENCE, copy)
    assert any(words in remark for remark in segeval("score", copy, REFERENCE, *DICE, "--hash").remarks)
    assert segeval("score", copy, REFERENCE, *DICE).remarks == []
    assert segeval("score", PREDICTION, REFERENCE, *DICE, "--hash").remarks == []


@pytest.mark.parametrize("kind", ["labels", "probabilities"])
def test_a_kind_inferred_from_values_is_a_remark(kind: str, segeval: Run, nifti: Nifti) -> None:
    reference = (np.arange(60).reshape(5, 4, 3) % 2).astype(np.uint8)
    values = reference.astype(np.float32) * (1.0 if kind == "labels" else 0.75)
    p, r = nifti("p.nii", values), nifti("r.nii", reference)
    run = segeval("score", p, r, *DICE)
    words = {"labels": "a label map", "probabilities": "a probability map"}[kind]
    assert [remark for remark in run.remarks if words in remark and "--kind" in remark and str(p) in remark]
    assert f"|kind:{kind}|" in signature(run)
    assert segeval("score", p, r, *DICE, "--kind", kind).remarks == []


def test_labels_in_only_one_volume_are_a_remark(segeval: Run, nifti: Nifti) -> None:
    reference = np.arange(60, dtype=np.int16).reshape(5, 4, 3) % 3
    prediction = reference.copy()
    prediction[0, 0], prediction[4] = 7, np.arange(100, 112).reshape(4, 3)
    prediction[prediction == 2] = 0
    run = segeval("score", nifti("p.nii", prediction), nifti("r.nii", reference), *DICE)
    (ours,) = [remark for remark in run.remarks if "only in the prediction" in remark]
    (theirs,) = [remark for remark in run.remarks if "only in the reference" in remark]
    assert "13 label" in ours
    assert "7, 100, 101, 102, 103, 104, 105, 106, 107, 108 and 3 more" in ours
    assert "1 label" in theirs
    assert theirs.endswith(": 2")


# The signature


def test_the_signature_of_a_label_map(segeval: Run) -> None:
    run = segeval("score", PREDICTION, REFERENCE, *DICE)
    assert signature(run) == f"{START}kind:labels|labels:auto|empty:nan|geometry:strict@1e-2"


def test_the_signature_of_a_probability_map(segeval: Run) -> None:
    run = segeval("score", SOFTMAX, REFERENCE, *DICE, "--labels", LABELS)
    assert signature(run) == (
        f"{START}kind:probabilities|labels:1,2,3,4,5|empty:nan|geometry:strict@1e-2|threshold:0.5|channels:exclusive"
    )


def test_the_signature_of_many_options(segeval: Run) -> None:
    asked = (
        "--labels=2,1", "--region=ab=1+2", "--region=any=*", "--ignore-label=5", "--empty=zero", "--geometry=resample",
        "--tolerance=0.25", "--class-weights=0=0.5,1=2,2=1", "--metrics=focal:gamma=3:alpha=0.5,dice,gds:background=no",
    )  # fmt: skip
    run = segeval("score", PREDICTION, REFERENCE, *asked, "--format", "json")
    assert signature(run) == (
        f"{START}kind:labels|labels:1,2|regions:ab=1+2,any=*|ignore:5|empty:zero|geometry:resample@0.25"
        "|class_weights:0=0.5,1=2,2=1|quantities:focal:alpha=0.5:gamma=3,gds:background=no"
    )


CHANGES: dict[str, list[tuple[Path, list[str], list[str]]]] = {
    "labels": [(PREDICTION, [], ["--labels=1,2"]), (PREDICTION, ["--labels=1,2"], ["--labels=1,3"])],
    "regions": [(PREDICTION, [], ["--region=a=1+2"]), (PREDICTION, ["--region=a=1+2"], ["--region=a=1+3"])],
    "ignore_label": [(PREDICTION, [], ["--ignore-label=5"]), (PREDICTION, ["--ignore-label=5"], ["--ignore-label=0"])],
    **{
        name.replace("-", "_"): [(PREDICTION, [], [f"--{name}={value}"])]
        for name, value in (
            ("mask", REFERENCE), ("weights", REFERENCE), ("within", "1"), ("slices-of", "1"), ("border-mm", 1),
            ("label-distances", SAMPLES / "label_distances.csv"),
        )
    },
    "empty": [(PREDICTION, [], ["--empty=zero"]), (PREDICTION, ["--empty=zero"], ["--empty=one"])],
    "metrics": [
        (PREDICTION, [f"--metrics={name}"], [f"--metrics={name}:{setting}"])
        for name, setting in (
            ("dl2", "epsilon=1e-5"), ("ss", "sensitivity_weight=0.1"), ("focal", "gamma=3"), ("focal", "alpha=0.5"),
            ("weighted_bce", "pos_weight=20"), ("bce", "eta=1e-6"), ("gds", "background=no"),
        )
    ],
    "class_weights": [
        (PREDICTION, [], ["--class-weights=1=2"]),
        (PREDICTION, ["--class-weights=1=2"], ["--class-weights=1=2.0000001"]),
    ],
    "kind": [(PREDICTION, ["--labels=1,2"], ["--kind=probabilities", "--labels=1", "--scale=5"])],
    "threshold": [(SOFTMAX, [], ["--threshold=0.4"]), (SOFTMAX, ["--threshold=0.4"], ["--threshold=0.40000000001"])],
    **{asked.partition("=")[0].replace("-", "_"): [(SOFTMAX, [], [f"--{asked}"])]
       for asked in ("activation=softmax", "clip", "channels=independent", "class-axis=3")},
    "scale": [(SOFTMAX, ["--channels=independent"], ["--channels=independent", "--scale=2"])],
    "volume": [
        (SOFTMAX, ["--labels=1"], ["--labels=1", "--volume=1"]),
        (SOFTMAX, ["--labels=1", "--volume=1"], ["--labels=1", "--volume=2"]),
        (SOFTMAX, ["--labels=1", "--volume=1"], ["--labels=1", "--volume=1,0"]),
    ],
    "palette": [(PREDICTION, [], ["--palette=ids"]), (PREDICTION, ["--palette=voc"], ["--palette=camvid"])],
    "geometry": [(PREDICTION, [], ["--geometry=ignore"]), (PREDICTION, [], ["--geometry=resample"])],
    "tolerance": [(PREDICTION, [], ["--tolerance=0.02"])],
    "distance_spacing": [
        (PREDICTION, ["--metrics=hd"], ["--metrics=hd", f"--distance-spacing={way}"]) for way in ("voxels", "reversed")
    ],
    "missed": [(PREDICTION, ["--metrics=hd"], ["--metrics=hd", f"--missed={mm}"]) for mm in ("nan", "100", "box")],
    "tau": [(PREDICTION, ["--metrics=nsd"], ["--metrics=nsd", "--tau=2"])],
    "max_distance": [(PREDICTION, ["--metrics=hd"], ["--metrics=hd", "--max-distance=2"])],
    "instances": [(PREDICTION, ["--metrics=pq"], ["--metrics=pq", "--instances"])],
    "min_volume_mm3": [(PREDICTION, ["--metrics=pq"], ["--metrics=pq", "--min-volume-mm3=20"])],
    **{name: [(PREDICTION, ["--metrics=pq"], ["--metrics=pq", f"--{name.replace('_', '-')}={value}"])]
       for name, value in (("connectivity", 6), ("matching", "any-overlap"), ("iou", 0.3), ("match_by", "dice"))},
    "protocol": [
        (PREDICTION, [], ["--metrics=lesionwise", "--protocol=brats-lesionwise"]),
        (PREDICTION, ["--protocol=brats-lesionwise"], ["--protocol=brats-lesionwise:met", "--metrics=lesionwise"]),
    ],
    "lesionwise": [(PREDICTION, ["--metrics=lesionwise"], ["--metrics=lesionwise", "--lesionwise=met"])],
}  # fmt: skip
PAGE = "--output=x.html"
CANNOT = {
    "background": ["--background"], "backend": ["--backend=auto"], "hash": ["--hash"], "format_": ["--format=json"],
    "wide": ["--wide"], "output": ["--output=x.csv"], "provenance": ["--provenance=x.json"],
    "max_memory": ["--max-memory=64G"], "images": [f"--images={SAMPLES}/image.nii.gz", PAGE],
    "window": ["--window=40,400", PAGE], "pictures": ["--pictures=1", PAGE], "case": ["--case=prediction", PAGE],
    "figures": ["--figures=figures", "--pictures=0"], "workers": ["--workers=1"], "drawn_on": ["--drawn-on=x"],
}  # fmt: skip
ELSEWHERE = {"dask", "key", "level", "min_score", "resume"}  # test_*_volume, test_keys_and_levels, test_coco


def test_every_option_is_known_to_change_numbers_or_not() -> None:
    known = {*CHANGES, *CANNOT, *ELSEWHERE}
    assert known | {"ctx", "prediction", "reference"} == set(inspect.signature(score).parameters)


@pytest.mark.parametrize(
    ("prediction", "before", "after"),
    [pytest.param(*change, id=f"{name} {number}") for name in CHANGES for number, change in enumerate(CHANGES[name])],
)
def test_an_option_that_can_change_a_number_changes_the_signature(
    prediction: Path, before: list[str], after: list[str], segeval: Run, small: Callable[[Path], Path]
) -> None:
    one, other = (
        signature(segeval("score", small(prediction), small(REFERENCE), "--metrics=dice", "--format=json", *asked))
        for asked in ([w.replace(str(REFERENCE), str(small(REFERENCE))) for w in words] for words in (before, after))
    )
    assert one != other


@pytest.mark.parametrize("asked", CANNOT.values(), ids=CANNOT)
def test_an_option_that_cannot_change_a_number_keeps_the_signature(
    asked: list[str], segeval: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one = segeval("score", PREDICTION, REFERENCE, "--labels=1,2", *DICE)
    other = segeval("score", PREDICTION, REFERENCE, "--labels=1,2", *DICE, *asked)
    assert signature(one) == signature(other)


@pytest.mark.parametrize("labels", ["1,2", "2,1", "0,1,2", "1,2,2", " 1, 2"])
def test_the_same_labels_in_other_words_have_one_signature(labels: str, segeval: Run) -> None:
    run = segeval("score", PREDICTION, REFERENCE, *DICE, "--labels", labels)
    assert "|labels:1,2|" in signature(run)


def test_the_same_class_weights_in_other_words_have_one_signature(segeval: Run) -> None:
    weights = ("0=1,1=2,2=3", "2=3,1=2.0,0=1e0")
    one, other = (signature(segeval("score", PREDICTION, REFERENCE, *DICE, f"--class-weights={w}")) for w in weights)
    assert one == other


def test_the_signature_is_the_same_in_every_format(segeval: Run) -> None:
    asked = ("score", PREDICTION, REFERENCE, "--metrics", "dice", "--format")
    expected = signature(segeval(*asked, "json"))
    assert segeval(*asked, "table").out.splitlines()[-1] == expected
    assert segeval(*asked, "markdown").out.splitlines()[-1] == f"`{expected}`"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_in_the_signature_is_exact(value: float) -> None:
    assert float(_number(value)) == value


# Words and exit codes


_NOT_PASSED_ON = ("FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS", "PYTHONUNBUFFERED")


def in_a_process(
    *arguments: object, environment: dict[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    around = {k: v for k, v in os.environ.items() if k not in _NOT_PASSED_ON}
    return subprocess.run(
        [sys.executable, "-m", "segeval", *map(str, arguments)], check=False, encoding="utf-8",
        env={**around, "COLUMNS": "80", "TERM": "dumb", **(environment or {})}, **{"capture_output": True, **options},
    )  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
@pytest.mark.parametrize("form", ["table", "csv", "json", "markdown"])
def test_head_is_enough_for_a_reader(form: str) -> None:
    command = f"'{sys.executable}' -m segeval score '{PREDICTION}' '{REFERENCE}' -f {form} | head -1"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, encoding="utf-8", check=True)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


NO_STDOUT = "segeval: standard output is closed; redirect it, or write a file with -o"

PRINTING = [
    *(["score", PREDICTION, REFERENCE, "-f", form] for form in ("table", "csv", "json", "markdown")),
    ["quantities"], ["--help"], ["score", "--help"], ["--version"],
]  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX pipes")
@pytest.mark.parametrize("arguments", PRINTING, ids=lambda arguments: " ".join(a for a in arguments if type(a) is str))
def test_a_closed_pipe_is_no_failure_and_needs_no_words(arguments: list[object]) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        done = in_a_process(*arguments, capture_output=False, stdout=theirs, stderr=subprocess.PIPE)
    finally:
        os.close(theirs)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", PRINTING, ids=lambda arguments: " ".join(a for a in arguments if type(a) is str))
def test_a_full_disk_behind_stdout_is_exit_3_and_one_line(arguments: list[object]) -> None:
    with Path("/dev/full").open("w") as full:
        done = in_a_process(*arguments, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert "No space left" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("stderr", ["2>&1 >/dev/null | true", ">/dev/null 2>/dev/full", ">/dev/null 2>&- <&-"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (f"score missing.nii '{REFERENCE}'", 3), ("score --nonsense", 2), ("", 2),
        (f"batch '{PREDICTION.parent}' '{REFERENCE.parent}'", 3),
        (f"score '{PREDICTION}' '{REFERENCE}' -f csv --metrics dice:boxed", 2),
        (f"score '{PREDICTION}' '{REFERENCE}' -f csv --labels 1,77", 0),
    ],
    ids=["no such file", "no such option", "nothing asked", "no pairs", "no such metric", "remarks"],
)  # fmt: skip
def test_an_stderr_that_nobody_reads_changes_no_exit_code(arguments: str, code: int, stderr: str) -> None:
    line = f"'{sys.executable}' -m segeval {arguments} {stderr}; exit ${{PIPESTATUS[0]}}"
    around = {k: v for k, v in os.environ.items() if k not in _NOT_PASSED_ON}
    assert subprocess.run(["bash", "-c", line], env=around, check=False).returncode == code


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
def test_no_stdout_is_exit_3_and_one_line() -> None:
    for arguments in ("--help", "score --help", "--version", "quantities", f"score '{PREDICTION}' '{REFERENCE}'"):
        line = f"'{sys.executable}' -m segeval {arguments} >&-"
        done = subprocess.run(["bash", "-c", line], stderr=subprocess.PIPE, encoding="utf-8", check=False)
        assert (done.returncode, done.stderr.splitlines()) == (3, [NO_STDOUT])


def test_the_version_is_one_line(segeval: Run) -> None:
    run = segeval("--version")
    assert (run.code, run.out, run.err) == (0, f"segeval {__version__}\n", "")


@pytest.mark.parametrize("form", ["table", "csv", "json", "markdown"])
def test_a_file_that_is_not_there_is_exit_3_and_one_line(form: str, segeval: Run, tmp_path: Path) -> None:
    missing = tmp_path / "missing.nii.gz"
    for files in ((missing, REFERENCE), (PREDICTION, missing)):
        run = segeval("score", *files, "--format", form)
        assert (run.code, run.out) == (3, "")
        assert len(run.err.splitlines()) == 1
        assert str(missing) in run.err


USAGE = {
    "an unknown option": ["score", "p.nii", "r.nii", "--bogus"],
    "a missing argument": ["score", "p.nii"],
    "no argument": ["score"],
    "an argument too many": ["score", "p.nii", "r.nii", "x.nii"],
    "an unknown command": ["bogus"],
    "an unknown format": ["score", "p.nii", "r.nii", "--format", "xml"],
    "an unknown quantity": ["score", "p.nii", "r.nii", "--metrics", "dicee"],
    "an unknown setting": ["score", "p.nii", "r.nii", "--metrics", "dice:gamma=2"],
    "a setting out of range": ["score", "p.nii", "r.nii", "--metrics", "focal:alpha=2"],
    "a setting without a value": ["score", "p.nii", "r.nii", "--metrics", "focal:alpha"],
    "an empty quantity": ["score", "p.nii", "r.nii", "--metrics", "dice,,iou"],
    "a label that is no number": ["score", "p.nii", "r.nii", "--labels", "1,a"],
    "no label at all": ["score", "p.nii", "r.nii", "--labels", ""],
    "an ignore label that is no number": ["score", "p.nii", "r.nii", "--ignore-label", "x"],
    "a region without labels": ["score", "p.nii", "r.nii", "--region", "a="],
    "a region without name": ["score", "p.nii", "r.nii", "--region", "=1"],
    "a region called mean": ["score", "p.nii", "r.nii", "--region", "mean=1"],
    "a region called all": ["score", "p.nii", "r.nii", "--region", "all=1"],
    "a region called like a label": ["score", "p.nii", "r.nii", "--region", "-7=1"],
    "a region twice": ["score", "p.nii", "r.nii", "--region", "a=1", "--region", "a=2"],
    "a threshold that is no number": ["score", "p.nii", "r.nii", "--threshold", "nan"],
    "a negative tolerance": ["score", "p.nii", "r.nii", "--tolerance", "-1"],
    "a scale of nothing": ["score", "p.nii", "r.nii", "--scale", "0"],
    "a weight that is negative": ["score", "p.nii", "r.nii", "--class-weights", "1=-1"],
    "a weight that is no number": ["score", "p.nii", "r.nii", "--class-weights", "1=nan"],
    "a weight without label": ["score", "p.nii", "r.nii", "--class-weights", "0.5"],
    "a weight twice": ["score", "p.nii", "r.nii", "--class-weights", "1=0.5,1=2"],
    "labels with a scale": ["score", "p.nii", "r.nii", "--kind", "labels", "--scale", "255"],
    "labels with logits": ["score", "p.nii", "r.nii", "--kind", "labels", "--activation", "softmax"],
    "labels that overshoot": ["score", "p.nii", "r.nii", "--kind", "labels", "--clip"],
    "labels in channels": ["score", "p.nii", "r.nii", "--kind", "labels", "--channels", "independent"],
}


@pytest.mark.parametrize("arguments", USAGE.values(), ids=USAGE)
def test_usage_errors_are_exit_2_and_one_line(arguments: list[str], segeval: Run) -> None:
    run = segeval(*arguments)
    assert (run.code, run.out) == (2, "")
    assert 1 <= len(run.err.splitlines()) <= 2
    assert run.err.startswith("segeval: ")
    assert "Traceback" not in run.err
    assert re.search(r"[a-z]{3}", run.err.removeprefix("segeval: "))


def test_no_command_at_all_shows_the_help(segeval: Run) -> None:
    run = segeval()
    assert (run.code, run.err) == (2, "")
    assert run.out.startswith("Usage: segeval [OPTIONS] COMMAND [ARGS]...\n")
    assert "score" in run.out


def test_a_bug_is_exit_4_and_asks_for_a_report(segeval: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def divide(*_: object) -> float:
        return 1 / 0

    monkeypatch.setattr("segeval.cases.files.score_pair", divide)
    run = segeval("score", PREDICTION, REFERENCE)
    assert (run.code, run.out) == (4, "")
    assert "ZeroDivisionError" in run.err
    assert "bug" in run.err.splitlines()[-1]
    assert __version__ in run.err.splitlines()[-1]


@pytest.mark.parametrize("place", ["segeval.cases.files.score_pair", "segeval.cli.score.write_results"])
def test_ctrl_c_is_exit_130_without_a_traceback(place: str, segeval: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(place, interrupt)
    run = segeval("score", PREDICTION, REFERENCE)
    assert (run.code, run.out) == (130, "")
    assert "Traceback" not in run.err


@pytest.mark.parametrize(
    "name", ["two words.nii", "naïve 脾臓.nii", "[red]x[bold].nii", "-f.nii", "--labels.nii", "%s{}.nii"]
)
def test_a_strange_file_name_is_printed_as_it_is(
    name: str, segeval: Run, nifti: Nifti, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = np.arange(60, dtype=np.uint8).reshape(5, 4, 3) % 3
    nifti(name, volume)
    nifti("r.nii", volume[::-1])
    monkeypatch.chdir(tmp_path)
    run = segeval("score", "--metrics", "dice", "--", name, "r.nii")
    assert run.code == 0
    assert f"prediction {name}\n" in run.out
    assert f"case {name.removesuffix('.nii')}\n" in run.out
    run = segeval("score", "--metrics", "dice", "--", f"no {name}", "r.nii")
    assert run.code == 3
    assert f"no {name}" in run.err


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux alone")
@pytest.mark.parametrize("form", ["table", "csv", "json", "markdown"])
def test_a_file_name_that_is_no_text_is_no_error(form: str, nifti: Nifti, tmp_path: Path) -> None:
    volume = np.arange(60, dtype=np.uint8).reshape(5, 4, 3) % 3
    path = os.fsencode(nifti("r.nii", volume)).replace(b"r.nii", b"caf\xe9.nii")
    shutil.copy(tmp_path / "r.nii", path)
    program = [sys.executable, "-m", "segeval", "score", "--metrics", "dice", "--format", form]
    command = [*program, path, tmp_path / "r.nii"]
    done = subprocess.run([*command, "-o", tmp_path / "x.csv"], capture_output=True, check=False)
    assert done.returncode == 0
    assert b"caf" in done.stdout
    assert b"Traceback" not in done.stderr


# Help


def options_of(command: Callable[..., Any]) -> set[str]:
    """The long options that a command declares."""
    from typing import get_args, get_type_hints

    found = set()
    for hint in get_type_hints(command, include_extras=True).values():
        for extra in get_args(hint)[1:]:
            texts = (getattr(extra, "default", None), *(getattr(extra, "param_decls", None) or ()))
            found |= {text for text in texts if isinstance(text, str) and text.startswith("--")}
    return found


@pytest.mark.parametrize(
    "arguments", [["--help"], ["-h"], ["score", "--help"], ["quantities", "--help"], ["score", "-h"]]
)
def test_help_works_at_80_columns(arguments: list[str]) -> None:
    done = in_a_process(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


@pytest.mark.parametrize(
    ("colours", "heading"), [({}, "Labels:"), ({"FORCE_COLOR": "1", "TERM": "xterm"}, "─ Labels ")]
)
def test_help_has_the_same_headings_with_and_without_rich(colours: dict[str, str], heading: str) -> None:
    page = in_a_process("score", "--help", environment=colours).stdout
    assert heading in re.sub(r"\x1b\[[0-9;]*m", "", page)
    assert ("\x1b" in page) == bool(colours)


def test_help_names_every_command_and_every_option() -> None:
    main = in_a_process("--help").stdout
    assert " ".join(_COMMANDS["check"].split()) in " ".join(main.split())  # not cut short
    assert all(word in main for word in ("score", "quantities", "--version", "--help"))
    declared = options_of(score)
    assert len(declared) == len(CHANGES) + len(CANNOT) + len(ELSEWHERE)
    page = in_a_process("score", "--help").stdout
    named = set(re.findall(r"(?<=\s)--[a-z0-9-]+", page))
    assert declared | {"--help"} <= named
    assert all(word in page for word in ("PREDICTION", "REFERENCE", "nan|zero|one", "strict|resample|ignore"))
    assert "table|csv|json|markdown" in page
    assert "SEGEVAL_FORMAT" in page
