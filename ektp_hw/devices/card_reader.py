# SPDX-License-Identifier: Apache-2.0
"""The contract of card readers: one card, what it gives without secrets, and single commands."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices.base import Device, DeviceKind
from ektp_hw.devices.redaction import Redaction, Rule
from ektp_hw.devices.states import CaptureState

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from ektp_hw.devices.wait import CaptureWait
    from ektp_hw.samples import CardContents

    Progress = Callable[[CardContents], None]

__all__ = ["CardReader"]


class CardReader(Device):
    """A reader for chip cards (ISO/IEC 7816-4 commands)."""

    kind: ClassVar[DeviceKind] = DeviceKind.CARD
    schemes: ClassVar[tuple[str, ...]] = ("pcsc",)
    redaction: ClassVar[Redaction] = Redaction(
        read=Rule(longest=32, tail=2), sent=Rule(longest=7, head=b"\xff" * 5)
    )
    """A photo comes in pieces, a key or number in a command; its head says which, SW1 SW2 why."""
    _missing: ClassVar[str] = "no card was laid on the reader"

    def capture(
        self,
        timeout: float = 10.0,
        cancel: threading.Event | None = None,
        on_preview: Callable[[CardContents], None] | None = None,
    ) -> CardContents:
        """Wait for a card and read what it gives without any secret.

        Parameters
        ----------
        timeout, cancel
            As for `FingerprintScanner.capture`.
        on_preview
            Called in this thread with what has been read so far.

        Raises
        ------
        CaptureTimeout, CaptureCancelled, CardError, DeviceRemoved, ProtocolError, DeviceBusy
            As for `FingerprintScanner.capture`; `CardError` when the card refuses as a whole
            (single unreadable files are named in `CardContents.unreadable`).
        """

        def show(contents: CardContents) -> None:
            if on_preview is not None:
                on_preview(contents)

        with self._capturing(timeout, cancel) as wait:
            while True:
                self._await_card(wait)
                self._enter(CaptureState.ACQUIRING)
                try:
                    contents = self._read_card(wait, show)
                finally:
                    self._release_card()
                if contents is not None:
                    return contents
                self._enter(CaptureState.WAITING)

    def transmit(self, apdu: bytes) -> tuple[bytes, int]:
        """Send one command to the card that is there; return its data and status word.

        Parameters
        ----------
        apdu
            Command of ISO/IEC 7816-4, 4 bytes or more.

        Raises
        ------
        ValueError
            If the command is shorter than 4 bytes.
        CardError
            If there is no card, or it does not answer.
        """
        if len(apdu) < 4:
            raise ValueError("a card command has at least 4 bytes: CLA INS P1 P2")
        with self._exclusive():
            return self._transmit(bytes(apdu))

    @abstractmethod
    def _await_card(self, wait: CaptureWait) -> None:
        """Return when a card is there and powered; raise what `wait.check` raises."""

    @abstractmethod
    def _read_card(self, wait: CaptureWait, show: Progress) -> CardContents | None:
        """Read the card, or return None if it was drawn before anything was read."""

    @abstractmethod
    def _release_card(self) -> None:
        """Let the card go after a capture; must not raise DeviceError."""

    @abstractmethod
    def _transmit(self, apdu: bytes) -> tuple[bytes, int]:
        """Send one command, powering the card first if need be."""
