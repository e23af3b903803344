# SPDX-License-Identifier: Apache-2.0
"""One command and its whole answer, whatever protocol the card speaks.

T=0 knows no command that both carries and fetches data, and no extended length: the command is
reshaped, and what the card announces (61xx, 6Cxx) is fetched. Source: ISO/IEC 7816-3, clause 12
(commands under T=0), and ISO/IEC 7816-4, 5.3.4 and 7.6 (GET RESPONSE, ENVELOPE). T=1 and
contactless cards take commands as they are; 61xx and 6Cxx are followed for them as well, because
readers pass them on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ektp_hw.devices.iso7816 import Response
from ektp_hw.errors import CardError, ProtocolError

__all__ = ["Command", "PoweredCard", "Transmit", "converse"]

Transmit = Callable[[bytes], bytes]
"""Sends one command APDU and returns data and status word."""

_MOST_FETCHES = 300
"""GET RESPONSE brings at most 256 bytes; 64 KiB need 256 of them."""
_ENVELOPE, _GET_RESPONSE = 0xC2, 0xC0


class PoweredCard(NamedTuple):
    """A card that has power: its answer to reset, and how to send it a command."""

    answer_to_reset: bytes
    transmit: Transmit


class Command(NamedTuple):
    """A command APDU taken apart: header, data, and how many bytes are wanted (None for none)."""

    header: bytes
    data: bytes
    expected: int | None

    @classmethod
    def parse(cls, apdu: bytes) -> Command:
        """Take a command apart (ISO/IEC 7816-4, 5.1).

        Raises
        ------
        ValueError
            If its length bytes do not fit its length.
        """
        header, body = bytes(apdu[:4]), bytes(apdu[4:])
        if len(header) < 4:
            raise ValueError("a card command has at least 4 bytes: CLA INS P1 P2")
        if not body:
            return cls(header, b"", None)
        if len(body) == 1:
            return cls(header, b"", body[0] or 256)
        if body[0]:
            return cls._with(header, body[1:], body[0], 256, 1)
        if len(body) == 3:
            return cls(header, b"", int.from_bytes(body[1:], "big") or 65536)
        return cls._with(header, body[3:], int.from_bytes(body[1:3], "big"), 65536, 2)

    @classmethod
    def _with(cls, header: bytes, rest: bytes, length: int, most: int, width: int) -> Command:
        data, tail = rest[:length], rest[length:]
        if not length or len(data) < length or len(tail) not in {0, width}:
            raise ValueError(
                f"the command announces {length} bytes of data and brings {len(rest)}; mend it"
            )
        return cls(header, data, (int.from_bytes(tail, "big") or most) if tail else None)


def converse(transmit: Transmit, apdu: bytes, *, protocol: int, device: str = "") -> bytes:
    """Send one command and return data and status word of the whole answer.

    Parameters
    ----------
    transmit
        Sends what the card's protocol carries and returns its answer.
    apdu
        Any command of ISO/IEC 7816-4, short or extended.
    protocol
        0 for T=0; 1 for T=1 and contactless cards.

    Raises
    ------
    ValueError
        If the command is malformed.
    ProtocolError
        If the card announces more without end.
    CardError
        If a long command is refused part by part.
    """
    command = Command.parse(apdu)
    if protocol == 0:
        first = _under_t0(transmit, command, device)
        whole = _fetched(transmit, command, first, device)
        wanted = command.expected
        if wanted is not None and len(whole.data) > wanted:
            whole = Response(whole.data[:wanted], whole.status)
    else:
        first = Response.parse(transmit(apdu), device=device)
        short = len(apdu) <= 5 + 255 + 1 and (command.expected or 0) <= 256
        if first.status >> 8 == 0x6C and short and command.expected is not None:
            again = apdu[:-1] + bytes((first.status & 0xFF,))
            first = Response.parse(transmit(again), device=device)
        whole = _fetched(transmit, command, first, device)
    return whole.data + whole.status.to_bytes(2, "big")


def _under_t0(transmit: Transmit, command: Command, device: str) -> Response:
    header, data = command.header, command.data
    if len(data) > 255:
        return _enveloped(transmit, command, device)
    if data:  # what it wants is fetched afterwards
        return Response.parse(transmit(header + bytes((len(data),)) + data), device=device)
    third = 0 if command.expected is None else min(command.expected, 256) & 0xFF
    answer = Response.parse(transmit(header + bytes((third,))), device=device)
    if answer.status >> 8 == 0x6C and command.expected is not None:
        again = header + bytes((answer.status & 0xFF,))
        answer = Response.parse(transmit(again), device=device)
    return answer


def _enveloped(transmit: Transmit, command: Command, device: str) -> Response:
    """Carry a long command in parts, as the extended APDU that it is."""
    whole = command.header + b"\0" + len(command.data).to_bytes(2, "big") + command.data
    if command.expected is not None:
        whole += (command.expected & 0xFFFF).to_bytes(2, "big")
    answer = Response(b"", 0x9000)
    for at in range(0, len(whole), 255):
        part = whole[at : at + 255]
        head = bytes((command.header[0], _ENVELOPE, 0, 0, len(part)))
        answer = Response.parse(transmit(head + part), device=device)
        if answer.status != 0x9000 and at + 255 < len(whole):
            raise CardError(
                f"the card takes no command of {len(command.data)} bytes under T=0; send less",
                status_word=answer.status,
                device=device,
            )
    return answer


def _fetched(transmit: Transmit, command: Command, first: Response, device: str) -> Response:
    """Fetch what 61xx announces, until the card has no more."""
    data, answer = first.data, first
    wanted = command.expected
    if wanted is None:
        return first  # nobody asked for it: 61xx tells that it worked
    for _ in range(_MOST_FETCHES):
        if answer.status >> 8 != 0x61 or len(data) >= wanted:
            status = 0x9000 if answer.status >> 8 == 0x61 else answer.status
            return Response(data, status)
        ask = bytes((command.header[0], _GET_RESPONSE, 0, 0, answer.status & 0xFF))
        answer = Response.parse(transmit(ask), device=device)
        if answer.status >> 8 == 0x6C:
            answer = Response.parse(
                transmit(ask[:4] + bytes((answer.status & 0xFF,))), device=device
            )
        data += answer.data
    raise ProtocolError(
        "the card announces more and more without end; take it off and lay it on again",
        device=device,
    )
