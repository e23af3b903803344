# SPDX-License-Identifier: Apache-2.0
"""The conversation with a fingerprint module of the ZFM family: commands, answers, pictures.

Answers bear no number, so one that comes late looks like the answer to the next command, and the
picture of the finger before could pass for the one that lies there now. After every silence the
line is therefore made sure of (`Module.resynchronise`) with a command whose answer is longer than
all others.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ektp_hw.errors import ProtocolError
from ektp_hw.transport.zfm_packets import BROADCAST, Kind, PacketReader, packed

if TYPE_CHECKING:
    from typing import NoReturn

    from ektp_hw.transport.base import SerialConnection
    from ektp_hw.transport.zfm_packets import Packet

__all__ = ["Check", "Module", "SystemParameters"]

Check = Callable[[], None]
"""Called between transfers; ends the exchange by raising (time over, cancelled)."""

_SLICE = 0.05
_QUIET = 0.04
"""Seconds without a byte after which nothing more is under way; USB adapters hold back 16 ms."""
_ANSWER = 1.0
"""Seconds for an answer."""
_LINE_BUFFER = 4096
_LONGEST_RUBBISH = 15.0
"""Seconds that an unfinished picture of an earlier session can take at 19200 baud."""
_READ_PARAMETERS, _VERIFY, _SET_BAUD = b"\x0f", b"\x13", b"\x0e\x04"
_PARAMETERS = struct.Struct(">xHHHHIHH")
_RESYNCHRONISATIONS = 3


@dataclass(frozen=True)
class SystemParameters:
    """What a module tells of itself (command 0F).

    Attributes
    ----------
    status, system_id
        As the module gives them.
    capacity
        Fingers that fit into its own store.
    security
        Its own matcher's level, 1 to 5.
    address
        To which it listens.
    data_size
        Bytes in one packet of a picture: 32, 64, 128 or 256.
    baud
        Speed it says it is set to.
    """

    status: int
    system_id: int
    capacity: int
    security: int
    address: int
    data_size: int
    baud: int

    @classmethod
    def from_bytes(cls, answer: bytes) -> SystemParameters:
        """Read the answer, confirmation code included."""
        status, system, capacity, security, address, code, multiple = _PARAMETERS.unpack(answer)
        data_size, baud = 32 << min(code, 3), 9600 * multiple
        return cls(status, system, capacity, security, address, data_size, baud)


class Module:
    """A module on an open line.

    Parameters
    ----------
    line
        Not closed by this.
    device
        The module's URI, for messages.
    address
        Of the module.
    """

    def __init__(self, line: SerialConnection, device: str, address: int = BROADCAST) -> None:
        self._line = line
        self._device = device
        self._address = address
        self._reader = PacketReader(address)
        self.in_step = False

    def ask(
        self, command: bytes, check: Check, size: int = 1, within: float | None = None
    ) -> bytes:
        """Send a command and return its answer, confirmation code first.

        Parameters
        ----------
        command
            Code and parameters.
        size
            Bytes of the answer; answers of another size are late ones to other commands.
        within
            Seconds for the answer; by default 1, the slowest commands need about half of it.

        Raises
        ------
        ProtocolError
            If none comes, or a damaged one; the module is then out of step.
        """
        self.in_step = False
        self._send(command)
        damaged = self._reader.damaged
        end = time.monotonic() + (_ANSWER if within is None else within)
        while True:
            packet = self._packet(end, check)
            if packet is None:
                what = "answers damaged" if self._reader.damaged > damaged else "does not answer"
                raise ProtocolError(
                    f"the module {what}; check its supply and cable", device=self._device
                )
            if packet.kind == Kind.ACKNOWLEDGE and (
                len(packet.content) == size or packet.content[0]
            ):
                self.in_step = True
                return packet.content

    def listen_at(self, baud: int, check: Check) -> None:
        """Set the line to a speed at which the module may be, and wait until it is quiet."""
        self._line.set_baud(baud)
        self.drain(check)

    def hello(self, password: int, check: Check, within: float) -> int:
        """Unlock the module and return its confirmation code. Raises as `ask`."""
        return self.ask(_VERIFY + password.to_bytes(4, "big"), check, within=within)[0]

    def change_speed(self, baud: int, check: Check) -> bool:
        """Set module and line to a multiple of 9600 baud; False if the module will not.

        The module keeps it when it is switched off. It needs a moment then, and `resynchronise`.
        """
        if self.ask(_SET_BAUD + bytes([baud // 9600]), check)[0]:
            return False
        self._line.set_baud(baud)
        self.in_step = False
        return True

    def parameters(self, check: Check) -> SystemParameters:
        """Ask the module about itself. Raises as `ask`."""
        answer = self.ask(_READ_PARAMETERS, check, _PARAMETERS.size)
        if len(answer) != _PARAMETERS.size:
            self.in_step = False
            raise ProtocolError(
                f"the module refuses to tell its parameters (code {answer[0]:02X})",
                device=self._device,
            )
        return SystemParameters.from_bytes(answer)

    def resynchronise(self, check: Check) -> None:
        """Throw away what is under way, until question and answer belong together again.

        Raises
        ------
        ProtocolError
            If the module stays silent, or never stops sending.
        """
        for _ in range(_RESYNCHRONISATIONS):
            self.drain(check)
            self._send(_READ_PARAMETERS)
            end = time.monotonic() + _ANSWER
            while (packet := self._packet(end, check)) is not None:
                if packet.kind == Kind.ACKNOWLEDGE and len(packet.content) == _PARAMETERS.size:
                    self.in_step = True
                    return
        raise ProtocolError(
            "the module does not answer any more; check its supply and cable, then plug it in anew",
            device=self._device,
        )

    def drain(self, check: Check) -> None:
        """Read until the line is quiet; `ProtocolError` if it never is."""
        self._reader.clear()
        self._line.discard()
        end = time.monotonic() + _LONGEST_RUBBISH
        while self._line.read(_LINE_BUFFER, _QUIET):
            check()
            if time.monotonic() > end:
                raise ProtocolError(
                    "the line is never quiet; check that a fingerprint module is connected to it",
                    device=self._device,
                )

    def data(self, check: Check, at_most: int) -> bytes:
        """Collect the data packets that follow an answer.

        Raises
        ------
        ProtocolError
            If one is damaged, the stream stops, or it is longer than `at_most`; the module is then
            out of step.
        """
        self.in_step = False
        damaged = self._reader.damaged
        content = bytearray()
        while True:
            packet = self._packet(time.monotonic() + _ANSWER, check)
            if self._reader.damaged > damaged:
                self._fail("came damaged", len(content))
            if packet is None:
                self._fail("stopped", len(content))
            if packet.kind not in {Kind.DATA, Kind.LAST_DATA}:
                self._fail("was interrupted", len(content))
            content += packet.content
            if len(content) > at_most:
                self._fail("does not end", len(content))
            if packet.kind == Kind.LAST_DATA:
                self.in_step = True
                return bytes(content)

    def _fail(self, what: str, count: int) -> NoReturn:
        raise ProtocolError(
            f"the picture {what} after {count} bytes; check cable and USB adapter",
            device=self._device,
        )

    def _send(self, command: bytes) -> None:
        self._line.write(packed(Kind.COMMAND, command, self._address))

    def _packet(self, end: float, check: Check) -> Packet | None:
        """Return the next whole packet; None if there is none by then.

        A start that is never continued is noise which looks like one; behind it a packet may wait.
        """
        while True:
            if (packet := self._reader.next()) is not None:
                return packet
            check()
            left = end - time.monotonic()
            if left > 0:
                self._reader.feed(self._line.read(_LINE_BUFFER, min(left, _SLICE)))
            elif not self._reader.skip():
                return None
