"""Whether `segeval --help` imports NumPy: {"numpy": 0 or 1}."""

import contextlib
import io
import json
import sys

from segeval.__main__ import run

sys.argv = ["segeval", "--help"]
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    run()
json.dump({"numpy": int("numpy" in sys.modules)}, sys.stdout)
