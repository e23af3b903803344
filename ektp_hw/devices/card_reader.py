# SPDX-License-Identifier: Apache-2.0
"""The contract of card readers: what a card gives, single commands, cards coming and going."""

from __future__ import annotations

import time
from abc import abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices import iso7816, ktp_el, ktp_el_flow
from ektp_hw.devices.answer_to_reset import AnswerToReset
from ektp_hw.devices.base import Device, DeviceKind
from ektp_hw.devices.capabilities import CardCapabilities
from ektp_hw.devices.card_event import CardEvent
from ektp_hw.devices.historical_bytes import AnswerToSelect
from ektp_hw.devices.redaction import Redaction, Rule
from ektp_hw.devices.states import CaptureState
from ektp_hw.devices.wait import CaptureWait
from ektp_hw.errors import (
    CaptureCancelled,
    CaptureTimeout,
    CardError,
    CardRemoved,
    DeviceError,
    DeviceRemoved,
    DeviceUnavailable,
    UnavailableReason,
)

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from ektp_hw.devices.card_dialogue import PoweredCard
    from ektp_hw.devices.ktp_el_reading import Reading, SamActivation
    from ektp_hw.samples import CardContents

    Progress = Callable[[CardContents], None]

__all__ = ["CardEvent", "CardReader"]

_LONGEST_COMMAND_S = 60.0
"""A single command that takes longer has failed; a card that signs takes 5 s."""
_SETTLING_S = 0.5
"""A card that is being laid on may not answer for so long."""
_PAUSE_S = 0.05
_GET_UID = iso7816.command(0xFF, 0xCA, 0x00, 0x00, expected=256)  # PC/SC part 3
_GET_ATS = iso7816.command(0xFF, 0xCA, 0x01, 0x00, expected=256)


