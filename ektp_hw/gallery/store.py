# SPDX-License-Identifier: Apache-2.0
"""The durable half of a gallery: enrol people so that no crash loses them.

A folder holds a manifest, segments (columns of fingers, see `ektp_hw.gallery.layout`) and the
ledger (see `ektp_hw.gallery.ledger`). An enrolment writes its fingers behind the valid rows of the
last segment, waits until they are on the disk, and then commits the people and how far the segment
is valid now: what `Store.enrol` acknowledged survives a crash at any moment, and what it did not is
as if it had never been. `Store.segments` is what searching reads.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.errors import GalleryError, GalleryFull
from ektp_hw.gallery import audit, folder
from ektp_hw.gallery.catalogue import Catalogue, stop_if
from ektp_hw.gallery.columns import Undescribed
from ektp_hw.gallery.compaction import DEAD_SHARE, Compaction, compact
from ektp_hw.gallery.keyring import KEYS, Keyring
from ektp_hw.gallery.ledger import Ledger, Place
from ektp_hw.gallery.lock import WriterLock
from ektp_hw.gallery.migration import migrated
from ektp_hw.gallery.person import Person, checked_id
from ektp_hw.gallery.seal import PlainSeals
from ektp_hw.gallery.segment_file import Rows
from ektp_hw.gallery.shelves import Shelves

if TYPE_CHECKING:
    import os
    import threading
    from collections.abc import Callable, Iterable, Iterator
    from typing import Self

    import numpy.typing as npt

    from ektp_hw.gallery.columns import Description
    from ektp_hw.gallery.seal import Seals

__all__ = ["Store"]

_log = logging.getLogger(__name__)


class Store(Catalogue):
    """A folder of enrolled people; made by `open`, usable from several threads.

    One object at a time may write, in whatever process; any number may read meanwhile and see
    each enrolment once it is acknowledged.
    """

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        create: bool = True,
        read_only: bool = False,
        secret: str | bytes | None = None,
        description: Description | None = None,
        actor: str | None = None,
    ) -> Self:
        """Open the gallery in a folder, making an empty one where there is none.

        Parameters
        ----------
        create
            False: an absent gallery is an error. Reading only never makes one.
        read_only
            Look and search only; works beside a writer, and on read-only media.
        secret
            Passphrase, or the bytes of a key file. A gallery made with one is encrypted (see
            `ektp_hw.gallery.keyring`) and opened with no other.
        description
            What makes codes and sketches of templates.
        actor
            Who the audit trail says it was; the operating system's user unless given.

        Raises
        ------
        GalleryBusy
            If another object or process has it open for writing.
        GalleryDamaged
            If its manifest or ledger is truncated, foreign or missing. Damaged segments cost a
            warning in the log and their rows; see `verify`.
        GalleryFull
            If there is no room to make it.
        GalleryLocked
            If it is encrypted and the secret is missing or another's.
        GalleryError
            If the path cannot be a gallery.
        """
        place = Path(path)
        manifest = folder.open_folder(place, create=create and not read_only, secret=secret)
        description = Undescribed() if description is None else description
        actor = actor or audit.whoever_runs_this()
        if read_only and manifest.version < folder.VERSION:
            raise GalleryError(
                f"{place} is a gallery of version {manifest.version}; open it once for writing "
                f"(ektp-hw gallery compact {place}) to bring it to version {folder.VERSION}"
            )
        lock = ledger = None
        try:
            if not read_only:
                lock = WriterLock(place / folder.LOCK)
                manifest = migrated(place, description, _now(), actor)
            seals: Seals = PlainSeals()
            if secret is not None:
                seals = Keyring(place / KEYS, manifest.identity, secret)
            ledger = Ledger(place / folder.LEDGER, manifest.identity, writable=not read_only)
            shelves = Shelves(
                place / folder.SEGMENTS,
                manifest.identity,
                ledger,
                description,
                seals,
                writable=not read_only,
            )
        except BaseException as error:
            if ledger is not None:
                ledger.close()
            if lock is not None:
                lock.release()
            if isinstance(error, OSError):
                raise folder.unwritten(place, error) from error
            raise
        return cls(place, manifest, ledger, shelves, lock, actor)

    def enrol(self, person: Person) -> None:
        """Add a person; when this returns, the person is on the disk.

        Raises
        ------
        ValueError
            If the identifier is enrolled already.
        GalleryFull
            If the disk is full: this person is not enrolled, everybody before is, and the
            gallery can be used on.
        GalleryError
            If the gallery is closed or open for reading only.
        """
        self.enrol_all([person])

    def enrol_all(self, people: Iterable[Person]) -> int:
        """Add all of these people or, if anything goes wrong, none; return how many.

        Much faster than one by one, since the disk is waited for once.

        Raises
        ------
        ValueError, GalleryFull, GalleryError
            As `enrol`.
        """
        people = list(people)
        for person in people:
            if not isinstance(person, Person):
                raise TypeError(f"a Person can be enrolled, not {type(person).__name__}")
        with self._writing():
            seen: set[str] = set()
            for person in people:
                if person.id in seen or self._ledger.find(person.id) is not None:
                    raise ValueError(
                        f"{self._path}: {person.id!r} is enrolled already; remove it first or "
                        "choose another identifier"
                    )
                seen.add(person.id)
            if people:
                self._put(people)
        return len(people)

    def _put(self, people: list[Person]) -> None:
        first_seq = self._ledger.next_numbers()[0]
        many = np.array([len(each.fingers) for each in people])
        laid = self._shelves.lay_down(self._rows(people, many, first_seq), np.cumsum(many) - many)
        now = _now()
        places = [
            self._place(first_seq + i, one, now, laid.places[i]) for i, one in enumerate(people)
        ]
        try:
            trail = [(now, self._actor, "enrol", each.id) for each in people]
            self._ledger.add(places, laid.segments, laid.blocks, trail)
        except BaseException:
            self._shelves.abandon(laid)
            raise
        self._shelves.settle(laid)

    def _place(self, seq: int, one: Person, at: str, where: tuple[int, int]) -> Place:
        name = self._shelves.seals.of(where[0]).hide(seq, one.name)
        return Place(seq, one.id, name, at, *where, rows=len(one.fingers))

    def _rows(self, people: list[Person], many: npt.NDArray[np.int64], first_seq: int) -> Rows:
        templates = [each for one in people for each in one.fingers.values()]
        description = self._shelves.description
        return Rows(
            people=np.repeat(np.arange(first_seq, first_seq + len(people)), many),
            positions=np.array([each for one in people for each in one.fingers], np.uint8),
            codes=description.codes(templates),
            sketches=description.sketches(templates),
            templates=[each.to_bytes() for each in templates],
        )

    def remove(self, identifier: str, *, erase: bool = False) -> None:
        """Take a person out: found by nobody from now on.

        The templates leave the disk with the next compaction of their segment, which comes by
        itself once a quarter of its rows are dead, or with ``erase`` at once.

        Raises
        ------
        KeyError
            If nobody is enrolled under that identifier.
        GalleryFull
            With ``erase``, if there is no room to rewrite the segment: the person is removed, and
            a later `compact` erases.
        """
        with self._writing():
            place = self._ledger.find(checked_id(identifier))
            if place is None:
                raise KeyError(identifier)
            self._ledger.remove(place, _now(), self._actor, "erase" if erase else "remove")
            row = next(each for each in self._ledger.segments() if each.number == place.segment)
            dead = self._ledger.count_dead(row.number)
            if erase:
                self._compact([row.number])
            elif dead > DEAD_SHARE * row.rows:
                try:
                    self._compact([row.number])
                except (OSError, GalleryError) as error:
                    _log.warning("%s: %r is removed, and waits for a compaction: %s",
                                 self._path, identifier, error)  # fmt: skip

    def compact(
        self,
        *,
        progress: Callable[[int, int], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Compaction:
        """Give the room of removed people back, join small segments, mend codes and sketches.

        Crash-safe, and done segment by segment: stopped in the middle, it keeps what it did.

        Raises
        ------
        GalleryFull
            If there is no room for the largest segment a second time.
        OperationCancelled
            If ``cancel`` was set.
        """

        def advance(done: int, total: int) -> None:
            if progress is not None:
                progress(done, total)
            stop_if(cancel)

        with self._writing():
            return self._compact(None, advance)

    def _compact(
        self,
        only: list[int] | None,
        advance: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> Compaction:
        try:
            return compact(
                self._ledger, self._shelves,
                only=only, at=_now(), actor=self._actor, progress=advance,
            )  # fmt: skip
        finally:
            self._ledger.forget()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._reading():
            if self._writer is None:
                raise GalleryError(
                    f"{self._path} is open for reading only; open it for writing to change it"
                )
            try:
                yield
            except GalleryFull:
                raise
            except OSError as error:
                raise folder.unwritten(self._path, error) from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
