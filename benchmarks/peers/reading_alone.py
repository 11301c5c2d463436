"""Nothing but Python, NumPy's import and igzip inflating both files: what any tool must do. Usage: PREDICTION REFERENCE

A gzip file, or the first array of an .npz.
"""

import os
import sys
from pathlib import Path
from zipfile import ZipFile

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as segeval does, or NumPy starts threads

import numpy as np
from isal import igzip_lib

_BLOCK, _PIECE = 1 << 18, 1 << 19


def inflate(file, kind):
    """To the end, checksum and all where the format has one."""
    decoder = igzip_lib.IgzipDecompressor(flag=kind)
    while not decoder.eof:
        block = file.read(_BLOCK) if decoder.needs_input else b""
        np.frombuffer(decoder.decompress(block, _PIECE), np.uint8)


for path in map(Path, sys.argv[1:]):
    with path.open("rb") as file:
        if path.suffix == ".npz":
            with ZipFile(path) as archive:
                start = archive.infolist()[0].header_offset
            file.seek(start + 26)
            names = int.from_bytes(file.read(2), "little") + int.from_bytes(file.read(2), "little")
            file.seek(names, 1)
        inflate(file, igzip_lib.DECOMP_DEFLATE if path.suffix == ".npz" else igzip_lib.DECOMP_GZIP)
sys.stdout.write("{}")
