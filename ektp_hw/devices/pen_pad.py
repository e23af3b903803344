# SPDX-License-Identifier: Apache-2.0
"""The half of a signature pad that is the same for all: from single pen samples to a signature.

A driver hands over samples in millimetres one by one; when a signing begins and ends, how previews
are shown and which clock is believed is decided here.
"""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from ektp_hw.devices.signature_pad import SignaturePad
from ektp_hw.devices.wait import LONGEST_SLICE
from ektp_hw.errors import CaptureTimeout, ProtocolError, RetryAdvice, RetryCapture
from ektp_hw.samples import SignatureTrace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt

    from ektp_hw.devices.wait import CaptureWait

    Show = Callable[[SignatureTrace], None]

__all__ = ["PenPad", "PenSample"]

_PREVIEW_S = 0.2
_STEP = 0.03
"""Seconds of one look for a pen that has been lifted, at most."""
_SHORTEST = 0.001
_RECENT = 0.05
"""Seconds within which a pad that reports all the time has been heard of."""
_CLOCK_ERROR = 0.2
"""Part of a signing's length by which the pad's clock may differ from ours and be believed."""
_CLOCK_SLACK = 0.1
"""Seconds by which it may differ in a signing of any length."""
_STANDSTILL = 8
"""Samples in a row with one number after which the pad's counter counts as dead."""


class PenSample(NamedTuple):
    """One report of a pen.

    Parameters
    ----------
    at
        `time.monotonic()` of its arrival.
    x_mm, y_mm
        Position from the pad's upper left corner.
    pressure
        0..1; 0 while the tip is up.
    tip
        Whether the tip touches.
    near
        Whether the position means anything.
    clock
        Seconds on the pad's own clock, from whatever moment; None if it has none.
    number
        The pad's own number of the report, counted on by 1 without wrapping; None if it has none.
    dropped
        Samples known to be lost just before this one, other than by their number.
    """

    at: float
    x_mm: float
    y_mm: float
    pressure: float
    tip: bool
    near: bool = True
    clock: float | None = None
    number: int | None = None
    dropped: int = 0


