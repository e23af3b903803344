# SPDX-License-Identifier: Apache-2.0
"""What the emulated PC/SC service can do wrong, and the return codes that tell of it."""

from enum import StrEnum

__all__ = ["CODES", "PcscFault"]


class PcscFault(StrEnum):
    """What the service, the reader or the card can do wrong, at the next command to the card."""

    REFUSED = "refused"
    """The reader's driver reports a failed exchange."""
    HANGS = "hangs"
    """The driver does not come back for `VirtualPcsc.hang_s` seconds."""
    SHORT = "short"
    """The answer is one byte."""
    GARBAGE = "garbage"
    """The answer is noise of the right length."""
    DAMAGED = "damaged"
    """The service calls the answer damaged."""
    UNPLUG = "unplug"
    """The reader is pulled."""
    REMOVED = "removed"
    """The card is taken away."""
    RESET = "reset"
    """Another program reset the card."""
    UNPOWERED = "unpowered"
    """The card lost its power."""
    STOPPED = "stopped"
    """The service dies."""


CODES = {
    PcscFault.REFUSED: 0x80100016,
    PcscFault.DAMAGED: 0x8010002F,
    PcscFault.UNPLUG: 0x80100017,
    PcscFault.REMOVED: 0x80100069,
    PcscFault.RESET: 0x80100068,
    PcscFault.UNPOWERED: 0x80100067,
    PcscFault.STOPPED: 0x8010001D,
}
"""Faults that show as a return code."""
