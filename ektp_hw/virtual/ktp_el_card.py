# SPDX-License-Identifier: Apache-2.0
"""An emulated KTP-el chip: answers command APDUs, holds invented data and no key at all.

It marks itself: its ATR and its card control file say EMULATED. Number, photo and the content
behind the protected files belong to nobody. It knows the file layout of `devices.ktp_el` and the
first half of the authentication (a challenge), and refuses everything that a SAM would unlock.
"""

from __future__ import annotations

import random
from functools import reduce
from operator import xor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["CARD_CONTROL", "KtpElCard", "contactless_atr"]

DIRECTORY, PHOTO, CARD_CONTROL = 0x7F0A, 0x6FF2, 0x6FF0
PROTECTED = frozenset({0x6FF1, 0x6FF3, 0x6FF4, 0x6FF5, 0x6FF6})

_OK = b"\x90\x00"
_END_OF_FILE = b"\x62\x82"
_WRONG_LENGTH = b"\x67\x00"
_NEEDS_AUTHENTICATION = b"\x69\x82"
_BLOCKED_UNTIL_SAM = b"\x63\x00"
_NO_FILE_SELECTED = b"\x69\x86"
_NO_SUCH_FILE = b"\x6a\x82"
_OUTSIDE_FILE = b"\x6b\x00"
_UNKNOWN_COMMAND = b"\x6d\x00"


def contactless_atr(historical: bytes) -> bytes:
    """Compose the ATR that a reader reports for a contactless card (PC/SC part 3)."""
    if len(historical) > 15:
        raise ValueError(f"an ATR has room for 15 historical bytes, not {len(historical)}")
    body = bytes((0x80 | len(historical), 0x80, 0x01)) + historical
    return b"\x3b" + body + bytes((reduce(xor, body),))


class KtpElCard:
    """One emulated chip; the same seed gives the same number.

    Parameters
    ----------
    photo
        What the photo file holds, without its length prefix.
    garbage
        Misbehave: the photo file claims more bytes than any chip has.
    """

    atr = contactless_atr(b"EMULATED")

    def __init__(self, photo: bytes, *, seed: int = 0, garbage: bool = False) -> None:
        if not 0 < len(photo) < 8190:
            raise ValueError(f"the chip's photo file holds 1 to 8189 bytes, not {len(photo)}")
        dice = random.Random(seed)  # noqa: S311  # an invented number, nothing to protect
        self.uid = b"\x08" + dice.randbytes(3)  # ISO/IEC 14443-3: 08 marks a number made up
        self._dice = dice
        length = 0xFFFF if garbage else len(photo)
        self._files = {
            PHOTO: length.to_bytes(2, "big") + photo,
            CARD_CONTROL: b"\0\x33" + b"EMULATED".ljust(51, b"\0"),
        }
        self.power_off()

    def power_off(self) -> None:
        """Forget what was selected."""
        self._in_directory = False
        self._selected: int | None = None

    def answer(self, apdu: bytes) -> bytes:
        """Answer one command APDU with data and status word."""
        if len(apdu) < 4:
            return _WRONG_LENGTH
        commands: dict[bytes, Callable[[bytes], bytes]] = {
            b"\xff\xca": lambda _apdu: self.uid + _OK,  # the reader itself answers this one
            b"\x00\xa4": self._select,
            b"\x00\xb0": self._read,
            b"\x00\x84": lambda _apdu: self._dice.randbytes(8) + _OK,
            b"\x00\x82": lambda _apdu: _BLOCKED_UNTIL_SAM,
        }
        known = commands.get(apdu[:2])
        return known(apdu) if known else _UNKNOWN_COMMAND

    def _select(self, apdu: bytes) -> bytes:
        if len(apdu) < 7 or apdu[4] != 2:
            return _WRONG_LENGTH
        wanted = int.from_bytes(apdu[5:7], "big")
        if wanted == DIRECTORY:
            self._in_directory, self._selected = True, None
            return _OK
        if self._in_directory and wanted in self._known():
            self._selected = wanted
            return _OK
        return _NO_SUCH_FILE

    def _known(self) -> Iterable[int]:
        return PROTECTED | self._files.keys()

    def _read(self, apdu: bytes) -> bytes:
        if self._selected is None:
            return _NO_FILE_SELECTED
        if self._selected in PROTECTED:
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
