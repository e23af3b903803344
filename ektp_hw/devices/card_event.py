# SPDX-License-Identifier: Apache-2.0
"""What a card reader tells of cards that come and go."""

from typing import NamedTuple

__all__ = ["CardEvent"]


class CardEvent(NamedTuple):
    """A card came or went.

    Parameters
    ----------
    is_present
        Whether a card is there now.
    slot
        In which place.
    answer_to_reset
        Its ATR, where the reader tells it without powering the card for us.
    """

    is_present: bool
    slot: int = 0
    answer_to_reset: bytes = b""
