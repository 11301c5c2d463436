"""Everything that segeval refuses, as one tree.

SegevalError                 exit 3   something the user can act on: one line, no traceback
├── UnreadableFile           missing, damaged or of an unknown format
│   ├── NotEnoughMemory      more must be held at once than may be
│   └── SaysTooLittle        a file that needs the other one of its pair to be understood
├── GeometryError            the two volumes do not lie on one grid
├── LabelError               labels, channels or values that cannot be evaluated as asked
├── PairingError             a case without a partner, or with too many
├── BaselineError            a baseline that cannot be compared
├── StoppedError             a batch that was to stop at the first failed case
├── WriteError               an output that could not be written
├── WorkerError              workers that cannot be reached or started
├── ComputationError         a number that cannot be: a library or the machine is at fault
└── UsageError               exit 2   options that contradict each other or cannot be understood
"""

from __future__ import annotations

from typing import ClassVar


class SegevalError(Exception):
    """A problem that the user can act on: the message says what is wrong, then what to do."""

    exit_code: ClassVar[int] = 3


class UnreadableFile(SegevalError):
    """A file is missing, damaged, or of a format that segeval does not read."""


class NotEnoughMemory(UnreadableFile):
    """What must be held at once is more than `--max-memory` or the machine allow."""


class SaysTooLittle(UnreadableFile):
    """A file leaves out what the other one of its pair may say: which image is meant, or how large it is."""


class GeometryError(SegevalError):
    """Prediction and reference do not lie on the same grid in physical space."""


class LabelError(SegevalError):
    """Labels, channels or voxel values cannot be evaluated as asked."""


class PairingError(SegevalError):
    """Predictions and references do not pair: one has no partner, or it cannot be told which."""


class BaselineError(SegevalError):
    """A baseline cannot be compared: it is damaged, or of other settings, labels or cases."""


class StoppedError(SegevalError):
    """A batch met its first failed case, and was to stop there."""


class WriteError(SegevalError):
    """An output could not be written; nothing of it was left behind."""


class WorkerError(SegevalError):
    """The workers that were to score the cases cannot be reached, or cannot be started."""


class ComputationError(SegevalError):
    """A number came out that cannot be: a library, or the machine, is at fault."""


class UsageError(SegevalError):
    """The options cannot be understood, or contradict each other."""

    exit_code: ClassVar[int] = 2
