"""Label values as compact codes, wherever they lie, and the joint histogram of codes on the device."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.kernels.codebook import Codebook
from segeval.kernels.cupy_device import RESIDENT, STAGED, DeviceArray, Uploads, launch, slices

_TABLE = 1 << 16
_BYTE = 256
_SHARED_BINS = 1 << 13  # 4 bytes each: 32 of the 48 KiB of shared memory that every device has
_DENSE_BINS = 1 << 22


class Codes:
    """Small codes 0, 1, 2, … for label values of any width, as int32, or as bytes while there are few.

    Host values are encoded on the host, so that a byte per voxel is copied; values on the device stay there, only the
    distinct ones come back.
    """

    def __init__(self) -> None:
        self._book = Codebook()
        self._table: DeviceArray = None  # on the device: the codes of the values 0 … 65,535, -1 where unknown

    @property
    def values(self) -> list[int]:
        """The value of each code."""
        return self._book.values

    def encode(self, values: Any) -> Any:
        """The codes of a 1-D integer array, on the side on which it lies."""
        codes = self._book.encode(values) if isinstance(values, np.ndarray) else self._encode_there(values)
        return codes.astype(np.uint8 if len(self.values) <= _BYTE else np.int32, copy=False)

    def _encode_there(self, values: DeviceArray) -> DeviceArray:
        import cupy

        if not values.size:
            return cupy.empty(0, dtype=np.int32)
        if values.dtype.kind == "b":
            values = values.astype(np.uint8)
        if values.dtype not in (np.uint8, np.uint16) and not (int(values.min()) >= 0 and int(values.max()) < _TABLE):
            distinct, places = cupy.unique(values, return_inverse=True)
            return cupy.asarray(self._book.encode(distinct.get())).take(places)
        if self._table is None:
            self._table = cupy.asarray(np.full(_TABLE, -1, dtype=np.int32))
        places = values.astype(np.int32)
        codes = self._table.take(places)
        unknown = codes < 0
        if bool(unknown.any()):
            distinct = cupy.unique(places[unknown])
            self._table[distinct] = cupy.asarray(self._book.encode(distinct.get()))
            codes = self._table.take(places)
        return codes


class PairCounts:
    """How often each pair of codes occurs. Dense on the device while the table is small, else sparse on the host."""

    def __init__(self) -> None:
        self._rows = self._columns = 0  # the table's
        self._table: DeviceArray = None
        self._sparse: dict[tuple[int, int], int] = {}

    def add(self, rows: DeviceArray, columns: DeviceArray, row_codes: int, column_codes: int) -> None:
        """Count the pairs of two device arrays of codes; how many codes there are by now on either side."""
        import cupy

        if row_codes > self._rows or column_codes > self._columns:
            self._grow(row_codes, column_codes)
        if self._table is None:
            joint = rows.astype(np.int64) * self._columns + columns
            keys, counts = cupy.unique(joint, return_counts=True)
            return self._remember(keys.get(), counts.get())
        bins = self._rows * self._columns
        shared = bins <= _SHARED_BINS
        arguments = (rows, columns, np.int64(rows.size), self._columns, bins, shared, self._table)
        return launch(
            "count_pairs",
            rows.size,
            arguments,
            code=rows.dtype,
            column=columns.dtype,
            shared_bytes=4 * bins if shared else 0,
        )

    def pairs(self) -> dict[tuple[int, int], int]:
        """The counts by codes, of everything added."""
        self._flush()
        return self._sparse

    def _grow(self, rows: int, columns: int) -> None:
        import cupy

        self._flush()
        self._rows, self._columns = (1 << (size - 1).bit_length() for size in (rows, columns))
        bins = self._rows * self._columns
        self._table = cupy.zeros(bins, dtype=np.uint64) if bins <= _DENSE_BINS else None

    def _flush(self) -> None:
        if self._table is None:
            return
        counts: NDArray[np.uint64] = self._table.get()
        keys = np.flatnonzero(counts)
        self._remember(keys, counts[keys])
        self._table.fill(0)

    def _remember(self, keys: NDArray[Any], counts: NDArray[Any]) -> None:
        for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
            pair = divmod(key, self._columns)
            self._sparse[pair] = self._sparse.get(pair, 0) + count


def on_device(uploads: Uploads, codes: Any) -> DeviceArray:
    """Codes on the device, in memory of their own: a stretch keeps them while its channels pass."""
    import cupy

    if not isinstance(codes, np.ndarray):
        return codes
    kept = cupy.empty(codes.size, dtype=codes.dtype)
    for part in slices(codes.size, STAGED):
        with uploads.on_device([codes[part]], [codes.dtype]) as (copied,):
            kept[part].data.copy_from_device_async(copied.data, copied.nbytes)
    return kept


def most_at_once(*pieces: Any) -> int:
    """How many voxels of these arrays to count at once."""
    return STAGED if any(isinstance(piece, np.ndarray) for piece in pieces) else RESIDENT
