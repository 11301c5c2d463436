"""Probabilities against reference labels, summed on a CUDA device."""

from __future__ import annotations

from typing import Any

import numpy as np

from segeval.array_types import Floats
from segeval.kernels.cupy_codes import Codes, PairCounts, most_at_once, on_device
from segeval.kernels.cupy_device import BLOCKS, DeviceArray, Uploads, launch, slices
from segeval.kernels.held_labels import HeldPair
from segeval.kernels.kernel import ValuesSeen
from segeval.kernels.soft_targets import SoftTargets, reference_side
from segeval.tallies.power_sums import Sides
from segeval.tallies.tally import Confusion, Counts, LogSums, Sets, SoftSums, SoftTally, Tally, TallyOptions
from segeval.targets import BACKGROUND, TargetKey

_KEPT, _INSIDE = 1, 2  # the bits of a code's membership, as in counting.cu
_MOMENTS = ("n", "r", "p", "i", "p2", "i2", "rest_p", "rest_i", "rest_p2", "rest_i2", "predicted", "tp")
_LOG_SUMS = 4
_POWER_SUMS = ("error", "log", "wrong_log")  # as in counting.cu
_SIDES = 2
_BYTE = 256


class CupySoftKernel:
    """Sums probabilities against reference labels, one channel of a stretch at a time.

    All sums stay on the device, as a table with a row per block of threads, until the tally is asked for.
    """

    held: HeldPair | None = None  # this backend keeps no volume

    def __init__(self, uploads: Uploads, options: TallyOptions, sets: Sets) -> None:
        import cupy

        self.uploads = uploads
        self.options = options
        self.plan = SoftTargets(options, sets)
        self.codes = Codes()
        self.hard = PairCounts()
        self.winners = np.dtype(np.uint8 if len(options.channels) <= _BYTE else np.int32)
        settings = [*options.logs, *((_POWER_SUMS.index(name), gamma, eta) for name, gamma, eta in options.powers)]
        self.settings = cupy.asarray(np.array([value for each in settings for value in each], dtype=np.float64))
        slots = len(_MOMENTS) + _LOG_SUMS * len(options.logs) + _SIDES * len(options.powers)
        self.sums = {target: cupy.zeros((BLOCKS, slots), dtype=np.float64) for target in self.plan.keys}
        least = np.tile(np.array([-np.inf, -np.inf, 0.0]), (BLOCKS, 1))
        self.values_met = cupy.asarray(least)  # -low, high, values that are not finite
        self.sum_errors = cupy.zeros((BLOCKS, 1), dtype=np.float64)
        self._bits: dict[TargetKey | None, list[int]] = {None: [], **{target: [] for target in self.plan.keys}}
        self._members: dict[TargetKey | None, DeviceArray] = {}

    @property
    def seen(self) -> ValuesSeen:
        """What values all that was added held."""
        met: Floats = self.values_met.get()
        low, high = -float(met[:, 0].max()), float(met[:, 1].max())
        error = float(self.sum_errors.get().max())
        if low > high:  # no evaluated voxel
            return ValuesSeen(not_finite=int(met[:, 2].sum()), sum_error=error)
        return ValuesSeen(low, high, int(met[:, 2].sum()), error)

    def stretch(self, reference: Any, weights: Any = None) -> CupyStretch:
        """Begin a stretch of voxels with these reference labels."""
        if weights is not None:
            raise ValueError("weights are summed on the processor")
        return CupyStretch(self, reference)

    def member(self, target: TargetKey | None) -> DeviceArray:
        """By code, whether its voxels are evaluated and, of a target, whether they lie in it."""
        import cupy

        bits, values = self._bits[target], self.codes.values
        if target not in self._members or len(bits) < len(values):
            for value in values[len(bits) :]:
                inside = target is not None and self.plan.holds(target, value)
                bits.append((value != self.options.ignore) * _KEPT + inside * _INSIDE)
            self._members[target] = cupy.asarray(np.array(bits, dtype=np.uint8))
        return self._members[target]

    def tally(self) -> Tally:
        """The sums of all finished stretches."""
        options, targets = self.options, self.plan.keys
        sums = {target: table.get().sum(axis=0) for target, table in self.sums.items()}
        moments = {target: dict(zip(_MOMENTS, row.tolist(), strict=False)) for target, row in sums.items()}
        behind = len(_MOMENTS) + _LOG_SUMS * len(options.logs)
        logs = {target: row[len(_MOMENTS) : behind].reshape(-1, _LOG_SUMS) for target, row in sums.items()}
        powers = {target: row[behind:].reshape(-1, _SIDES) for target, row in sums.items()}
        if options.single:  # the background is the rest: ln(1 - p) is its ln p
            label = options.labels[0]
            rest = moments[label]
            moments[BACKGROUND] |= {"n": rest["n"], "r": rest["n"] - rest["r"]}
            moments[BACKGROUND] |= {name: rest[f"rest_{name}"] for name in ("p", "i", "p2", "i2")}
            logs[BACKGROUND] = logs[label][:, [1, 0, 3, 2]]
            powers[BACKGROUND] = powers[label][:, ::-1]

        def column(name: str) -> Floats:
            return np.array([moments[target][name] for target in targets], dtype=np.float64)

        n, r, predicted, tp = (column(name).astype(np.int64) for name in ("n", "r", "predicted", "tp"))
        log_sums = {
            setting: LogSums(*(np.array([logs[target][k, which] for target in targets]) for which in range(_LOG_SUMS)))
            for k, setting in enumerate(options.logs)
        }
        sides = {
            what: Sides(*(np.array([powers[target][k, side] for target in targets]) for side in range(_SIDES)))
            for k, what in enumerate(options.powers)
        }
        p, i, p2, i2 = (column(name) for name in ("p", "i", "p2", "i2"))
        soft = SoftSums(column("n"), column("r"), p, i, p2, i2, log_sums, powers=sides)
        counts = Counts(tp=tp, fp=predicted - tp, fn=r - tp, tn=n - r - predicted + tp)
        confusion = None if options.independent else self._confusion()
        return Tally(options, confusion, SoftTally(targets, counts, soft))

    def profile(self) -> None:
        """This backend counts no slices."""

    def reference_counts(self) -> dict[int, int]:
        """Evaluated voxels of each reference value in all finished stretches."""
        return reference_side(self._confusion())

    def _confusion(self) -> Confusion:
        values, labels = self.codes.values, self.plan.labels_of_winners()
        pairs = self.hard.pairs().items()
        return Confusion({(values[i], labels[j]): n for (i, j), n in pairs if values[i] != self.options.ignore})