class PenPad(SignaturePad):
    """A pad whose driver gives single samples by the hook `_sample`."""

    _silence: ClassVar[float] = math.inf
    """Seconds without a report while the pen is near after which the pad counts as broken; for
    ever where a pad is silent while nothing changes."""

    _clock_is_ours: ClassVar[bool] = False
    """Whether the clock of its samples is this machine's monotonic one."""
    _fewest: ClassVar[int] = 5
    """Samples with the tip down, about a tenth of a second: less is a touch, no signature."""
    _first: PenSample | None = None

    @abstractmethod
    def _sample(self, wait: CaptureWait, longest: float = LONGEST_SLICE) -> PenSample | None:
        """Return the next sample, or None if none came within a slice of at most `longest` s."""

    def _still_well(self) -> None:  # most pads cannot tell
        """Raise if the pad did not come through the signing unharmed; called at its end."""

    def _await_pen(self, wait: CaptureWait) -> None:
        while True:
            sample = self._sample(wait)
            if sample is not None and sample.tip:
                self._first = sample._replace(dropped=0)  # before it nobody signed
                return

    def _acquire(self, wait: CaptureWait, rest: float, show: Show) -> SignatureTrace:
        samples = [self._first] if self._first else []
        heard = shown = time.monotonic()
        rested = silent = 0.0
        while samples[-1].tip or rested < rest or self._unsure(samples, heard):
            if wait.remaining <= 0 and not wait.cancelled and not samples[-1].tip:
                break  # the pen is up: what was signed in time counts
            before, was_down = time.monotonic(), samples[-1].tip
            # A busy machine reads late what came in time: a pause of ours is no rest of the pen's,
            # and no silence of the pad's.
            left = rest - rested if rested < rest else _STEP
            look = LONGEST_SLICE if was_down else max(min(_STEP, left), _SHORTEST)
            sample = self._next(wait, look)
            now = time.monotonic()
            if sample is not None:
                samples.append(sample)
                heard, silent = now, 0.0
            else:
                silent += min(now - before, 2 * look)
            if samples[-1].near and silent > self._silence:
                raise ProtocolError(
                    "the pad fell silent with the pen on it; sign again, then check its cable",
                    device=self.info.uri,
                )
            rested = 0.0 if was_down else rested + min(now - before, 2 * _STEP)
            if now - shown >= _PREVIEW_S:
                shown = now
                show(self._trace(samples))
        self._still_well()
        return self._signature(samples)

    def _unsure(self, samples: list[PenSample], heard: float) -> bool:
        """Whether a pad that reports all the time stopped before it said that the pen is gone."""
        reports_always = self._silence < math.inf
        return reports_always and samples[-1].near and time.monotonic() - heard > _RECENT

    def _next(self, wait: CaptureWait, longest: float) -> PenSample | None:
        try:
            return self._sample(wait, longest)
        except CaptureTimeout as error:
            raise CaptureTimeout(
                "somebody began to sign, but the pen did not come up in time; sign again, and if"
                " the pen was up, plug the pad in anew",
                device=self.info.uri,
            ) from error

    def _signature(self, samples: list[PenSample]) -> SignatureTrace:
        while samples and not samples[-1].tip:
            samples.pop()
        _check_numbers(samples, self.info.uri)
        if sum(sample.tip for sample in samples) < self._fewest:
            raise RetryCapture(RetryAdvice.SIGN_AGAIN, device=self.info.uri)
        return self._trace(samples)

    def _trace(self, samples: Sequence[PenSample]) -> SignatureTrace:
        import numpy as np

        near = [sample for sample in samples if sample.near]
        return SignatureTrace(
            _times(near, is_ours=self._clock_is_ours),
            np.array([sample.x_mm for sample in near], np.float64),
            np.array([sample.y_mm for sample in near], np.float64),
            np.clip(np.array([sample.pressure for sample in near], np.float64), 0, 1),
            dropped=_dropped(samples),
            source=self.info.uri,
        )


def _times(samples: Sequence[PenSample], *, is_ours: bool) -> npt.NDArray[np.float64]:
    """Return when each sample was taken, on this machine's monotonic clock.

    The pad's own clock tells it best, laid over ours so that no sample is younger than its
    arrival.
    A clock that stands still, jumps or runs at another pace is not believed: then the moment of
    arrival has to do.
    """
    import numpy as np

    arrived = np.array([sample.at for sample in samples], np.float64)
    told = [sample.clock for sample in samples]
    if len(told) < 2 or None in told:
        return arrived
    clock = np.array(told, np.float64)
    took, lasted = clock[-1] - clock[0], arrived[-1] - arrived[0]
    if (np.diff(clock) < 0).any() or abs(took - lasted) > lasted * _CLOCK_ERROR + _CLOCK_SLACK:
        return arrived
    if took <= 0 < lasted:
        return arrived
    ahead = 0.0 if is_ours else float((arrived - clock).min())
    return np.asarray(clock + ahead, np.float64)


def _dropped(samples: Sequence[PenSample]) -> int:
    """Count what is missing in the pad's numbering, and what is known to be lost otherwise."""
    numbers = [sample.number for sample in samples if sample.number is not None]
    gaps = sum(max(0, after - before - 1) for before, after in pairwise(numbers))
    return gaps + sum(sample.dropped for sample in samples)


def _check_numbers(samples: Sequence[PenSample], uri: str) -> None:
    """Refuse a signature in which lost samples could not be noticed."""
    alike = 0
    for before, after in pairwise(samples):
        alike = alike + 1 if before.number is not None and after.number == before.number else 0
        if alike >= _STANDSTILL:
            raise ProtocolError(
                "the pad's counter stands still, so lost samples would go unnoticed; plug it in"
                " again",
                device=uri,
            )
