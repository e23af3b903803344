# SPDX-License-Identifier: Apache-2.0
"""The contract of fingerprint scanners: one finger, one picture."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices.base import Device, DeviceKind
from ektp_hw.devices.capabilities import FingerprintCapabilities
from ektp_hw.devices.judging import Choice
from ektp_hw.devices.states import CaptureState
from ektp_hw.samples import FingerprintImage

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from ektp_hw.devices.wait import CaptureWait

    Pixels = npt.NDArray[np.uint8]
    Show = Callable[[Pixels], None]

__all__ = ["FingerprintScanner"]


class FingerprintScanner(Device):
    """A scanner for single fingers."""

    kind: ClassVar[DeviceKind] = DeviceKind.FINGERPRINT
    _missing: ClassVar[str] = "no finger was placed on the scanner"

    @property
    @abstractmethod
    def ppi(self) -> float:
        """True resolution of the pictures in pixels per inch, the same along both axes."""

    _arrived: Callable[[], None]
    """Called when somebody is there; of the running capture."""

    @property
    def capabilities(self) -> FingerprintCapabilities:
        """What the scanner can do; see `Device.capabilities`."""
        return FingerprintCapabilities(ppi=self.ppi)

    def capture(
        self,
        timeout: float = 10.0,
        cancel: threading.Event | None = None,
        on_preview: Callable[[FingerprintImage], None] | None = None,
        judge: Callable[[FingerprintImage], float] | None = None,
        enough: float | None = None,
    ) -> FingerprintImage:
        """Wait for a finger and return its picture: the first, or one that a judge likes.

        ::

            scanner.capture(judge=lambda image: assess_quality(image).score, enough=60)

        Parameters
        ----------
        timeout
            Seconds to wait for a finger; the call ends within 200 ms of it.
        cancel
            Set it from any thread to end the wait within 200 ms.
        on_preview
            Called in this thread with every picture seen on the way; what it raises ends the
            capture and reaches the caller.
        judge
            Gives a picture a number, higher for better, which stands in its ``judgement``, in
            previews too once a finger is there. Called in this thread; its time comes on top.
        enough
            Judgement from which a picture is returned. Until then more are taken; when the time
            is over the best is returned, so look at its ``judgement``. None: the first picture.

        Raises
        ------
        CaptureTimeout, CaptureCancelled
            When no finger came in time, or the caller gave up.
        ValueError
            If `enough` has no judge, or the judge answers no number.
        RetryCapture
            When the person can mend it: see its ``advice``.
        DeviceRemoved, ProtocolError, DeviceBusy
            When the scanner failed; after a `ProtocolError` the next capture starts afresh.
        """
        choice = Choice(self._image, judge, enough, on_preview)

        def show(pixels: Pixels) -> None:
            choice.show(pixels, is_acquiring=self._state is CaptureState.ACQUIRING)

        with self._capturing(timeout, cancel) as wait:
            self._arrived = choice.arrived
            try:
                self._start(wait)
                return choice.until_enough(
                    lambda: self._await_picture(wait, show), self._wait_again, wait
                )
            finally:
                del self._arrived  # no picture of anybody outlives its capture here
                self._stop()

    def _await_picture(self, wait: CaptureWait, show: Show) -> Pixels:
        while True:
            self._await_finger(wait, show)
            self._arrived()
            self._enter(CaptureState.ACQUIRING)
            pixels = self._acquire(wait, show)
            if pixels is not None:
                return pixels
            self._wait_again()

    def _wait_again(self) -> None:
        self._enter(CaptureState.WAITING)

    def _image(self, pixels: Pixels) -> FingerprintImage:
        return FingerprintImage(pixels, ppi=self.ppi, source=self.info.uri)

    @abstractmethod
    def _start(self, wait: CaptureWait) -> None:
        """Make ready for one capture: light on, leftovers of a broken one thrown away."""

    @abstractmethod
    def _await_finger(self, wait: CaptureWait, show: Show) -> None:
        """Return when a finger is there; raise what `wait.check` raises."""

    @abstractmethod
    def _acquire(self, wait: CaptureWait, show: Show) -> Pixels | None:
        """Return the picture, dark ridges on light ground, or None if the finger has gone."""

    @abstractmethod
    def _stop(self) -> None:
        """Light off.

        Called after every capture, also where `_start` failed; must not raise `DeviceError`.
        """
