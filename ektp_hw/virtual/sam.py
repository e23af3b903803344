# SPDX-License-Identifier: Apache-2.0
"""An emulated SAM for the emulated KTP-el: ours, with invented keys, of no use for a real card.

It answers the commands that `devices.ktp_el_flow` knows (opening, mutual authentication, wrapping,
unwrapping, check of the digital signature) by the cryptography of `sealed_messages`. Its digital
signatures are HMACs under an invented key, in place of the ECDSA of real cards.
"""

from __future__ import annotations

import hashlib
import hmac
import random
from typing import TYPE_CHECKING

from ektp_hw.virtual.ktp_el_card import contact_atr, signed
from ektp_hw.virtual.sealed_messages import (
    BLOCK,
    MASTER_KEY,
    Channel,
    Forged,
    Proof,
    decrypt,
    diversified,
    encrypt,
    mac,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["EMULATED_CONFIGURATION", "EMULATED_PCID", "EmulatedSam"]

EMULATED_PCID = b"EMULATED PC ID 1"
"""Opens this SAM only; a real one is issued with each SAM."""
EMULATED_CONFIGURATION = hashlib.sha256(b"EMULATED SAM configuration").digest()

_OK = b"\x90\x00"
_WRONG = b"\x63\x00"
_NOT_OPEN = b"\x69\x82"
_EXPIRED = b"\x69\x85"
_FORGED = b"\x69\x88"
_WRONG_LENGTH = b"\x67\x00"
_UNKNOWN = b"\x6d\x00"
_PROTECTED = (0x6FF1, 0x6FF3, 0x6FF4, 0x6FF5)


class EmulatedSam:
    """One emulated SAM.

    Parameters
    ----------
    expired
        Misbehave: the activation values are right, but their time is over.
    master_key
        Another key makes it a SAM that no card accepts.

    Raises
    ------
    DeviceUnavailable
        If the package cryptography is missing.
    """

    atr = contact_atr(b"EMUL-SAM")

    def __init__(
        self, *, expired: bool = False, master_key: bytes = MASTER_KEY, seed: int = 0
    ) -> None:
        encrypt(master_key, bytes(BLOCK))  # where the package is missing, this says so at once
        self._dice = random.Random(seed)  # noqa: S311  # emulated, nothing to protect
        self._expired = expired
        self._master = master_key
        twice = EMULATED_PCID * 2
        self._key = bytes(a ^ b for a, b in zip(twice, EMULATED_CONFIGURATION, strict=True))
        self.power_off()

    def power_off(self) -> None:
        """Forget everything."""
        self._is_open = False
        self._reset()

    def _reset(self) -> None:
        self._card_key = b""
        self._proof: Proof | None = None
        self._channel: Channel | None = None
        self._selected = 0
        self._checking = False
        self._signature = self._photo = b""
        self._seen: dict[int, dict[int, bytes]] = {}
        self._offset = 0

    def answer(self, apdu: bytes) -> bytes:
        """Answer one command APDU with data and status word."""
        if len(apdu) < 4:
            return _WRONG_LENGTH
        commands: dict[int, Callable[[bytes, bytes], bytes]] = {
            0xF0: self._open,
            0xFF: self._start_over,
            0xF1: self._calculate,
            0xF2: self._confirm,
            0xF3: self._wrap,
            0xF4: self._unwrap,
            0xFA: self._check,
        }
        known = commands.get(apdu[1]) if apdu[0] == 0 else None
        if known is None:
            return _UNKNOWN
        if not self._is_open and apdu[1] != 0xF0:
            return _NOT_OPEN
        length = apdu[4] if len(apdu) > 5 else 0
        data = apdu[5 : 5 + length]
        if len(data) != length or len(apdu) - 5 - length > 1:
            return _WRONG_LENGTH
        return known(apdu[:4], data)

    def _open(self, _head: bytes, data: bytes) -> bytes:
        if data != self._key:
            return _WRONG
        if self._expired:
            return _EXPIRED
        self._is_open = True
        return _OK

    def _start_over(self, _head: bytes, _data: bytes) -> bytes:
        self._reset()
        return _OK

    def _calculate(self, head: bytes, data: bytes) -> bytes:
        number, challenge = data[-16:-8], data[-8:]
        if len(data) < 17 or head[3] != (len(data) - 16 == 51):
            return _WRONG_LENGTH
        self._card_key = diversified(self._master, number)
        self._proof = Proof(challenge, self._dice.randbytes(8), self._dice.randbytes(16))
        return self._proof.sealed(self._card_key) + _OK

    def _confirm(self, _head: bytes, data: bytes) -> bytes:
        if self._proof is None or len(data) != 4 * BLOCK:
            return _WRONG
        hidden, check = data[:-BLOCK], data[-BLOCK:]
        plain = decrypt(self._card_key, hidden)
        wanted = self._proof.sam_challenge + self._proof.card_challenge
        if mac(self._card_key, hidden) != check or plain[:16] != wanted:
            return _WRONG
        self._channel = Channel.of(self._proof.secret, plain[16:])
        return _OK

    def _wrap(self, _head: bytes, data: bytes) -> bytes:
        if self._channel is None or len(data) < 4:
            return _NOT_OPEN
        if data[1] == 0xA4:
            self._selected = int.from_bytes(data[5:7], "big")
        self._offset = int.from_bytes(data[2:4], "big") if data[1] == 0xB0 else -1
        return self._channel.wrap(data) + _OK

    def _unwrap(self, _head: bytes, data: bytes) -> bytes:
        if self._channel is None:
            return _NOT_OPEN
        try:
            plain = self._channel.open_answer(data)
        except Forged:
            self._channel = None
            return _FORGED
        if self._offset >= 0:
            self._seen.setdefault(self._selected, {})[self._offset] = plain[:-2]
        return plain + _OK

    def _check(self, head: bytes, data: bytes) -> bytes:
        """Check the digital signature: begin, take it and the photo, end, tell the verdict."""
        if head[2] == 0:
            self._checking, self._photo = True, b""
        elif not self._checking:
            return b"\x69\x85"
        elif head[2] == 6:
            self._signature = data[2:]
        elif head[2] == 3:
            self._photo += data
        elif head[2] == 4:
            files = [self._content(name) for name in _PROTECTED]
            fits = hmac.compare_digest(self._signature, signed(self._photo[2:], files))
            return _OK if fits else _WRONG
        return _OK

    def _content(self, identifier: int) -> bytes:
        """Put together what passed of one file."""
        whole = bytearray()
        for at, part in sorted(self._seen.get(identifier, {}).items()):
            whole[at : at + len(part)] = part
        return bytes(whole[2:])
