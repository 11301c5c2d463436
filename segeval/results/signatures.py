"""Signatures taken apart: under which settings two reports differ, the version aside."""

from __future__ import annotations

import re

_NEXT = re.compile(r" \+ (?=segeval:)")  # where merged shards meet; a sum of quantities has plus signs of its own
_VERSION = re.compile(r"segeval:([^|]*)\|?")


def version_of(signature: str) -> str:
    """The version that a signature states; several of merged shards are joined, none is empty."""
    found = (_VERSION.match(shard) for shard in _NEXT.split(signature))
    return " + ".join(dict.fromkeys(match[1] for match in found if match is not None))


def differing_parts(first: str, second: str) -> dict[str, tuple[str | None, str | None]]:
    """What both signatures say where they differ, by the part's name (``kind``, ``labels`` …); None: no such part."""
    ours, theirs = _parts(first), _parts(second)
    names = dict.fromkeys([*ours, *theirs])
    return {name: (ours.get(name), theirs.get(name)) for name in names if ours.get(name) != theirs.get(name)}


def _parts(signature: str) -> dict[str, str]:
    """The parts by name; merged shards state a part several times."""
    found: dict[str, list[str]] = {}
    for shard in _NEXT.split(signature):
        for part in _VERSION.sub("", shard, count=1).split("|"):
            name, _, value = part.partition(":")
            found.setdefault(name, []).append(value)
    return {name: " + ".join(dict.fromkeys(values)) for name, values in found.items()}
