# SPDX-License-Identifier: Apache-2.0
"""Card readers of the USB class CCID, spoken to directly, for stations without a PC/SC service.

Where the service runs it holds these readers, and `pcsc_reader` lists them too: use that address.
"""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices import iso7816, ktp_el
from ektp_hw.devices.answer_to_reset import AnswerToReset
from ektp_hw.devices.base import UsbId
from ektp_hw.devices.card_reader import CardReader
from ektp_hw.devices.redaction import Redaction, Rule
from ektp_hw.errors import CardError, DeviceError
from ektp_hw.transport import ccid, usb
from ektp_hw.transport.found_by_id import FoundById

if TYPE_CHECKING:
    from collections.abc import Callable

    from ektp_hw.devices.base import DeviceInfo
    from ektp_hw.devices.wait import CaptureWait
    from ektp_hw.samples import CardContents
    from ektp_hw.transport.base import UsbConnection

__all__ = ["CcidReader"]

_log = logging.getLogger(__name__)

_PAUSE = 0.05
"""Seconds between two looks at an empty reader."""

_connect = functools.partial(usb.connect, detach_kernel_driver=True)
"""The kernel's NFC driver takes some readers for itself; it has to let go."""


class CcidReader(FoundById, CardReader):
    """Contactless card readers of the USB class CCID, spoken to directly; first slot.

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
        self._slot: ccid.Slot | None = None
        self._atr = b""

    def _open(self) -> None:
        connection = self._connect(self.info.address)
        try:
            self._slot = ccid.Slot(connection, self.info.uri)
        except DeviceError:
            connection.close()
            raise
        self._usb = connection

    def _close(self) -> None:
        connection, self._usb, self._slot, self._atr = self._usb, None, None, b""
        if connection is not None:
            connection.close()

    def _await_card(self, wait: CaptureWait) -> None:
        while True:
            if self._reader.is_occupied(wait.check) and self._power_on(wait.check):
                return
            wait.sleep(_PAUSE)

    def _read_card(
        self, wait: CaptureWait, show: Callable[[CardContents], None]
    ) -> CardContents | None:
        def transmit(apdu: bytes) -> bytes:
            return self._exchange(apdu, wait.check)

        contents = ktp_el.read(transmit, self._atr, check=wait.check, device=self.info.uri)
        show(contents)
        return contents

    def _release_card(self) -> None:
        powered, self._atr = self._atr, b""
        if powered and self._slot is not None:
            try:
                self._slot.power_off()
            except DeviceError as error:
                _log.debug("the card keeps its power: %s", error)

    def _transmit(self, apdu: bytes) -> tuple[bytes, int]:
        if not self._atr and not self._power_on(ccid.never):
            raise CardError("no card is on the reader; lay one on it", device=self.info.uri)
        return iso7816.Response.parse(self._exchange(apdu, ccid.never), device=self.info.uri)

    def _power_on(self, check: ccid.Check) -> bool:
        """Power the card and keep its ATR; False if it was taken away meanwhile."""
        raw = self._reader.power_on(check)
        self._atr = b"" if raw is None else AnswerToReset.parse(raw).raw
        return bool(self._atr)

    def _exchange(self, apdu: bytes, check: ccid.Check) -> bytes:
        try:
            return self._reader.exchange(apdu, check)
        except CardError:
            self._atr = b""  # what is there next has to be powered first
            raise

    @property
    def _reader(self) -> ccid.Slot:
        if self._slot is None:
            raise DeviceError("the reader is closed; open it first", device=self.info.uri)
        return self._slot
