"""``python -m segeval`` and the console script."""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
from contextlib import suppress
from typing import NoReturn

_WITHOUT_WORKERS = {"--help", "-h", "--dry-run", "--dask"}


_BUG = 4
_INTERRUPTED = 130


def run() -> None:
    """Run the command line and exit with its code."""
    try:
        code = _run()
    except KeyboardInterrupt:  # of the imports; later the command line's own error boundary has it
        code = _left("interrupted", _INTERRUPTED)
    except Exception as problem:
        code = _left(f"cannot be started ({type(problem).__name__}: {problem})", _BUG)  # not 1: a gate that failed
    _leave(code)


def _leave(code: int) -> NoReturn:
    """As `sys.exit`, without the interpreter's walk through all that was imported: 14 ms of a command.

    Where others have a say, other threads or who traces or profiles this process, the interpreter ends as ever.
    """
    threading = sys.modules.get("threading")
    others = threading is not None and threading.active_count() > 1
    if not (others or _watched() or sys.flags.interactive):
        atexit._run_exitfuncs()
        with suppress(Exception):  # the interpreter has words and a code for a stream that takes no more
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    gc.freeze()  # the walk is shorter by what is frozen
    sys.exit(code)


def _watched() -> bool:
    """Whether a tracer, a profiler or (from Python 3.12 on) a monitoring tool looks on."""
    monitoring = getattr(sys, "monitoring", None)
    tools = () if monitoring is None else map(monitoring.get_tool, range(6))
    return sys.gettrace() is not None or sys.getprofile() is not None or any(tools)


def _left(why: str, code: int) -> int:
    with suppress(Exception):  # stderr may be what could not be opened
        sys.stderr.write(f"segeval: {why}\n")
        sys.stderr.flush()
    return code


def _run() -> int:
    _open_what_is_closed()
    _buffer_stdout()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: its thread pool costs more than it gives here
    os.environ.setdefault("PYTHONSAFEPATH", "1")  # or processes started from here import what lies in the folder
    gc.set_threshold(100_000)  # more than imports allocate: they leave no garbage that is worth the search
    sys.setswitchinterval(1e-4)  # a decoding thread waits no longer for the lock that NumPy drops and takes at once
    if sys.argv[1:2] == ["batch"] and _WITHOUT_WORKERS.isdisjoint(sys.argv):
        from segeval.batches.worker_processes import start_ahead

        start_ahead()  # the server that workers are forked from imports while this process does
    from segeval.cli.app import main

    return main()


def _open_what_is_closed() -> None:
    """Else the next file opened would be what libraries and workers take for their stderr, and write to."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 (for as long as the process lives)


def _buffer_stdout() -> None:
    """PYTHONUNBUFFERED leaves nobody to write the rest where a pipe took a part, as it does when Ctrl-Z stops us."""
    if isinstance(getattr(sys.stdout, "buffer", None), io.RawIOBase):
        sys.stdout = open(  # noqa: SIM115 (for as long as the process lives)
            1, "w", closefd=False, encoding=sys.stdout.encoding, errors=sys.stdout.errors
        )


if __name__ == "__main__":
    run()
