"""Whether `segeval --help` imports NumPy: {"numpy": 0 or 1}."""

import contextlib
import io
import json
import sys

from segeval.cli.app import main

with contextlib.redirect_stdout(io.StringIO()):
    main(["--help"])
json.dump({"numpy": int("numpy" in sys.modules)}, sys.stdout)
