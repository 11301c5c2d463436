"""What the server of workers does for itself, imported in it alone, before anything that workers need.

It leaves no folder behind when the process that started it has ended, however that was; and neither it nor its workers
write tracebacks to stderr: what became of a job is said where it was handed out.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys

if folder := os.environ.pop("_SEGEVAL_SOCKETS", ""):  # the server's, from who starts it; nobody else has it
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # workers leave without it
    sys.excepthook = lambda *_: None
