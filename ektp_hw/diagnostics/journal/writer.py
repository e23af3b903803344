# SPDX-License-Identifier: Apache-2.0
"""The recorder's pen: what `append` returned from is on the disk, whatever happens then."""

from __future__ import annotations

import os
import secrets
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.journal.clock import Clock, MachineClock
from ektp_hw.diagnostics.journal.compaction import compacted
from ektp_hw.diagnostics.journal.line import FIRST_LINK, LINK_LENGTH, Record, line_of
from ektp_hw.diagnostics.journal.locking import WriterLock
from ektp_hw.diagnostics.journal.marks import DeviceMarks
from ektp_hw.diagnostics.journal.past import last_states
from ektp_hw.diagnostics.journal.place import beside, put, refused, sync_folder
from ektp_hw.diagnostics.journal.reading import FORMAT, link_after, parse, read_bytes, torn_from
from ektp_hw.diagnostics.journal.sealing import SealKey
from ektp_hw.errors import StationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from ektp_hw.diagnostics.surroundings import StationProfile

__all__ = ["SEAL_EVERY", "TOO_LARGE", "Writer"]

SEAL_EVERY = 6 * 3600.0
"""Seconds after which what was written is sealed."""
TOO_LARGE = 4_000_000
"""Bytes from which old days are made into summaries."""
KEPT_WHOLE = (120, 45, 14)
"""Days that are kept in every detail, the fewer if the file stays too large otherwise."""
_CLOCK_JUMP = 5.0
"""Seconds by which wall and steady clock may drift apart unnoticed: more is a jump."""


