"""Vega's scripts for a page, which vl-convert bundles for longer than all the rest takes: made once for each of its
versions, and kept in the user's folder for caches.

What is kept becomes code in pages, so nothing there is believed: of the versions that are known, the digest of the
bundle stands here, and a file with another one is passed over. A version that is not known is bundled each time.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from segeval.errors import WriteError
from segeval.files.paths import is_file
from segeval.files.whole_files import write_whole

_SNIPPET = "window.vegaEmbed = vegaEmbed;"
_KNOWN = {"1.9.0": "373b1f84072b31010f15ceb787be6b415c53936411aae267c8c2b2b6ccde46e7"}
"""SHA-256 of what each version of vl-convert bundles around the snippet; a test makes it anew."""
_MOST = 1 << 23  # bytes; the bundle has 0.9 million


def vega_bundle() -> str:
    """The scripts, as vl-convert bundles them."""
    import vl_convert

    version = getattr(vl_convert, "__version__", "")
    digest = _KNOWN.get(version)
    folder = _folder()
    path = None if digest is None or folder is None else folder / f"vega-of-vl-convert-{version}.js"
    if path is not None and (kept := _read(path)) is not None and sha256(kept).hexdigest() == digest:
        return kept.decode("utf-8")
    bundle: str = vl_convert.javascript_bundle(_SNIPPET)
    content = bundle.encode("utf-8")
    if path is not None and sha256(content).hexdigest() == digest:
        with suppress(OSError, WriteError):  # of a home that is read only, or full, or none
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(path, content)
    return bundle


def _read(path: Path) -> bytes | None:
    try:
        if not is_file(path):  # a pipe would wait for a writer
            return None
        with path.open("rb") as file:
            return file.read(_MOST)
    except OSError:
        return None


def _folder() -> Path | None:
    """Where this system keeps what programs can make again; None where the user has no home."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.expanduser("~\\AppData\\Local")  # noqa: PTH111
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")  # noqa: PTH111
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    return Path(base) / "segeval" if os.path.isabs(base) else None  # noqa: PTH117
