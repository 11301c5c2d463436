"""How worker processes come to be: forked from a server that has imported everything once, where there is such a thing.

Nothing heavy is imported here: the server imports while the command that starts it does.
"""

from __future__ import annotations

import multiprocessing
import os
from typing import Any

_PRELOAD = ["segeval.workflow.worker_pool", "segeval.readers.nifti", "segeval.kernels.numpy_soft", "isal.igzip_lib"]


def usable_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worker_context() -> Any:
    """The multiprocessing context whose processes are workers."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    return context


def start_ahead() -> None:
    """Start the server now; otherwise the first worker does, and waits for its imports."""
    if worker_context().get_start_method() == "forkserver":
        from multiprocessing.forkserver import ensure_running

        ensure_running()
