"""nibabel's header classes, without what they would drag in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_scipy() -> Iterator[None]:
    """Import nibabel in here: it then takes SciPy for absent.

    nibabel imports SciPy for SPM99's `.mat` files whenever it is installed, which would cost every start of segeval.
    """
    absent = "scipy" not in sys.modules
    if absent:
        sys.modules["scipy"] = None  # type: ignore[assignment]  # how the import system notes what is not there
    try:
        yield
    finally:
        if absent:
            del sys.modules["scipy"]
