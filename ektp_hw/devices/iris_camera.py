# SPDX-License-Identifier: Apache-2.0
"""The contract of iris cameras: near infrared, one eye, one picture."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices.base import Device, DeviceKind
from ektp_hw.devices.capabilities import IrisCapabilities
from ektp_hw.devices.states import CaptureState
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
    ) -> IrisImage:
        """Wait for an open eye and return its sharpest picture.

        Parameters
        ----------
        timeout, cancel, on_preview
            As for `FingerprintScanner.capture`.
        eye
            Which eye the operator asked for; written into the sample.

        Raises
        ------
        CaptureTimeout, CaptureCancelled, RetryCapture, DeviceRemoved, ProtocolError, DeviceBusy
            As for `FingerprintScanner.capture`.
        """

        def image(pixels: Pixels) -> IrisImage:
            return IrisImage(pixels, eye=eye, source=self.info.uri)

        def show(pixels: Pixels) -> None:
            if on_preview is not None:
                on_preview(image(pixels))

        with self._capturing(timeout, cancel) as wait:
            try:
                self._start(wait)
                while True:
                    self._await_eye(wait, show)
                    self._enter(CaptureState.ACQUIRING)
                    pixels = self._acquire(wait, show)
                    if pixels is not None:
                        return image(pixels)
                    self._enter(CaptureState.WAITING)
            finally:
                self._stop()

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
