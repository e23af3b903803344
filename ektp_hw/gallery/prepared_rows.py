# SPDX-License-Identifier: Apache-2.0
"""Fingers of a roster made ready for comparison, many at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ektp_hw.templates import FingerprintTemplate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ektp_hw.gallery.references import Comparison
    from ektp_hw.native import PackedBatch

__all__ = ["PreparedRows", "StoredRows"]


class StoredRows(Protocol):
    """Where templates are read from."""

    def stored(self, row: int, /) -> memoryview | None:
        """Return the stored template of a row through all segments, None if it is damaged."""


class PreparedRows:
    """Prepared templates of some rows; damaged ones are left out.

    Parameters
    ----------
    rows
        Rows through all segments, in any order.
    comparison
        Its `prepare_many` is used where it has one.

    Attributes
    ----------
    rows
        Those that could be prepared, rising.
    """

    def __init__(
        self, roster: StoredRows, rows: npt.NDArray[np.int64], comparison: Comparison
    ) -> None:
        self._comparison = comparison
        wanted = np.unique(rows)
        stored = [roster.stored(int(row)) for row in wanted]
        self.rows = wanted[[each is not None for each in stored]]
        sound = [each for each in stored if each is not None]
        many = getattr(comparison, "prepare_many", None)
        self._batch = None if many is None else many(sound)
        self._single = (
            [comparison.prepare(FingerprintTemplate.from_bytes(each)) for each in sound]
            if many is None
            else []
        )

    def __contains__(self, row: int) -> bool:
        at = int(np.searchsorted(self.rows, row))
        return at < len(self.rows) and bool(self.rows[at] == row)

    def one(self, row: int) -> Any:  # noqa: ANN401  # the comparison's own type
        """Return the prepared template of a row."""
        at = int(np.searchsorted(self.rows, row))
        return self._single[at] if self._batch is None else self._batch.one(at)

    def some(self, rows: npt.NDArray[np.int64]) -> Sequence[Any] | PackedBatch:
        """Return the prepared templates of rows, all of them prepared here, for `compare_many`."""
        places = np.searchsorted(self.rows, rows)
        if self._batch is not None:
            batch: PackedBatch = self._batch[places]
            return batch
        return [self._single[at] for at in places]

    def compare(self, probe: int, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return -log10 FMR of one row against others, all of them prepared here; (n,)."""
        return self._comparison.compare_many(self.one(probe), self.some(rows))
