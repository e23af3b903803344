# SPDX-License-Identifier: Apache-2.0
"""Card readers of the USB class CCID, spoken to directly, for stations without a PC/SC service.

Source: USB-IF, "Specification for Integrated Circuit(s) Cards Interface Devices", revision 1.1.
A reader must exchange whole APDUs and choose voltage, clock and parameters by itself, as the
contactless ones do; readers that leave the card's protocol to the host are for PC/SC.
"""

from __future__ import annotations

import functools
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from ektp_hw.devices import iso7816, ktp_el
from ektp_hw.devices.base import UsbId
from ektp_hw.devices.card_reader import CardReader
from ektp_hw.errors import (
    CardError,
    DeviceError,
    DeviceUnavailable,
    ProtocolError,
    UnavailableReason,
)
from ektp_hw.transport import usb, usb_interfaces

if TYPE_CHECKING:
    from collections.abc import Callable

    from ektp_hw.devices.base import DeviceInfo
    from ektp_hw.devices.wait import CaptureWait
    from ektp_hw.samples import CardContents
    from ektp_hw.transport.base import UsbConnection

    Check = Callable[[], None]

__all__ = ["CcidReader"]

_CLASS = 0x0B
_CLASS_DESCRIPTOR, _CLASS_DESCRIPTOR_BYTES = 0x21, 54
_SHORT_APDU, _EXTENDED_APDU, _LEVELS = 0x00020000, 0x00040000, 0x00070000

_HEAD = struct.Struct("<BIBB3s")
_REPLY = struct.Struct("<BIBBBBB")
_POWER_ON, _POWER_OFF, _SLOT_STATUS, _XFR_BLOCK = 0x62, 0x63, 0x65, 0x6F
_DATA_BLOCK, _SLOT_STATUS_REPLY = 0x80, 0x81
_WHOLE, _BEGINS, _ENDS, _CONTINUES, _GO_ON = 0, 1, 2, 3, 0x10
_ABSENT = 2

_ANSWER_S = 5.0
"""A reader that says nothing for so long has failed; busy ones send time extensions."""
_EXTENDED_S = 30.0
"""Longest that time extensions may prolong one exchange; signing on a slow card takes 5 s."""
_SLICE_S = 0.05
_PROMPT_S = 0.1
"""For what a living reader does at once: taking a message, cutting the card's power."""
_STALE_REPLIES = 16
"""Replies to older commands that are skipped before the reader counts as out of step."""
_LONGEST_ANSWER = 65536 + 2

_ERRORS = {
    0xE0: "the slot is busy",
    0xF6: "the card's protocol is not supported",
    0xF7: "the check byte of its ATR is wrong",
    0xF8: "its ATR is damaged",
    0xFB: "the reader's hardware failed",
    0xFC: "the card sent too fast",
    0xFD: "parity errors on the line",
    0xFE: "the card does not answer",
}


@dataclass(frozen=True)
class _Way:
    """Where and how this reader takes messages."""

    out_endpoint: int
    in_endpoint: int
    longest_message: int
    extended: bool


class _Reply(NamedTuple):
    kind: int
    card: int
    failed: bool
    error: int
    chain: int
    data: bytes


_connect = functools.partial(usb.connect, detach_kernel_driver=True)
"""The kernel's NFC driver takes some readers for itself; it has to let go."""


