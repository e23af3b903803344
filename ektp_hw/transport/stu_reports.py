# SPDX-License-Identifier: Apache-2.0
"""The reports of Wacom's STU signature pads: their ids, and what their bytes mean.

Ids, layouts and codes come from independent descriptions of the family (pabloko/Wacom-STU-WebHID,
le2ni/stusign docs/protocol-evidence.md and src/protocol), not from a specification. Contents are
given without the report's id. Most numbers are big-endian, those of pictures little-endian.
"""

from __future__ import annotations

import struct
from enum import IntEnum, IntFlag
from typing import NamedTuple

from ektp_hw.errors import ProtocolError

__all__ = [
    "ENCRYPTED",
    "PER_INCH",
    "READY_STATES",
    "RECEIVING",
    "SECURE",
    "TIME_AND_SEQUENCE",
    "Capability",
    "EncodingFlag",
    "Information",
    "Pen",
    "Report",
    "Status",
    "capability",
    "in_words",
    "information",
    "pen",
    "status",
]


class Report(IntEnum):
    """Report ids, as far as they are used here."""

    PEN = 0x01
    STATUS = 0x03
    RESET = 0x04
    INFORMATION = 0x08
    CAPABILITY = 0x09
    END_CAPTURE = 0x16
    CLEAR_SCREEN = 0x20
    INKING = 0x21
    START_IMAGE_AREA = 0x24
    START_IMAGE = 0x25
    IMAGE_BLOCK = 0x26
    END_IMAGE = 0x27
    PEN_OPTION = 0x30
    PEN_OPTION_MODE = 0x32
    PEN_TIMED = 0x34


ENCRYPTED = frozenset({0x10, 0x31, 0x33})
"""Pen reports of a secure session: plain, with option, with time and sequence."""

TIME_AND_SEQUENCE = 3
"""Pen option mode: reports come as 0x34; 0 gives 0x01, 1 (time) and 2 (sequence) give 0x30."""
PER_INCH = 2540
"""Counts an inch where the pad does not say: all known pads count hundredths of a millimetre."""
_PEN_LENGTHS: dict[int, int] = {Report.PEN: 7, Report.PEN_OPTION: 9, Report.PEN_TIMED: 11}


class EncodingFlag(IntFlag):
    """Encodings of pictures that a pad takes, as its capability tells."""

    ZLIB = 1
    MONO = 2
    RGB565 = 4
    BGR24 = 8


class Information(NamedTuple):
    """What the pad says it is."""

    model: str
    firmware: str


class Capability(NamedTuple):
    """The pad's measures.

    Greatest coordinates and pressure, counts an inch, reports a second (0 if not told), width and
    height of the screen in pixels, encodings of pictures.
    """

    max_x: int
    max_y: int
    max_pressure: int
    per_inch: int
    rate: int
    width: int = 0
    height: int = 0
    encodings: EncodingFlag = EncodingFlag.MONO


class Status(NamedTuple):
    """What the pad is doing, and how the last request ended; see `in_words`."""

    state: int
    last_result: int


class Pen(NamedTuple):
    """One pen report; time (counts of about 1 ms) and number are 16-bit counters or None."""

    in_range: bool
    tip: bool
    force: int
    x: int
    y: int
    ticks: int | None = None
    number: int | None = None


_STATES = {
    0: "ready",
    1: "receiving a picture",
    2: "in a secure capture",
    3: "calculating",
    4: "showing its start picture",
    5: "busy with its memory of pictures",
    0xFF: "restarting",
}
_RESULTS = {
    0: "no error",
    1: "wrong report",
    2: "not possible in this state",
    3: "checksum error",
    4: "wrong parameter",
    **dict.fromkeys(range(0x10, 0x16), "graphics error"),
    **dict.fromkeys(range(0x33, 0x36), "error of its memory of pictures"),
}
RECEIVING, SECURE = 1, 2
READY_STATES = frozenset({0, SECURE})
"""States in which the pad takes requests."""


def in_words(seen: Status) -> str:
    """Say what a status means: ``ready, wrong parameter (error 04)``."""
    state = _STATES.get(seen.state, f"in state {seen.state:02X}")
    if not seen.last_result:
        return state
    result = _RESULTS.get(seen.last_result, "unknown error")
    return f"{state}, {result} (error {seen.last_result:02X})"


def status(content: bytes, device: str) -> Status:
    """Read report 0x03; the status word is left alone, as sources disagree on its byte order."""
    if len(content) < 2:
        raise ProtocolError("the pad's status is too short; plug it in again", device=device)
    return Status(content[0], content[1])


def information(content: bytes) -> Information:
    """Read report 0x08: nine characters of the model's name, then the firmware's version."""
    name = content[:9].split(b"\0")[0].decode("ascii", "replace")
    return Information(name, ".".join(str(part) for part in content[9:11]))


def capability(content: bytes, device: str) -> Capability:
    """Read report 0x09; old pads end after the screen's size.

    Raises
    ------
    ProtocolError
        If it is too short or tells impossible measures.
    """
    if len(content) < 10:
        raise ProtocolError("the pad does not tell its measures; plug it in again", device=device)
    max_x, max_y, max_pressure, width, height = struct.unpack_from(">HHHHH", content)
    rate, per_inch, encodings = 0, 0, 0
    if len(content) >= 14:
        rate, per_inch, encodings = struct.unpack_from(">BHB", content, 10)
    if not (max_x and max_y and max_pressure):
        raise ProtocolError("the pad tells impossible measures; plug it in again", device=device)
    return Capability(
        max_x, max_y, max_pressure, per_inch or PER_INCH, rate, width, height,
        EncodingFlag(encodings & 0x0F) or EncodingFlag.MONO,
    )  # fmt: skip


def pen(report: bytes, mode: int = 0) -> Pen | None:
    """Read an input report, its id first; None if it is no plain pen report.

    Parameters
    ----------
    report
        As it came.
    mode
        The pen option mode, which says what report 0x30 adds.
    """
    kind = report[0] if report else 0
    if len(report) < _PEN_LENGTHS.get(kind, len(report) + 1):
        return None
    word, x, y = struct.unpack_from(">HHH", report, 1)
    ticks = number = None
    if kind == Report.PEN_TIMED:
        ticks, number = struct.unpack_from(">HH", report, 7)
    elif kind == Report.PEN_OPTION:
        (option,) = struct.unpack_from(">H", report, 7)
        ticks, number = (option if mode == 1 else None), (option if mode == 2 else None)
    return Pen(bool(word & 0x8000), bool(word & 0x1000), word & 0x0FFF, x, y, ticks, number)
