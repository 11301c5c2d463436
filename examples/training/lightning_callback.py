"""The Dice of whole validation sets in Lightning, as a callback: Trainer(callbacks=[Segmentation(labels={"liver": 1})])

`validation_step` returns {"prediction": class probabilities (B, C, …) or labels (B, …), "reference": labels (B, …)}.
Counts of all batches are added and scored once, so that the last, smaller batch weighs no more than it should.
"""

from typing import Any

import lightning as L  # noqa: N812 (as Lightning's own documentation writes it)
import torch.distributed as dist

import segeval


class Segmentation(L.Callback):
    """Logs ``val/liver/dice`` and its like at the end of each validation; for checkpoints and early stopping, too."""

    def __init__(self, prefix: str = "val", **options: Any) -> None:
        """options: those of segeval.Accumulator; class probabilities have their classes on axis 1."""
        self.prefix = prefix
        self.metric = segeval.Accumulator(**options)

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:  # noqa: ARG002
        self.metric.reset()

    def on_validation_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, *_: Any, **__: Any) -> None:  # noqa: ARG002
        for prediction, reference in zip(outputs["prediction"], outputs["reference"], strict=True):
            self.metric.update(prediction, reference)

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.world_size > 1:  # every rank adds the tallies of all others
            own = None if self.metric.tally is None else self.metric.tally.to_bytes()
            stored: list[bytes | None] = [None] * trainer.world_size
            dist.all_gather_object(stored, own)
            for rank, tally in enumerate(stored):
                if rank != trainer.global_rank and tally is not None:
                    self.metric.merge(segeval.Tally.from_bytes(tally))
        pl_module.log_dict(self.metric.compute().flat(self.prefix))
