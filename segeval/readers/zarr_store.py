"""A Zarr store whose Blosc chunks are as long as they say: decoded, a cut one would be what lies behind it in memory.

Imported only where zarr is. Source of the header: Blosc 1's chunk format, README_CHUNK_FORMAT.
"""

from __future__ import annotations

from typing import Any

from zarr.storage import WrapperStore

_HEADER = 16
_METADATA = (".zarray", ".zattrs", ".zgroup", ".zmetadata", "zarr.json")


class VerifiedStore(WrapperStore):  # type: ignore[misc]  # zarr need not be there where types are checked
    """Hands out what another store holds. blosc: chunks are compressed by Blosc, and are looked at."""

    blosc = False

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        """The bytes of a key, or of a part of it. Raises ValueError for a damaged chunk."""
        found = await super().get(key, prototype, byte_range)
        if found is not None and byte_range is not None:
            _require_length(key, len(found), byte_range)
        whole_chunk = byte_range is None or type(byte_range).__name__ == "RangeByteRequest"
        if found is not None and self.blosc and whole_chunk and not key.endswith(_METADATA):
            head = found.as_numpy_array()[:_HEADER].tobytes()
            if len(head) < _HEADER or int.from_bytes(head[12:16], "little") != len(found):
                raise ValueError(f"the chunk {key} has {len(found)} bytes, and says that it has others")
        return found


def _require_length(key: str, length: int, wanted: Any) -> None:
    """Raises ValueError where a part has another length than was asked for: some servers give all or nothing."""
    most = getattr(wanted, "suffix", None)
    whole = wanted.end - wanted.start if hasattr(wanted, "end") else None
    if (whole is not None and length != whole) or (most is not None and length > most):
        raise ValueError(
            f"of {key} {length} bytes came, and {whole or most} were asked for: parts cannot be read there"
        )


def is_blosc(metadata: Any) -> bool | None:
    """Whether chunks are compressed by Blosc; None where such chunks lie in shards."""
    if metadata.zarr_format == 2:
        return bool(getattr(metadata.compressor, "codec_id", None) == "blosc")
    names = [type(codec).__name__ for codec in metadata.codecs]
    for codec in metadata.codecs:
        inner = [type(one).__name__ for one in getattr(codec, "codecs", ())]
        if "BloscCodec" in inner:
            return None
    return "BloscCodec" in names
