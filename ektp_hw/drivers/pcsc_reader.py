# SPDX-License-Identifier: Apache-2.0
"""Any card reader that the system's PC/SC service knows, under ``pcsc:<reader name>``."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices.base import DeviceInfo
from ektp_hw.devices.capabilities import CardCapabilities, Feature
from ektp_hw.devices.card_dialogue import PoweredCard, converse
from ektp_hw.devices.card_reader import CardEvent, CardReader
from ektp_hw.errors import (
    CaptureTimeout,
    CardError,
    DeviceError,
    DeviceNotFound,
    DeviceRemoved,
    DeviceUnavailable,
)
from ektp_hw.transport import pcsc_events, pcsc_features
from ektp_hw.transport.pcsc import Context
from ektp_hw.transport.pcsc_events import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ektp_hw.devices.wait import CaptureWait
    from ektp_hw.transport.pcsc_card import Card
    from ektp_hw.transport.pcsc_features import ReaderFeatures

__all__ = ["PcscReader"]

_log = logging.getLogger(__name__)
_SCHEME = "pcsc:"


class PcscReader(CardReader):
    """Any card reader behind the system's PC/SC service, shared with other programs.

    Slots that the service lists under one name but for the slot's number count as one reader.
    A single command that the reader's driver does not answer is left behind when the time is over:
    PC/SC offers no way to take it back.

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
        self._names = [self._reader]
        self._context: Context | None = None
        self._is_lost = False
        self._node: Path | None = None
        self._cards: dict[int, Card] = {}

    @property
    def capabilities(self) -> CardCapabilities:
        """What any reader behind the service can do; it chooses the protocol with the card."""
        return CardCapabilities(protocols=("T=0", "T=1"), features=frozenset({Feature.PRESENCE}))

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

    @property
    def slots(self) -> int:
        """How many cards it takes at once; complete once it is open."""
        return len(self._names)

    def features(self) -> ReaderFeatures:
        """Ask the reader's driver what it can do (PC/SC part 10) and what it is."""
        with self._exclusive(), self._service().connect(self._reader, direct=True) as reader:
            return pcsc_features.features(reader)

    def _open(self) -> None:
        self._reach()

    def _reach(self) -> Context:
        context: Context = self._connect()
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
        self._names = pcsc_events.with_its_siblings(self._reader, readers)
        self._context, self._is_lost = context, False
        self._node = self._find_node(context)
        return context

    def _find_node(self, context: Context) -> Path | None:
        try:
            with context.connect(self._reader, direct=True) as reader:
                return pcsc_features.usb_node(reader)
        except DeviceError as refusal:  # another program has it to itself: the service will tell
            _log.debug("%s: its place on the bus stays unknown: %s", self.info.uri, refusal)
            return None

    def _close(self) -> None:
        for slot in list(self._cards):
            self._release_card(slot)
        if self._context is not None:
            self._context.close()
        self._context, self._is_lost = None, False

    def _probe(self) -> None:
        """Raise `DeviceRemoved` if the service no longer lists the open, idle reader."""
        self._check_cable()
        if self._reader not in self._service().readers():
            raise self._gone()

    def _check_cable(self) -> None:
        """Raise `DeviceRemoved` if the system has no such device any more, whatever pcscd says."""
        if self._node is not None and not self._node.exists():
            raise self._gone()

    def _gone(self) -> DeviceRemoved:
        return DeviceRemoved("the reader is gone; plug it in again", device=self.info.uri)

    def _await_card(self, wait: CaptureWait) -> None:
        context = self._service()
        look = time.monotonic() + pcsc_events.LOOK_ANEW_S
        try:
            while not context.wait(self._reader, present=True, timeout=wait.slice()):
                self._check_cable()
                if self.slots > 1 and time.monotonic() > look:
                    context.look_anew(self._reader)
                    look = time.monotonic() + pcsc_events.LOOK_ANEW_S
                wait.check()
        except DeviceNotFound as gone:
            raise self._gone() from gone
        except CaptureTimeout as over:
            if context.state(self._reader).is_mute:
                raise CardError(
                    "a card is there, but it does not answer; turn it or try another",
                    device=self.info.uri,
                ) from over
            raise

    def _power(self, slot: int, check: Callable[[], None]) -> PoweredCard:
        card = self._cards.get(slot)
        if card is None:
            card = self._cards[slot] = self._service().connect(self._name(slot))

        def look() -> None:
            self._check_cable()
            check()

        def transmit(apdu: bytes) -> bytes:
            return converse(
                lambda sent: card.transmit(sent, look),
                apdu,
                protocol=0 if card.is_t0 else 1,
                device=self.info.uri,
            )

        return PoweredCard(card.answer_to_reset(), transmit)

    def _release_card(self, slot: int) -> None:
        card = self._cards.pop(slot, None)
        if card is not None:
            card.close()

    @contextmanager
    def _undisturbed(self, slot: int) -> Iterator[None]:
        self._power(slot, lambda: None)
        with self._cards[slot].transaction():
            yield

    def _escape(self, command: bytes) -> bytes:
        with self._service().connect(self._reader, direct=True) as reader:
            return pcsc_features.escape(reader, command)

    def _card_events(self, wait: CaptureWait) -> Iterator[CardEvent]:
        slots = {name: slot for slot, name in enumerate(self._names)}
        for change in pcsc_events.changes(check=wait.check, connect=self._connect):
            slot = slots.get(change.reader)
            if slot is not None and change.change in {Change.CARD_CAME, Change.CARD_WENT}:
                came = change.change is Change.CARD_CAME
                yield CardEvent(came, slot, change.answer_to_reset)

    def _name(self, slot: int) -> str:
        if not 0 <= slot < len(self._names):
            raise CardError(
                f"the reader has no slot {slot}, only 0 to {len(self._names) - 1};"
                " name one of these",
                device=self.info.uri,
            )
        return self._names[slot]

    def _service(self) -> Context:
        """Return the connection to the service, a new one if the service was restarted."""
        if self._context is None and not self._is_lost:
            raise DeviceError("the reader is closed; open it first", device=self.info.uri)
        context = self._context
        if context is None or not context.is_valid():
            self._close()
            self._is_lost = True
            context = self._reach()
        return context
