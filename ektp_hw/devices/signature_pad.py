# SPDX-License-Identifier: Apache-2.0
"""The contract of signature pads: one signing, one trace."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices.base import Device, DeviceKind
from ektp_hw.devices.capabilities import SignatureCapabilities
from ektp_hw.devices.redaction import Redaction, Rule
from ektp_hw.devices.states import CaptureState

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from ektp_hw.devices.wait import CaptureWait
    from ektp_hw.samples import SignatureTrace

    Show = Callable[[SignatureTrace], None]

__all__ = ["SignaturePad"]


class SignaturePad(Device):
    """A pad that reports a pen's path."""

    kind: ClassVar[DeviceKind] = DeviceKind.SIGNATURE
    redaction: ClassVar[Redaction] = Redaction(read=Rule(longest=0))
    """Every pen report is a piece of the signature, however short."""
    _missing: ClassVar[str] = "nobody signed on the pad"

    @property
    def capabilities(self) -> SignatureCapabilities:
        """What the pad can do; see `Device.capabilities`."""
        return SignatureCapabilities()

    def capture(
        self,
        timeout: float = 60.0,
        cancel: threading.Event | None = None,
        on_preview: Callable[[SignatureTrace], None] | None = None,
        rest: float = 2.0,
    ) -> SignatureTrace:
        """Wait for a pen, and return its path once it has rested.

        Parameters
        ----------
        timeout
            Seconds for the whole signing, from the call to the end of the rest.
        cancel
            Set it from any thread to end the wait within 200 ms.
        on_preview
            Called in this thread with the trace so far, a few times a second.
        rest
            Seconds without the tip on the pad after which the signing counts as finished.

        Raises
        ------
        CaptureTimeout, CaptureCancelled, RetryCapture, DeviceRemoved, ProtocolError, DeviceBusy
            As for `FingerprintScanner.capture`.
        """

        def show(trace: SignatureTrace) -> None:
            if on_preview is not None:
                on_preview(trace)

        with self._capturing(timeout, cancel) as wait:
            try:
                self._start(wait)
                self._await_pen(wait)
                self._enter(CaptureState.ACQUIRING)
                return self._acquire(wait, rest, show)
            finally:
                self._stop()

    @abstractmethod
    def _start(self, wait: CaptureWait) -> None:
        """Make ready for one signing: screen cleared, inking on, old reports thrown away."""

    @abstractmethod
    def _await_pen(self, wait: CaptureWait) -> None:
        """Return when the tip touches the pad; raise what `wait.check` raises."""

    @abstractmethod
    def _acquire(self, wait: CaptureWait, rest: float, show: Show) -> SignatureTrace:
        """Collect reports, the one that ended `_await_pen` first, until the tip rested."""

    @abstractmethod
    def _stop(self) -> None:
        """End the pad's capture mode.

        Called after every capture, also where `_start` failed; must not raise `DeviceError`.
        """
