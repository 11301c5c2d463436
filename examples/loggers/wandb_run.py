"""A run of Weights & Biases: python wandb_run.py PREDICTIONS REFERENCES

WANDB_MODE=offline writes it to ./wandb, from where `wandb sync` uploads it.
"""

import sys

import wandb

import segeval


def log(run: "wandb.Run", report: segeval.Report, prefix: str = "val") -> None:
    """Every defined value, and the cases as a table."""
    frame = report.to_frame()
    run.config.update({"segeval": report.signature}, allow_val_change=True)
    run.log({**report.flat(prefix), f"{prefix}/cases": wandb.Table(dataframe=frame.astype({"label": str}))})


if __name__ == "__main__":
    with wandb.init(project="segmentation") as run:
        log(run, segeval.evaluate_folder(sys.argv[1], sys.argv[2], metrics="dice,hd95"))
