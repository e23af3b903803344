# SPDX-License-Identifier: Apache-2.0
"""The card's side of the block protocol T=1 (ISO/IEC 7816-3, clause 11), for any emulated card."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from ektp_hw.transport.t1 import Block, Broken, pack, unpack

if TYPE_CHECKING:
    from ektp_hw.virtual.card import Card

__all__ = ["BlockFault", "T1Card"]

_MORE = 0x20
_SUPERVISORY = 0xC0


class BlockFault(StrEnum):
    """What a T=1 card can do wrong with its next block."""

    DAMAGED = "damaged"
    """Its error code does not fit, once."""
    HOPELESS = "hopeless"
    """Its error code never fits again, until it is resynchronised."""
    SILENT = "silent"
    """It does not answer, once."""
    MORE_TIME = "more time"
    """It asks for more time first."""
    ENDLESS = "endless"
    """It asks for more time again and again."""
    SMALLER = "smaller"
    """It asks for smaller blocks first."""
    ABORT = "abort"
    """It aborts the command."""


class T1Card:
    """A card behind T=1: takes blocks, gives blocks.

    Parameters
    ----------
    takes
        Longest information field it takes.
    """

    def __init__(self, card: Card, *, takes: int = 32, with_crc: bool = False) -> None:
        self.card = card
        self.fault: BlockFault | None = None
        self._takes = takes
        self._with_crc = with_crc
        self._gives = 32
        self._start_over()

    def _start_over(self) -> None:
        self._ours = self._hosts = 0
        self._command = b""
        self._answer = b""
        self._last = Block(0x80)
        self._is_waiting: Block | None = None

    def exchange(self, raw: bytes) -> bytes:
        """Answer one block; nothing where the card keeps silent."""
        try:
            got = unpack(raw, with_crc=self._with_crc)
        except Broken:
            return self._packed(Block(0x81 | self._hosts << 4))
        if got.pcb == 0xC0:
            self._start_over()
            self.fault = None
            return self._packed(Block(0xE0))
        return self._strike(self._reply_to(got))

    def _reply_to(self, got: Block) -> Block:
        if got.pcb == 0xC1:
            self._gives = got.information[0]
            return Block(0xE1, got.information)
        if got.pcb & 0xC0 == _SUPERVISORY and self._is_waiting is not None:
            waiting, self._is_waiting = self._is_waiting, None
            return waiting
        if got.is_receipt:
            acknowledged = got.number == self._ours and bool(self._answer)
            return self._next_part() if acknowledged else self._last
        if got.number != self._hosts or len(got.information) > self._takes:
            return Block(0x82 | self._hosts << 4)
        self._hosts ^= 1
        self._command += got.information
        if got.pcb & _MORE:
            self._last = Block(0x80 | self._hosts << 4)
            return self._last
        self._answer, self._command = self.card.answer(self._command), b""
        return self._next_part()

    def _next_part(self) -> Block:
        part, self._answer = self._answer[: self._gives], self._answer[self._gives :]
        self._last = Block(self._ours << 6 | (_MORE if self._answer else 0), part)
        self._ours ^= 1
        return self._last

    def _strike(self, reply: Block) -> bytes:
        fault = self.fault
        if fault not in {BlockFault.HOPELESS, BlockFault.ENDLESS}:
            self.fault = None
        requests = {
            BlockFault.MORE_TIME: Block(0xC3, b"\x05"),
            BlockFault.ENDLESS: Block(0xC3, b"\x01"),
            BlockFault.SMALLER: Block(0xC1, b"\x10"),
            BlockFault.ABORT: Block(0xC2),
        }
        if fault in requests:
            self._is_waiting = reply
            if fault is BlockFault.SMALLER:
                self._takes = 16
            return self._packed(requests[fault])
        if fault is BlockFault.SILENT:
            return b""
        raw = bytearray(self._packed(reply))
        if fault in {BlockFault.DAMAGED, BlockFault.HOPELESS}:
            raw[-1] ^= 0x55
        return bytes(raw)

    def _packed(self, block: Block) -> bytes:
        return pack(block, with_crc=self._with_crc)