class CupyStretch:
    """Some voxels, and what their channels share: the running maximum and the running sums."""

    def __init__(self, kernel: CupySoftKernel, reference: Any) -> None:
        import cupy

        size = self._size = int(reference.size)
        self._kernel = kernel
        self._codes = on_device(kernel.uploads, kernel.codes.encode(reference))
        self._winner = cupy.zeros(size, dtype=kernel.winners)
        self._best: DeviceArray = None
        self._total: DeviceArray = None
        self._planes: dict[TargetKey, DeviceArray] = {}
        self._chosen: dict[TargetKey, DeviceArray] = {}

    def add(self, channel: int, start: int, probabilities: Any) -> None:
        """The channel's values of the stretch's voxels from ``start`` on."""
        stored = probabilities.dtype
        threshold = float(stored.type(self._kernel.options.threshold))  # in the stored precision, inclusive
        narrow = stored.kind == "f" and stored.itemsize <= 4
        for part in slices(probabilities.size, most_at_once(probabilities)):
            values = probabilities[part]
            with self._kernel.uploads.on_device([values], [np.float32 if narrow else np.float64]) as (copied,):
                self._add(channel, slice(start + part.start, start + part.stop), copied, threshold)

    def finish(self) -> None:
        """Count what needs all channels of a voxel."""
        kernel, options = self._kernel, self._kernel.options
        winners = max(2, len(options.channels))  # a single map has two
        kernel.hard.add(self._codes, self._winner, len(kernel.codes.values), winners)
        if self._total is not None:
            arguments = (self._total, self._codes, kernel.member(None), np.int64(self._size), kernel.sum_errors)
            self._launch("sum_error", arguments, self._total)
        for target, contributors in kernel.plan.contributors.items():
            if len(contributors) == 1 or (options.single and target == BACKGROUND):
                continue
            plane, chosen = self._plane(target)
            self._sum(target, slice(0, self._size), plane, 0.0, chosen)

    def _add(self, channel: int, where: slice, values: DeviceArray, threshold: float) -> None:
        kernel = self._kernel
        self._meet(channel, where, values, threshold)
        for target, contributors in kernel.plan.contributors.items():
            if channel not in contributors:
                continue
            if len(contributors) == 1:
                self._sum(target, where, values, threshold, None)
                continue
            plane, chosen = self._plane(target)
            part = None if chosen is None else chosen[where]
            self._launch("collect", (values, np.int64(values.size), threshold, plane[where], part), values)

    def _meet(self, channel: int, where: slice, values: DeviceArray, threshold: float) -> None:
        """Look at the values, and let them compete with the other channels'."""
        import cupy

        kernel, options = self._kernel, self._kernel.options
        competing = not (options.single or options.independent)
        if competing and self._best is None:
            self._best = cupy.empty(self._size, dtype=values.dtype)  # channel 0 fills it
            self._total = cupy.empty(self._size, dtype=np.float32)
        arguments = (
            values,
            self._codes[where],
            kernel.member(None),
            np.int64(values.size),
            channel,
            threshold,
            self._best[where] if competing else None,
            None if options.independent else self._winner[where],
            self._total[where] if competing else None,
            kernel.values_met,
        )
        self._launch("meet", arguments, values)

    def _plane(self, target: TargetKey) -> tuple[DeviceArray, DeviceArray]:
        """Where the channels of a target made of several are collected; for independent ones, who is above, too."""
        import cupy

        if target not in self._planes:
            self._planes[target] = cupy.zeros(self._size, dtype=np.float64)
            if self._kernel.options.independent:
                self._chosen[target] = cupy.zeros(self._size, dtype=np.uint8)
        return self._planes[target], self._chosen.get(target)

    def _sum(self, target: TargetKey, where: slice, values: DeviceArray, threshold: float, chosen: DeviceArray) -> None:
        """All sums of a target over voxels of this stretch."""
        kernel = self._kernel
        arguments = (
            values,
            self._codes[where],
            kernel.member(target),
            np.int64(values.size),
            kernel.settings,
            kernel.options.independent,
            threshold,
            chosen,
            kernel.sums[target],
        )
        self._launch("sum_target", arguments, values)

    def _launch(self, name: str, arguments: tuple[Any, ...], values: DeviceArray) -> None:
        kernel = self._kernel
        launch(
            name,
            values.size,
            arguments,
            value=np.float64 if values.dtype == np.float64 else np.float32,
            code=self._codes.dtype,
            column=kernel.winners,
            logs=len(kernel.options.logs),
            powers=len(kernel.options.powers),
        )
