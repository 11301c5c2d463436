"""The evaluation of a phase on grand-challenge.org: predictions.json in, metrics.json out, all numbers by segeval.

Folders, which the platform mounts and the Dockerfile fills; environment variables name others:
  /input                              predictions.json, and the predictions: JOB/output/SOCKET'S PATH/….mha
  /opt/app/challenge                  protocol.toml, references/ (one file per case), signature.txt (optional)
  /opt/ml/input/data/ground_truth     references that are uploaded apart from the image, where there are any
  /output                             metrics.json
A case is called by its input image; its reference has that name, with any ending. Of a job that failed, and of a
reference without a job, the protocol says what it costs. Of several input images, outputs or files, environment
variables name the one that counts, or the evaluation ends with a line:
  SEGEVAL_INPUT_SOCKET   slug of the input that cases are called by
  SEGEVAL_SOCKET         slug of the output that is scored
  SEGEVAL_FILE           which of that output's files is scored, as a pattern like *_seg.mha
"""

from __future__ import annotations

import csv
import json
import math
import os
import sys
import tempfile
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import segeval

INPUT = Path(os.environ.get("SEGEVAL_INPUT", "/input"))
OUTPUT = Path(os.environ.get("SEGEVAL_OUTPUT", "/output"))
CHALLENGE = Path(os.environ.get("SEGEVAL_CHALLENGE", "/opt/app/challenge"))
UPLOADED = Path(os.environ.get("SEGEVAL_GROUND_TRUTH", "/opt/ml/input/data/ground_truth"))
INPUT_SOCKET = os.environ.get("SEGEVAL_INPUT_SOCKET", "")
SOCKET = os.environ.get("SEGEVAL_SOCKET", "")
FILE = os.environ.get("SEGEVAL_FILE", "*")
VOLUMES = (".mha", ".mhd", ".nii", ".nii.gz", ".nrrd", ".tif", ".tiff")


class Refused(Exception):
    """Why there is no metrics.json."""


def main() -> int:
    """Write metrics.json; 1 where the numbers would not be those that were announced, or of who knows which files."""
    try:
        evaluate()
    except Refused as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


def evaluate() -> None:
    """Write metrics.json. Raises Refused."""
    jobs = json.loads((INPUT / "predictions.json").read_text(encoding="utf-8"))
    given = UPLOADED if UPLOADED.is_dir() else CHALLENGE / "references"
    files = [path for path in sorted(given.iterdir()) if path.name.lower().endswith(VOLUMES)]
    for what, cases in (("jobs", list(map(case_of, jobs))), ("references", [stem(path.name) for path in files])):
        if twice := [case for case, number in Counter(cases).items() if number > 1]:
            raise Refused(f"several {what} for {', '.join(twice[:5])}; there must be one for each case")
    references = {stem(path.name): path for path in files}
    predictions = {case_of(job): prediction_of(job) for job in jobs}
    if surplus := sorted(predictions.keys() - references.keys()):
        raise Refused(f"no reference for {', '.join(surplus[:5])}; there are {len(references)}")
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder) / "pairs.csv"
        with manifest.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["case", "prediction", "reference"])
            for case, reference in sorted(references.items()):
                writer.writerow([case, predictions.get(case) or "", reference])
        report = segeval.evaluate_folder(
            manifest=manifest, protocol=str(CHALLENGE / "protocol.toml"), missing="worst", workers=os.cpu_count()
        )
    if (problem := unexpected(report.signature)) is not None:
        raise Refused(problem)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "metrics.json").write_text(json.dumps(metrics_of(report), indent=2), encoding="utf-8")


def case_of(job: dict[str, Any]) -> str:
    """The name of the job's input image, without its ending. Raises Refused for none, and for several."""
    images = images_of(job["inputs"], INPUT_SOCKET)
    names = sorted({stem(given["image"]["name"]) for given in images})
    if len(names) != 1:
        raise Refused(
            f"job {job['pk']}: the case is called by its input image, and there {several(names)}; name the input with "
            f"SEGEVAL_INPUT_SOCKET, one of {slugs(job['inputs'])}"
        )
    return names[0]


def prediction_of(job: dict[str, Any]) -> Path | None:
    """The image that the job wrote; None where it failed. Raises Refused for several."""
    images = images_of(job["outputs"], SOCKET)
    if len(images) > 1:
        raise Refused(
            f"job {job['pk']}: has {len(images)} outputs that are images; name the one that is scored with "
            f"SEGEVAL_SOCKET, one of {slugs(job['outputs'])}"
        )
    if not images:
        if others := images_of(job["outputs"], ""):
            raise Refused(
                f"job {job['pk']}: no output is SEGEVAL_SOCKET={SOCKET}; there {several(list(map(slug, others)))}"
            )
        return None
    folder = INPUT / job["pk"] / "output" / socket_of(images[0])["relative_path"]
    files = [path for path in sorted(folder.glob("*")) if path.name.lower().endswith(VOLUMES)]
    found = [path for path in files if fnmatchcase(path.name, FILE)]
    if len(found) > 1 or (files and not found):
        raise Refused(
            f"job {job['pk']}: there {several([path.name for path in found or files])} in {folder}, and "
            f"SEGEVAL_FILE={FILE} fits {len(found)} of them; one file is scored"
        )
    return found[0] if found else None


def images_of(values: list[dict[str, Any]], wanted: str) -> list[dict[str, Any]]:
    """The inputs or outputs of a job that are images; of this slug, where one is wanted."""
    return [value for value in values if value.get("image") and wanted in ("", slug(value))]


def socket_of(value: dict[str, Any]) -> dict[str, Any]:
    """What an input or output is, under the platform's newer or older name."""
    found: dict[str, Any] = value.get("socket") or value.get("interface") or {}
    return found


def slug(value: dict[str, Any]) -> str:
    """What an input or output is called."""
    return str(socket_of(value).get("slug", "?"))


def slugs(values: list[dict[str, Any]]) -> str:
    """Of those that are images."""
    return ", ".join(map(slug, images_of(values, ""))) or "none"


def several(names: list[str]) -> str:
    """``is a``, ``are a, b``, ``is none``."""
    return f"{'are' if len(names) > 1 else 'is'} {', '.join(names[:5]) or 'none'}"


def metrics_of(report: segeval.Report) -> dict[str, Any]:
    """Statistics of each column by ``COLUMN.STATISTIC``, each case, and what made them."""
    table = report.challenge()
    if table is None:
        raise SystemExit(f"{CHALLENGE / 'protocol.toml'}: names no columns")
    status = {case.case: {"status": case.status, "reason": case.reason} for case in report.cases}
    return {
        "aggregates": {
            name: {end: defined(values[place]) for end, values in table.ends}
            for place, name in enumerate(table.columns)
        },
        "results": [
            {"case": case, **status[case], **dict(zip(table.columns, map(defined, values), strict=False))}
            for case, values in table.cases
        ],
        "signature": report.signature,
    }


def unexpected(signature: str) -> str | None:
    """Why the numbers would not be those that were announced; None where they are, or nothing was announced."""
    announced = CHALLENGE / "signature.txt"
    if not announced.exists() or announced.read_text(encoding="utf-8").strip() == signature:
        return None
    return f"{announced}: announced was {announced.read_text(encoding='utf-8').strip()}, this is {signature}"


def stem(name: str) -> str:
    """A file's name without the ending of its format."""
    return next((name[: -len(end)] for end in sorted(VOLUMES, key=len)[::-1] if name.lower().endswith(end)), name)


def defined(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else value


if __name__ == "__main__":
    sys.exit(main())
