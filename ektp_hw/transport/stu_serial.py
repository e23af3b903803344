# SPDX-License-Identifier: Apache-2.0
"""Wacom's STU-540 in its serial mode: the reports of its HID mode in frames on a serial line.

A frame begins with a byte that has the top bit set: with bit 6 for a checksum and the length's
upper bits; the length's low seven bits follow, then report and CRC-16/ARC packed into seven bits
a byte. A report is fetched by ``80 id`` and set by sending it, which ``81 result`` answers.
Facts: le2ni/stusign docs/macos-serial-to-hid.md and docs/web-serial.md, whose published frames
the tests reproduce.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from ektp_hw.errors import DeviceError, ProtocolError
from ektp_hw.transport.hid import HidConnection

if TYPE_CHECKING:
    from collections.abc import Callable

    from ektp_hw.transport.base import SerialConnection

__all__ = ["FrameReader", "StuSerial", "crc16", "frame"]

_START, _CHECKED = 0x80, 0x40
_GET_REPORT, _RESULT, _SIZES = 0x80, 0x81, 0xFF
_LOOK_S = 0.02
_READ_BYTES = 4096


def crc16(data: bytes) -> int:
    """Return CRC-16/ARC."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def frame(report: bytes, *, checked: bool = True) -> bytes:
    """Put a report into a frame."""
    data = report + crc16(report).to_bytes(2, "little") if checked else report
    count = -(-len(data) * 8 // 7)
    number = int.from_bytes(data, "big") << count * 7 - len(data) * 8
    packed = bytes(number >> 7 * k & 0x7F for k in reversed(range(count)))
    head = _START | (_CHECKED if checked else 0) | count >> 7
    return bytes([head, count & 0x7F]) + packed


class FrameReader:
    """Takes bytes as they come and gives whole reports; frames that are damaged are counted."""

    def __init__(self) -> None:
        self.damaged = 0
        self._frame = bytearray()

    def take(self, data: bytes) -> list[bytes]:
        """Add bytes; return the reports that they complete."""
        reports = []
        for byte in data:
            if byte & _START:
                self.damaged += bool(self._frame)
                self._frame[:] = [byte]
            elif self._frame:
                self._frame.append(byte)
            report = self._finished()
            if report is not None:
                reports.append(report)
        return reports

    def _finished(self) -> bytes | None:
        if len(self._frame) < 2:
            return None
        head, count, packed = self._frame[0], self._frame[1], self._frame[2:]
        count |= (head & 0x3F) << 7
        if len(packed) < count:
            return None
        self._frame.clear()
        length = count * 7 // 8
        number = 0
        for byte in packed:
            number = number << 7 | byte
        data = (number >> count * 7 - length * 8).to_bytes(length, "big")
        if not head & _CHECKED:
            return data or None
        report, crc = data[:-2], int.from_bytes(data[-2:], "little")
        if not report or crc16(report) != crc:
            self.damaged += 1
            return None
        return report


class StuSerial(HidConnection):
    """The contract of HID spoken over a serial line.

    Parameters
    ----------
    line
        Open, at the pad's speed.
    device
        URI for messages.

    Raises
    ------
    ProtocolError
        If no pad answers; the line is closed then.
    """

    def __init__(self, line: SerialConnection, device: str) -> None:
        self._line = line
        self._device = device
        self._reader = FrameReader()
        self._inputs: deque[bytes] = deque()
        try:
            line.discard()
            self._sizes = self.get_feature(_SIZES, 512)
        except DeviceError:
            line.close()
            raise

    def feature_length(self, report: int) -> int | None:
        """Return the length that the pad's own table of reports says, the id counted."""
        return int.from_bytes(self._sizes[2 * report : 2 * report + 2], "big") or None

    def get_feature(self, report: int, length: int, timeout: float = 1.0) -> bytes:
        """Ask for a report and wait for it."""
        self._line.write(frame(bytes([_GET_REPORT, report])), timeout)
        answer = self._await(lambda seen: seen[0] == report or _is_refusal(seen), timeout)
        if _is_refusal(answer) and report != _RESULT:
            raise self._refused(answer)
        return answer[:length]

    def set_feature(self, message: bytes, timeout: float = 1.0) -> None:
        """Send a report and wait for its result."""
        self._line.write(frame(message), timeout)
        answer = self._await(lambda seen: seen[0] == _RESULT, timeout)
        if _is_refusal(answer):
            raise self._refused(answer)

    def read(self, length: int, timeout: float) -> bytes:
        """Return the next report that nobody asked for."""
        if not self._inputs:
            self._inputs.extend(self._reader.take(self._line.read(_READ_BYTES, timeout)))
        return self._inputs.popleft()[:length] if self._inputs else b""

    def clear_halt(self) -> None:
        """Do nothing: a serial line has no such state."""

    def report_descriptor(self) -> bytes:
        """Return nothing: only HID mode has descriptors."""
        return b""

    def close(self) -> None:
        """Close the line."""
        self._line.close()

    def _await(self, wanted: Callable[[bytes], bool], timeout: float) -> bytes:
        """Return the first report that is wanted; pen reports that come before are kept."""
        end = time.monotonic() + timeout
        is_last = False
        while not is_last:
            is_last = time.monotonic() >= end  # a busy machine looks late at what came in time
            reports = self._reader.take(self._line.read(_READ_BYTES, _LOOK_S))
            hit = next((seen for seen in reports if wanted(seen)), None)
            self._inputs.extend(seen for seen in reports if seen is not hit)
            if hit is not None:
                return hit
        raise ProtocolError(
            "the pad does not answer on the serial line; check the address's baud=, then plug it"
            " in anew",
            device=self._device,
        )

    def _refused(self, answer: bytes) -> ProtocolError:
        return ProtocolError(
            f"the pad refuses the request (error {answer[1]:02X}); try again", device=self._device
        )


def _is_refusal(report: bytes) -> bool:
    return len(report) == 2 and report[0] == _RESULT and report[1] != 0
