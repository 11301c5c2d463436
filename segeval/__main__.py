"""``python -m segeval`` and the console script."""

from __future__ import annotations

import os
import sys


def run() -> None:
    """Run the command line and exit with its code."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: its thread pool costs more than it gives here
    from segeval.cli.app import main

    sys.exit(main())


if __name__ == "__main__":
    run()
