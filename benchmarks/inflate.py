"""Which decoder inflates fastest? igzip (isal), zlib-ng and zlib on a label map and on a float map.

Run: python benchmarks/inflate.py (zlib-ng is left out where the package is not installed).
"""

from __future__ import annotations

import gzip
import statistics
import sys
import time
import zlib
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from isal import igzip_lib
from phantoms import Phantom, Style

_BLOCK, _PIECE, _RUNS = 1 << 16, 1 << 19, 7


def with_igzip(data: bytes) -> int:
    """Bytes inflated through igzip's decompressor."""
    decoder, read, found = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP), 0, 0
    while not decoder.eof:
        block = data[read : read + _BLOCK] if decoder.needs_input else b""
        read += len(block)
        found += len(decoder.decompress(block, _PIECE))
    return found


def with_zlib(module: object) -> Callable[[bytes], int]:
    """The same through a module that looks like zlib."""

    def inflate(data: bytes) -> int:
        decoder, read, found = module.decompressobj(wbits=31), 0, 0  # type: ignore[attr-defined]
        while not decoder.eof:
            block = decoder.unconsumed_tail
            if not block:
                block = data[read : read + _BLOCK]
                read += len(block)
            found += len(decoder.decompress(block, _PIECE))
        return found

    return inflate


def main() -> None:
    """Print the median of several runs of each decoder, in turn."""
    decoders: dict[str, Callable[[bytes], int]] = {"igzip": with_igzip, "zlib": with_zlib(zlib)}
    if find_spec("zlib_ng"):
        from zlib_ng import zlib_ng

        decoders["zlib-ng"] = with_zlib(zlib_ng)
    phantom = Phantom((320, 320, 320), 5, Style(20, 24), 0)
    labels = b"".join(phantom.pair_at(z)[1].tobytes() for z in range(320))
    noise = np.random.default_rng(0).random(8_000_000, dtype=np.float32)
    for name, content in (("label map", labels), ("float map", noise.tobytes())):
        data = gzip.compress(content, 6)
        times: dict[str, list[float]] = {decoder: [] for decoder in decoders}
        for _ in range(_RUNS):
            for decoder, inflate in decoders.items():
                begun = time.perf_counter()
                inflate(data)
                times[decoder].append(time.perf_counter() - begun)
        best = statistics.median(times["igzip"])
        for decoder, seconds in times.items():
            median = statistics.median(seconds)
            sys.stdout.write(f"{name:10} {decoder:8} {median * 1e3:8.1f} ms  {median / best:5.2f} × igzip\n")


if __name__ == "__main__":
    main()
