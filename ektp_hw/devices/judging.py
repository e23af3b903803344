# SPDX-License-Identifier: Apache-2.0
"""Auto-capture: pictures are taken until the caller's judge finds one good enough.

What is good is not known here: the judge is any function of the caller's that gives a picture a
number, higher for better. The device takes, shows and remembers.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar

from ektp_hw.errors import CaptureTimeout, RetryCapture

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from ektp_hw.devices.wait import CaptureWait
    from ektp_hw.samples import FingerprintImage, IrisImage

    Pixels = npt.NDArray[np.uint8]

__all__ = ["Choice"]

_S = TypeVar("_S", bound="FingerprintImage | IrisImage")


class Choice(Generic[_S]):
    """One capture's pictures and the best of them.

    Parameters
    ----------
    make
        Turns pixels into a sample.
    judge
        The caller's; without one the first picture is taken, unjudged.
    enough
        Judgement from which a picture is taken at once; without it the first one is taken.
    on_preview
        The caller's; gets every picture, judged from the moment on that somebody is there.

    Raises
    ------
    ValueError
        If `enough` is given without a judge, or is no number.
    """

    def __init__(
        self,
        make: Callable[[Pixels], _S],
        judge: Callable[[_S], float] | None,
        enough: float | None,
        on_preview: Callable[[_S], None] | None,
    ) -> None:
        if enough is not None and (judge is None or math.isnan(enough)):
            raise ValueError(f"enough={enough} needs a judge, and must be a number")
        self._make = make
        self._judge = judge
        self._enough = -math.inf if enough is None else enough
        self._on_preview = on_preview
        self._last: Pixels | None = None
        self._arrived: Pixels | None = None
        self._judged: tuple[Pixels, _S] | None = None
        self._best: _S | None = None

    def show(self, pixels: Pixels, *, is_acquiring: bool) -> None:
        """Give the caller a preview; while acquiring it is judged, and may become the best."""
        self._last = pixels
        if self._on_preview is not None:
            self._on_preview(self._weigh(pixels) if is_acquiring else self._make(pixels))

    def arrived(self) -> None:
        """Remember that somebody is there: the picture shown last holds a finger or an eye."""
        self._arrived = self._last

    def until_enough(
        self, take: Callable[[], Pixels], again: Callable[[], None], wait: CaptureWait
    ) -> _S:
        """Take pictures until one is good enough; when the time is over, return the best.

        Parameters
        ----------
        take
            Waits for a person and returns a picture of a finger or an eye.
        again
            Called before every further picture.
        wait
            The capture's time limit.

        Raises
        ------
        CaptureTimeout, RetryCapture
            What `take` raised when the time was over, if nobody was there at all, or there is no
            judge to say which picture is the best.
        """
        while True:
            try:
                sample = self._weigh(take())
            except (CaptureTimeout, RetryCapture):
                best = None if wait.remaining > 0 or wait.cancelled else self._last_resort()
                if best is None:
                    raise
                return best
            if self._judge is None or _of(sample) >= self._enough:
                return sample
            again()

    def _weigh(self, pixels: Pixels) -> _S:
        """Return the sample with its judgement, and keep it if it is the best."""
        if self._judge is None:
            return self._make(pixels)
        if self._judged is not None and self._judged[0] is pixels:
            return self._judged[1]
        sample = self._make(pixels)
        judgement = float(self._judge(sample))
        if math.isnan(judgement):
            raise ValueError("the judge's answer for a picture is not a number")
        sample = replace(sample, judgement=judgement)
        self._judged = pixels, sample
        if self._best is None or judgement > _of(self._best):
            self._best = sample
        return sample

    def _last_resort(self) -> _S | None:
        """Return the best picture; if none was judged, the one with which somebody arrived."""
        if self._judge is not None and self._best is None and self._arrived is not None:
            self._weigh(self._arrived)
        return self._best


def _of(sample: FingerprintImage | IrisImage) -> float:
    return -math.inf if sample.judgement is None else sample.judgement
