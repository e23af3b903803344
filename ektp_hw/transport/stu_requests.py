# SPDX-License-Identifier: Apache-2.0
"""What is asked of a Wacom STU pad by feature reports, and its refusals in its own words."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from ektp_hw.errors import DeviceError, DeviceRemoved, ProtocolError
from ektp_hw.transport import stu_pictures, stu_reports
from ektp_hw.transport.stu_reports import Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from ektp_hw.transport.hid import HidConnection
    from ektp_hw.transport.stu_pictures import Encoding, Picture

__all__ = ["StuRequests"]

_log = logging.getLogger(__name__)

_PROMPT_S = 0.15
"""For what a living pad does at once; on a busy machine an answer comes late, so that what changes
nothing is asked twice."""
_DRAWING_S = 1.0
"""For the request that ends a picture, and until the pad takes requests again after it."""
_LOOK_S = 0.02
_COMMIT, _ABANDON = b"\0", b"\1"


class StuRequests:
    """The pad at the other end of an open connection.

    Every method raises `DeviceRemoved` when the pad has gone and `ProtocolError` when it refuses,
    which names the pad's reason, or does not answer in time.
    """

    def __init__(self, connection: HidConnection, device: str) -> None:
        self._wire = connection
        self._device = device

    def get(self, report: Report, length: int) -> bytes:
        """Fetch a feature report; the content after its id."""
        begun = time.monotonic()
        try:
            answer = self._wire.get_feature(report, 1 + length, _PROMPT_S)
        except ProtocolError:
            if time.monotonic() - begun < _PROMPT_S:  # a refusal
                raise
            answer = self._wire.get_feature(report, 1 + length, _PROMPT_S)
        if answer[:1] != bytes([report]):
            raise ProtocolError(
                f"the pad answers feature report {report:02X} with another; plug it in again",
                device=self._device,
            )
        return answer[1:]

    def set(self, report: Report, content: bytes, timeout: float = _PROMPT_S) -> None:
        """Send a feature report."""
        try:
            self._wire.set_feature(bytes([report]) + content, timeout)
        except DeviceRemoved:
            raise
        except ProtocolError as error:
            seen = self._status()
            what = report.name.lower().replace("_", " ")
            raise ProtocolError(
                f"the pad refuses the request '{what}': it is {stu_reports.in_words(seen)}; try"
                " again, then plug it in anew",
                device=self._device,
            ) from error

    def try_to_set(self, report: Report, content: bytes) -> None:
        """Send a feature report where it does not matter if the pad takes it."""
        try:
            self._wire.set_feature(bytes([report]) + content, _PROMPT_S)
        except DeviceError as error:
            _log.debug("%s: %s is not set: %s", self._device, report.name, error)

    def end_leftovers(self) -> None:
        """End what a program that crashed left under way: half a picture, a secure session."""
        state = self._status().state
        if state == stu_reports.RECEIVING:
            self.try_to_set(Report.END_IMAGE, _ABANDON)
        elif state == stu_reports.SECURE:
            self.try_to_set(Report.END_CAPTURE, b"\0")
            time.sleep(_LOOK_S)  # the pad needs this long to leave it

    def choose_mode(self) -> int:
        """Ask for time and number in each pen report; old pads refuse and send plain ones."""
        wanted = bytes([Report.PEN_OPTION_MODE, stu_reports.TIME_AND_SEQUENCE])
        try:
            self._wire.set_feature(wanted, _PROMPT_S)
            return (self.get(Report.PEN_OPTION_MODE, 1) or b"\0")[0]
        except DeviceRemoved:
            raise
        except ProtocolError as error:
            _log.debug("%s numbers no reports: %s", self._device, error)
            return 0

    def until_ready(self, pause: Callable[[float], None]) -> None:
        """Wait until the pad takes requests again.

        Parameters
        ----------
        pause
            Sleeps so many seconds, and raises when the caller's time is over.
        """
        end = time.monotonic() + _DRAWING_S
        while (seen := self._status()).state not in stu_reports.READY_STATES:
            if time.monotonic() > end:
                raise ProtocolError(
                    f"the pad does not become ready: it is {stu_reports.in_words(seen)}; plug it"
                    " in again",
                    device=self._device,
                )
            pause(_LOOK_S)

    def draw(self, picture: Picture, encoding: Encoding, pause: Callable[[float], None]) -> None:
        """Show a picture of the screen's size; abandon it when `pause` raises."""
        size = (self._wire.feature_length(Report.IMAGE_BLOCK) or stu_pictures.BLOCK_BYTES + 3) - 3
        self.until_ready(pause)
        self.set(Report.START_IMAGE, bytes([encoding]))
        try:
            for block in stu_pictures.blocks(stu_pictures.encode(picture, encoding), size):
                pause(0)
                self.set(Report.IMAGE_BLOCK, block)
        except DeviceRemoved:
            raise
        except DeviceError:
            self.try_to_set(Report.END_IMAGE, _ABANDON)
            raise
        self.set(Report.END_IMAGE, _COMMIT, _DRAWING_S)
        self.until_ready(pause)

    def _status(self) -> stu_reports.Status:
        return stu_reports.status(self.get(Report.STATUS, 4), self._device)
