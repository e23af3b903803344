# SPDX-License-Identifier: Apache-2.0
"""Any card reader that the system's PC/SC service knows, under ``pcsc:<reader name>``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices import iso7816, ktp_el
from ektp_hw.devices.base import DeviceInfo
from ektp_hw.devices.card_reader import CardReader
from ektp_hw.errors import CardError, DeviceError, DeviceNotFound, DeviceUnavailable
from ektp_hw.transport.pcsc import Context

if TYPE_CHECKING:
    from collections.abc import Callable

    from ektp_hw.devices.wait import CaptureWait
    from ektp_hw.samples import CardContents
    from ektp_hw.transport.pcsc import Card

__all__ = ["PcscReader"]

_log = logging.getLogger(__name__)
_SCHEME = "pcsc:"


class PcscReader(CardReader):
    """Any card reader behind the system's PC/SC service, shared with other programs.

    Time limits hold while waiting for a card. A single command cannot be cut short: PC/SC offers
    no way, its limit is the card's own waiting time.

    Parameters
    ----------
    info
        Which one.
    connect
        How to reach the service; another function replays a transcript.
    """

    name: ClassVar[str] = "pcsc_reader"
    schemes: ClassVar[tuple[str, ...]] = ("pcsc",)

    def __init__(self, info: DeviceInfo, connect: Callable[[], Context] = Context) -> None:
        super().__init__(info)
        self._connect = connect
        self._reader = info.address.removeprefix(_SCHEME)
        self._context: Context | None = None
        self._card: Card | None = None

    @classmethod
    def discover(cls) -> list[DeviceInfo]:
        """Ask the service for its readers; none is opened, a missing service costs a log line."""
        try:
            with Context() as context:
                return [cls._info(reader) for reader in context.readers()]
        except DeviceUnavailable as lack:
            _log.info("no PC/SC readers: %s", lack)
            return []

    @classmethod
    def locate(cls, uri: str) -> DeviceInfo | None:
        """Return the reader of that name, without asking whether it is there."""
        reader = uri.removeprefix(_SCHEME)
        return cls._info(reader) if uri.startswith(_SCHEME) and reader else None

    @classmethod
    def _info(cls, reader: str) -> DeviceInfo:
        return DeviceInfo(_SCHEME + reader, cls.kind, reader, cls.name)

    def _open(self) -> None:
        context = self._connect()
        try:
            readers = context.readers()
            if self._reader not in readers:
                raise DeviceNotFound(
                    f"the PC/SC service knows no such reader; it knows {readers or 'none'}",
                    device=self.info.uri,
                )
        except DeviceError:
            context.close()
            raise
        self._context = context

    def _close(self) -> None:
        self._release_card()
        if self._context is not None:
            self._context.close()
            self._context = None

    def _await_card(self, wait: CaptureWait) -> None:
        context = self._service()
        while not context.wait(self._reader, present=True, timeout=wait.slice()):
            wait.check()
        self._card = context.connect(self._reader)

    def _read_card(
        self, wait: CaptureWait, show: Callable[[CardContents], None]
    ) -> CardContents | None:
        card = self._connected()
        contents = ktp_el.read(
            card.transmit, card.answer_to_reset(), check=wait.check, device=self.info.uri
        )
        show(contents)
        return contents

    def _release_card(self) -> None:
        if self._card is not None:
            self._card.close()
            self._card = None

    def _transmit(self, apdu: bytes) -> tuple[bytes, int]:
        try:
            answer = self._connected().transmit(apdu)
        except CardError:
            self._release_card()
            raise
        return iso7816.Response.parse(answer, device=self.info.uri)

    def _connected(self) -> Card:
        if self._card is None:
            self._card = self._service().connect(self._reader)
        return self._card

    def _service(self) -> Context:
        if self._context is None:
            raise DeviceError("the reader is closed; open it first", device=self.info.uri)
        return self._context
