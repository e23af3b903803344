# SPDX-License-Identifier: Apache-2.0
"""What station software tells the journal: captures, and citizens who were turned away.

A note is a small file in the folder beside the journal; whoever writes it needs no recorder to be
running, and waits for nobody. The recorder counts the notes and removes them. Only counts by kind
and reason are kept, never who: there is no place for a name.
"""

from __future__ import annotations

import json
import os
import secrets
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from ektp_hw.diagnostics.journal.place import beside, default_place, refused, sync_folder
from ektp_hw.errors import CaptureCancelled, RetryCapture

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = [
    "KINDS",
    "Batch",
    "CaptureOutcome",
    "TurnedAway",
    "note_capture",
    "note_turned_away",
    "noting_capture",
    "take_notes",
    "uncounted",
]

KINDS = ("fingerprint", "iris", "signature", "card", "photo")
_MOST_IN_A_NOTE = 1000
_LARGEST_NOTE = 200
_MOST_IN_A_BATCH = 5000
"""Notes that one look counts; more wait for the next."""


class TurnedAway(StrEnum):
    """Why a citizen went home without having been recorded."""

    DEVICE = "device"
    """A capture device did not work."""
    NETWORK = "network"
    """There was no way to the centre."""
    COMPUTER = "computer"
    POWER = "power"
    SUPPLIES = "supplies"
    """No card blanks, ribbons or forms."""
    OTHER = "other"


class CaptureOutcome(StrEnum):
    """How a capture ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """By device, time or error."""
    GIVEN_UP = "given_up"
    """Attempted, and neither: the person or the clerk did not go on."""


class Batch(NamedTuple):
    """Notes that were taken together: their mark and sums, and the folder that holds them."""

    mark: str
    captures: dict[str, list[int]]
    turned_away: dict[str, int]
    folder: Path


def note_turned_away(
    reason: TurnedAway | str, *, count: int = 1, place: Path | None = None
) -> None:
    """Note that citizens were turned away; when this returns it is on the disk.

    Parameters
    ----------
    reason
        A `TurnedAway` or its value.
    count
        How many.
    place
        The journal; None for `default_place`.

    Raises
    ------
    ValueError
        If there is no such reason, or the count is not between 1 and 1000.
    StationError
        If the folder of notes cannot be written.
    """
    if not 1 <= count <= _MOST_IN_A_NOTE:
        raise ValueError(f"{count} citizens cannot be noted at once; give 1 to {_MOST_IN_A_NOTE}")
    _put(["t", TurnedAway(reason).value, count], place or default_place())


def note_capture(kind: str, outcome: CaptureOutcome | str, *, place: Path | None = None) -> None:
    """Note one capture; when this returns it is on the disk.

    Parameters
    ----------
    kind
        ``fingerprint``, ``iris``, ``signature``, ``card`` or ``photo``.
    outcome
        A `CaptureOutcome` or its value.
    place
        The journal; None for `default_place`.

    Raises
    ------
    ValueError
        If there is no such kind or outcome.
    StationError
        If the folder of notes cannot be written.
    """
    if kind not in KINDS:
        raise ValueError(f"there is no kind of capture '{kind}', only {', '.join(KINDS)}")
    _put(["c", str(kind), CaptureOutcome(outcome).value], place or default_place())


@contextmanager
def noting_capture(kind: str, *, place: Path | None = None) -> Iterator[None]:
    """Note what becomes of the capture made in the block; its errors pass through.

    ::

        with journal.noting_capture("fingerprint"):
            image = scanner.capture()
    """
    try:
        yield
    except (RetryCapture, CaptureCancelled, KeyboardInterrupt):
        note_capture(kind, CaptureOutcome.GIVEN_UP, place=place)
        raise
    except BaseException:
        note_capture(kind, CaptureOutcome.FAILED, place=place)
        raise
    note_capture(kind, CaptureOutcome.SUCCEEDED, place=place)


def open_to_all(journal: Path) -> None:
    """Make the folder of notes, in which every user of this machine may put notes.

    Raises
    ------
    StationError
        If it cannot be made.
    """
    folder = beside(journal, "notes")
    try:
        folder.mkdir(exist_ok=True)
        if folder.stat().st_uid == os.geteuid():
            folder.chmod(0o1777)
    except OSError as error:
        raise refused(folder, error, doing="made") from error


def take_notes(journal: Path, counted: Sequence[str]) -> list[Batch]:
    """Return notes that wait, in batches; `Batch.folder` is to be removed by `forget` afterwards.

    Parameters
    ----------
    counted
        Marks of batches that are in the journal already: a crash came before they were removed.
    """
    notes = beside(journal, "notes")
    for folder in _folders(notes):
        if folder.name.removeprefix("taken-") in counted:
            forget(folder)
    with suppress(OSError):
        files = sorted(each.name for each in os.scandir(notes) if each.name.endswith(".note"))
        if files:
            taken = notes / f"taken-{secrets.token_hex(4)}"
            taken.mkdir(mode=0o700)
            for name in files[:_MOST_IN_A_BATCH]:
                with suppress(OSError):  # somebody else's that may not be moved
                    (notes / name).rename(taken / name)
    return [
        Batch(folder.name.removeprefix("taken-"), *_sums(folder), folder)
        for folder in _folders(notes)
    ]


def uncounted(journal: Path) -> tuple[dict[str, list[int]], dict[str, int]]:
    """Return the sums of the notes that no recorder has counted yet; nothing is moved."""
    return _sums(beside(journal, "notes"))


def forget(folder: Path) -> None:
    """Remove a batch that is in the journal."""
    with suppress(OSError):
        for file in list(folder.iterdir()):
            file.unlink()
        folder.rmdir()


def _put(note: list[object], journal: Path) -> None:
    folder = beside(journal, "notes")
    part = folder / f".{secrets.token_hex(8)}"
    try:
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(exist_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            os.write(descriptor, json.dumps(note, separators=(",", ":")).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        part.rename(folder / f"{part.name[1:]}.note")
        sync_folder(folder)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise refused(folder, error) from error


def _folders(notes: Path) -> list[Path]:
    try:
        return sorted(each for each in notes.iterdir() if each.name.startswith("taken-"))
    except OSError:
        return []


def _sums(folder: Path) -> tuple[dict[str, list[int]], dict[str, int]]:
    """Add up the notes of a folder; what is none of ours counts for nothing."""
    captures: dict[str, list[int]] = {}
    turned_away: dict[str, int] = {}
    try:
        files = [each for each in folder.iterdir() if each.name.endswith(".note")]
    except OSError:
        return {}, {}
    for file in files:
        match _read(file):
            case ["t", str(reason), int(count)] if (
                reason in set(TurnedAway) and 1 <= count <= _MOST_IN_A_NOTE
            ):
                turned_away[reason] = turned_away.get(reason, 0) + count
            case ["c", str(kind), str(outcome)] if kind in KINDS and outcome in set(CaptureOutcome):
                sums = captures.setdefault(kind, [0, 0, 0])
                sums[0] += 1
                sums[1] += outcome == CaptureOutcome.SUCCEEDED
                sums[2] += outcome == CaptureOutcome.FAILED
    return captures, turned_away


def _read(path: Path) -> object:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return json.loads(os.read(descriptor, _LARGEST_NOTE))
        finally:
            os.close(descriptor)
    except (OSError, ValueError, RecursionError):
        return None
