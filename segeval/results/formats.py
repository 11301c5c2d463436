"""What can be read, as JSON holds it."""

from __future__ import annotations

from typing import TypedDict


class FormatDocument(TypedDict):
    """A format. endings: of its files; none of a folder, or of a URL. voxels: how they come, streamed or held.

    needed_for: what of it is read only by what install brings, null where that is all of it; install: null where
    everything comes with segeval. missing: whether that has to be installed first.
    """

    title: str
    endings: list[str]
    libraries: list[str]
    voxels: str
    needed_for: str | None
    install: str | None
    missing: bool
