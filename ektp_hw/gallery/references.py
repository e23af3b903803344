# SPDX-License-Identifier: Apache-2.0
"""The enrolled people in memory, prepared for comparison and sorted onto one shelf a position."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ektp_hw.native import PackedBatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from ektp_hw.samples import FingerPosition
    from ektp_hw.templates import FingerprintTemplate

__all__ = ["Comparison", "References", "Shelf", "View"]


class Comparison(Protocol):
    """What the gallery needs of a comparison; `ektp_hw.fingerprint.comparison` is one."""

    def prepare(self, template: FingerprintTemplate, /) -> Any:  # noqa: ANN401  # its own type
        """Return the template in the form that comparing is fast with."""

    def compare_many(
        self,
        probe: Any,  # noqa: ANN401
        references: Sequence[Any] | PackedBatch,
        /,
    ) -> npt.NDArray[np.float64]:
        """Return -log10 FMR of the probe against each reference, shape (len(references),)."""


@dataclass
class Shelf:
    """Every enrolled finger of one position: whose (rows, rising) and its prepared template."""

    rows: list[int] = field(default_factory=list)
    prepared: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class View:
    """An unchanging picture of `References`.

    Parameters
    ----------
    seqs, ids
        Enrolment number (rising) of each row, and its identifier (or none at all); a removed
        person's row keeps its number and is on no shelf.
    shelves
        Rows (rising) and prepared templates of each position.
    """

    seqs: npt.NDArray[np.int64]
    ids: tuple[str, ...]
    shelves: Mapping[FingerPosition, tuple[npt.NDArray[np.int64], Sequence[Any] | PackedBatch]]

    def fingers_of(self, row: int) -> dict[FingerPosition, Any]:
        """Return the prepared templates of one row; empty for a removed person."""
        found = {}
        for position, (rows, prepared) in self.shelves.items():
            at = int(np.searchsorted(rows, row))
            if at < len(rows) and rows[at] == row:
                found[position] = (
                    prepared.one(at) if isinstance(prepared, PackedBatch) else prepared[at]
                )
        return found


class References:
    """People in the order of enrolment; not safe for several threads without a lock."""

    def __init__(self) -> None:
        self._seqs: list[int] = []
        self._ids: list[str] = []
        self._removed: set[int] = set()
        self._shelves: dict[FingerPosition, Shelf] = {}
        self._view: View | None = None

    def __len__(self) -> int:
        return len(self._seqs) - len(self._removed)

    @property
    def last_seq(self) -> int:
        """Enrolment number of the newest person known here; 0 at first."""
        return self._seqs[-1] if self._seqs else 0

    def add(self, seq: int, identifier: str, fingers: Mapping[FingerPosition, Any]) -> None:
        """Append a person whose enrolment number is higher than all others."""
        row = len(self._seqs)
        self._seqs.append(seq)
        self._ids.append(identifier)
        for position, prepared in fingers.items():
            shelf = self._shelves.setdefault(position, Shelf())
            shelf.rows.append(row)
            shelf.prepared.append(prepared)
        self._view = None

    def remove(self, seq: int) -> None:
        """Take a person's fingers off the shelves, if the person is known here."""
        row = bisect_left(self._seqs, seq)
        if row == len(self._seqs) or self._seqs[row] != seq:
            return
        self._removed.add(row)
        for shelf in self._shelves.values():
            at = bisect_left(shelf.rows, row)
            if at < len(shelf.rows) and shelf.rows[at] == row:
                del shelf.rows[at], shelf.prepared[at]
        self._view = None

    def keep_only(self, seqs: set[int]) -> None:
        """Remove everybody whose enrolment number is not among these."""
        for row, seq in enumerate(self._seqs):
            if seq not in seqs and row not in self._removed:
                self.remove(seq)

    def view(self) -> View:
        """Return the present state; the same object until something changes."""
        if self._view is None:
            self._view = View(
                seqs=np.array(self._seqs, np.int64),
                ids=tuple(self._ids),
                shelves={
                    position: (np.array(shelf.rows, np.int64), tuple(shelf.prepared))
                    for position, shelf in sorted(self._shelves.items())
                },
            )
        return self._view
