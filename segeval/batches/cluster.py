"""Work on a Dask cluster: a client that always ends, and what is said where the scheduler does not answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from segeval.errors import UsageError, WorkerError
from segeval.files.paths import exists, is_file
from segeval.files.remote import is_remote
from segeval.version import __version__
from segeval.words.extras import install

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")

_PATIENCE_S = 2
_LOST = ("cancelled", "lost")


def require_distributed() -> None:
    """Raises UsageError where Dask's library is not installed."""
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise UsageError(f"--dask needs dask.distributed; install it with {install('cluster')}") from None


def working_folder() -> str:
    """From which relative paths lead on here; empty where it is gone."""
    try:
        return os.getcwd()  # noqa: PTH109 (as text: the other machine may have other paths)
    except OSError:
        return ""


def where_it_looked(asked_in: str, paths: Iterable[Path]) -> str:
    """What to add about files that are not here: that this worker's relative paths lead elsewhere than the command's.

    asked_in: the command's `working_folder`.
    """
    here = working_folder()
    if here == asked_in or all(path.is_absolute() or is_remote(path) or exists(path) for path in paths):
        return ""
    return f"; the worker was in {here or 'a folder that is gone'} and the command in {asked_in}: write absolute paths"


def in_cluster(
    scheduler: str, work: Callable[..., _Result], shared: Sequence[Any], goes_on: str
) -> Callable[[Sequence[_Job]], Iterator[tuple[_Job, _Result | Exception]]]:
    """What does ``work(*shared, job)`` for each job on a cluster, and gives each with its result as it is done.

    scheduler: an address, or a scheduler file. shared: sent once. An exception stands for a worker that died. goes_on:
    what can be done where the scheduler goes, for the message. Raises UsageError, WorkerError.
    """
    require_distributed()
    from distributed import Client, as_completed

    class ClosingClient(Client):  # type: ignore[misc]
        """A client that is closed where no scheduler answers.

        Distributed leaves that to the garbage collector, which may run inside the start of the next client: both take
        one lock, and wait for ever.
        """

        def __init__(self, **where: Any) -> None:
            try:
                super().__init__(**where)
            except BaseException:
                with suppress(AttributeError):  # it failed before there was anything to close
                    self.close(timeout=_PATIENCE_S)
                raise

    def gone() -> WorkerError:
        return WorkerError(
            f"--dask {scheduler}: the scheduler is gone, and what it had handed out is lost; start it again and "
            f"{goes_on}"
        )

    def run(jobs: Sequence[_Job]) -> Iterator[tuple[_Job, _Result | Exception]]:
        where: Mapping[str, Any] = {"scheduler_file": scheduler} if is_file(Path(scheduler)) else {"address": scheduler}
        with _without_logs():
            try:
                client = ClosingClient(**where)
            except (OSError, ValueError) as problem:
                raise WorkerError(
                    f"--dask {scheduler}: no scheduler answers there ({problem}); check the address"
                ) from None
            try:
                _require_this_version(client, scheduler)
                sent = client.scatter(list(shared), broadcast=True, hash=False)
                running = {client.submit(_by_version, __version__, work, *sent, job, pure=False): job for job in jobs}
                for future in as_completed(running):
                    outcome = _outcome(future)
                    if isinstance(outcome, _OtherVersion):  # a worker that came later
                        raise _not_this_version(scheduler, outcome.worker, f"has segeval {outcome.version}")
                    if future.status in _LOST or client.status != "running":
                        raise gone()
                    yield running[future], outcome
                    future.release()
            except OSError:  # of the connection; a job's own are its result
                raise gone() from None
            finally:
                client.close(timeout=_PATIENCE_S)

    return run


def version_here() -> str:
    """Of the segeval that a worker would count with."""
    return __version__


class _OtherVersion(NamedTuple):
    """In place of a result: a worker that has this version has counted nothing."""

    worker: str
    version: str


def _by_version(version: str, work: Callable[..., _Result], *given: Any) -> _Result | _OtherVersion:
    """What the work gives, on a worker that has the version of the command."""
    if version == __version__:
        return work(*given)
    from distributed import get_worker

    return _OtherVersion(get_worker().address, __version__)


def _require_this_version(client: Any, scheduler: str) -> None:
    """Raises WorkerError where a worker that is there has another segeval, or none: the numbers may be others."""
    for worker, found in client.run(version_here, on_error="return").items():
        if found != __version__:
            what = f"has segeval {found}" if isinstance(found, str) else f"cannot run it ({type(found).__name__})"
            raise _not_this_version(scheduler, worker, what)


def _not_this_version(scheduler: str, worker: str, what: str) -> WorkerError:
    return WorkerError(
        f"--dask {scheduler}: the worker {worker} {what}, and this is segeval {__version__}; install that there"
    )


@contextmanager
def _without_logs() -> Iterator[None]:
    """What a lost scheduler means is said here in a line; the library logs pages of tracebacks."""
    import logging

    logging.disable()
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _outcome(future: Any) -> Any:
    """The job's result, or Dask's KilledWorker."""
    try:
        return future.result()
    except Exception as problem:
        return problem
