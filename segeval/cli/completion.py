"""``segeval completion``: what completes a command line in bash, zsh and fish."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from segeval.choices import Shell
from segeval.cli.writing import print_text
from segeval.errors import UsageError, WriteError
from segeval.files.whole_files import write_whole

_START_UP = {"bash": ".bashrc", "zsh": ".zshrc"}


def completion(
    shell: Annotated[
        Shell | None,
        typer.Argument(metavar="[SHELL]", help="bash, zsh or fish; without it, that of $SHELL.", show_default=False),
    ] = None,
    words: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    install: Annotated[
        bool, typer.Option("--install", help="Set it up for this user; it is there in the next shell.")
    ] = False,
) -> None:
    """Complete commands, options and names in bash, zsh or fish: print the script, or set it up with --install."""
    chosen = shell or _of_the_user()
    if words:
        from segeval.cli.completing import answers, for_bash

        found = for_bash(words) if chosen == "bash" else answers(words)
        print_text("".join(f"{word}\t{about}\n" for word, about in found))
    elif install:
        print_text(_installed(chosen))
    else:
        print_text(_script(chosen))


def _of_the_user() -> Shell:
    name = Path(os.environ.get("SHELL", "")).name
    for shell in ("bash", "zsh", "fish"):
        if name == shell:
            return shell
    raise UsageError(f"SHELL={os.environ.get('SHELL', '')}: is none of bash, zsh and fish; say which: completion bash")


def _script(shell: Shell) -> str:
    return (files("segeval.cli") / "shells" / f"segeval.{shell}").read_text(encoding="utf-8")


def _installed(shell: Shell) -> str:
    """Write the script, and the line that reads it where the shell does not look for itself; say where."""
    home = Path.home()
    if shell == "fish":
        folder = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "fish" / "completions"
    else:
        folder = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "segeval"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise WriteError(f"{folder}: cannot be made ({problem.strerror}); print the script instead") from None
    script = folder / f"segeval.{shell}"
    write_whole(script, _script(shell))
    said = f"{script}: completes segeval in the next {shell}\n"
    if shell == "fish":
        return said
    start_up = (Path(os.environ.get("ZDOTDIR") or home) if shell == "zsh" else home) / _START_UP[shell]
    quoted = "'" + str(script).replace("'", "'\\''") + "'"
    line = f"[ -r {quoted} ] && . {quoted}  # completion of segeval"
    try:
        text = start_up.read_text(encoding="utf-8", errors="surrogateescape") if start_up.exists() else ""
        if line not in text.splitlines():
            with start_up.open("a", encoding="utf-8") as file:
                file.write(f"{'' if text.endswith(chr(10)) or not text else chr(10)}{line}\n")
    except OSError as problem:
        raise WriteError(f"{start_up}: cannot be written ({problem.strerror}); add this line to it: {line}") from None
    return f"{said}{start_up}: reads it\n"
