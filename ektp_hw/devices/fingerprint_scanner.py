# SPDX-License-Identifier: Apache-2.0
"""The contract of fingerprint scanners: one finger, one picture."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices.base import DeviceKind
from ektp_hw.devices.capabilities import FingerprintCapabilities
from ektp_hw.devices.judging import Choice
from ektp_hw.devices.picture_taker import PictureTaker
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


class FingerprintScanner(PictureTaker):
    """A scanner for single fingers."""

    kind: ClassVar[DeviceKind] = DeviceKind.FINGERPRINT
    _missing: ClassVar[str] = "no finger was placed on the scanner"

    @property
    @abstractmethod
    def ppi(self) -> float:
        """True resolution of the pictures in pixels per inch, the same along both axes."""

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
        return self._capture_best(Choice(self._image, judge, enough, on_preview), timeout, cancel)

    def _await_person(self, wait: CaptureWait, show: Show) -> None:
        self._await_finger(wait, show)

    def _image(self, pixels: Pixels) -> FingerprintImage:
        return FingerprintImage(pixels, ppi=self.ppi, source=self.info.uri)

    @abstractmethod
    def _await_finger(self, wait: CaptureWait, show: Show) -> None:
        """Return when a finger is there; raise what `wait.check` raises."""

    @abstractmethod
    def _acquire(self, wait: CaptureWait, show: Show) -> Pixels | None:
        """Return the picture, dark ridges on light ground, or None if the finger has gone."""
