# SPDX-License-Identifier: Apache-2.0
"""An emulated KTP-el chip: answers command APDUs, holds invented data and an invented key.

It marks itself: its ATR and its card control file say EMULATED. Number, photo and the content
behind the protected files belong to nobody. It knows the file layout of `devices.ktp_el`; what is
protected it gives to our emulated SAM only (`virtual.sam`), by the secure messaging of
`virtual.sealed_messages`. Its digital signature is an HMAC under an invented key, in place of the
ECDSA of real cards.
"""

from __future__ import annotations

import hmac
import random
from functools import reduce
from operator import xor
from typing import TYPE_CHECKING

from ektp_hw.virtual.sealed_messages import (
    MASTER_KEY,
    Channel,
    Forged,
    Proof,
    diversified,
    encrypt,
    mac,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["CARD_CONTROL", "KtpElCard", "contact_atr", "contactless_atr", "signed"]

DIRECTORY, PHOTO, CARD_CONTROL = 0x7F0A, 0x6FF2, 0x6FF0
BIODATA, SIGNATURE, MINUTIAE_1, MINUTIAE_2, DIGITAL_SIGNATURE = (
    0x6FF1, 0x6FF3, 0x6FF4, 0x6FF5, 0x6FF6,
)  # fmt: skip
PROTECTED = frozenset({BIODATA, SIGNATURE, MINUTIAE_1, MINUTIAE_2, DIGITAL_SIGNATURE})
_SIGNING_KEY = b"EMULATED, signs for nobody"

_OK = b"\x90\x00"
_END_OF_FILE = b"\x62\x82"
_WRONG_LENGTH = b"\x67\x00"
_NEEDS_AUTHENTICATION = b"\x69\x82"
_BLOCKED_UNTIL_SAM = b"\x63\x00"
_NO_FILE_SELECTED = b"\x69\x86"
_NO_SUCH_FILE = b"\x6a\x82"
_OUTSIDE_FILE = b"\x6b\x00"
_UNKNOWN_COMMAND = b"\x6d\x00"
_FORGED = b"\x69\x88"
_SEALED = 0x0C
_ATS = b"\x0d\x78\x77\x71\x02" + b"EMULATED"


def contactless_atr(historical: bytes) -> bytes:
    """Compose the ATR that a reader reports for a contactless card (PC/SC part 3)."""
    if len(historical) > 15:
        raise ValueError(f"an ATR has room for 15 historical bytes, not {len(historical)}")
    body = bytes((0x80 | len(historical), 0x80, 0x01)) + historical
    return b"\x3b" + body + bytes((reduce(xor, body),))


def contact_atr(historical: bytes) -> bytes:
    """Compose the ATR of a contact card that speaks T=1 in blocks of up to 254 bytes."""
    if len(historical) > 15:
        raise ValueError(f"an ATR has room for 15 historical bytes, not {len(historical)}")
    body = bytes((0x80 | len(historical), 0x81, 0x31, 0xFE, 0x45)) + historical
    return b"\x3b" + body + bytes((reduce(xor, body),))


def signed(photo: bytes, files: list[bytes]) -> bytes:
    """Return the emulated digital signature of a photo and the protected files, in their order."""
    return hmac.digest(_SIGNING_KEY, photo + b"".join(files), "sha512")


class KtpElCard:
    """One emulated chip; the same seed gives the same number.

    Parameters
    ----------
    photo
        What the photo file holds, without its length prefix.
    protected
        Content of protected files in place of the invented one, by identifier; None for a file
        that the card lacks.
    garbage
        Misbehave: the photo file claims more bytes than any chip has.
    tampered
        Misbehave: the digital signature is another card's.
    """

    atr = contactless_atr(b"EMULATED")

    def __init__(
        self,
        photo: bytes,
        *,
        seed: int = 0,
        protected: Mapping[int, bytes | None] | None = None,
        garbage: bool = False,
        tampered: bool = False,
    ) -> None:
        if not 0 < len(photo) < 8190:
            raise ValueError(f"the chip's photo file holds 1 to 8189 bytes, not {len(photo)}")
        dice = random.Random(seed)  # noqa: S311  # an invented number, nothing to protect
        self.uid = b"\x08" + dice.randbytes(3)  # ISO/IEC 14443-3: 08 marks a number made up
        self._dice = dice
        self._key = diversified(MASTER_KEY, (b"\x80" + self.uid).ljust(8, b"\0"))
        length = 0xFFFF if garbage else len(photo)
        self._files = {
            PHOTO: length.to_bytes(2, "big") + photo,
            CARD_CONTROL: b"\0\x33" + b"EMULATED".ljust(51, b"\0"),
        }
        self.protected = _invented(seed) | dict(protected or {})
        """What the protected files hold, without their length prefix."""
        signature = signed(photo, [self.protected[name] or b"" for name in sorted(self.protected)])
        if tampered:
            signature = bytes(len(signature))
        self.protected.setdefault(DIGITAL_SIGNATURE, signature)
        for name, content in self.protected.items():
            if content is not None:
                self._files[name] = len(content).to_bytes(2, "big") + content
        self.power_off()

    def power_off(self) -> None:
        """Forget what was selected and agreed on."""
        self._in_directory = False
        self._selected: int | None = None
        self._challenge = b""
        self._channel: Channel | None = None
        self._is_sealed = False

    def answer(self, apdu: bytes) -> bytes:
        """Answer one command APDU with data and status word."""
        if len(apdu) < 4:
            return _WRONG_LENGTH
        if apdu[0] == _SEALED:
            return self._answer_sealed(apdu)
        return self._answer_plain(apdu)

    def _answer_plain(self, apdu: bytes) -> bytes:
        commands: dict[bytes, Callable[[bytes], bytes]] = {
            b"\xff\xca": self._answer_for_the_reader,
            b"\x00\xa4": self._select,
            b"\x00\xb0": self._read,
            b"\x00\x84": self._give_challenge,
            b"\x00\x82": self._authenticate,
        }
        known = commands.get(apdu[:2])
        return known(apdu) if known else _UNKNOWN_COMMAND

    def _answer_sealed(self, apdu: bytes) -> bytes:
        """Answer a command under secure messaging; whatever does not fit ends it."""
        if self._channel is None:
            return _NEEDS_AUTHENTICATION
        try:
            plain = self._channel.open_command(apdu)
        except (Forged, IndexError):
            self._channel = None
            return _FORGED
        self._is_sealed = True
        try:
            answer = self._answer_plain(plain)
        finally:
            self._is_sealed = False
        return self._channel.seal_answer(answer) + _OK

    def _answer_for_the_reader(self, apdu: bytes) -> bytes:
        """Give the number or the ATS; with a real card the reader answers these itself."""
        return (_ATS if apdu[2] else self.uid) + _OK

    def _give_challenge(self, _apdu: bytes) -> bytes:
        self._challenge = self._dice.randbytes(8)
        return self._challenge + _OK

    def _authenticate(self, apdu: bytes) -> bytes:
        """Check the SAM's proof and give our own."""
        challenge, self._challenge = self._challenge, b""
        sealed = apdu[5:45]
        if len(apdu) < 45 or not challenge:
            return _BLOCKED_UNTIL_SAM
        try:
            proof = Proof.opened(self._key, sealed)
        except Forged:
            return _BLOCKED_UNTIL_SAM
        if proof.card_challenge != challenge:
            return _BLOCKED_UNTIL_SAM
        ours = self._dice.randbytes(8)
        hidden = encrypt(self._key, proof.sam_challenge + challenge + ours)
        self._channel = Channel.of(proof.secret, ours)
        return hidden + mac(self._key, hidden) + _OK

    def _select(self, apdu: bytes) -> bytes:
        if len(apdu) < 7 or apdu[4] != 2:
            return _WRONG_LENGTH
        wanted = int.from_bytes(apdu[5:7], "big")
        if wanted == DIRECTORY:
            self._in_directory, self._selected = True, None
            return _OK
        if self._in_directory and wanted in self._files:
            self._selected = wanted
            return _OK
        return _NO_SUCH_FILE

    def _read(self, apdu: bytes) -> bytes:
        if self._selected is None:
            return _NO_FILE_SELECTED
        if self._selected in PROTECTED and not self._is_sealed:
            return _NEEDS_AUTHENTICATION
        if len(apdu) == 5:
            wanted = apdu[4] or 0x100
        elif len(apdu) == 7 and apdu[4] == 0:
            wanted = int.from_bytes(apdu[5:7], "big") or 0x10000
        else:
            return _WRONG_LENGTH
        content = self._files[self._selected]
        offset = int.from_bytes(apdu[2:4], "big")
        if offset > len(content):
            return _OUTSIDE_FILE
        data = content[offset : offset + wanted]
        return data + (_OK if len(data) == wanted else _END_OF_FILE)


def _invented(seed: int) -> dict[int, bytes | None]:
    """Return what the protected files of nobody hold."""
    dice = random.Random(~seed)  # noqa: S311  # invented content
    return {
        BIODATA: f"EMULATED;{seed:016d};NOBODY;NOWHERE;".encode() + dice.randbytes(300),
        SIGNATURE: b"EMULATED SIGNATURE" + dice.randbytes(500),
        MINUTIAE_1: b"EMULATED MINUTIAE" + dice.randbytes(240),
        MINUTIAE_2: b"EMULATED MINUTIAE" + dice.randbytes(180),
    }
