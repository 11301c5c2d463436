"""Each example, run by the program that it is for: .ci/recipes. The Dice is 0.75 in one case and 1 in the other."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import yaml

HERE = Path(__file__).parent
PROGRAMS = Path(sys.executable).parent
MEAN = 0.875


def maps() -> dict[str, tuple[Any, Any]]:
    """Prediction and reference of 8 voxels each, of which 6 are the same; and of two that are equal."""
    reference = np.zeros((4, 4, 4), np.uint8)
    reference[:2, :2, :2] = 1
    prediction = reference.copy()
    prediction[0, 0, :2], prediction[3, 3, :2] = 0, 1
    return {"one": (prediction, reference), "two": (reference, reference)}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Predictions and references of both cases, and the working folder."""
    for side, name in enumerate(("predictions", "references")):
        (tmp_path / name).mkdir()
        for case, pair in maps().items():
            nibabel.save(nibabel.Nifti1Image(pair[side], np.eye(4)), tmp_path / name / f"{case}.nii.gz")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for name in ("CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def sh(*words: object, code: int = 0) -> str:
    done = subprocess.run(list(map(str, words)), capture_output=True, encoding="utf-8")
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def run_script(path: str, *arguments: str) -> None:
    sh(sys.executable, HERE / path, *arguments)


def mean_of(path: Path) -> float:
    """The mean Dice of label 1 over the cases of a report."""
    (entry,) = [
        entry for entry in json.loads(path.read_text())["summary"] if (entry["label"], entry["quantity"]) == (1, "dice")
    ]
    return float(entry["mean"])


# Loggers


def test_mlflow(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file:{folder}/store")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri(f"file:{folder}/store")
    run_script("loggers/mlflow_run.py", "predictions", "references")
    (run,) = mlflow.search_runs(output_format="list")
    assert run.data.metrics["val/1/dice"] == MEAN
    assert run.data.tags["segeval.signature"].startswith("segeval:")
    assert json.loads(mlflow.artifacts.load_text(f"{run.info.artifact_uri}/segeval.json"))["schema"] == "segeval/1"


@pytest.mark.usefixtures("folder")
def test_a_key_that_mlflow_refuses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri(f"file:{tmp_path}/store")
    import segeval

    report = segeval.evaluate_arrays(*maps()["one"], metrics="dice,f_beta:beta=1", spacing=(1, 1, 1))
    with mlflow.start_run() as run:
        runpy.run_path(str(HERE / "loggers/mlflow_run.py"))["log"](report)
    assert mlflow.get_run(run.info.run_id).data.metrics["val/1/f_beta:beta_1"] == 0.75


@pytest.mark.usefixtures("folder")
def test_tensorboard() -> None:
    pytest.importorskip("tensorboard")
    run_script("loggers/tensorboard_run.py", "predictions", "references")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator("runs").Reload()
    assert [(event.step, event.value) for event in events.Scalars("val/1/dice")] == [(0, MEAN)]


def test_weights_and_biases(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an offline run holds, as `wandb sync` uploads it."""
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    run_script("loggers/wandb_run.py", "predictions", "references")
    from wandb.proto.wandb_internal_pb2 import Record

    (path,) = (folder / "wandb").glob("offline-run-*/run-*.wandb")
    logged = {}
    for stored in records(path.read_bytes()):
        record = Record()
        record.ParseFromString(stored)
        logged |= {(item.key or "/".join(item.nested_key)): item.value_json for item in record.history.item}
    assert json.loads(logged["val/1/dice"]) == MEAN


def records(log: bytes) -> Iterator[bytes]:
    """The records of a log in LevelDB's format, behind 7 bytes of the file's own: checksum, length, kind, bytes."""
    place, whole, block, head = 7, b"", 32768, 7
    while place + head <= len(log):
        if block - place % block < head:
            place += block - place % block
            continue
        length, kind = int.from_bytes(log[place + 4 : place + 6], "little"), log[place + 6]
        whole += log[place + head : place + head + length]
        place += head + length
        if kind in (1, 4):  # whole, or its last part
            yield whole
            whole = b""


def test_dvc(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second prediction becomes that of the first case: its Dice is 0.75, too."""
    pytest.importorskip("dvc")
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    for name, value in (("GIT_AUTHOR", "a"), ("GIT_COMMITTER", "a")):
        monkeypatch.setenv(f"{name}_NAME", value)
        monkeypatch.setenv(f"{name}_EMAIL", f"{value}@example.org")
    for name in ("dvc.yaml", "metrics.py"):
        shutil.copy(HERE / "dvc" / name, folder)
    sh("git", "init", "--quiet")
    sh("dvc", "init", "--quiet")
    sh("dvc", "repro", "--quiet")
    sh("git", "add", "--all")
    sh("git", "commit", "--quiet", "--message", "first")
    shutil.copy("predictions/one.nii.gz", "predictions/two.nii.gz")
    sh("dvc", "repro", "--quiet")
    (changes,) = json.loads(sh("dvc", "metrics", "diff", "--json")).values()
    assert changes["1.dice"] == {"old": MEAN, "new": 0.75, "diff": 0.75 - MEAN}


# Training


def test_lightning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a validation set of two cases, in batches of one: 6 + 8 of the voxels are found, 8 + 8 are there."""
    lightning = pytest.importorskip("lightning")
    import torch

    monkeypatch.chdir(tmp_path)
    callback = runpy.run_path(str(HERE / "training/lightning_callback.py"))["Segmentation"]
    pairs = [(torch.tensor(h), torch.tensor(y)) for h, y in maps().values()]

    class Model(lightning.LightningModule):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def validation_step(self, batch: Any, _: int) -> Any:
            labels, reference = batch
            both = torch.stack([labels == 0, labels == 1], dim=1).float()  # class probabilities
            return {"prediction": both + self.weight, "reference": reference}

    trainer = lightning.Trainer(
        accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False, barebones=False,
        callbacks=[callback(class_axis=0, metrics="dice", labels={"liver": 1})],
    )  # fmt: skip
    (found,) = trainer.validate(Model(), torch.utils.data.DataLoader(pairs, batch_size=1), verbose=False)
    assert found["val/liver/dice"] == MEAN


def test_the_ranks_of_lightning(tmp_path: Path) -> None:
    """Two processes with a case each log the value of both: 6 + 8 of the voxels are found, 8 + 8 are there."""
    pytest.importorskip("lightning")
    np.savez(
        tmp_path / "maps.npz", **{f"{case}_{side}": pair[side] for case, pair in maps().items() for side in (0, 1)}
    )
    (tmp_path / "train.py").write_text(TWO_RANKS.format(callback=HERE / "training/lightning_callback.py"))
    done = subprocess.run(
        [sys.executable, "train.py"], cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=900,
        env={k: v for k, v in os.environ.items() if not k.startswith("SLURM_")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.findall(r"val/liver/dice is (\S+)", done.stdout) == [str(MEAN), str(MEAN)]


TWO_RANKS = """
import runpy

import lightning as L
import numpy as np
import torch

Segmentation = runpy.run_path("{callback}")["Segmentation"]


class Model(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def validation_step(self, batch, _):
        return {{"prediction": batch[0], "reference": batch[1]}}


if __name__ == "__main__":
    stored = np.load("maps.npz")
    pairs = [(torch.tensor(stored[f"{{case}}_0"]), torch.tensor(stored[f"{{case}}_1"])) for case in ("one", "two")]
    trainer = L.Trainer(
        accelerator="cpu", devices=2, strategy="ddp", logger=False, enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Segmentation(metrics="dice", labels={{"liver": 1}})],
    )
    trainer.validate(Model(), torch.utils.data.DataLoader(pairs, batch_size=1), verbose=False)
    print("val/liver/dice is", float(trainer.callback_metrics["val/liver/dice"]), flush=True)
"""


def test_monai(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ignite")
    pytest.importorskip("monai")
    import torch
    from monai.data import DataLoader, Dataset
    from monai.engines import SupervisedEvaluator

    monkeypatch.chdir(tmp_path)
    handler = runpy.run_path(str(HERE / "training/monai_handler.py"))["Segmentation"]
    data = Dataset([
        {"image": torch.tensor(h)[None].float(), "label": torch.tensor(y)[None]} for h, y in maps().values()
    ])  # fmt: skip

    class Copy(torch.nn.Module):
        def forward(self, image: Any) -> Any:
            return torch.cat([image == 0, image == 1], dim=1).float()

    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"), val_data_loader=DataLoader(data, batch_size=2), network=Copy(),
        decollate=True,
    )  # fmt: skip
    handler(class_axis=0, metrics="dice", labels={"liver": 1}).attach(evaluator)
    for _ in range(2):  # the second epoch begins anew
        evaluator.run()
        assert evaluator.state.metrics["val/liver/dice"] == MEAN


# Pipelines


def test_snakemake(folder: Path) -> None:
    pytest.importorskip("snakemake")
    shutil.copy(HERE / "pipelines/Snakefile", folder)
    sh("snakemake", "--cores", "2", "--quiet", "all")
    assert mean_of(folder / "results.json") == MEAN
    assert json.loads((folder / "verdict.json").read_text())["success"] is True


def test_the_commands_of_nextflow(folder: Path) -> None:
    """Nextflow itself is not at hand everywhere; its scripts are bash, once its variables are filled in."""
    text = (HERE / "pipelines/main.nf").read_text()
    score, merge = re.findall(r'script:\n    """\n(.*?)\n    """', text, re.DOTALL)
    for case in maps():
        values = {"prediction": f"predictions/{case}.nii.gz", "reference": f"references/{case}.nii.gz", "name": case}
        sh("bash", "-euo", "pipefail", "-c", filled(score, values))
    sh("bash", "-euo", "pipefail", "-c", filled(merge, {"scores": " ".join(f"{case}.json" for case in maps())}))
    assert mean_of(folder / "results.json") == MEAN


def filled(script: str, values: dict[str, str]) -> str:
    done = re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], script)
    assert "$" not in done
    return done


@pytest.mark.skipif(shutil.which("groovy") is None, reason="groovy is not installed")
def test_nextflow_is_groovy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a Nextflow script is written in; what its words mean is Nextflow's."""
    if java := shutil.which("java"):
        monkeypatch.setenv("JAVA_HOME", str(Path(java).resolve().parents[1]))
    sh("groovy", "-e", "new GroovyShell().parse(new File(args[0]))", HERE / "pipelines/main.nf")


@pytest.mark.skipif(shutil.which("nextflow") is None, reason="no nextflow: no registry of packages has it")
def test_nextflow(folder: Path) -> None:
    sh("nextflow", "run", HERE / "pipelines/main.nf")
    assert mean_of(folder / "results/results.json") == MEAN


@pytest.mark.parametrize("tasks", [1, 3])
def test_the_tasks_of_a_slurm_array(folder: Path, monkeypatch: pytest.MonkeyPatch, tasks: int) -> None:
    """One after the other, as SLURM starts each; a part without a case is there, too."""
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", str(tasks))
    for task in range(1, tasks + 1):
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", str(task))
        sh("bash", HERE / "pipelines/array.sbatch", "predictions", "references", "results")
    sh("segeval", "merge", *sorted((folder / "results").glob("part-*.json")), "-o", "results/results.json")
    assert mean_of(folder / "results/results.json") == MEAN


@pytest.mark.skipif(shutil.which("sinfo") is None or "SEGEVAL_SLURM" not in os.environ, reason="no SLURM is running")
def test_a_slurm_array(folder: Path) -> None:
    script = HERE / "pipelines/array.sbatch"
    part = sh(
        "sbatch", "--parsable", "--wait", "--array=1-2", "--mem=200M", script, "predictions", "references", "results"
    )
    assert part.strip().isdigit()
    command = "segeval merge results/part-*.json --format csv -o results/results.json"
    sh("sbatch", "--wait", f"--dependency=afterok:{part.strip()}", "--wrap", command)
    assert mean_of(folder / "results/results.json") == MEAN


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck_finds_nothing() -> None:
    assert sh("shellcheck", HERE / "pipelines/array.sbatch") == ""


# Gates

BASELINE = ["segeval", "check", "predictions", "references", "--metrics", "dice", "--baseline", "baseline.json"]


@pytest.fixture
def repository(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with both folders and their baseline."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "a")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "a@example.org")
    sh(*BASELINE, "--update-baseline")
    sh("git", "init", "--quiet")
    sh("git", "add", "predictions", "references", "baseline.json")
    sh("git", "commit", "--quiet", "--message", "first")
    return folder


def make_worse(folder: Path) -> None:
    shutil.copy(folder / "predictions/one.nii.gz", folder / "predictions/two.nii.gz")


def test_pre_commit(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pre_commit")
    monkeypatch.setenv("PRE_COMMIT_HOME", str(repository / "hooks"))
    shutil.copy(HERE / "ci/.pre-commit-config.yaml", repository)
    sh("git", "add", ".pre-commit-config.yaml")
    sh("pre-commit", "install")
    sh("git", "commit", "--quiet", "--message", "a hook")
    make_worse(repository)
    sh("git", "add", "predictions")
    sh("git", "commit", "--quiet", "--message", "worse", code=1)
    assert sh("git", "log", "--format=%s").split("\n")[0] == "a hook"


def commands_of(name: str) -> list[str]:
    document = yaml.safe_load((HERE / "ci" / name).read_text())
    if name == ".gitlab-ci.yml":
        return list(document["segmentation"]["script"])
    return [step["run"] for step in document["jobs"]["gate"]["steps"] if "segeval check" in step.get("run", "")]


@pytest.mark.parametrize("name", [".gitlab-ci.yml", "github.yml"])
def test_the_commands_of_a_job(repository: Path, name: str) -> None:
    (command,) = commands_of(name)
    sh("bash", "-euo", "pipefail", "-c", command)
    make_worse(repository)
    sh("bash", "-euo", "pipefail", "-c", command, code=1)
    assert (repository / "segeval.xml").exists() == (name == ".gitlab-ci.yml")
