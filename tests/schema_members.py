"""Schemas walked beside documents: what of a schema a document shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def shown(schema: dict[str, Any], document: Any) -> set[tuple[str, str]]:
    """(type, member) of all declared members that the document has."""
    return set(_shown(schema, schema, document))


def declared(schema: dict[str, Any]) -> set[tuple[str, str]]:
    """(type, member) of all declared members; the document's own type is ``""``."""
    types = {"": schema, **schema.get("$defs", {})}
    return {(name, member) for name, one in types.items() for member in one.get("properties", ())}


def _shown(root: dict[str, Any], part: Any, document: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if not isinstance(part, dict):
        return
    if "$ref" in part:
        name = part["$ref"].removeprefix("#/$defs/")
        part = root["$defs"][name]
    for other in part.get("anyOf", ()):
        yield from _shown(root, other, document)
    if isinstance(document, dict):
        for member, value in document.items():
            if member in part.get("properties", ()):
                yield name, member
                yield from _shown(root, part["properties"][member], value)
            else:
                yield from _shown(root, part.get("additionalProperties"), value)
    if isinstance(document, list):
        for place, value in enumerate(document):
            before = part.get("prefixItems", ())
            yield from _shown(root, before[place] if place < len(before) else part.get("items"), value)
