"""``python -m segeval`` and the console script."""

from __future__ import annotations

import gc
import os
import sys


def run() -> None:
    """Run the command line and exit with its code."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: its thread pool costs more than it gives here
    gc.set_threshold(100_000)  # more than imports allocate: they leave no garbage that is worth the search
    sys.setswitchinterval(1e-4)  # a decoding thread waits no longer for the lock that NumPy drops and takes at once
    from segeval.cli.app import main

    code = main()
    gc.freeze()  # else the interpreter's end walks all that was imported: 15 ms
    sys.exit(code)


if __name__ == "__main__":
    run()
