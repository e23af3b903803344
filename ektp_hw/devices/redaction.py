# SPDX-License-Identifier: Apache-2.0
"""What of a driver's conversation may be somebody's body, said once by each driver.

`ektp_hw.transport.redaction` acts on it whenever a transcript is recorded. The defaults are safe
for a driver that says nothing: whatever is longer than 64 bytes is replaced, whichever way it
goes. A driver widens that only as far as its protocol's headers reach.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Redaction", "Rule"]


@dataclass(frozen=True)
class Rule:
    r"""Which payloads are kept as they are, and what is kept of the others.

    Parameters
    ----------
    longest
        Bytes of the longest payload that is kept whole; 0 keeps none. Many short ones in a row
        are judged together, so that a picture in small pieces is not kept either.
    head
        Mask of the bits kept at the start of a longer one: ``b"\xff" * 12`` for a header of 12
        bytes, ``b"\xff\xf0"`` for a byte and the upper half of the next.
    tail
        Bytes kept at its end.
    """

    longest: int = 64
    head: bytes = b""
    tail: int = 0


@dataclass(frozen=True)
class Redaction:
    """The rules of one driver, by the way a payload goes.

    Parameters
    ----------
    read
        What a device sends on its endpoint or line: pictures, pen reports, answers of cards.
    asked
        Answers to control requests; descriptors, which USB itself defines, are always kept.
    sent
        What is sent to the device.
    """

    read: Rule = field(default_factory=Rule)
    asked: Rule = field(default_factory=Rule)
    sent: Rule = field(default_factory=Rule)
