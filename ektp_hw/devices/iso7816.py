# SPDX-License-Identifier: Apache-2.0
"""The grammar that every card shares: command and response.

Source: ISO/IEC 7816-4 (command and response APDU).
"""

from __future__ import annotations

from typing import NamedTuple

from ektp_hw.errors import CardError, ProtocolError

__all__ = ["STATUS_OK", "Response", "command", "read_binary", "select_file"]

STATUS_OK = 0x9000


class Response(NamedTuple):
    """What a card answered: data, and SW1 SW2 as one number."""

    data: bytes
    status: int

    @classmethod
    def parse(cls, raw: bytes, *, device: str | None = None) -> Response:
        """Split an answer; it must at least hold a status word."""
        if len(raw) < 2:
            raise ProtocolError(
                "the card's answer ends before its status word; lay it on again", device=device
            )
        return cls(raw[:-2], int.from_bytes(raw[-2:], "big"))

    def checked(self, what: str, *, device: str | None = None) -> bytes:
        """Return the data, or raise `CardError` saying what was refused and why."""
        if self.status != STATUS_OK:
            raise CardError(
                f"the card refuses to {what}: {meaning(self.status)}",
                status_word=self.status,
                device=device,
            )
        return self.data


_MEANINGS = {
    0x6282: "the file ends earlier",
    0x6300: "authentication failed",
    0x6700: "wrong length",
    0x6881: "logical channels are not supported",
    0x6882: "secure messaging is not supported",
    0x6981: "the file has another structure",
    0x6982: "it asks for authentication first",
    0x6983: "authentication is blocked",
    0x6985: "conditions are not met",
    0x6986: "no file is selected",
    0x6A81: "the function is not supported",
    0x6A82: "there is no such file",
    0x6A86: "wrong parameters",
    0x6B00: "the place lies outside the file",
    0x6D00: "it does not know the command",
    0x6E00: "it does not know the command class",
}


def meaning(status: int) -> str:
    """Return what a status word says, in words."""
    if status >> 8 == 0x6C:
        return f"{status & 0xFF or 256} bytes are there, ask for exactly these"
    return _MEANINGS.get(status, "it gives no known reason")


def command(
    cla: int,
    ins: int,
    p1: int,
    p2: int,
    data: bytes = b"",
    expected: int | None = None,
) -> bytes:
    """Build a command APDU, short where that suffices and extended where it does not.

    Parameters
    ----------
    expected
        Longest answer wanted, 1 to 65536 bytes; None where no data is awaited.
    """
    head = bytes((cla, ins, p1, p2))
    if len(data) > 0xFFFF or not (expected is None or 1 <= expected <= 0x10000):
        raise ValueError(f"an APDU cannot carry {len(data)} bytes and ask for {expected}")
    if len(data) <= 0xFF and (expected or 0) <= 0x100:
        body = bytes((len(data),)) + data if data else b""
        return head + body + (b"" if expected is None else bytes((expected & 0xFF,)))
    length = (expected or 0) & 0xFFFF
    if not data:
        return head + b"\0" + length.to_bytes(2, "big")
    body = b"\0" + len(data).to_bytes(2, "big") + data
    return head + body + (b"" if expected is None else length.to_bytes(2, "big"))


def select_file(identifier: int) -> bytes:
    """Build SELECT by file identifier."""
    return command(0x00, 0xA4, 0x00, 0x00, identifier.to_bytes(2, "big"))


def read_binary(offset: int, expected: int) -> bytes:
    """Build READ BINARY of the selected file; the offset has 15 bits."""
    if not 0 <= offset <= 0x7FFF:
        raise ValueError(f"READ BINARY cannot reach offset {offset}; at most 32767")
    return command(0x00, 0xB0, offset >> 8, offset & 0xFF, expected=expected)
