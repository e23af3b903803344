# SPDX-License-Identifier: Apache-2.0
"""The durable half of a gallery: enrol people so that no crash loses them.

A folder holds a manifest, the append-only pack of templates and the table of people. An enrolment
writes its templates to the end of the pack, waits until they are on the disk, and then commits the
rows that refer to them: what `Store.enrol` acknowledged survives a crash at any moment, and what
it did not is as if it had never been.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ektp_hw.errors import (
    GalleryDamaged,
    GalleryError,
    GalleryFull,
    OperationCancelled,
    TemplateError,
)
from ektp_hw.gallery import folder
from ektp_hw.gallery.lock import WriterLock
from ektp_hw.gallery.pack import Pack, record
from ektp_hw.gallery.person import Person, checked_id
from ektp_hw.gallery.table import Part, PeopleTable
from ektp_hw.samples import FingerPosition
from ektp_hw.templates import FingerprintTemplate

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType
    from typing import Self

__all__ = ["GalleryInfo", "Store", "stop_if"]

_FINGER = 1


@dataclass(frozen=True)
class GalleryInfo:
    """What there is to know about a gallery at a glance; ``bytes`` counts all of its files."""

    path: str
    version: int
    created: str
    people: int
    templates: int
    bytes: int


class Store:
    """A folder of enrolled people; made by `open`, usable from several threads.

    One object at a time may write, in whatever process; any number may read meanwhile and see
    each enrolment once it is acknowledged.
    """

    def __init__(
        self,
        path: Path,
        manifest: folder.Manifest,
        table: PeopleTable,
        pack: Pack,
        lock: WriterLock | None,
    ) -> None:
        self._path = path
        self._manifest = manifest
        self._table = table
        self._pack = pack
        self._writer = lock
        self._guard = threading.RLock()
        self._closed = False

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        create: bool = True,
        read_only: bool = False,
    ) -> Self:
        """Open the gallery in a folder, making an empty one where there is none.

        Parameters
        ----------
        create
            False: an absent gallery is an error. Reading only never makes one.
        read_only
            Look and search only; works beside a writer, and on read-only media.

        Raises
        ------
        GalleryBusy
            If another object or process has it open for writing.
        GalleryDamaged
            If a file of it is truncated, foreign or missing.
        GalleryFull
            If there is no room to make it.
        GalleryError
            If the path cannot be a gallery.
        """
        place = Path(path)
        manifest = folder.open_folder(place, create=create and not read_only)
        lock = table = None
        try:
            lock = None if read_only else WriterLock(place / folder.LOCK)
            table = PeopleTable(place / folder.TABLE, manifest.identity, writable=not read_only)
            pack = Pack(
                place / folder.PACK, manifest.identity, table.pack_end(), writable=not read_only
            )
        except BaseException as error:
            if table is not None:
                table.close()
            if lock is not None:
                lock.release()
            if isinstance(error, OSError):
                raise folder.unwritten(place, error) from error
            raise
        return cls(place, manifest, table, pack, lock)

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
                self._pack.close()
                self._table.close()
                if self._writer is not None:
                    self._writer.release()

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
                if person.id in seen or self._table.find(person.id) is not None:
                    raise ValueError(
                        f"{self._path}: {person.id!r} is enrolled already; remove it first or "
                        "choose another identifier"
                    )
                seen.add(person.id)
            records, rows = self._lay_out(people)
            self._pack.write(records)
            try:
                self._table.add(rows, self._pack.end + len(records))
            finally:
                # After a failed commit as well: a log that was half written must never come to
                # refer to other templates than these.
                self._pack.advance(len(records))
        return len(people)

    def _lay_out(
        self, people: list[Person]
    ) -> tuple[bytes, list[tuple[str, str, str, list[Part]]]]:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        records: list[bytes] = []
        offset = self._pack.end
        rows = []
        for person in people:
            parts = []
            for position, template in person.fingers.items():
                stored = record(_FINGER, position, template.to_bytes())
                parts.append(Part(_FINGER, int(position), offset, len(stored)))
                offset += len(stored)
                records.append(stored)
            rows.append((person.id, person.name, now, parts))
        return b"".join(records), rows

    def get(self, identifier: str) -> Person:
        """Return an enrolled person.

        Raises
        ------
        KeyError
            If nobody is enrolled under that identifier.
        GalleryDamaged
            If the templates cannot be read back.
        """
        with self._reading():
            found = self._table.find(checked_id(identifier))
            if found is None:
                raise KeyError(identifier)
            seq, name = found
            parts = self._table.parts_of(seq)
            if not parts:
                raise GalleryDamaged(
                    f"{self._path / folder.TABLE}: {identifier!r} has no template left; "
                    "enrol the person anew"
                )
            self._pack.check_size()
            fingers = {FingerPosition(each.position): self._template(each) for each in parts}
            return Person(identifier, fingers, name=name)

    def remove(self, identifier: str) -> None:
        """Take a person out for good; the room is not given back to the disk.

        Raises
        ------
        KeyError
            If nobody is enrolled under that identifier.
        """
        with self._writing():
            found = self._table.find(checked_id(identifier))
            if found is None or not self._table.remove(identifier):
                raise KeyError(identifier)

    def __len__(self) -> int:
        with self._reading():
            return self._table.count()

    def __contains__(self, identifier: object) -> bool:
        with self._reading():
            return isinstance(identifier, str) and self._table.find(identifier) is not None

    def __iter__(self) -> Iterator[str]:
        seq = 0
        while True:
            with self._reading():
                batch = self._table.people_after(seq, 1000)
            if not batch:
                return
            for seq, identifier in batch:  # noqa: B007  # the last one is where to go on
                yield identifier

    def info(self) -> GalleryInfo:
        """Return number of people and templates, size, version and age."""
        with self._reading():
            return GalleryInfo(
                path=str(self._path),
                version=self._manifest.version,
                created=self._manifest.created,
                people=self._table.count(),
                templates=self._table.count_parts(),
                bytes=sum(each.stat().st_size for each in self._path.iterdir() if each.is_file()),
            )

    def verify(
        self,
        *,
        progress: Callable[[int, int], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> list[str]:
        """Read everything back and return one sentence for each thing wrong; none is clean."""
        with self._reading(), self._table.reading():
            found = self._table.findings()
            people = dict(self._table.people_after(0))
            total = self._table.count_parts()
            owners = set()
            for done, (seq, part) in enumerate(self._table.parts_after(0), 1):
                stop_if(cancel)
                owners.add(seq)
                try:
                    self._template(part)
                except GalleryDamaged as error:
                    found.append(f"{people.get(seq, seq)}: {error}")
                if progress is not None:
                    progress(done, total)
            found += [
                f"{self._path}: {people[seq]} has no template left; enrol the person anew"
                for seq in people.keys() - owners
            ]
        return found

    def _template(self, part: Part) -> FingerprintTemplate:
        modality, position, stored = self._pack.read(part.offset, part.size)
        if (modality, position) != (part.modality, part.position):
            raise GalleryDamaged(
                f"{self._path / folder.PACK}: the record at byte {part.offset} is of another "
                "finger; restore the file from a copy"
            )
        try:
            return FingerprintTemplate.from_bytes(stored)
        except TemplateError as error:
            raise GalleryDamaged(
                f"{self._path / folder.PACK}: the record at byte {part.offset} cannot be read: "
                f"{error}"
            ) from error

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._guard:
            if self._closed:
                raise GalleryError(f"{self._path}: this gallery was closed; open it again")
            yield

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


def stop_if(cancel: threading.Event | None) -> None:
    """Raise `OperationCancelled` once the event is set."""
    if cancel is not None and cancel.is_set():
        raise OperationCancelled("the gallery's work was cancelled before it had an answer")
