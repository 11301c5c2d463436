"""`segeval batch` end to end, on folders of generated cases."""

from __future__ import annotations

import csv
import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from clusters import cluster
from numpy.typing import NDArray

from segeval.cli.app import main

Segeval = Callable[..., Any]
Folders = tuple[Path, Path]

CASES = 200
COMMAND = (sys.executable, "-m", "segeval", "batch")


def write(path: Path, array: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(array, np.diag([1.0, 1.0, 2.0, 1.0])), path)


def reference_of(case: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(case)
    return rng.integers(0, 3, (6, 5, 4), dtype=np.uint8)


def prediction_of(case: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(case + 10_000)
    reference = reference_of(case)
    return np.where(rng.random(reference.shape) < 0.8, reference, rng.integers(0, 3, reference.shape, dtype=np.uint8))


def fill(folder: Path, cases: int) -> Folders:
    for case in range(cases):
        write(folder / "ours" / f"case_{case:03}.nii.gz", prediction_of(case))
        write(folder / "theirs" / f"case_{case:03}.nii.gz", reference_of(case))
    return folder / "ours", folder / "theirs"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """200 cases: one truncated, one of another shape, one without a prediction."""
    ours, theirs = fill(tmp_path_factory.mktemp("many"), CASES)
    cut = ours / "case_010.nii.gz"
    cut.write_bytes(cut.read_bytes()[:-20])
    write(ours / "case_020.nii.gz", np.zeros((6, 5, 3), dtype=np.uint8))
    (ours / "case_030.nii.gz").unlink()
    return ours, theirs


@pytest.fixture
def few(tmp_path: Path) -> Folders:
    return fill(tmp_path, 6)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def dice_of(case: int, label: int) -> float:
    p, r = prediction_of(case) == label, reference_of(case) == label
    return float(2 * (p & r).sum() / (p.sum() + r.sum()))


def test_a_bad_case_costs_one_case_and_the_others_are_right(many: Folders, tmp_path: Path, segeval: Segeval) -> None:
    output = tmp_path / "results.csv"
    run = segeval("batch", *many, "--missing", "skip", "-o", output, "--metrics", "dice,ce")
    assert run.code == 3
    assert "197 of 200 scored, 2 failed, 1 missing" in " ".join(run.out.split())
    rows = rows_of(output)
    assert [row["case"] for row in rows if row["label"] in ("mean", "")] == [f"case_{n:03}" for n in range(CASES)]
    bad = {row["case"]: row for row in rows if row["status"] != "ok"}
    assert {case: row["status"] for case, row in bad.items()} == {
        "case_010": "error",
        "case_020": "error",
        "case_030": "missing",
    }
    assert "gzip" in bad["case_010"]["reason"]
    assert "6×5×3" in bad["case_020"]["reason"]
    for row in rows:
        if row["label"] in ("1", "2"):
            assert float(row["dice"]) == dice_of(int(row["case"][-3:]), int(row["label"]))


def test_any_number_of_workers_and_a_cluster_write_the_same_bytes(many: Folders, tmp_path: Path) -> None:
    options = ("--missing", "skip", "--metrics", "dice,focal,wce", "--format", "json")
    written = []
    for workers in (1, 2, 4):
        output = tmp_path / f"{workers}.csv"
        done = subprocess.run([*COMMAND, *many, *options, "--workers", str(workers), "-o", output], capture_output=True)
        assert done.returncode == 3, done.stderr
        written.append((output.read_bytes(), done.stdout))
    with cluster() as address:
        output = tmp_path / "dask.csv"
        done = subprocess.run([*COMMAND, *many, *options, "--dask", address, "-o", output], capture_output=True)
        assert done.returncode == 3, done.stderr
        written.append((output.read_bytes(), done.stdout))
    assert len(set(written)) == 1


@pytest.mark.parametrize("form", ["csv", "json", "table", "markdown", "nnunet"])
def test_what_failed_is_on_stderr_where_stdout_is_a_file(form: str, many: Folders, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as out:
        done = subprocess.run(
            [*COMMAND, *many, "--missing", "skip", "--format", form], stdout=out, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 3
    first, *lines = done.stderr.splitlines()
    assert first == "segeval: 197 of 200 scored, 2 failed, 1 missing"
    assert lines[0].startswith(f"segeval: failed case_010: {many[0]}/case_010.nii.gz: ")
    assert lines[1].startswith("segeval: failed case_020: ")
    assert len([line for line in lines if line.startswith("segeval:")]) == 2


def test_two_hundred_cases_with_one_reason_are_one_line(few: Folders, tmp_path: Path) -> None:
    rows = [f"c{n:03},{tmp_path}/gone_{n}.nii,{few[1]}/case_001.nii.gz" for n in range(200)]
    (tmp_path / "pairs.csv").write_text("\n".join(["case,prediction,reference", *rows]) + "\n")
    done = subprocess.run(
        [*COMMAND, "--manifest", tmp_path / "pairs.csv", "--format", "csv"], capture_output=True, text=True
    )
    assert done.returncode == 3
    first, second, *others = done.stderr.splitlines()
    assert first == "segeval: no case was scored: 200 of 200 failed"
    assert second == (
        "segeval: failed 200 cases: <prediction>: there is no such file; check the path "
        "(c000, c001, c002, c003, c004 and 195 more)"
    )
    assert all(line.startswith("remark:") for line in others)


def test_a_batch_without_a_failure_is_silent(few: Folders) -> None:
    done = subprocess.run([*COMMAND, *few, "--format", "csv"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_shows_failures_in_the_table_alone(many: Folders) -> None:
    """Of stdout: what a person sees there is not said again."""
    ours, theirs = os.openpty()
    with subprocess.Popen([*COMMAND, *many, "--missing", "skip"], stdout=theirs, stderr=subprocess.PIPE) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # the end of a terminal
            while piece := os.read(ours, 1 << 16):
                shown += piece
        assert process.stderr is not None
        assert b"failed" not in process.stderr.read()
    os.close(ours)
    assert process.returncode == 3
    assert b"failed case_010" in shown


SCHEDULER = """
import asyncio
from distributed import Scheduler, Worker
async def main():
    async with Scheduler(host="127.0.0.1", port=0, dashboard_address=None) as scheduler:
        async with Worker(scheduler.address, nthreads=1, dashboard=False):
            print(scheduler.address, flush=True)
            await scheduler.finished()
asyncio.run(main())
"""


def test_a_scheduler_that_dies_is_a_line_and_the_rest_is_resumed(many: Folders, tmp_path: Path) -> None:
    options = (*many, "--missing", "skip", "--metrics", "dice", "--format", "csv")
    whole, output = tmp_path / "whole.csv", tmp_path / "output.csv"
    assert subprocess.run([*COMMAND, *options, "-o", whole], capture_output=True).returncode == 3
    script = [sys.executable, "-c", SCHEDULER]
    with subprocess.Popen(script, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as scheduler:
        assert scheduler.stdout is not None
        address = scheduler.stdout.readline().decode().strip()
        process = subprocess.Popen(
            [*COMMAND, *options, "-o", output, "--dask", address], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        journal = output.with_name("output.csv.journal")
        while process.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") > 20):
            time.sleep(0.002)
        scheduler.kill()
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (3, b"")
    (line,) = err.decode().splitlines()
    assert line.startswith(f"segeval: --dask {address}: the scheduler is gone")
    assert "--resume" in line
    assert 20 < journal.read_bytes().count(b"\n") < 190
    done = subprocess.run([*COMMAND, *options, "-o", output, "--resume"], capture_output=True)
    assert done.returncode == 3
    assert output.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("address", ["no-address", "tcp://127.0.0.1:1"])
def test_a_client_that_finds_no_scheduler_is_closed_at_once(
    few: Folders, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Left to the garbage collector, its end could fall into the start of the next client, and both wait for ever."""
    import dask
    from distributed import Client

    with dask.config.set({"distributed.comm.timeouts.connect": "200ms"}):
        gc.collect()  # what an earlier test left
        gc.disable()
        try:
            assert main(["batch", *map(str, few), "--dask", address]) == 3
            assert [client.status for client in gc.get_objects() if issubclass(type(client), Client)] == ["closed"]
        finally:
            gc.enable()
    assert f"--dask {address}: no scheduler answers there" in capsys.readouterr().err


def test_a_run_killed_half_way_resumes_to_the_same_bytes(many: Folders, tmp_path: Path) -> None:
    options = (*many, "--missing", "skip", "--metrics", "dice", "--workers", "2", "--format", "csv")
    whole, killed = tmp_path / "whole.csv", tmp_path / "killed.csv"
    assert subprocess.run([*COMMAND, *options, "-o", whole], capture_output=True).returncode == 3
    journal = killed.with_name("killed.csv.journal")
    process = subprocess.Popen([*COMMAND, *options, "-o", killed], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") > 40):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not killed.exists()
    done = subprocess.run([*COMMAND, *options, "--resume", "-o", killed], capture_output=True, encoding="utf-8")
    assert done.returncode == 3
    resumed = int(done.stderr.split("resumed: ")[1].split()[0])
    assert 40 <= resumed < CASES
    assert killed.read_bytes() == whole.read_bytes()


def test_a_changed_prediction_or_setting_is_scored_again_and_the_rest_is_not(
    few: Folders, tmp_path: Path, segeval: Segeval
) -> None:
    output = tmp_path / "r.json"
    first = ("batch", *few, "-o", output, "--metrics", "dice")
    assert segeval(*first).code == 0
    write(few[0] / "case_002.nii.gz", reference_of(2))
    run = segeval(*first, "--resume")
    assert "resumed: 5 of 6" in run.err
    (changed,) = [c for c in json.loads(output.read_text("utf-8"))["cases"] if c["case"] == "case_002"]
    assert changed["rows"][0]["dice"] == 1
    assert "resumed" not in segeval(*first, "--resume", "--empty", "one").err
    assert "resumed: 6 of 6" in segeval(*first, "--resume", "--empty", "one").err


def test_a_journal_line_that_was_cut_is_ignored(few: Folders, tmp_path: Path, segeval: Segeval) -> None:
    output = tmp_path / "r.csv"
    command = ("batch", *few, "-o", output, "--metrics", "dice")
    segeval(*command)
    expected = output.read_bytes()
    journal = tmp_path / "r.csv.journal"
    journal.write_bytes(journal.read_bytes()[:-30])
    run = segeval(*command, "--resume")
    assert "resumed: 5 of 6" in run.err
    assert output.read_bytes() == expected
    assert "resumed: 6 of 6" in segeval(*command, "--resume").err


def test_a_second_run_of_the_same_output_is_refused(few: Folders, tmp_path: Path, segeval: Segeval) -> None:
    from filelock import FileLock

    output = tmp_path / "r.csv"
    with FileLock(str(output) + ".journal.lock"):
        run = segeval("batch", *few, "-o", output)
    assert run.code == 3
    assert "another run is writing it" in run.err
    assert not output.exists()


def test_pooled_rows_count_the_voxels_of_all_cases(few: Folders, tmp_path: Path, segeval: Segeval) -> None:
    p = np.stack([prediction_of(case) for case in range(6)])
    r = np.stack([reference_of(case) for case in range(6)])
    for extra in ((), ("--resume",)):
        run = segeval(
            "batch", *few, "--pooled", "--metrics", "dice,tp", "--format", "json", "-o", tmp_path / "r.csv", *extra
        )
        pooled = {row["label"]: row for row in run.json["pooled"]}
        for label in (1, 2):
            hit = int(((p == label) & (r == label)).sum())
            assert pooled[label]["tp"] == hit
            assert pooled[label]["dice"] == pytest.approx(
                2 * hit / ((p == label).sum() + (r == label).sum()), rel=1e-12
            )


def test_a_missing_prediction_can_count_as_an_empty_one(few: Folders, segeval: Segeval) -> None:
    (few[0] / "case_001.nii.gz").unlink()
    run = segeval("batch", *few, "--missing", "worst", "--metrics", "dice,sensitivity,ce", "--format", "json")
    assert run.code == 0
    (case,) = [case for case in run.json["cases"] if case["status"] == "missing"]
    assert case["prediction"] is None
    assert [row["dice"] for row in case["rows"]] == [0, 0, 0, 0]
    miss = float((reference_of(1) > 0).mean()) * -np.log(1e-7)
    assert case["rows"][-1]["ce"] == pytest.approx(miss, rel=1e-5)
    (summary,) = [s for s in run.json["summary"] if s["label"] == "mean" and s["quantity"] == "dice"]
    assert (summary["n"], summary["missing"], summary["min"]) == (6, 1, 0)


def test_a_missing_prediction_is_an_error_before_anything_is_scored(
    few: Folders, tmp_path: Path, segeval: Segeval
) -> None:
    (few[0] / "case_001.nii.gz").unlink()
    run = segeval("batch", *few, "-o", tmp_path / "r.csv")
    assert run.code == 3
    assert run.out == ""
    assert "case_001" in run.err
    assert "--missing" in run.err
    assert not (tmp_path / "r.csv").exists()


def test_a_duplicate_is_refused_before_anything_is_scored(many: Folders, tmp_path: Path, segeval: Segeval) -> None:
    ours, theirs = tmp_path / "ours", many[1]
    ours.mkdir()
    for path in many[0].iterdir():
        (ours / path.name).symlink_to(path)
    (ours / "case_005.nii").write_bytes(b"a second prediction for the case")
    run = segeval("batch", ours, theirs, "--missing", "skip", "-o", tmp_path / "r.csv")
    assert run.code == 3
    assert "case_005.nii.gz" in run.err
    assert "case_005.nii " in run.err.replace(",", " ").replace(";", " ").replace(")", " ")
    assert not (tmp_path / "r.csv").exists()


def test_fail_fast_stops_and_keeps_what_is_done(few: Folders, tmp_path: Path, segeval: Segeval) -> None:
    (few[0] / "case_003.nii.gz").write_bytes(b"rubbish")
    run = segeval("batch", *few, "--fail-fast", "--workers", "1", "-o", tmp_path / "r.csv")
    assert run.code == 3
    assert "case_003" in run.err
    assert not (tmp_path / "r.csv").exists()


def test_an_interrupted_run_keeps_its_cases_and_exits_130(few: Folders, tmp_path: Path) -> None:
    for folder in few:  # seconds of work, so that the signal comes before its end on a busy machine, too
        for copy in range(3000):
            os.link(folder / f"case_{copy % 6:03}.nii.gz", folder / f"copy_{copy:04}.nii.gz")
    output = tmp_path / "r.csv"
    command = [*COMMAND, *few, "--metrics", "dice", "--workers", "1", "-o", output]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # which a job in a shell's background ignores
    )  # fmt: skip
    journal = tmp_path / "r.csv.journal"
    try:
        while process.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") > 10):
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        _, words = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert words.endswith(
        f"segeval: {journal}: holds what is scored; --resume goes on from there\nsegeval: interrupted\n"
    )
    assert journal.read_bytes().count(b"\n") > 10


def test_shards_merge_to_the_whole(few: Folders, tmp_path: Path, segeval: Segeval) -> None:
    whole = segeval("batch", *few, "--metrics", "dice,focal:gamma=3", "--format", "json")
    parts = []
    for number in (1, 2, 3, 4):
        part = tmp_path / f"{number}.json"
        parts.append(part)
        run = segeval("batch", *few, "--metrics", "dice,focal:gamma=3", "--shard", f"{number}/4", "-o", part)
        assert run.code == 0
    merged = segeval("merge", *parts, "--format", "json", "-o", tmp_path / "all.csv")
    assert merged.json == whole.json
    assert len(rows_of(tmp_path / "all.csv")) == 6 * 4
    refused = segeval("merge", parts[0], parts[0])
    assert refused.code == 2
    assert "another of the files" in refused.err


def test_folders_of_masks_number_their_classes_alike_in_all_cases(tmp_path: Path, segeval: Segeval) -> None:
    mask = np.zeros((3, 3, 3), dtype=np.uint8)
    mask[1] = 1
    for case, classes in (("s1", ("liver", "spleen")), ("s2", ("kidney", "liver"))):
        for side in ("ours", "theirs"):
            for name in classes:
                write(
                    tmp_path / side / case / "segmentations" / f"{name}.nii.gz", mask if name == "liver" else 0 * mask
                )
    run = segeval("batch", tmp_path / "ours", tmp_path / "theirs", "--metrics", "dice", "--format", "json")
    names = {(row["label"], row["name"]) for case in run.json["cases"] for row in case["rows"] if row["name"]}
    assert names == {(2, "liver")}


def test_a_dry_run_prints_the_pairing_and_scores_nothing(few: Folders, tmp_path: Path, segeval: Segeval) -> None:
    (few[0] / "case_001.nii.gz").unlink()
    write(few[0] / "stray.nii.gz", reference_of(0))
    run = segeval("batch", *few, "--dry-run", "-o", tmp_path / "r.csv")
    assert run.code == 0
    for word in ("case_000", "case_001", "stray"):
        assert word in run.out
    assert not (tmp_path / "r.csv").exists()


def test_an_extra_prediction_is_a_remark(few: Folders, segeval: Segeval) -> None:
    write(few[0] / "stray.nii.gz", reference_of(0))
    run = segeval("batch", *few, "--metrics", "dice", "--format", "json")
    assert run.code == 0
    assert any("stray" in remark for remark in run.json["remarks"])


def test_a_folder_scored_against_itself_cannot_be_overlooked(few: Folders, segeval: Segeval) -> None:
    run = segeval("batch", few[0], few[0], "--metrics", "dice")
    assert run.code == 0
    assert "is the same file as" in run.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--shard", "5/4"), "3/16"),
        (("--shard", "x"), "3/16"),
        (("--resume",), "-o"),
        (("--workers", "0"), "workers"),
        (("--missing", "maybe"), "missing"),
        (("--pairing", "name", "--case-pattern", "(?P<case>x)"), "--case-pattern"),
        (("--manifest", "m.csv"), "--manifest"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors(
    options: tuple[str, ...], words: str, few: Folders, segeval: Segeval
) -> None:
    run = segeval("batch", *few, *options)
    assert run.code == 2
    assert words in run.err
    assert run.out == ""
