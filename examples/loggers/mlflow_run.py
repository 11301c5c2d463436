"""A run of MLflow that holds the values of a batch, and its report: python mlflow_run.py PREDICTIONS REFERENCES

Without MLFLOW_TRACKING_URI, into ./mlflow.db.
"""

import re
import sys

import mlflow

import segeval


def log(report: segeval.Report, prefix: str = "val", step: int | None = None) -> None:
    """Every defined value as a metric. MLflow's keys know no = and no comma, which settings of a quantity hold."""
    mlflow.log_metrics(
        {re.sub(r"[^\w/.: -]", "_", key): value for key, value in report.flat(prefix).items()}, step=step
    )
    mlflow.set_tag("segeval.signature", report.signature)


if __name__ == "__main__":
    found = segeval.evaluate_folder(sys.argv[1], sys.argv[2], metrics="dice,hd95")
    with mlflow.start_run():
        log(found)
        mlflow.log_text(found.to_json(), "segeval.json")
