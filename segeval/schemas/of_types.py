"""A JSON Schema of typed dictionaries and records, closed: what no type knows does not validate."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Mapping
from typing import Any, get_args, get_type_hints, is_typeddict

import msgspec.json
from msgspec import Struct

_NUMBER = {"type": "number"}
_NUMBER_OR_NULL = {"type": ["number", "null"]}
_SUFFIXES = ("Document", "Written")  # of the types' names
_HERE = "#/$defs/"


class Kinds(Struct, frozen=True):
    """What types do not say of themselves.

    nullable: records whose floats are null where they are undefined. of_quantities: types whose other members are
    quantities. members: the type of a member that its own declaration leaves open. left_out: members of records that
    are not written.
    """

    nullable: Collection[type] = ()
    of_quantities: Collection[Any] = ()
    members: Mapping[tuple[Any, str], Any] = {}
    left_out: Mapping[type, Collection[str]] = {}


def schema_of(kind: Any, kinds: Kinds) -> dict[str, Any]:
    """The schema of a type, with everything that it refers to under ``$defs``."""
    known = {one.__name__: one for one in _types((kind, *kinds.members.values()))}
    roots, found = msgspec.json.schema_components((kind, *kinds.members.values()), ref_template=_HERE + "{name}")
    root, *others = roots
    for name, component in found.items():
        _describe(component, known[name], kinds)
    for ((owner, member), _), other in zip(kinds.members.items(), others, strict=True):
        if owner.__name__ in found:
            found[owner.__name__]["properties"][member] = other
    reached = {name: found[name] for name in _reached(root, found)}
    if "$ref" in root:
        root = reached.pop(root["$ref"].removeprefix(_HERE))
        root.pop("title")
    renamed: dict[str, Any] = _renamed({**root, **({"$defs": reached} if reached else {})})
    return renamed


def _describe(component: dict[str, Any], kind: Any, kinds: Kinds) -> None:
    """Members in the order of the type, undefined numbers, and nothing else than what is declared."""
    component["title"] = _short(component["title"])
    if description := inspect.getdoc(kind):
        component["description"] = " ".join(description.replace("``", '"').split())
    if component.get("type") != "object":
        return
    properties = component["properties"]
    left_out = kinds.left_out.get(kind, ())
    order = [name for name in get_type_hints(kind) if name in properties and name not in left_out]
    component["properties"] = {name: properties[name] for name in order}
    required = component.get("required", order)  # records are written whole
    component["required"] = [name for name in order if name in (required if is_typeddict(kind) else order)]
    if kind in kinds.nullable:
        for name in order:
            component["properties"][name] = _nullable(properties[name])
    component["additionalProperties"] = _NUMBER_OR_NULL if kind in kinds.of_quantities else False
    for name in order:
        component["properties"][name].pop("default", None)


def _nullable(schema: Any) -> Any:
    if schema == _NUMBER:
        return _NUMBER_OR_NULL
    if isinstance(schema, dict):
        return {key: _nullable(value) for key, value in schema.items()}
    return [_nullable(value) for value in schema] if isinstance(schema, list) else schema


def _types(kinds: Collection[Any]) -> Iterator[Any]:
    """Those with members, each once."""
    seen: list[Any] = []
    todo = list(kinds)
    while todo:
        kind = todo.pop()
        if is_typeddict(kind) or (isinstance(kind, type) and issubclass(kind, Struct)):
            if kind in seen:
                continue
            seen.append(kind)
            yield kind
            todo += get_type_hints(kind, include_extras=True).values()
        else:
            todo += get_args(kind)


def _reached(root: Any, found: Mapping[str, Any]) -> list[str]:
    """What a schema refers to, and what that refers to, in their order."""
    names: dict[str, None] = {}
    todo = [root]
    while todo:
        for name in _referred(todo.pop(0)):
            if name not in names:
                names[name] = None
                todo.append(found[name])
    return list(names)


def _referred(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].removeprefix(_HERE)
        for value in schema.values():
            yield from _referred(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _referred(value)


def _renamed(schema: Any) -> Any:
    """References and definitions under the names that people read."""
    if isinstance(schema, list):
        return [_renamed(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {_short(name): _renamed(one) for name, one in value.items()}
        if key == "$defs"
        else _HERE + _short(value.removeprefix(_HERE))
        if key == "$ref"
        else _renamed(value)
        for key, value in schema.items()
    }


def _short(name: str) -> str:
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name