class CardReader(Device):
    """A reader for chip cards (ISO/IEC 7816-4 commands).

    Slot 0 is for the citizen's card; a second slot, where there is one, for a SAM.
    """

    kind: ClassVar[DeviceKind] = DeviceKind.CARD
    schemes: ClassVar[tuple[str, ...]] = ("pcsc",)
    redaction: ClassVar[Redaction] = Redaction(
        read=Rule(longest=32, tail=2), sent=Rule(longest=7, head=b"\xff" * 5)
    )
    """A photo comes in pieces, a key or number in a command; its head says which, SW1 SW2 why."""
    _missing: ClassVar[str] = "no card was laid on the reader"

    @property
    def slots(self) -> int:
        """How many cards it takes at once; complete once it is open."""
        return 1

    @property
    def capabilities(self) -> CardCapabilities:
        """What the reader can do; see `Device.capabilities`."""
        return CardCapabilities(slots=self.slots)

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
        with self._capturing(timeout, cancel) as wait, self._card_laid_on(wait) as card:
            contents = ktp_el.read(
                card.transmit, card.answer_to_reset, check=wait.check, device=self.info.uri
            )
            if on_preview is not None:
                on_preview(contents)
            return contents

    def capture_with_sam(
        self,
        activation: SamActivation,
        *,
        sam: CardReader | None = None,
        sam_slot: int | None = None,
        timeout: float = 30.0,
        cancel: threading.Event | None = None,
        on_preview: Callable[[CardContents], None] | None = None,
    ) -> Reading:
        """Wait for a KTP-el and read all of it, also what only a SAM unlocks.

        Parameters
        ----------
        activation
            The values issued with the SAM, from the caller's own settings.
        sam
            The open reader that holds the SAM, if not this one.
        sam_slot
            Where the SAM is in its reader: slot 1 of this reader, slot 0 of another one by default.
        timeout, cancel, on_preview
            As for `capture`.

        Returns
        -------
        Reading
            Also when a step failed: it names the step, the typed error and what was read before.

        Raises
        ------
        CaptureTimeout, CaptureCancelled, DeviceRemoved, DeviceBusy
            As for `capture`.
        DeviceUnavailable
            If the reader has no such slot for a SAM.
        CardError
            If no SAM is in its slot.
        """

        def show(contents: CardContents) -> None:
            if on_preview is not None:
                on_preview(contents)

        slot = int(sam is None) if sam_slot is None else sam_slot
        with self._capturing(timeout, cancel) as wait:
            module = self._powered_sam(slot, wait) if sam is None else sam.lend_sam(slot, wait)
            with module as security, self._card_laid_on(wait) as card:
                return ktp_el_flow.read(
                    card, security, activation, check=wait.check, show=show, device=self.info.uri
                )

    @contextmanager
    def lend_sam(self, slot: int, wait: CaptureWait) -> Iterator[PoweredCard]:
        """Power the SAM in a slot of this reader for a capture of another one.

        Raises
        ------
        DeviceUnavailable, CardError, DeviceBusy
            If there is no such slot, no SAM in it, or the reader is in use.
        """
        with self._exclusive(), self._powered_sam(slot, wait) as module:
            yield module

    def transmit(self, apdu: bytes, slot: int = 0) -> tuple[bytes, int]:
        """Send one command to the card that is there; return its data and status word.

        Parameters
        ----------
        apdu
            Command of ISO/IEC 7816-4, 4 bytes or more, short or extended.
        slot
            To the card in this place.

        Raises
        ------
        ValueError
            If the command is shorter than 4 bytes or malformed.
        CardError
            If there is no card, or it does not answer.
        CaptureTimeout, CaptureCancelled
            If nothing comes back within a minute, or the device is closed meanwhile.
        """
        if len(apdu) < 4:
            raise ValueError("a card command has at least 4 bytes: CLA INS P1 P2")
        with self._exclusive():
            try:
                raw = self._power(slot, self._patience(_LONGEST_COMMAND_S)).transmit(bytes(apdu))
            except CardError:
                self._release_card(slot)  # what is there next has to be powered first
                raise
            return iso7816.Response.parse(raw, device=self.info.uri)

    @contextmanager
    def transaction(self, slot: int = 0) -> Iterator[PoweredCard]:
        """Hold the card for several commands; other programs wait until the block ends.

        Yields
        ------
        PoweredCard
            The card's ATR, and ``transmit``, which returns data and status word in one.

        Raises
        ------
        CardError
            If there is no card.
        """
        with self._exclusive(), self._undisturbed(slot):
            yield self._power(slot, self._patience(float("inf")))

    def escape(self, command: bytes) -> bytes:
        """Send a command of the maker's own to the reader itself; no card need be there.

        Raises
        ------
        DeviceUnavailable
            If this reader takes none, or its driver refuses it; says where it is allowed.
        """
        with self._exclusive():
            return self._escape(bytes(command))

    def events(
        self, timeout: float | None = None, cancel: threading.Event | None = None
    ) -> Iterator[CardEvent]:
        """Tell which cards are there, then every one that comes or goes.

        The iteration runs in the caller's thread, so nothing can die unnoticed; captures may be
        made inside the loop and by other threads.

        Parameters
        ----------
        timeout
            Seconds after which the iteration ends; None for never.
        cancel
            Ends the iteration within 0.2 s.

        Raises
        ------
        DeviceRemoved, DeviceUnavailable, ProtocolError
            If the reader goes. PC/SC readers are waited for instead, also through a restart of
            the service.
        CaptureCancelled
            If the device is closed meanwhile.
        ValueError
            If the timeout is negative.
        """
        wait = CaptureWait(
            float("inf") if timeout is None else timeout,
            cancel,
            self._closing,
            device=self.info.uri,
            missing="nothing happened",
        )
        if not self.is_open:
            raise DeviceError("the device is closed; open it first", device=self.info.uri)
        try:
            with self._under_its_own_name():
                yield from self._card_events(wait)
        except CaptureTimeout:
            return
        except CaptureCancelled:
            if cancel is None or not cancel.is_set():
                raise
        except DeviceRemoved:
            self._note_removal()
            raise

    def _note_removal(self) -> None:
        """Enter REMOVED, unless somebody is at work with the device and sees for himself."""
        if self._lock.acquire(blocking=False):
            try:
                if self._state is CaptureState.READY:
                    self._enter(CaptureState.REMOVED)
            finally:
                self._lock.release()

    def describe_card(self, slot: int = 0) -> list[str]:
        """Say in words what the card in a slot says of itself, one statement a line.

        Its answer to reset, and of a contactless card what the reader tells: number and ATS.

        Raises
        ------
        CardError
            If there is no card.
        """
        with self._exclusive():
            card = self._power(slot, self._patience(_LONGEST_COMMAND_S))
            answer = AnswerToReset.parse(card.answer_to_reset, device=self.info.uri)
            lines = answer.words()
            if answer.is_contactless:
                number, select = (
                    iso7816.Response.parse(card.transmit(command), device=self.info.uri)
                    for command in (_GET_UID, _GET_ATS)
                )
                if number.status == iso7816.STATUS_OK:
                    lines.append(f"number {number.data.hex(' ').upper()}")
                if select.status == iso7816.STATUS_OK and select.data:
                    lines += AnswerToSelect.parse(select.data).words()
            return lines

    def _patience(self, seconds: float) -> Callable[[], None]:
        """Return the check of a single command: its time limit, and the device being closed."""
        return CaptureWait(
            seconds, None, self._closing, device=self.info.uri, missing="the card did not answer"
        ).check

    @contextmanager
    def _card_laid_on(self, wait: CaptureWait) -> Iterator[PoweredCard]:
        self._power_settled(wait)
        self._enter(CaptureState.ACQUIRING)
        wait.missing = "a card was there, but it was not read to its end"
        try:
            with self._undisturbed(0):
                yield self._power(0, wait.check)
        finally:
            self._release_card(0)

    def _power_settled(self, wait: CaptureWait) -> None:
        """Return when a card is there and has power; one that is still moving gets a moment."""
        unanswered_since: float | None = None
        while True:
            self._await_card(wait)
            try:
                self._power(0, wait.check)
            except CardRemoved:
                unanswered_since = None
            except CardError:
                now = time.monotonic()
                unanswered_since = unanswered_since or now
                if now - unanswered_since > _SETTLING_S:
                    raise
            else:
                return
            wait.sleep(_PAUSE_S)

    @contextmanager
    def _powered_sam(self, slot: int, wait: CaptureWait) -> Iterator[PoweredCard]:
        if slot >= self.slots:
            raise DeviceUnavailable(
                f"the reader has no slot {slot} for a SAM, only {self.slots}; name the reader that"
                " holds it",
                reason=UnavailableReason.UNSUPPORTED,
                device=self.info.uri,
            )
        try:
            module = self._power(slot, wait.check)
        except CardError as lack:
            raise CardError(
                f"no SAM answers in slot {slot}: {lack}; put it in", device=self.info.uri
            ) from lack
        try:
            yield module
        finally:
            self._release_card(slot)

    @abstractmethod
    def _await_card(self, wait: CaptureWait) -> None:
        """Return when a card is in slot 0; raise what `wait.check` raises."""

    @abstractmethod
    def _power(self, slot: int, check: Callable[[], None]) -> PoweredCard:
        """Power the card in that slot unless it is; raise `CardError` if there is none."""

    @abstractmethod
    def _release_card(self, slot: int) -> None:
        """Let the card in that slot go; must not raise DeviceError."""

    @contextmanager
    def _undisturbed(self, slot: int) -> Iterator[None]:
        """Keep other programs from the card, where others can reach it at all."""
        del slot
        yield

    def _escape(self, command: bytes) -> bytes:
        """Send a command to the reader itself."""
        raise DeviceUnavailable(
            f"this reader takes no commands of its own; {len(command)} bytes were not sent",
            reason=UnavailableReason.UNSUPPORTED,
            device=self.info.uri,
        )

    @abstractmethod
    def _card_events(self, wait: CaptureWait) -> Iterator[CardEvent]:
        """Yield what is there and every change; raise what `wait.check` raises."""
