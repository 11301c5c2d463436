"""Signatures taken apart: under which settings two reports differ, the version aside."""

from __future__ import annotations

import re

_VERSION = re.compile(r"(?:^|(?<= \+ ))segeval:([^|]*)\|?")


def version_of(signature: str) -> str:
    """The version that a signature states; several of merged shards are joined, none is empty."""
    return " + ".join(dict.fromkeys(_VERSION.findall(signature)))


def differing_parts(first: str, second: str) -> dict[str, tuple[str | None, str | None]]:
    """What both signatures say where they differ, by the part's name (``kind``, ``labels`` …); None: no such part."""
    ours, theirs = _parts(first), _parts(second)
    names = dict.fromkeys([*ours, *theirs])
    return {name: (ours.get(name), theirs.get(name)) for name in names if ours.get(name) != theirs.get(name)}


def _parts(signature: str) -> dict[str, str]:
    """The parts by name; merged shards state a part several times."""
    found: dict[str, list[str]] = {}
    for shard in _VERSION.sub("", signature).split(" + "):
        for part in shard.split("|"):
            name, _, value = part.partition(":")
            found.setdefault(name, []).append(value)
    return {name: " + ".join(dict.fromkeys(values)) for name, values in found.items()}
