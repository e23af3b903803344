# SPDX-License-Identifier: Apache-2.0
"""The block protocol T=1, for readers that exchange blocks and leave the rest to the host.

Source: ISO/IEC 7816-3, clause 11. A block is NAD, PCB, LEN, up to 254 bytes of information and an
error code of one byte (XOR) or two (CRC). Every exchange is bounded: a block is repeated three
times; then the command has failed and the card is resynchronised for the next one.
"""

from __future__ import annotations

from functools import reduce
from operator import xor
from typing import TYPE_CHECKING, NamedTuple

from ektp_hw.errors import CardError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    Send = Callable[[bytes, int], bytes]

__all__ = ["BlockProtocol", "Broken", "crc", "pack", "unpack"]

_MORE, _R, _S = 0x20, 0x80, 0xC0
_IFS, _ABORT, _WTX, _RESYNCH, _ANSWER = 0xC1, 0xC2, 0xC3, 0xC0, 0x20
_REPEATS = 3
_MOST_REQUESTS = 200
"""Requests for more time in one exchange; a card that signs asks for a handful."""
_LONGEST_ANSWER = 65536 + 2


class Broken(Exception):
    """A block whose length or error code does not fit."""


class Block(NamedTuple):
    """PCB and information of one block."""

    pcb: int
    information: bytes = b""

    @property
    def is_information(self) -> bool:
        """Whether it carries a part of a command or an answer."""
        return not self.pcb & 0x80

    @property
    def is_receipt(self) -> bool:
        """Whether it acknowledges or refuses a block."""
        return self.pcb & 0xC0 == _R

    @property
    def number(self) -> int:
        """N(S) of an information block, N(R) of a receipt."""
        return self.pcb >> 6 & 1 if self.is_information else self.pcb >> 4 & 1


def crc(data: bytes) -> int:
    """Return the CRC of ISO/IEC 13239 (polynomial x16 + x12 + x5 + 1, started with ones)."""
    register = 0xFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x8408 if register & 1 else 0)
    return register ^ 0xFFFF


def pack(block: Block, *, with_crc: bool) -> bytes:
    """Put a block into bytes, with the node address 0."""
    body = bytes((0, block.pcb, len(block.information))) + block.information
    return body + (crc(body).to_bytes(2, "big") if with_crc else bytes((reduce(xor, body),)))


def unpack(raw: bytes, *, with_crc: bool) -> Block:
    """Take a block apart.

    Raises
    ------
    Broken
        If its length or error code does not fit.
    """
    code = 2 if with_crc else 1
    if len(raw) < 3 + code or len(raw) != 3 + raw[2] + code:
        raise Broken(f"a block of {len(raw)} bytes")
    body = raw[:-code]
    expected = crc(body).to_bytes(2, "big") if with_crc else bytes((reduce(xor, body),))
    if raw[-code:] != expected:
        raise Broken("its error code does not fit")
    return Block(raw[1], body[3:])


