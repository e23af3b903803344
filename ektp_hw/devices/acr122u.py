# SPDX-License-Identifier: Apache-2.0
"""What the ACS ACR122U can do beside reading cards: tell its firmware, beep, light its lamps.

Source: ACS, "ACR122U Application Programming Interface", version 2.04, sections 6.2 (bi-colour lamp
and buzzer), 6.3 (firmware) and 6.7 (buzzer at card detection). The commands travel by
`CardReader.escape`, or as ordinary commands while a card is on the reader.
"""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

from ektp_hw.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    Escape = Callable[[bytes], bytes]

__all__ = ["Lamp", "blink", "firmware", "set_detection_beep", "set_lamps"]

_TICK_S = 0.1
_LONGEST_S = 25.5


class Lamp(IntFlag):
    """The two lamps; both together look orange."""

    NONE = 0
    RED = 1
    GREEN = 2


def firmware(escape: Escape) -> str:
    """Return the firmware's name, such as ``ACR122U214``; `ProtocolError` if it is another's."""
    answer = escape(bytes.fromhex("FF00480000"))
    name = answer.rstrip(b"\0").decode("ascii", "replace")
    if not name.startswith("ACR122"):
        raise ProtocolError(f"the reader calls itself {name!r}, so it is no ACR122U")
    return name


def set_detection_beep(escape: Escape, *, on: bool) -> None:
    """Let the reader beep, or not, whenever a card comes."""
    _accepted(escape(bytes((0xFF, 0x00, 0x52, 0xFF if on else 0x00, 0x00))))


def set_lamps(escape: Escape, lamps: Lamp) -> None:
    """Light these lamps and no others, until told otherwise."""
    _accepted(escape(bytes((0xFF, 0x00, 0x40, 0x0C | lamps, 0x04, 0, 0, 0, 0))))


def blink(
    escape: Escape, lamps: Lamp, *, on_s: float, off_s: float, times: int, beep: bool = False
) -> None:
    """Blink lamps, and beep while they are lit if wanted; the reader is busy until it is over.

    Raises
    ------
    ValueError
        If a time is not 0 to 25.5 s, or the number of times not 1 to 255.
    """
    if not (0 <= on_s <= _LONGEST_S and 0 <= off_s <= _LONGEST_S and 1 <= times <= 255):
        raise ValueError(
            f"the reader cannot blink {times} times, {on_s} s lit and {off_s} s dark;"
            f" give at most {_LONGEST_S} s and 1 to 255 times"
        )
    ticks = (round(on_s / _TICK_S), round(off_s / _TICK_S))
    state = lamps << 4 | lamps << 6
    _accepted(escape(bytes((0xFF, 0x00, 0x40, state, 0x04, *ticks, times, int(beep)))))


def _accepted(answer: bytes) -> None:
    """Check the status: 90 and the lamps' state."""
    if len(answer) != 2 or answer[0] != 0x90:
        raise ProtocolError(
            f"the reader refuses: {answer.hex(' ').upper() or 'it answers nothing'};"
            " is it an ACR122U?"
        )