class CcidReader(CardReader):
    """A CCID reader on the bus, first slot.

    Parameters
    ----------
    info
        Which one.
    connect
        How to reach its address; another function replays a transcript.
    """

    name: ClassVar[str] = "ccid_reader"
    schemes: ClassVar[tuple[str, ...]] = ("usb", "usbip")
    usb_ids: ClassVar[tuple[UsbId, ...]] = (
        UsbId(0x072F, 0x2200, "ACS ACR122U"),
        UsbId(0x072F, 0x223B, "ACS ACR1252U"),
    )

    def __init__(
        self, info: DeviceInfo, connect: Callable[[str], UsbConnection] = _connect
    ) -> None:
        super().__init__(info)
        self._connect = connect
        self._usb: UsbConnection | None = None
        self._way = _Way(0, 0, 0, extended=False)
        self._number = 0
        self._received = b""
        self._atr = b""

    @classmethod
    def discover(cls) -> list[DeviceInfo]:
        """List the readers on this machine's USB."""
        return [cls.describe(place) for place in usb.find(cls.usb_ids)]

    @classmethod
    def locate(cls, uri: str) -> DeviceInfo | None:
        """Return the reader at that address."""
        place = usb.locate(uri, cls.usb_ids)
        return None if place is None else cls.describe(place)

    # Opening and closing.

    def _open(self) -> None:
        connection = self._connect(self.info.address)
        try:
            self._way = _way_of(usb_interfaces.read(connection), self.info.uri)
            self._usb = connection
            self._drain()
        except DeviceError:
            self._usb = None
            connection.close()
            raise

    def _close(self) -> None:
        connection, self._usb, self._atr = self._usb, None, b""
        if connection is not None:
            connection.close()

    def _drain(self) -> None:
        """Throw away what a broken session left in the reader."""
        self._received = b""
        for _ in range(_STALE_REPLIES):
            if not self._wire().read(self._way.in_endpoint, self._way.longest_message, 0.01):
                return

    # What the base class asks for.

    def _await_card(self, wait: CaptureWait) -> None:
        while True:
            if self._ask(_SLOT_STATUS, wait.check).card != _ABSENT and self._power_on(wait.check):
                return
            wait.sleep(_SLICE_S)

    def _read_card(
        self, wait: CaptureWait, show: Callable[[CardContents], None]
    ) -> CardContents | None:
        def transmit(apdu: bytes) -> bytes:
            return self._exchange(apdu, wait.check)

        contents = ktp_el.read(transmit, self._atr, check=wait.check, device=self.info.uri)
        show(contents)
        return contents

    def _release_card(self) -> None:
        powered, self._atr = self._atr, b""
        if powered and self._usb is not None:
            try:
                self._ask(_POWER_OFF, _never, answer_within=_PROMPT_S)
            except DeviceError:
                self._received = b""  # the reader or the card is gone; that was the purpose

    def _transmit(self, apdu: bytes) -> tuple[bytes, int]:
        if not self._atr and not self._power_on(_never):
            raise CardError("no card is on the reader; lay one on it", device=self.info.uri)
        return iso7816.Response.parse(self._exchange(apdu, _never), device=self.info.uri)

    # Commands of the reader.

    def _power_on(self, check: Check) -> bool:
        """Power the card and keep its ATR; False if it was taken away meanwhile."""
        reply = self._ask(_POWER_ON, check)
        if reply.card == _ABSENT:
            return False
        self._require(reply)
        self._atr = iso7816.AnswerToReset.parse(reply.data).raw
        return True

    def _exchange(self, apdu: bytes, check: Check) -> bytes:
        """Send one APDU, in parts where it is longer than a message, and collect the answer."""
        room = self._way.longest_message - _HEAD.size
        if len(apdu) > room and not self._way.extended:
            raise CardError(
                f"this reader takes commands of up to {room} bytes, not {len(apdu)}",
                device=self.info.uri,
            )
        parts = [apdu[at : at + room] for at in range(0, len(apdu), room)]
        for index, part in enumerate(parts):
            level = _level(index, len(parts))
            reply = self._ask(_XFR_BLOCK, check, part, level)
            self._require(reply)
        answer = reply.data
        while reply.chain in {_BEGINS, _CONTINUES}:
            if not reply.data or len(answer) > _LONGEST_ANSWER:
                raise ProtocolError("the answer comes in parts without end", device=self.info.uri)
            reply = self._ask(_XFR_BLOCK, check, b"", _GO_ON)
            self._require(reply)
            answer += reply.data
        return answer

    def _require(self, reply: _Reply) -> None:
        if reply.card == _ABSENT:
            self._atr = b""
            raise CardError("the card was taken away; lay it on again", device=self.info.uri)
        if reply.failed:
            self._atr = b""
            why = _ERRORS.get(reply.error, f"error {reply.error:02X}")
            raise CardError(f"{why}; lay the card on again", device=self.info.uri)
        if reply.kind != _DATA_BLOCK:
            raise ProtocolError(
                f"the reader answers with message {reply.kind:02X}", device=self.info.uri
            )

    # Messages.

    def _ask(
        self,
        kind: int,
        check: Check,
        data: bytes = b"",
        level: int = _WHOLE,
        answer_within: float = _ANSWER_S,
    ) -> _Reply:
        """Send one message and return the reply to it, past time extensions and stale replies."""
        self._number = (self._number + 1) & 0xFF
        special = b"\0" + level.to_bytes(2, "little") if kind == _XFR_BLOCK else b"\0\0\0"
        message = _HEAD.pack(kind, len(data), 0, self._number, special) + data
        self._wire().write(self._way.out_endpoint, message, _PROMPT_S)
        began = time.monotonic()
        answer_by, stale = began + answer_within, 0
        while True:
            raw = self._message(min(answer_by, began + _EXTENDED_S), check)
            reply_kind, _, _, number, status, error, chain = _REPLY.unpack_from(raw)
            if number != self._number:
                stale += 1
                if stale > _STALE_REPLIES:
                    self._drain()
                    raise ProtocolError(
                        "the reader answers older commands only; plug it in anew",
                        device=self.info.uri,
                    )
            elif status >> 6 == 2:  # time extension
                answer_by = time.monotonic() + answer_within
            else:
                return _Reply(
                    reply_kind, status & 3, status >> 6 == 1, error, chain, raw[_REPLY.size :]
                )

    def _message(self, until: float, check: Check) -> bytes:
        """Return the next whole message; it may arrive in several transfers."""
        size = _REPLY.size
        while True:
            if len(self._received) >= _REPLY.size:
                size = _REPLY.size + int.from_bytes(self._received[1:5], "little")
                if size > self._way.longest_message:
                    self._drain()
                    raise ProtocolError(
                        f"the reader announces {size} bytes, its longest message has"
                        f" {self._way.longest_message}; plug it in anew",
                        device=self.info.uri,
                    )
            if len(self._received) >= size:
                message, self._received = self._received[:size], self._received[size:]
                return message
            check()
            left = until - time.monotonic()
            if left <= 0:
                self._received = b""
                raise ProtocolError(
                    "the reader does not answer; plug it in anew", device=self.info.uri
                )
            self._received += self._wire().read(
                self._way.in_endpoint, self._way.longest_message, min(left, _SLICE_S)
            )

    def _wire(self) -> UsbConnection:
        if self._usb is None:
            raise DeviceError("the reader is closed; open it first", device=self.info.uri)
        return self._usb