class Writer:
    """A journal open for writing; usable from several threads.

    Opening makes the journal if there is none, drops a torn record at the end and reports it in
    the journal, and notes that a recorder begins.

    Raises
    ------
    StationError
        If somebody else writes to it, if it is no journal, or cannot be written.
    """

    def __init__(self, path: Path, profile: StationProfile, clock: Clock | None = None) -> None:
        self.path = path
        self.clock = clock or MachineClock()
        self.states: dict[int, tuple[str, str, int]] = {}
        """State, cause and certainty in per cent of each subject, as last written."""
        self.devices: set[str] = set()
        """Marks of the devices that were there last."""
        self.batches: list[str] = []
        """Marks of the last batches of notes."""
        self._profile = profile
        self._guard = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise refused(path.parent, error) from error
        self._lock = WriterLock(path)
        self._descriptor = -1
        self._end = self._count = 0
        self._head, self._link = "", FIRST_LINK
        self._walls, self._steadies = self.clock.wall(), self.clock.steady()
        self._sealed_at = self._steadies
        self._key: SealKey
        try:
            self.marks = DeviceMarks(path)
            self._open()
        except BaseException:
            self._let_go()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(properly=kind is None)

    # For the recorder.

    def append(self, *records: Record) -> None:
        """Write records; when this returns they are on the disk.

        Raises
        ------
        StationError
            If the disk is full or fails, or the journal is closed: none of them is written then.
        """
        with self._guard:
            if self._descriptor < 0:
                raise StationError(f"{self.path}: the journal is closed; open it anew to record")
            text, link = b"", self._link
            for record in records:
                line, link = line_of(record, link)
                text += line
            try:
                if os.fstat(self._descriptor).st_size > self._end:  # a failed write left its half
                    os.ftruncate(self._descriptor, self._end)
                _write(self._descriptor, text)
                os.fdatasync(self._descriptor)
            except OSError as error:
                with suppress(OSError):
                    os.ftruncate(self._descriptor, self._end)
                raise refused(self.path, error) from error
            self._end += len(text)
            self._count += len(records)
            self._link = link

    def now(self) -> int:
        """Return the wall clock's seconds; a jump since the last call is noted first.

        Raises
        ------
        StationError
            As `append`.
        """
        with self._guard:
            wall, steady = self.clock.wall(), self.clock.steady()
            jumped = (wall - self._walls) - (steady - self._steadies)
            if abs(jumped) > _CLOCK_JUMP:
                self.append(["C", int(wall), round(jumped)])
                self._walls, self._steadies = wall, steady
            return int(wall)

    def note_alive(self) -> None:
        """Remember, without any record, that somebody looks: a crash later loses no more."""
        with suppress(OSError):  # the next record will say that the disk is full
            text = f"{int(self.clock.wall())} {self._boot}\n".encode()
            put(beside(self.path, "alive"), text, durable=False)

    def subject(self, probe: str, device: str, causes: Sequence[str]) -> int:
        """Return the number of what looks are about, giving it one the first time.

        Raises
        ------
        StationError
            As `append`.
        """
        with self._guard:
            known = (probe, self.marks.of(device))
            if known not in self._subjects:
                number = max(self._subjects.values(), default=0) + 1
                self.append(["S", number, *known, list(causes)])
                self._subjects[known] = number
            return self._subjects[known]

    def seal(self) -> None:
        """Seal everything written so far.

        Raises
        ------
        StationError
            As `append`.
        """
        with self._guard:
            now = self.now()
            code = self._key.code(self._count, self._head, self._link)
            self.append(["Z", now, self._key.number, self._count, self._head, code])
            self._sealed_at = self.clock.steady()
            try:
                self._key.destroy(self._count - 1)
            except OSError as error:
                raise refused(beside(self.path, "key"), error) from error

    def tidy(self) -> None:
        """Seal if it is time, and make summaries of old days if the file has grown large.

        Raises
        ------
        StationError
            As `append`.
        """
        with self._guard:
            if self.clock.steady() - self._sealed_at >= SEAL_EVERY:
                self.seal()
            if self._end > TOO_LARGE:
                self.compact()

    def compact(self, kept_days: Sequence[int] = KEPT_WHOLE) -> None:
        """Make one summary a day of what is older than the days kept, and seal the new beginning.

        Raises
        ------
        StationError
            As `append`.
        """
        with self._guard:
            content = read_bytes(self.path)
            for days in kept_days:
                smaller = compacted(self.path, content, self.now() - days * 86400)
                if smaller is not None and len(smaller) < TOO_LARGE * 3 // 4:
                    break
            if smaller is None or len(smaller) >= len(content):
                return
            try:
                put(self.path, smaller)
            except OSError as error:
                raise refused(self.path, error) from error
            os.close(self._descriptor)
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
            self._take_in(smaller)
            self.seal()

    def close(self, *, properly: bool = True) -> None:
        """Note the end, seal, and let the next writer in; closing twice is harmless.

        Raises
        ------
        StationError
            As `append`; the journal is closed nevertheless.
        """
        with self._guard:
            if self._descriptor < 0:
                return
            try:
                if properly:
                    self.append(["E", self.now()])
                    self.seal()
            finally:
                self._let_go()

    # Opening.

    def _open(self) -> None:
        wall = self._walls
        self._boot = self.marks.hashed(self.clock.boot())
        try:
            fresh = not self.path.exists() or self.path.stat().st_size == 0
            if fresh:
                profile = self._profile
                header = ["H", FORMAT, secrets.token_hex(8), int(wall)]
                line, _ = line_of([*header, profile.name, profile.district, profile.code],
                                  FIRST_LINK)  # fmt: skip
                put(self.path, line)
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
            content = read_bytes(self.path)
            end = torn_from(content)
            parse(self.path, content[:end])
            if end < len(content):
                os.ftruncate(self._descriptor, end)
                os.fsync(self._descriptor)
            sync_folder(self.path.parent)
        except OSError as error:
            raise refused(self.path, error) from error
        self._key = SealKey(self.path, fresh=fresh)
        self._take_in(content[:end])
        if end < len(content):
            self.append(["R", int(wall), len(content) - end])
        self._begin(int(wall))

    def _take_in(self, content: bytes) -> None:
        """Learn from the bytes where to go on."""
        journal = parse(self.path, content)
        lines = content.split(b"\n")[:-1]
        self._end, self._link = len(content), link_after(lines[-1])
        self._subjects = {
            (str(each[2]), str(each[3])): int(each[1]) for each in journal.records if each[0] == "S"
        }
        hidden = 0
        self._head = lines[0][-LINK_LENGTH:].decode("ascii", "replace")
        for number, record in zip(journal.numbers, journal.records, strict=True):
            if record[0] == "A":
                hidden = record[1] - number
                self._head = lines[number - 1][-LINK_LENGTH:].decode("ascii", "replace")
            elif record[0] == "Z" and record[2] == self._key.number:
                self._key.skip_to(record[2] + 1)
        self._count = len(lines) + hidden
        self._station = journal.station
        self.states = last_states(journal.records)
        self.batches = [each[2] for each in journal.records if each[0] == "N"][-20:]
        plugs = {each[2]: each[3] for each in journal.records if each[0] == "P"}
        self.devices = {mark for mark, is_there in plugs.items() if is_there}

    def _begin(self, wall: int) -> None:
        """Note that a recorder begins, and seal what lies before: it may have lain open."""
        profile = self._profile
        station = (profile.name, profile.district, profile.code)
        records: list[Record] = []
        if any(station) and station != self._station:
            records.append(["I", wall, *station])
        alive = 0
        with suppress(OSError, ValueError):
            told = beside(self.path, "alive").read_text("ascii").split()
            alive = int(told[0])
        records.append(["B", wall, int(self._steadies), self._boot, alive])
        self.append(*records)
        self.seal()

    def _let_go(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self._lock.release()


def _write(descriptor: int, text: bytes) -> None:
    while text:
        text = text[os.write(descriptor, text) :]
