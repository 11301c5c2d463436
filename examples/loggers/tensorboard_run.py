"""Scalars of TensorBoard, one curve for each label and quantity: python tensorboard_run.py PREDICTIONS REFERENCES"""

import sys

from torch.utils.tensorboard import SummaryWriter

import segeval


def log(writer: SummaryWriter, report: segeval.Report, step: int, prefix: str = "val") -> None:
    """Every defined value as a scalar; the text tells which settings are behind them."""
    for key, value in report.flat(prefix).items():
        writer.add_scalar(key, value, step)
    writer.add_text(f"{prefix}/signature", report.signature, step)


if __name__ == "__main__":
    with SummaryWriter("runs") as writer:
        log(writer, segeval.evaluate_folder(sys.argv[1], sys.argv[2], metrics="dice,hd95"), step=0)
