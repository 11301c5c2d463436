"""segeval on one core of this machine, whatever it would do with more.

Run: python benchmarks/one_core.py COMMAND …, in an environment that has segeval.
"""

from __future__ import annotations

import os

from segeval.__main__ import run

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
run()
