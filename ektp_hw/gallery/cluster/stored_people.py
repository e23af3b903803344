# SPDX-License-Identifier: Apache-2.0
"""The people of a block as they are stored, read from the gallery's own memory-mapped files."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ektp_hw.gallery.store import Store

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BlockStore", "StoredPerson"]


class StoredPerson(NamedTuple):
    """Enrolment number, identifier, and (position code, stored template) of each finger."""

    seq: int
    id: str
    fingers: tuple[tuple[int, bytes], ...]


class BlockStore(Store):
    """A gallery's folder opened for reading people by enrolment number."""

    @property
    def path(self) -> Path:
        """The gallery's folder."""
        return self._path

    @property
    def identity(self) -> bytes:
        """The gallery's own 16 random bytes, to tell it from another under the same path."""
        return self._manifest.identity

    def people_between(self, first: int, last: int) -> list[StoredPerson]:
        """Return those with enrolment numbers from ``first`` to ``last``, in their order.

        Raises
        ------
        GalleryDamaged
            If a template cannot be read back.
        """
        with self._reading(), self._table.reading():
            self._pack.end = max(self._pack.end, self._table.pack_end())
            self._pack.check_size()
            people = self._table.people_after(first - 1, max(last - first + 1, 0))
            return [
                StoredPerson(
                    seq,
                    identifier,
                    tuple(
                        (part.position, self._template(part).to_bytes())
                        for part in self._table.parts_of(seq)
                    ),
                )
                for seq, identifier in people
                if seq <= last
            ]

    def still_enrolled(self, first: int, last: int) -> set[int]:
        """Return the enrolment numbers from ``first`` to ``last`` that somebody has."""
        with self._reading():
            found = self._table.people_after(first - 1, max(last - first + 1, 0))
        return {seq for seq, _ in found if seq <= last}
