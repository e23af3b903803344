# SPDX-License-Identifier: Apache-2.0
"""The contract of iris cameras: near infrared, one eye, one picture."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices.base import Device, DeviceKind
from ektp_hw.devices.capabilities import IrisCapabilities
from ektp_hw.devices.judging import Choice
from ektp_hw.devices.states import CaptureState
from ektp_hw.errors import DeviceUnavailable, UnavailableReason
from ektp_hw.samples import Eye, IrisImage

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from ektp_hw.devices.wait import CaptureWait

    Pixels = npt.NDArray[np.uint8]
    Show = Callable[[Pixels], None]

__all__ = ["IrisCamera"]


class IrisCamera(Device):
    """A camera that sees one eye in near infrared."""

    kind: ClassVar[DeviceKind] = DeviceKind.IRIS
    _missing: ClassVar[str] = "no sharp, open eye was seen"

    _arrived: Callable[[], None]
    """Called when somebody is there; of the running capture."""

    @property
    def capabilities(self) -> IrisCapabilities:
        """What the camera can do; see `Device.capabilities`."""
        return IrisCapabilities()

    def capture(
        self,
        timeout: float = 10.0,
        cancel: threading.Event | None = None,
        on_preview: Callable[[IrisImage], None] | None = None,
        eye: Eye = Eye.UNKNOWN,
        judge: Callable[[IrisImage], float] | None = None,
        enough: float | None = None,
    ) -> IrisImage:
        """Wait for an open eye and return its sharpest picture.

        Parameters
        ----------
        timeout, cancel, on_preview, judge, enough
            As for `FingerprintScanner.capture`.
        eye
            Which eye the operator asked for; written into the sample.

        Raises
        ------
        CaptureTimeout, CaptureCancelled, RetryCapture, DeviceRemoved, ProtocolError, DeviceBusy
        ValueError
            As for `FingerprintScanner.capture`.
        """

        def image(pixels: Pixels) -> IrisImage:
            return IrisImage(pixels, eye=eye, source=self.info.uri)

        choice = Choice(image, judge, enough, on_preview)

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
            self._await_eye(wait, show)
            self._arrived()
            self._enter(CaptureState.ACQUIRING)
            pixels = self._acquire(wait, show)
            if pixels is not None:
                return pixels
            self._wait_again()

    def _wait_again(self) -> None:
        self._enter(CaptureState.WAITING)

    def capture_both(
        self,
        timeout: float = 10.0,
        cancel: threading.Event | None = None,
        on_preview: Callable[[IrisImage], None] | None = None,
    ) -> tuple[IrisImage, IrisImage]:
        """Wait until both eyes are open and return the right and the left one, in this order.

        Parameters
        ----------
        timeout, cancel, on_preview
            As for `capture`; the preview shows both eyes in one picture.

        Raises
        ------
        DeviceUnavailable
            If the camera sees one eye at a time.
        CaptureTimeout, CaptureCancelled, RetryCapture, DeviceRemoved, ProtocolError, DeviceBusy
            As for `capture`.
        """

        def show(pixels: Pixels) -> None:
            if on_preview is not None:
                on_preview(IrisImage(pixels, source=self.info.uri))

        with self._capturing(timeout, cancel) as wait:
            try:
                self._start(wait)
                self._enter(CaptureState.ACQUIRING)
                right, left = self._acquire_both(wait, show)
            finally:
                self._stop()
        return (
            IrisImage(right, eye=Eye.RIGHT, source=self.info.uri),
            IrisImage(left, eye=Eye.LEFT, source=self.info.uri),
        )

    def _acquire_both(self, wait: CaptureWait, show: Show) -> tuple[Pixels, Pixels]:
        """Return the best pictures of the right and the left eye."""
        del wait, show
        raise DeviceUnavailable(
            "this camera sees one eye at a time; capture one after the other",
            reason=UnavailableReason.UNSUPPORTED,
            device=self.info.uri,
        )

    @abstractmethod
    def _start(self, wait: CaptureWait) -> None:
        """Make ready for one capture: illumination on, stream started."""

    @abstractmethod
    def _await_eye(self, wait: CaptureWait, show: Show) -> None:
        """Return when an open eye is in view; raise what `wait.check` raises."""

    @abstractmethod
    def _acquire(self, wait: CaptureWait, show: Show) -> Pixels | None:
        """Return the best frame, or None if the eye has gone."""

    @abstractmethod
    def _stop(self) -> None:
        """Illumination off.

        Called after every capture, also where `_start` failed; must not raise `DeviceError`.
        """
