# SPDX-License-Identifier: Apache-2.0
"""Do the frames of a stream follow each other? Their numbers count losses, their times go on."""

from __future__ import annotations

from ektp_hw.errors import ProtocolError

__all__ = ["FrameClock"]

_STANDSTILL = 3
"""Frames in a row with the same number or time from which the counter or clock stands still."""
_NUMBERS = 1 << 32


class FrameClock:
    """Watches one stream from its start.

    Attributes
    ----------
    dropped
        Frames lost so far.
    setbacks
        Times that ran backwards by chance; USB cameras whose clock is converted do that.
    """

    def __init__(self, device: str) -> None:
        self.dropped = 0
        self.setbacks = 0
        self._device = device
        self._number: int | None = None
        self._seconds = 0.0
        self._same_number = self._same_time = 1

    def follow(self, number: int, seconds: float) -> int:
        """Take note of the next frame and return how many were lost before it.

        Raises
        ------
        ProtocolError
            If the numbers run backwards, or numbers or times stand still.
        """
        before, self._number = self._number, number
        earlier, self._seconds = self._seconds, seconds
        if before is None:
            return 0
        step = (number - before) % _NUMBERS
        if step > _NUMBERS // 2:
            raise ProtocolError(
                f"the camera numbered a frame {number} after {before}; try again, then plug it in "
                "anew",
                device=self._device,
            )
        self._same_number = 1 if step else self._same_number + 1
        self._same_time = self._same_time + 1 if seconds == earlier else 1
        self.setbacks += seconds < earlier
        if self._same_number >= _STANDSTILL:
            self._fail("counter")
        if self._same_time >= _STANDSTILL:
            self._fail("clock")
        lost = max(0, step - 1)
        self.dropped += lost
        return lost

    def _fail(self, what: str) -> None:
        raise ProtocolError(
            f"the camera's {what} stands still, so the same frame may come again and again; plug "
            "it in anew",
            device=self._device,
        )
