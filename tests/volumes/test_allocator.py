"""What is freed is kept: a process touches the pages of its pieces once."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
from segeval.volumes.allocator import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()
    keep_freed_memory()
pieces = lambda: [b"x" * (1 << 19) for _ in range(8)]  # written to: 128 pages each
pieces()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    pieces()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs glibc")
def test_pages_of_freed_pieces_are_used_again() -> None:
    faults = {
        how: int(subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, check=True).stdout)
        for how in ("kept", "returned")
    }
    assert faults["returned"] > 1000
    assert faults["kept"] < 100
