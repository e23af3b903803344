# SPDX-License-Identifier: Apache-2.0
"""Card readers of the USB class CCID, spoken to directly, for stations without a PC/SC service.

Where the service runs it holds these readers, and `pcsc_reader` lists them: those are left out
here, so that no reader shows twice.
"""

from __future__ import annotations

import functools
import logging
import time
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices.answer_to_reset import INVERSE, AnswerToReset
from ektp_hw.devices.base import UsbId
from ektp_hw.devices.capabilities import CardCapabilities, Feature
from ektp_hw.devices.card_dialogue import PoweredCard, converse
from ektp_hw.devices.card_reader import CardEvent, CardReader
from ektp_hw.devices.redaction import Redaction, Rule
from ektp_hw.errors import CardError, CardRemoved, DeviceBusy, DeviceError
from ektp_hw.transport import ccid, reader_holder, usb
from ektp_hw.transport.ccid_descriptor import Level
from ektp_hw.transport.found_by_id import FoundById

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ektp_hw.devices.base import DeviceInfo
    from ektp_hw.devices.wait import CaptureWait
    from ektp_hw.transport.base import UsbConnection

    Check = Callable[[], None]

__all__ = ["CcidReader"]

_log = logging.getLogger(__name__)

_LONGEST_APDU = 65535 + 9
"""CLA INS P1 P2, three bytes of Lc, data, two of Le (ISO/IEC 7816-4, 5.2)."""

_PAUSE = 0.05
"""Seconds between two looks at an empty reader."""
_LOOK_AGAIN_S = 0.5
"""A card is looked for so often even where the reader tells of changes: some forget to."""

_connect = functools.partial(usb.connect, detach_kernel_driver=True)
"""The kernel's NFC driver takes some readers for itself; it has to let go."""


