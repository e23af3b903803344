# SPDX-License-Identifier: Apache-2.0
"""What reading a whole KTP-el needs and gives: activation values, steps, result."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ektp_hw.errors import DeviceError
    from ektp_hw.samples import CardContents

__all__ = ["Reading", "SamActivation", "Step"]


class Step(StrEnum):
    """One step of reading, in the order they are made."""

    SELECT = "select the KTP-el directory"
    UID = "read the chip's number"
    PHOTO = "read the photo"
    CARD_CONTROL = "read the card control file"
    OPEN_SAM = "open the SAM with its activation values"
    RESET_SAM = "reset the SAM's session"
    CHALLENGE = "fetch the card's challenge"
    CALCULATE = "let the SAM answer the challenge"
    PROVE_SAM = "prove the SAM to the card"
    PROVE_CARD = "prove the card to the SAM"
    DIGITAL_SIGNATURE = "read the digital signature"
    BEGIN_CHECK = "begin the check of the digital signature"
    BIODATA = "read the biodata"
    HAND_OVER_PHOTO = "hand the photo to the SAM"
    SIGNATURE = "read the signature"
    MINUTIAE_1 = "read the first minutiae record"
    MINUTIAE_2 = "read the second minutiae record"
    VERDICT = "ask the SAM whether the digital signature fits"


@dataclass(frozen=True)
class SamActivation:
    """The two values that the authority issues with each SAM; they are never shown.

    Parameters
    ----------
    pcid
        16 bytes.
    configuration
        32 bytes.

    Raises
    ------
    ValueError
        If a value has another length.
    """

    pcid: bytes = field(repr=False)
    configuration: bytes = field(repr=False)

    def __post_init__(self) -> None:
        for name, length in (("pcid", 16), ("configuration", 32)):
            value = getattr(self, name)
            if len(value) != length:
                raise ValueError(f"the SAM's {name} has {length} bytes, not {len(value)}")

    @property
    def key(self) -> bytes:
        """What opens the SAM: the PC id twice, added to the configuration bit by bit."""
        return bytes(a ^ b for a, b in zip(self.pcid * 2, self.configuration, strict=True))


@dataclass(frozen=True)
class Reading:
    """What came of reading a card.

    Parameters
    ----------
    contents
        Everything that was read, and why the rest was not.
    done
        Steps that were made, in order.
    failed
        The step at which it ended; None if it went to the end.
    error
        Why it ended, typed; its message says what to do. None if it went to the end.
    signature_fits
        The SAM's verdict on the card's digital signature; None if it was not asked.
    """

    contents: CardContents
    done: tuple[Step, ...]
    failed: Step | None = None
    error: DeviceError | None = None
    signature_fits: bool | None = None

    def checked(self) -> CardContents:
        """Return the contents, or raise what ended the reading."""
        if self.error is not None:
            raise self.error
        return self.contents

    def words(self) -> str:
        """Say in one sentence how it went."""
        if self.failed is None:
            verdict = {True: "fits", False: "DOES NOT FIT", None: "was not checked"}
            return f"the card was read; its digital signature {verdict[self.signature_fits]}"
        return f"could not {self.failed.value} (step {len(self.done) + 1}): {self.error}"
