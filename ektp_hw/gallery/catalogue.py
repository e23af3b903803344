# SPDX-License-Identifier: Apache-2.0
"""What a reader may ask of an opened gallery: its people, its segments, its state, its trail."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ektp_hw.errors import GalleryDamaged, GalleryError, OperationCancelled
from ektp_hw.gallery import folder
from ektp_hw.gallery.damage import Damage, search_for_damage
from ektp_hw.gallery.person import Person, checked_id
from ektp_hw.samples import FingerPosition
from ektp_hw.templates import FingerprintTemplate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from ektp_hw.gallery.audit import Entry
    from ektp_hw.gallery.ledger import Ledger
    from ektp_hw.gallery.lock import WriterLock
    from ektp_hw.gallery.segment import Segment
    from ektp_hw.gallery.shelves import Shelves

__all__ = ["Catalogue", "GalleryInfo", "finger_of", "stop_if"]


@dataclass(frozen=True)
class GalleryInfo:
    """What there is to know about a gallery at a glance.

    Parameters
    ----------
    templates, removed
        Fingers of the enrolled, and fingers of removed people whose rows a compaction will drop.
    segments
        Files that the fingers are in.
    bytes
        Room that all files take on the disk.
    """

    path: str
    version: int
    created: str
    encrypted: bool
    people: int
    templates: int
    removed: int
    segments: int
    bytes: int


class Catalogue:
    """An opened gallery, as far as it is read; safe for several threads."""

    def __init__(
        self,
        path: Path,
        manifest: folder.Manifest,
        ledger: Ledger,
        shelves: Shelves,
        lock: WriterLock | None,
        actor: str,
    ) -> None:
        self._path = path
        self._manifest = manifest
        self._ledger = ledger
        self._shelves = shelves
        self._writer = lock
        self._actor = actor
        self._guard = threading.RLock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the files back and let the next writer in; closing twice is harmless."""
        with self._guard:
            if not self._closed:
                self._closed = True
                self._shelves.close()
                self._ledger.close()
                if self._writer is not None:
                    self._writer.release()

    def segments(self) -> tuple[Segment, ...]:
        """Return unchanging views of all fingers, in the order of enrolment.

        Cheap to ask again: as long as a segment did not change, it is the same object. Blocks are
        checked when they are first seen; the rows of a damaged one are not `Segment.alive`, and a
        warning in the log names it.
        """
        with self._reading():
            return self._shelves.views()

    def identifiers(self, seqs: Iterable[int]) -> dict[int, str]:
        """Return the ids of people given by their numbers of enrolment (`Segment.people`)."""
        with self._reading():
            return self._ledger.identifiers(seqs)

    def get(self, identifier: str) -> Person:
        """Return an enrolled person.

        Raises
        ------
        KeyError
            If nobody is enrolled under that identifier.
        GalleryDamaged
            If the templates cannot be read back.
        """
        with self._reading(), self._shelves.steady():
            place = self._ledger.find(checked_id(identifier))
            if place is None:
                raise KeyError(identifier)
            segment = self._shelves.view_of(place)
            rows = range(place.row, min(place.row + place.rows, len(segment)))
            if not all(segment.people[row] == place.seq for row in rows):
                raise GalleryDamaged(
                    f"{segment.path}: rows {place.row} to {place.row + place.rows - 1} are not "
                    f"those of {identifier!r}; restore the file from a copy, or enrol the person "
                    "anew"
                )
            fingers = dict(finger_of(segment, row) for row in rows)
            name = self._shelves.seals.of(place.segment).reveal(place.seq, place.name)
            return Person(identifier, fingers, name=name)

    def __len__(self) -> int:
        with self._reading():
            return self._ledger.count()

    def __contains__(self, identifier: object) -> bool:
        with self._reading():
            return isinstance(identifier, str) and self._ledger.find(identifier) is not None

    def __iter__(self) -> Iterator[str]:
        seq = 0
        while True:
            with self._reading():
                batch = self._ledger.people_after(seq, 1000)
            if not batch:
                return
            for seq, identifier in batch:  # noqa: B007  # the last one is where to go on
                yield identifier

    def info(self) -> GalleryInfo:
        """Return number of people and templates, size, version and age."""
        with self._reading(), self._shelves.steady():
            return GalleryInfo(
                path=str(self._path),
                version=self._manifest.version,
                created=self._manifest.created,
                encrypted=self._manifest.encrypted,
                people=self._ledger.count(),
                templates=self._ledger.count_rows(),
                removed=self._ledger.count_dead(),
                segments=len(self._ledger.segments()),
                bytes=folder.bytes_on_disk(self._path),
            )

    def verify(
        self,
        *,
        progress: Callable[[int, int], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> list[Damage]:
        """Read everything back and return each thing wrong; none is clean.

        ``str`` of a `Damage` is a sentence; its fields say segment, block, rows and people.
        """
        with self._reading(), self._shelves.steady():
            total = sum(each.rows for each in self._ledger.segments())
            done = 0

            def advance(rows: int) -> None:
                nonlocal done
                stop_if(cancel)
                done += rows
                if progress is not None:
                    progress(done, total)

            return search_for_damage(self._ledger, self._shelves, advance)

    def audit_trail(self) -> list[Entry]:
        """Return who did what to whom and when, the oldest entry first."""
        with self._reading():
            return list(self._ledger.trail())

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._guard:
            if self._closed:
                raise GalleryError(f"{self._path}: this gallery was closed; open it again")
            yield


def stop_if(cancel: threading.Event | None) -> None:
    """Raise `OperationCancelled` once the event is set."""
    if cancel is not None and cancel.is_set():
        raise OperationCancelled("the gallery's work was cancelled before it had an answer")


def finger_of(segment: Segment, row: int) -> tuple[FingerPosition, FingerprintTemplate]:
    """Return position and template of a row.

    Raises
    ------
    GalleryDamaged
        If they cannot be read.
    """
    try:
        position = FingerPosition(int(segment.positions[row]))
        return position, FingerprintTemplate.from_bytes(segment.template_bytes(row))
    except ValueError as error:
        raise GalleryDamaged(f"{segment.path}: row {row} cannot be read: {error}") from error
