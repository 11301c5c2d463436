"""What to install for what does not come with segeval itself."""

from __future__ import annotations


def install(extra: str) -> str:
    """The command that brings an extra's libraries."""
    return f"pip install 'segeval-cli[{extra}]'"
