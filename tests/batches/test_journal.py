"""The journal and the summary of a batch, at the size of a large test set."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from segeval.batches.jobs import Finished, Job
from segeval.batches.journal import Journal
from segeval.batches.journal_lines import finished_of, line_of
from segeval.batches.running import run_batch
from segeval.cases.arrays import evaluate_arrays
from segeval.errors import WriteError
from segeval.readers import Input
from segeval.results.report import CaseResult, Row
from segeval.results.rows import Table
from segeval.settings import Settings
from segeval.tallies.documents import tally_document, tally_of
from segeval.tallies.tally import Confusion, Tally, TallyOptions
from segeval.targets import LabelChoice, Region

MANY = 10_000
SETTINGS = Settings(metrics="dice,ce")


def jobs_of(folder: Path, count: int) -> list[Job]:
    file = folder / "volume.nii"
    file.write_bytes(b"stands for every volume")
    return [Job(f"case_{n:05}", Input(file), Input(file)) for n in range(count)]


def result_of(job: Job) -> CaseResult:
    number = int(job.case[-5:])
    dice = math.nan if number % 10 == 0 else number / MANY
    rows = tuple(Row(label, None, {"dice": dice, "ce": 1 / (1 + number)}) for label in (1, 2, "mean", "all"))
    return CaseResult(job.case, str(job.prediction), str(job.reference), rows, ((0, 0, number),), kind="labels")


def instantly(jobs: Sequence[Job], settings: Settings, keep_tallies: bool) -> Iterator[tuple[Job, Finished]]:
    """A runner that knows the results."""
    del settings, keep_tallies
    for job in reversed(jobs):
        yield job, Finished(result_of(job))


def test_memory_grows_with_the_results_alone(tmp_path: Path) -> None:
    jobs = jobs_of(tmp_path, MANY)
    tracemalloc.start()
    results = [result_of(job) for job in jobs]
    of_results, _ = tracemalloc.get_traced_memory()
    del results
    tracemalloc.stop()
    tracemalloc.start()
    with Journal(tmp_path / "r.csv", SETTINGS, keep_tallies=False, resume=False) as journal:
        report = run_batch(jobs, SETTINGS, instantly, journal=journal)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [case.case for case in report.cases] == [job.case for job in jobs]
    assert peak < 3 * of_results + (100 << 20)  # the bootstrap works in blocks


def test_ten_thousand_cases_resume_to_the_same_report(tmp_path: Path) -> None:
    jobs = jobs_of(tmp_path, MANY)
    with Journal(tmp_path / "r.csv", SETTINGS, keep_tallies=False, resume=False) as journal:
        whole = run_batch(jobs, SETTINGS, instantly, journal=journal)

    def never(jobs: Sequence[Job], settings: Settings, keep_tallies: bool) -> Iterator[tuple[Job, Finished]]:
        raise AssertionError(f"{len(jobs)} cases were scored again under {settings} {keep_tallies}")
        yield

    with Journal(tmp_path / "r.csv", SETTINGS, keep_tallies=False, resume=True) as journal:
        resumed = run_batch(jobs, SETTINGS, never, journal=journal)
    assert resumed.to_json() == whole.to_json()
    assert whole.summary is not None
    (entry,) = [s for s in whole.summary if s.label == "mean" and s.quantity == "dice"]
    assert (entry.n, entry.undefined) == (MANY - MANY // 10, MANY // 10)


def test_a_journal_is_refused_to_a_second_run_and_free_after_the_first(tmp_path: Path) -> None:
    first = Journal(tmp_path / "r.csv", SETTINGS, keep_tallies=False, resume=False)
    with first, pytest.raises(WriteError, match="another run is writing it"):
        Journal(tmp_path / "r.csv", SETTINGS, keep_tallies=False, resume=True)
    with Journal(tmp_path / "r.csv", SETTINGS, keep_tallies=False, resume=True):
        pass


@pytest.mark.parametrize(
    "line", [b"{", b"null", b"[1]", b'{"key": 1}', b"\xff\xfe", b"", b'{"other": 1}', b'{"a":' * 50_000]
)
def test_a_line_that_is_no_entry_is_ignored(line: bytes, tmp_path: Path) -> None:
    (job,) = jobs_of(tmp_path, 1)
    (tmp_path / "r.csv.journal").write_bytes(line + b"\n")
    with Journal(tmp_path / "r.csv", SETTINGS, keep_tallies=False, resume=True) as journal:
        assert journal.find(job) is None
        journal.add(job, Finished(result_of(job)))
    with Journal(tmp_path / "r.csv", SETTINGS, keep_tallies=False, resume=True) as journal:
        found = journal.find(job)
    assert found is not None
    assert found.result.document() == result_of(job).document()


@pytest.mark.parametrize(
    "other",
    [
        Settings(metrics="dice"),
        Settings(metrics="dice,ce", empty="one"),
        Settings(metrics="dice,ce", labels=LabelChoice.of((1,), {1: "liver"})),
        Settings(metrics="dice,ce", labels=LabelChoice.of((1,), {1: "spleen"})),
        Settings(metrics="dice,ce", labels=LabelChoice(background=True)),
        Settings(metrics="dice,ce", hashed=True),
        Settings(metrics="dice,ce", class_weights={0: 1.0, 1: 2.0}),
    ],
)
def test_another_setting_is_another_result(other: Settings, tmp_path: Path) -> None:
    (job,) = jobs_of(tmp_path, 1)
    with Journal(tmp_path / "r.csv", SETTINGS, keep_tallies=False, resume=False) as journal:
        journal.add(job, Finished(result_of(job)))
    with Journal(tmp_path / "r.csv", other, keep_tallies=False, resume=True) as journal:
        assert journal.find(job) is None


def test_another_backend_is_the_same_result(tmp_path: Path) -> None:
    (job,) = jobs_of(tmp_path, 1)
    with Journal(tmp_path / "r.csv", SETTINGS, keep_tallies=False, resume=False) as journal:
        journal.add(job, Finished(result_of(job)))
    other = Settings(metrics="dice,ce", backend="auto")
    with Journal(tmp_path / "r.csv", other, keep_tallies=False, resume=True) as journal:
        assert journal.find(job) is not None


def test_a_file_that_changed_while_it_was_scored_is_scored_again(tmp_path: Path) -> None:
    (job,) = jobs_of(tmp_path, 1)
    with Journal(tmp_path / "r.csv", SETTINGS, keep_tallies=False, resume=False) as journal:
        assert journal.find(job) is None
        job.reference.path.write_bytes(b"other bytes, of another length")
        journal.add(job, Finished(result_of(job)))
    job = Job(job.case, job.prediction, Input(job.reference.path))
    with Journal(tmp_path / "r.csv", SETTINGS, keep_tallies=False, resume=True) as journal:
        assert journal.find(job) is None


def test_tallies_come_back_bit_for_bit() -> None:
    rng = np.random.default_rng(0)
    raw = rng.random((3, 50))
    assert evaluate_arrays(raw / raw.sum(axis=0), rng.integers(0, 3, 50)).cases[0].kind == "probabilities"
    from segeval.cases.counting import count_probabilities
    from segeval.kernels import NumpyBackend
    from segeval.volumes.volume import ArraySource

    options = TallyOptions(
        channels=(0, 1, 2), labels=(1, 2), regions=(Region("any", None), Region("one", frozenset((1,)))),
        logs=((2.0, 1e-7), (3.0, 1e-5)),
    )  # fmt: skip
    source, truth = ArraySource((raw / raw.sum(axis=0))[..., None]), ArraySource(rng.integers(0, 3, (1, 50, 1)))
    tally = count_probabilities(NumpyBackend(), source, truth, options, {}).tally
    import json

    again = tally_of(json.loads(json.dumps(tally_document(tally))))
    assert again.options == tally.options
    assert again.confusion == tally.confusion
    assert tally_document(again) == tally_document(tally)
    assert tally_document(again + again) == tally_document(tally + tally)


def test_a_line_of_which_a_bit_is_lost_is_ignored(tmp_path: Path) -> None:
    """Also where the line is still one, with another number in it."""
    (job,) = jobs_of(tmp_path, 1)
    with Journal(tmp_path / "r.csv", SETTINGS, keep_tallies=False, resume=False) as journal:
        journal.add(job, Finished(result_of(job)))
    path = tmp_path / "r.csv.journal"
    whole = path.read_bytes()
    for place in range(len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with Journal(tmp_path / "r.csv", SETTINGS, keep_tallies=False, resume=True) as journal:
            assert journal.find(job) is None, whole[place:]
    path.write_bytes(whole)
    with Journal(tmp_path / "r.csv", SETTINGS, keep_tallies=False, resume=True) as journal:
        assert journal.find(job) is not None


COLUMNS = ("dice", "ce")
LINE = (
    rb'{"key": "k", "case": {"case": "a\udc80", "prediction": null, "reference": "r.nii", "sha256": {"prediction": "'
    + b"0" * 64
    + b'", "reference": "'
    + b"f" * 64
    + rb'"}, "status": "missing", "reason": "none", "remarks": ["a remark"]}, "rows": {"lines": [[1, "l\u00e4ber"], '
    rb'["mean", null]], "values": "AAAAAAAA4D8AAAAAAAD4fwAAAAAAAOA/AAAAAAAA+H8=", "kinds": "AwEDAA==", "means": '
    rb'[null, [1, -1, 1]]}, "confusion": "[[0,1,7]]", "details": "{\"missed\":[1]}", "kind": "labels", "libraries": '
    rb'{"numpy": "2.0"}, "tally": null}'
    b"\n"
)
"""Of a case whose name is no text; kept from before lines were types."""


def test_a_line_is_written_and_read_as_it_always_was() -> None:
    rows = (Row(1, "läber", {"dice": 0.5, "ce": math.nan}), Row("mean", None, {"dice": 0.5}, {"dice": 1}, 1))
    case = CaseResult("a\udc80", None, "r.nii", rows, ((0, 1, 7),), ("a remark",), ("0" * 64, "f" * 64), "missing")
    finished = Finished(
        replace(case, reason="none", kind="labels", details={"missed": [1]}), libraries={"numpy": "2.0"}
    )
    assert line_of("k", finished, COLUMNS) == LINE
    found = finished_of(LINE, Table(COLUMNS))
    assert found is not None
    assert repr(found.result) == repr(finished.result)  # NaN and all
    assert found.libraries == {"numpy": "2.0"}


@pytest.mark.parametrize(
    ("of", "other"),
    [
        (b'"missing"', b'"odd"'),
        (b'["a remark"]', b"null"),
        (b'"ffff', b'"gfff'),
        (b'"r.nii"', b"7"),
        (b'"mean"', b"1.5"),
        (b"-1, 1]", b"-1]"),
        (b"-1, 1]", b"-1, 5000000000]"),
        (b'"AwEDAA=="', b'"AwEDA"'),
        (b'"AwEDAA=="', b'"AwED"'),
        (b'"labels"', b'"label"'),
        (b'"tally": null', b'"tally": {}'),
        (b'"[[0,1,7]]"', b'"[[0,1,7]"'),
        (b'"[[0,1,7]]"', b'"[[0,1]]"'),
        (b"[1]}", b"[1]]"),
    ],
)
def test_a_line_of_another_making_is_ignored(of: bytes, other: bytes) -> None:
    assert LINE.count(of) == 1
    assert finished_of(LINE.replace(of, other), Table(COLUMNS)) is None


def test_overlapping_label_sets_come_back() -> None:
    tally = Tally(TallyOptions(), Confusion({(-5, 0): 3, (1, -5): 2}, {-5: frozenset((1, 3))}))
    assert tally_of(tally_document(tally)) == tally


def test_what_a_killed_writer_left_of_the_output_is_swept(tmp_path: Path) -> None:
    """And nothing else: another output's part, a file of somebody's."""
    kept = [".out.csv.part", ".out.csv.0123456.part", ".other.csv.01234567.part", ".out.csv.01234567.part.txt"]
    for name in (*kept, ".out.csv.01234567.part", ".out.csv.89abcdef.part"):
        (tmp_path / name).write_text("x")
    with Journal(tmp_path / "out.csv", SETTINGS, keep_tallies=False, resume=True):
        assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".o")) == sorted(kept)