def _never() -> None:
    """Check nothing: for single commands, which only the reader's own time limits end."""


def _level(index: int, count: int) -> int:
    """Return wLevelParameter of one part of a command (CCID 1.1, 6.1.4)."""
    if count == 1:
        return _WHOLE
    if index == 0:
        return _BEGINS
    return _ENDS if index == count - 1 else _CONTINUES


def _way_of(interfaces: list[usb_interfaces.Interface], uri: str) -> _Way:
    """Find the reader's interface and what it says about itself."""
    for each in interfaces:
        own = [
            descriptor
            for descriptor in each.class_descriptors
            if descriptor[1] == _CLASS_DESCRIPTOR and len(descriptor) >= _CLASS_DESCRIPTOR_BYTES
        ]
        to_reader = each.endpoint(usb_interfaces.BULK, is_in=False)
        from_reader = each.endpoint(usb_interfaces.BULK, is_in=True)
        if each.triple[0] != _CLASS or not own or to_reader is None or from_reader is None:
            continue
        features, longest = struct.unpack_from("<II", own[0], 40)
        if features & _LEVELS not in {_SHORT_APDU, _EXTENDED_APDU}:
            break
        if not 261 + _HEAD.size <= longest <= _LONGEST_ANSWER + _HEAD.size:
            raise ProtocolError(f"the reader claims messages of {longest} bytes", device=uri)
        return _Way(
            to_reader.address,
            from_reader.address,
            longest,
            extended=features & _LEVELS == _EXTENDED_APDU,
        )
    raise DeviceUnavailable(
        "this reader leaves the card's protocol to the host; use it through PC/SC"
        " (start pcscd and take its pcsc: address)",
        reason=UnavailableReason.UNSUPPORTED,
        device=uri,
    )
