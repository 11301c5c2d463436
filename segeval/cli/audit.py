"""Options for audits and limits: ``--provenance`` and ``--max-memory``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segeval.errors import UsageError
from segeval.files.paths import is_file, real

if TYPE_CHECKING:
    from segeval.cases.provenance import Provenance
    from segeval.readers import Input

ProvenanceOption = Annotated[
    Path | None,
    typer.Option(
        "--provenance",
        metavar="FILE.json",
        help="Write what an audit needs: versions, command, settings, and each file's hash and header.",
        rich_help_panel="Output",
    ),
]
MaxMemoryOption = Annotated[
    str | None,
    typer.Option(
        "--max-memory",
        metavar="SIZE",
        help="Refuse what needs more, like 4G. Default: 75 % of what is free.",
        rich_help_panel="Running",
    ),
]

command_line: list[str] = []
"""What followed ``segeval``; set by ``app.main``."""


def files_of_options(scoring: Mapping[str, Any]) -> list[Path]:
    """What the answers name and is read beside the volumes; a configuration may hold lists and tables in their place.

    The file of ``--labels`` and that of ``--label-distances``, and a protocol of the user's own, which may name them.
    Raises UsageError for a protocol that is none.
    """
    from segeval.settings.labels import label_file_of
    from segeval.settings.protocols import protocol_of

    protocol = scoring.get("protocol")
    own = protocol if isinstance(protocol, str) and protocol.endswith(".toml") else None
    found = None if own is None else protocol_of(own)
    answers = {name: answer for name, answer in scoring.items() if answer is not None}
    options = answers if found is None else {**found.options, **answers}
    labels, distances = options.get("labels"), options.get("label_distances")
    named = [
        label_file_of(labels) if isinstance(labels, str) else None,
        Path(distances) if isinstance(distances, str) else None,
        None if own is None else Path(own),
    ]
    return [path for path in named if path is not None and is_file(path)]


def limit_memory(size: str | None) -> None:
    """Tell this process and its workers. Raises UsageError."""
    from segeval.volumes.memory import VARIABLE, parse_size

    if size is not None:
        parse_size(size)
        os.environ[VARIABLE] = size


def provenance_of(
    path: Path | None, outputs: Iterable[Path], volumes: Iterable[Input | None], others: Iterable[Path | None]
) -> Provenance | None:
    """The note to write beside a report, None where none is asked for. Raises UsageError."""
    if path is None:
        return None
    if path.suffix.lower() != ".json":
        raise UsageError(f"--provenance {path}: it is JSON; name a file that ends in .json")
    if real(path) in {real(output) for output in outputs}:
        raise UsageError(f"--provenance {path}: is an output, too; name another file")
    from segeval.cases.provenance import Provenance

    return Provenance(path, command_line, volumes, others)
