# SPDX-License-Identifier: Apache-2.0
"""The contract of iris cameras: near infrared, one eye, one picture."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices.base import DeviceKind
from ektp_hw.devices.capabilities import IrisCapabilities
from ektp_hw.devices.judging import Choice
from ektp_hw.devices.picture_taker import PictureTaker
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


class IrisCamera(PictureTaker):
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

        return self._capture_best(Choice(image, judge, enough, on_preview), timeout, cancel)

    def _await_person(self, wait: CaptureWait, show: Show) -> None:
        self._await_eye(wait, show)

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
    def _await_eye(self, wait: CaptureWait, show: Show) -> None:
        """Return when an open eye is in view; raise what `wait.check` raises."""

    @abstractmethod
    def _acquire(self, wait: CaptureWait, show: Show) -> Pixels | None:
        """Return the best frame, or None if the eye has gone."""