class BlockProtocol:
    """One card under T=1, from its reset on.

    Parameters
    ----------
    send
        Sends one block, with the multiplier of the waiting time it may take, and returns the
        answer's bytes; empty where the card kept silent.
    card_takes
        Longest information field the card takes (IFSC).
    """

    def __init__(self, send: Send, *, card_takes: int, with_crc: bool, device: str) -> None:
        self._send = send
        self._card_takes = max(1, min(card_takes, 254))
        self._with_crc = with_crc
        self._device = device
        self._ours = self._cards = 0

    def offer_block_length(self, longest: int) -> None:
        """Tell the card how much it may send at once; one that does not care keeps 32 bytes."""
        request = Block(_IFS, bytes((longest,)))
        for _ in range(_REPEATS):
            try:
                answer = self._swap(request)
            except Broken:
                continue
            if answer == Block(_IFS | _ANSWER, bytes((longest,))):
                return
        raise self._failed("does not agree on a block length")

    def exchange(self, apdu: bytes) -> bytes:
        """Send a command and return its answer.

        Raises
        ------
        CardError
            If the card stops following the protocol; it is resynchronised for the next command.
        ProtocolError
            If it answers without end.
        """
        try:
            return self._exchange(apdu)
        except Broken as why:
            self._resynchronise()  # not sent twice: the card may have done it
            raise CardError(
                f"the card answers damaged blocks ({why}); send the command again, then put the"
                " card in anew",
                device=self._device,
            ) from why

    def _exchange(self, apdu: bytes) -> bytes:
        rest = apdu
        while len(rest) > self._card_takes:  # which the card may lower on the way
            part, rest = rest[: self._card_takes], rest[self._card_takes :]
            receipt = self._deliver(Block(self._ours << 6 | _MORE, part))
            if not receipt.is_receipt:
                raise Broken("it answers before the command is whole")
        answer = self._deliver(Block(self._ours << 6, rest))
        whole = b""
        while True:
            if not answer.is_information:
                raise Broken("it acknowledges instead of answering")
            whole += answer.information
            if not answer.pcb & _MORE:
                return whole
            if not answer.information or len(whole) > _LONGEST_ANSWER:
                raise ProtocolError(
                    "the card answers without end; put it in anew", device=self._device
                )
            answer = self._fetch(Block(_R | self._cards << 4))

    def _deliver(self, block: Block) -> Block:
        """Send an information block until it is acknowledged or answered."""
        answer = self._converse(block, lambda got: got.is_receipt and got.number == block.number)
        self._ours ^= 1
        return answer

    def _fetch(self, receipt: Block) -> Block:
        """Acknowledge a part of the answer and return the next."""
        return self._converse(receipt, lambda got: got.is_receipt)

    def _converse(self, block: Block, is_refusal: Callable[[Block], bool]) -> Block:
        """Send a block, serve the card's own requests, repeat what was damaged."""
        out, multiplier, left, requests = block, 1, _REPEATS, 0
        while left >= 0:
            try:
                got = self._swap(out, multiplier)
            except Broken:
                out, multiplier, left = Block(_R | self._cards << 4 | 1), 1, left - 1
                continue
            if got.pcb & 0xC0 == _S:
                requests += 1
                if requests > _MOST_REQUESTS:
                    raise self._failed("asks for more time without end")
                out, multiplier = self._serve(got)
                continue
            if is_refusal(got):
                out = block
            elif got.is_receipt or got.number == self._cards:
                self._cards ^= got.is_information
                return got
            else:
                out = Block(_R | self._cards << 4 | 2)
            multiplier, left = 1, left - 1
        raise Broken("repeated in vain")

    def _serve(self, request: Block) -> tuple[Block, int]:
        """Answer a request of the card: more time, another block length, an abort."""
        if request.pcb == _WTX and len(request.information) == 1:
            return Block(_WTX | _ANSWER, request.information), request.information[0]
        if request.pcb == _IFS and len(request.information) == 1:
            self._card_takes = max(1, min(request.information[0], 254))
            return Block(_IFS | _ANSWER, request.information), 1
        if request.pcb == _ABORT:
            raise self._failed("aborts the command")
        raise Broken("an answer to nothing")

    def _resynchronise(self) -> None:
        """Begin anew: both sides forget their numbers."""
        for _ in range(_REPEATS):
            try:
                answer = self._swap(Block(_RESYNCH))
            except Broken:
                continue
            if answer.pcb == _RESYNCH | _ANSWER:
                self._ours = self._cards = 0
                return
        raise self._failed("has lost the thread and does not find it again")

    def _swap(self, block: Block, multiplier: int = 1) -> Block:
        raw = self._send(pack(block, with_crc=self._with_crc), multiplier)
        return unpack(raw, with_crc=self._with_crc)

    def _failed(self, what: str) -> CardError:
        return CardError(f"the card {what}; take it out and put it in again", device=self._device)
