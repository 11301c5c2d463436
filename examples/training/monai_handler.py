"""segeval in MONAI's and Ignite's engines: Segmentation(labels={"liver": 1}).attach(evaluator)

The engine's output is a list of dictionaries, one a case, as `decollate_batch` makes them.
"""

from typing import Any

from ignite.engine import Engine, Events

import segeval


class Segmentation:
    """Puts ``liver/dice`` and its like into ``engine.state.metrics``, where MONAI's other handlers look."""

    def __init__(self, prediction: str = "pred", reference: str = "label", prefix: str = "val", **options: Any) -> None:
        """prediction, reference: keys of the output, (C, …) each; one channel is a map of labels."""
        self.keys = prediction, reference
        self.prefix = prefix
        self.metric = segeval.Accumulator(**options)

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.EPOCH_STARTED, lambda _: self.metric.reset())
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.update)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.compute)

    def update(self, engine: Engine) -> None:
        for case in engine.state.output:
            prediction, reference = (case[key] for key in self.keys)
            self.metric.update(prediction[0] if prediction.shape[0] == 1 else prediction, reference[0])

    def compute(self, engine: Engine) -> None:
        engine.state.metrics.update(self.metric.compute().flat(self.prefix))