class CcidReader(FoundById, CardReader):
    """Card readers of the USB class CCID, spoken to directly, with all their slots.

    Parameters
    ----------
    info
        Which one.
    connect
        How to reach its address; another function replays a transcript.
    """

    name: ClassVar[str] = "ccid_reader"
    schemes: ClassVar[tuple[str, ...]] = ("usb", "usbip")
    usb_ids: ClassVar[tuple[UsbId, ...]] = (
        UsbId(0x072F, 0x2200, "ACS ACR122U"),
        UsbId(0x072F, 0x223B, "ACS ACR1252U"),
    )
    redaction: ClassVar[Redaction] = Redaction(
        read=Rule(longest=32, head=b"\xff" * 10, tail=2),
        sent=Rule(longest=17, head=b"\xff" * 15),
    )

    def __init__(
        self, info: DeviceInfo, connect: Callable[[str], UsbConnection] = _connect
    ) -> None:
        super().__init__(info)
        self._connect = connect
        self._usb: UsbConnection | None = None
        self._link: ccid.Link | None = None
        self._places: list[ccid.Slot] = []
        self._answers: dict[int, AnswerToReset] = {}

    @classmethod
    def discover(cls) -> list[DeviceInfo]:
        """List what is attached and not the PC/SC service's already. Raises as `usb.find`."""
        found: list[DeviceInfo] = super().discover()
        return [info for info in found if not reader_holder.held_by_service(info.uri, info.serial)]

    @property
    def slots(self) -> int:
        """How many cards it takes at once; complete once it is open."""
        return len(self._places) or 1

    @property
    def capabilities(self) -> CardCapabilities:
        """What the reader's descriptor says, known once it is open."""
        features = {Feature.PRESENCE}
        longest = None
        if self._link is not None and self._link.abilities.level is Level.EXTENDED_APDU:
            features.add(Feature.EXTENDED_COMMANDS)
            longest = _LONGEST_APDU
        return CardCapabilities(
            longest_command=longest, slots=self.slots, features=frozenset(features)
        )

    def _open(self) -> None:
        try:
            connection = self._connect(self.info.address)
        except DeviceBusy as busy:
            if remedy := reader_holder.remedy(self.info.address):
                raise DeviceBusy(remedy, device=self.info.uri) from busy
            raise
        try:
            self._link = ccid.Link(connection, self.info.uri)
        except DeviceError:
            connection.close()
            raise
        self._places = ccid.slots_of(self._link)
        self._usb = connection

    def _close(self) -> None:
        connection, self._usb, self._link, self._places = self._usb, None, None, []
        self._answers.clear()
        if connection is not None:
            connection.close()

    def _await_card(self, wait: CaptureWait) -> None:
        while not self._place(0).is_occupied(wait.check):
            wait.sleep(_PAUSE)

    def _power(self, slot: int, check: Check) -> PoweredCard:
        place = self._place(slot)
        answer = self._answers.get(slot)
        if answer is None:
            raw = place.power_on(check)
            if raw is None:
                raise CardRemoved("no card is on the reader; lay one on it", device=self.info.uri)
            answer = AnswerToReset.parse(raw, device=self.info.uri)
            place.settle(self._parameters(answer), check)
            self._answers[slot] = answer
        # A reader that takes whole commands translates them to T=0 by itself.
        translate = self._reader().abilities.level is Level.TPDU
        protocol = self._parameters(answer).protocol if translate else 1

        def transmit(apdu: bytes) -> bytes:
            return converse(
                lambda sent: place.exchange(sent, check),
                apdu,
                protocol=protocol,
                device=self.info.uri,
            )

        return PoweredCard(answer.raw, transmit)

    def _parameters(self, answer: AnswerToReset) -> ccid.Parameters:
        """Choose the protocol: the card's first, T=1 for contactless cards."""
        offered = [number for number in answer.protocols if number in {0, 1}]
        if answer.specific_protocol is not None:
            offered = [answer.specific_protocol]
        if not offered or offered[0] not in {0, 1}:
            raise CardError(
                f"the card speaks T={answer.protocols[0]} only, no protocol of identity cards;"
                " use another card",
                device=self.info.uri,
            )
        protocol = 1 if answer.is_contactless else offered[0]
        is_free = answer.specific_protocol is None
        return ccid.Parameters(
            protocol,
            answer.rate,
            answer.guard_time,
            answer.t1_waiting if protocol else answer.t0_waiting,
            answer.t1_block_bytes,
            answer.t1_uses_crc,
            choose=is_free and (answer.rate != 0x11 or protocol != answer.protocols[0]),
            inverse=answer.raw[0] == INVERSE,
        )

    def _release_card(self, slot: int) -> None:
        if self._answers.pop(slot, None) is not None:
            try:
                self._place(slot).power_off()
            except DeviceError as error:
                _log.debug("the card keeps its power: %s", error)

    def _escape(self, command: bytes) -> bytes:
        return self._place(0).escape(command, ccid.unchecked)

    def _card_events(self, wait: CaptureWait) -> Iterator[CardEvent]:
        link = self._reader()
        known = [False] * len(self._places)
        changed: dict[int, bool] = {}
        while True:
            for slot, place in enumerate(list(self._places)):
                present = place.is_occupied(wait.check)
                if known[slot] and (not present or slot in changed):
                    yield CardEvent(is_present=False, slot=slot)
                    known[slot] = False
                if present and not known[slot]:
                    yield CardEvent(is_present=True, slot=slot)
                known[slot] = present
            changed = self._await_change(link, wait)

    def _await_change(self, link: ccid.Link, wait: CaptureWait) -> dict[int, bool]:
        """Wait for the reader to tell, or until it is time to look again."""
        end = time.monotonic() + _LOOK_AGAIN_S
        while time.monotonic() < end:
            wait.check()
            told = link.changes(wait.slice(_PAUSE))
            if told is None:
                wait.sleep(_PAUSE)
                return {}
            if told:
                return told
        return {}

    def _reader(self) -> ccid.Link:
        if self._link is None:
            raise DeviceError("the reader is closed; open it first", device=self.info.uri)
        return self._link

    def _place(self, slot: int) -> ccid.Slot:
        self._reader()
        if not 0 <= slot < len(self._places):
            raise CardError(
                f"the reader has no slot {slot}, only 0 to {len(self._places) - 1};"
                " name one of these",
                device=self.info.uri,
            )
        return self._places[slot]
