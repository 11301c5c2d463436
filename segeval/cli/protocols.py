"""``segeval protocols``: the challenges whose evaluation is known, and a look at a file of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segeval.cli.writing import print_text
from segeval.errors import UsageError


def protocols(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME|FILE", help="The one to explain; without it, all are listed.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option("--check", metavar="FILE", help="Read a protocol of one's own as --protocol would.")
    ] = None,
) -> None:
    """List the procedures of challenges that --protocol knows, explain one, or check a file of one's own."""
    from segeval.settings import settings_of
    from segeval.settings.protocol_words import explained, listed
    from segeval.settings.protocols import protocol_of

    if check is not None and name is not None:
        raise UsageError(f"{name}: --check {check} reads a protocol and explains it; leave one of the two out")
    wanted = str(check) if check is not None else name
    if wanted is None:
        print_text(listed())
        return
    settings_of({"protocol": wanted})  # refused as --protocol would refuse it
    print_text(explained(wanted, protocol_of(wanted)))
