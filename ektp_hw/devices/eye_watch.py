# SPDX-License-Identifier: Apache-2.0
"""Waits for an open, sharp eye in a camera's pictures and chooses the best of them.

One watch serves one capture. When the time is over it knows what to say: the best picture if it
is of some use, else what the person can do, else what the technician should look at.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NoReturn

from ektp_hw.devices.eye_presence import Look, crop_around, look_at, looks_at_both
from ektp_hw.errors import CaptureTimeout, ProtocolError, RetryAdvice, RetryCapture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]
    Show = Callable[[Pixels], None]

__all__ = ["EyeWatch"]

_CHOICES = 5
"""Sharp pictures of which the best is taken: a sixth of a second at 30 frames/s."""
_NOISY = 3
"""Pictures in a row without any likeness of neighbouring pixels that are no chance."""
_SLOWEST_FRAME = 0.5
"""Seconds after which a picture should have come; the person is not blamed for a silent camera."""
_OF_SOME_USE = 10.0
"""Focus of the best picture with which a time limit may still end; half of a sharp one's."""


class EyeWatch:
    """Looks at the pictures of one capture.

    Parameters
    ----------
    device
        URI for the messages.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._forget()
        self._seen = self._dark = self._noisy = 0
        self._heard = 0.0
        self._advice: RetryAdvice | None = None

    def await_eye(self, pictures: Iterable[Pixels], show: Show) -> None:
        """Return when an open, sharp eye was seen, or when the time is over and one was nearly.

        Parameters
        ----------
        pictures
            Comes without end and raises what `CaptureWait.check` raises.
        show
            Called with every picture.

        Raises
        ------
        RetryCapture, CaptureTimeout
            When the time is over and no picture is of any use.
        ProtocolError
            If what comes is no picture.
        """
        self._forget()
        try:
            for pixels in pictures:
                show(pixels)
                if self._judged(pixels).is_sharp and self._best is pixels:
                    return
        except CaptureTimeout as error:
            if self._look is None or self._look.focus < _OF_SOME_USE:
                self._give_up(error)

    def choose(self, pictures: Iterable[Pixels], show: Show) -> Pixels | None:
        """Return the best picture after a few more; None if none was seen so far."""
        try:
            for count, pixels in enumerate(pictures, start=2):
                show(pixels)
                self._judged(pixels)
                if count >= _CHOICES:
                    break
        except CaptureTimeout:
            if self._best is None:
                raise
        return self._best

    def choose_both(self, pictures: Iterable[Pixels], show: Show) -> tuple[Pixels, Pixels]:
        """Return the best pictures of the eye on the left and of the eye on the right.

        Raises
        ------
        RetryCapture, CaptureTimeout, ProtocolError
            As for `await_eye`.
        """
        best: tuple[float, Pixels, tuple[Look, Look]] | None = None
        sharp = 0
        try:
            for pixels in pictures:
                show(pixels)
                looks = looks_at_both(pixels)
                self._note(min(looks, key=lambda look: (look.has_eye, look.focus)))
                merit = min(look.merit for look in looks)
                if merit > (best[0] if best else 0.0):
                    best = merit, pixels, looks
                sharp += all(look.has_eye and look.is_sharp for look in looks)
                if sharp >= _CHOICES:
                    break
        except CaptureTimeout as error:
            if best is None or min(look.focus for look in best[2]) < _OF_SOME_USE:
                self._give_up(error)
        if best is None:  # pictures came to an end, which a camera's never do
            raise RetryCapture(RetryAdvice.OPEN_EYE, device=self._device)
        _, pixels, looks = best
        middle = pixels.shape[1] // 2
        return crop_around(pixels[:, :middle], looks[0]), crop_around(pixels[:, middle:], looks[1])

    def _forget(self) -> None:
        self._best: Pixels | None = None
        self._look: Look | None = None

    def _judged(self, pixels: Pixels) -> Look:
        look = look_at(pixels)
        self._note(look)
        if look.merit > (self._look.merit if self._look else 0.0):
            self._best, self._look = pixels, look
        return look

    def _note(self, look: Look) -> None:
        self._seen += 1
        self._heard = time.monotonic()
        self._dark += look.is_dark
        self._noisy = self._noisy + 1 if look.is_noise else 0
        if self._noisy >= _NOISY:
            raise ProtocolError(
                "what the camera sends is no picture; try again, then plug it in anew",
                device=self._device,
            )
        self._advice = look.advice or self._advice

    def _give_up(self, error: CaptureTimeout) -> NoReturn:
        if not self._seen or time.monotonic() - self._heard >= _SLOWEST_FRAME:
            raise CaptureTimeout(
                "no frame came from the camera in time; try again, then plug it in anew",
                device=self._device,
            ) from error
        if self._advice is not None:
            raise RetryCapture(self._advice, device=self._device) from error
        if self._dark == self._seen:
            raise CaptureTimeout(
                "every picture was dark; see whether the infrared lamp works and nothing covers "
                "the lens",
                device=self._device,
            ) from error
        raise error
