"""The evaluation of a phase on grand-challenge.org: predictions.json in, metrics.json out, all numbers by segeval.

Folders, which the platform mounts and the Dockerfile fills; environment variables name others:
  /input                              predictions.json, and the predictions: JOB/output/SOCKET'S PATH/….mha
  /opt/app/challenge                  protocol.toml, references/ (one file per case), signature.txt (optional)
  /opt/ml/input/data/ground_truth     references that are uploaded apart from the image, where there are any
  /output                             metrics.json
A case is called by its input image; its reference has that name, with any ending. Of a job that failed, and of a
reference without a job, the protocol says what it costs.
"""

from __future__ import annotations

import csv
import json
import math
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import segeval

INPUT = Path(os.environ.get("SEGEVAL_INPUT", "/input"))
OUTPUT = Path(os.environ.get("SEGEVAL_OUTPUT", "/output"))
CHALLENGE = Path(os.environ.get("SEGEVAL_CHALLENGE", "/opt/app/challenge"))
UPLOADED = Path(os.environ.get("SEGEVAL_GROUND_TRUTH", "/opt/ml/input/data/ground_truth"))
SOCKET = os.environ.get("SEGEVAL_SOCKET", "")  # the output that is scored, by its slug; the only image where empty
VOLUMES = (".mha", ".mhd", ".nii", ".nii.gz", ".nrrd", ".tif", ".tiff")


def main() -> int:
    """Write metrics.json; 1 where the numbers would not be those that were announced."""
    jobs = json.loads((INPUT / "predictions.json").read_text(encoding="utf-8"))
    given = UPLOADED if UPLOADED.is_dir() else CHALLENGE / "references"
    files = [path for path in sorted(given.iterdir()) if path.name.lower().endswith(VOLUMES)]
    for what, cases in (("jobs", list(map(case_of, jobs))), ("references", [stem(path.name) for path in files])):
        if twice := [case for case, number in Counter(cases).items() if number > 1]:
            sys.stderr.write(f"several {what} for {', '.join(twice[:5])}; there must be one for each case\n")
            return 1
    references = {stem(path.name): path for path in files}
    predictions = {case_of(job): prediction_of(job) for job in jobs}
    if surplus := sorted(predictions.keys() - references.keys()):
        sys.stderr.write(f"no reference for {', '.join(surplus[:5])}; there are {len(references)}\n")
        return 1
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
        sys.stderr.write(f"{problem}\n")
        return 1
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "metrics.json").write_text(json.dumps(metrics_of(report), indent=2), encoding="utf-8")
    return 0


def case_of(job: dict[str, Any]) -> str:
    """The name of the job's input image, without its ending."""
    (name, *_) = (given["image"]["name"] for given in job["inputs"] if given.get("image"))
    return stem(name)


def prediction_of(job: dict[str, Any]) -> Path | None:
    """The image that the job wrote; None where it failed."""
    for output in job["outputs"]:
        socket = output.get("socket") or output.get("interface") or {}
        if output.get("image") and SOCKET in ("", socket.get("slug")):
            folder = INPUT / job["pk"] / "output" / socket["relative_path"]
            found = [path for path in sorted(folder.glob("*")) if path.name.lower().endswith(VOLUMES)]
            return found[0] if found else None
    return None


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
