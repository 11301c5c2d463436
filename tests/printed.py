"""What commands print: on a terminal, and against what it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "outputs" / "golden"
SAMPLES = Path(__file__).parents[1] / "sample_data"
PAIR = ("prediction.nii.gz", "reference.nii.gz", "--labels", "labels.json")


def check_golden(name: str, text: str) -> None:
    """Set SEGEVAL_WRITE_GOLDEN=1 to write the file anew, then read it."""
    path = GOLDEN / name
    if os.environ.get("SEGEVAL_WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def coloured(command: list[str], **environment: str) -> str:
    """What the command prints on a terminal of 80 columns."""
    pty = pytest.importorskip("pty")
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLORTERM")}
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "segeval", *command], cwd=SAMPLES, stdin=theirs, stdout=theirs, stderr=theirs,
        env={**kept, "COLUMNS": "80", "TERM": "xterm", **environment},
    ):  # fmt: skip
        os.close(theirs)
        text = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # Linux says so at the end
                piece = b""
            if not piece:
                break
            text += piece
    os.close(ours)
    return text.decode().replace("\r\n", "\n")
