# SPDX-License-Identifier: Apache-2.0
"""What scanners and cameras have in common: they wait for a person and take pictures of them."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, TypeVar

from ektp_hw.devices.base import Device
from ektp_hw.devices.states import CaptureState

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from ektp_hw.devices.judging import Choice
    from ektp_hw.devices.wait import CaptureWait
    from ektp_hw.samples import FingerprintImage, IrisImage

    Pixels = npt.NDArray[np.uint8]
    Show = Callable[[Pixels], None]

__all__ = ["PictureTaker"]

_S = TypeVar("_S", bound="FingerprintImage | IrisImage")


class PictureTaker(Device):
    """A device that waits for a finger or an eye and takes pictures until one is good enough."""

    _arrived: Callable[[], None]
    """Called when somebody is there; of the running capture."""

    def _capture_best(
        self, choice: Choice[_S], timeout: float, cancel: threading.Event | None
    ) -> _S:
        """Capture until one picture is good enough; return the best. Raises as `capture`."""

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
            self._await_person(wait, show)
            self._arrived()
            self._enter(CaptureState.ACQUIRING)
            pixels = self._acquire(wait, show)
            if pixels is not None:
                return pixels
            self._wait_again()

    def _wait_again(self) -> None:
        self._enter(CaptureState.WAITING)

    @abstractmethod
    def _start(self, wait: CaptureWait) -> None:
        """Make ready for one capture: light on, stream started, leftovers thrown away."""

    @abstractmethod
    def _await_person(self, wait: CaptureWait, show: Show) -> None:
        """Return when the finger or the eye is there; raise what `wait.check` raises."""

    @abstractmethod
    def _acquire(self, wait: CaptureWait, show: Show) -> Pixels | None:
        """Return the picture, or None if the person has gone."""

    @abstractmethod
    def _stop(self) -> None:
        """Light off.

        Called after every capture, also where `_start` failed; must not raise `DeviceError`.
        """
