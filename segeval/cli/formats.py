"""``segeval formats``: what can be read."""

from __future__ import annotations

from segeval.cli.writing import print_text


def formats() -> None:
    """List the formats that are read: endings, by which library, what is streamed, and what is missing."""
    from segeval.outputs.inspection import columns
    from segeval.readers.catalogue import CATALOGUE, FOLDER, REMOTE

    rows = [
        (one.title, " ".join(one.endings), one.library, one.voxels, f"missing: {one.install}" if one.missing else "")
        for one in (*CATALOGUE, FOLDER, REMOTE)
    ]
    print_text("\n".join(columns(("format", "endings", "read by", "voxels", ""), rows)) + "\n")
