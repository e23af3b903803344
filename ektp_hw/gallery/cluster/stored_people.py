# SPDX-License-Identifier: Apache-2.0
"""The people of a block as they are stored, read from the gallery's own memory-mapped segments."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ektp_hw.errors import GalleryDamaged
from ektp_hw.gallery.catalogue import finger_of
from ektp_hw.gallery.segment import Segment
from ektp_hw.gallery.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BlockStore", "StoredFinger", "StoredPerson", "segment_of"]

_log = logging.getLogger(__name__)


class StoredFinger(NamedTuple):
    """Position code, stored template, and the bytes of code and sketch of one finger."""

    position: int
    template: bytes
    code: bytes
    sketch: bytes


class StoredPerson(NamedTuple):
    """Enrolment number and fingers."""

    seq: int
    fingers: tuple[StoredFinger, ...]


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
            fingers: dict[int, list[StoredFinger]] = {seq: [] for seq, _ in people if seq <= last}
            for segment in self._shelves.views() if fingers else ():
                start, stop = np.searchsorted(segment.people, (first, last + 1))
                for row in start + np.flatnonzero(segment.alive[start:stop]):
                    try:
                        position, template = finger_of(segment, int(row))
                    except GalleryDamaged as error:
                        _log.warning("%s; it is left out of searches", error)
                        continue
                    fingers[int(segment.people[row])].append(
                        StoredFinger(
                            int(position),
                            template.to_bytes(),
                            segment.codes[row].tobytes(),
                            segment.sketches[row].tobytes(),
                        )
                    )
        return [StoredPerson(seq, tuple(fingers[seq])) for seq, _ in people if seq in fingers]


def segment_of(people: Sequence[StoredPerson]) -> Segment:
    """Return people who were sent as a segment in memory."""
    fingers = [finger for person in people for finger in person.fingers]
    sizes = np.array([len(finger.template) for finger in fingers], np.uint16)
    templates = memoryview(b"".join(finger.template for finger in fingers))
    width = len(fingers[0].sketch) if fingers else 0
    return Segment(
        path=Path("sent"),
        first=0,
        people=np.array([person.seq for person in people for _ in person.fingers], np.int64),
        positions=np.array([finger.position for finger in fingers], np.uint8),
        alive=np.ones(len(fingers), bool),
        codes=np.frombuffer(b"".join(each.code for each in fingers), np.uint64).reshape(-1, 8),
        sketches=np.frombuffer(b"".join(each.sketch for each in fingers), np.uint8).reshape(
            len(fingers), width
        ),
        described=True,
        _starts=(np.cumsum(sizes, dtype=np.int64) - sizes).astype(np.uint32),
        _sizes=sizes,
        _read=lambda _row, start, size: templates[start : start + size],
    )
