"""What an option is: declared once, with the setting that it makes, for every door that asks for it.

The command line, Python's keywords, ``segeval.toml``, the signature, the JSON and the docs' table follow from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

from msgspec import Struct

from segeval.errors import UsageError
from segeval.words.nearest import suggestion
from segeval.words.printable import shortened

LABELS, QUANTITIES, VALUES, GRID = "Labels", "Quantities", "Values", "Grid"
RUNNING, DISTANCES, OUTPUT = "Running", "Distances and instances", "Output"
"""The panels of the help."""

Group = Literal["input", "policy", "probabilities", "maps", "instances", "lesions", "always", "quantities"]
"""Parts of the signature, in their order: what a part speaks of must be there for it to be stated."""


class Option(Struct, frozen=True, kw_only=True):
    """One question to the user.

    help: a sentence. panel: of the help. flag: on the command line, where it is not the name with dashes.
    metavar: how a value is written there. asks: its type there, default: the value of who does not answer; both the
    setting's own where None.
    is_path: a text may name a file, which stands beside the segeval.toml that names it.
    files_only: arrays in memory have no such thing.
    """

    help: str
    panel: str
    asks: Any = None
    default: Any = None
    flag: str = ""
    metavar: str | None = None
    is_path: bool = False
    files_only: bool = False

    def spelt(self, name: str) -> str:
        """The flag on the command line of the option of this name."""
        return self.flag or "--" + name.replace("_", "-")


class Setting(Struct, frozen=True, kw_only=True):
    """How a field of the settings is asked for, and how it stands in what is written of a run.

    options: by name, as Python's keywords and segeval.toml spell it. made: makes the field of their values, given in
    this order, be they texts of the command line or Python's forms; without it the field is the value.
    group: the part of the signature that states the field; signed: the words there, made of the settings, empty for
    none; without it they are ``name:value`` where there is a value.
    document: keys and values in the JSON, made of the settings; without it the field's name and its value.
    """

    options: Mapping[str, Option]
    made: Callable[..., Any] | None = None
    group: Group | None = None
    signed: Callable[[Any], str] | None = None
    document: Callable[[Any], Mapping[str, Any]] | None = None


def require_word(option: str, word: object, words: Any) -> None:
    """Refuse a word that is not among those of a Literal; None is nobody's answer. Raises UsageError."""
    if word is not None and word not in (known := get_args(words)):
        near = suggestion(str(word), known, 1)
        raise UsageError(f"{option}={shortened(repr(word))}: write {' or '.join(known)}{near}")


def asked(panel: str, help: str, *, name: str = "", **more: Any) -> Setting:  # noqa: A002
    """The setting of one option, which bears its name unless ``name`` is another; ``more``: of the option or of it."""
    own = {key: more.pop(key) for key in tuple(more) if key in Setting.__struct_fields__}
    return Setting(options={name: Option(panel=panel, help=help, **more)}, **own)
