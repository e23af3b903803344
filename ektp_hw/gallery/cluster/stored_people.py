# SPDX-License-Identifier: Apache-2.0
"""The people of a block as they are stored, read from the gallery's own memory-mapped segments."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ektp_hw.errors import GalleryDamaged
from ektp_hw.gallery.catalogue import finger_of
from ektp_hw.gallery.store import Store

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BlockStore", "StoredPerson"]

_log = logging.getLogger(__name__)


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

        A finger that cannot be read back costs a warning in the log and is left out, as in
        `Gallery.search`.
        """
        with self._reading(), self._shelves.steady():
            people = self._ledger.people_after(first - 1, max(last - first + 1, 0))
            fingers: dict[int, list[tuple[int, bytes]]] = {
                seq: [] for seq, _ in people if seq <= last
            }
            for segment in self._shelves.views() if fingers else ():
                start, stop = np.searchsorted(segment.people, (first, last + 1))
                for row in start + np.flatnonzero(segment.alive[start:stop]):
                    try:
                        position, template = finger_of(segment, int(row))
                    except GalleryDamaged as error:
                        _log.warning("%s; it is left out of searches", error)
                        continue
                    fingers[int(segment.people[row])].append((int(position), template.to_bytes()))
        return [
            StoredPerson(seq, identifier, tuple(fingers[seq]))
            for seq, identifier in people
            if seq in fingers
        ]

    def still_enrolled(self, first: int, last: int) -> set[int]:
        """Return the enrolment numbers from ``first`` to ``last`` that somebody has."""
        with self._reading():
            found = self._ledger.people_after(first - 1, max(last - first + 1, 0))
        return {seq for seq, _ in found if seq <= last}
