"""Which codes belong to a target, asked of many voxels at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FEW = 4  # codes up to which comparing with each is faster than looking every voxel up


class Members:
    """Yes or no for the codes 0, 1, 2, …; more of them may become known."""

    def __init__(self) -> None:
        self._table = np.zeros(0, dtype=np.bool_)
        self._rarer = True  # the answer that fewer codes have
        self._codes: list[int] = []  # those codes

    @property
    def known(self) -> int:
        """How many codes have an answer."""
        return len(self._table)

    def extend(self, answers: Iterable[bool]) -> None:
        """The answers for the next codes."""
        more = np.array(list(answers), dtype=np.bool_)
        if more.size:
            self._table = np.concatenate((self._table, more))
            self._rarer = bool(2 * np.count_nonzero(self._table) <= len(self._table))
            self._codes = np.flatnonzero(self._table == self._rarer).tolist()

    def among(self, codes: NDArray[Any]) -> NDArray[np.bool_]:
        """Which of these codes belong; all of them are known."""
        if len(self._codes) > _FEW:
            return np.asarray(self._table.take(codes))
        if not self._codes:
            return np.full(codes.shape, not self._rarer)
        found = codes == self._codes[0]
        for code in self._codes[1:]:
            found |= codes == code
        return np.asarray(found if self._rarer else ~found)
