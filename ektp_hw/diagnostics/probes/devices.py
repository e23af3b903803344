# SPDX-License-Identifier: Apache-2.0
"""Live function tests: every capture device is opened by its driver, tried and closed again.

No person is needed. What is broken below a device (cable, driver, permission) is not tried again
here: such a device is untested, and the finding below it says why.
"""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING

from ektp_hw.devices.base import DeviceKind
from ektp_hw.diagnostics.capture_devices import found_devices, portrait_cameras
from ektp_hw.diagnostics.findings import Cause, Finding, message
from ektp_hw.diagnostics.live_pads_and_cards import judge_pad, judge_reader
from ektp_hw.diagnostics.live_pictures import judge_camera, judge_scanner
from ektp_hw.diagnostics.live_test import CAUSE_OF, try_device
from ektp_hw.diagnostics.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ektp_hw.devices.base import DeviceInfo
    from ektp_hw.diagnostics.live_test import Judge
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["CAUSES", "PROBES", "LiveTest"]

_SECONDS = 8.0
"""For one device; those of a kind are tried side by side."""
_SPARE = 9.0
"""More for a device that is seen to be sending its picture: 7 s over a line of 57,600 baud, and
as long again if it comes damaged once."""
_BELOW = (
    "usb.power",
    "usb.presence",
    "usb.descriptors",
    "drivers.loading",
    "drivers.missing",
    "drivers.held",
    "permissions.usb",
    "permissions.nodes",
    "libraries.usb",
)
_BELOW_CARDS = ("libraries.card_library", "libraries.card_service", "permissions.cards")


class LiveTest:
    """The test of all devices of one kind.

    Parameters
    ----------
    kind
        Which kind.
    judge
        What is tried on an open device.
    more_below
        Probes besides the usual ones whose faults explain one here.
    name
        The last part of its name, and of its sentences; the kind if not given.
    cause
        What a fault of the device itself points to; that of the kind if not given.
    find
        Lists the devices; by default those of the kind that the drivers find.
    """

    seconds = _SECONDS + _SPARE + 6.0

    def __init__(
        self,
        kind: DeviceKind,
        judge: Judge,
        more_below: tuple[str, ...] = (),
        *,
        name: str = "",
        cause: Cause | None = None,
        find: Callable[[Surroundings], list[DeviceInfo]] | None = None,
    ) -> None:
        self.what = name or kind.value
        self.name = f"devices.{self.what}"
        self.cause = cause or CAUSE_OF[kind]
        self._find = find or (lambda around: found_devices(around, kind))
        self.stands_on = (*_BELOW, *more_below)
        self.kind = kind
        self._judge = judge

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Try each device that the drivers find."""
        checked = message(f"devices.{self.what}_checked")
        infos = self._find(around)
        if not infos and self.what not in around.profile.expects:
            return []  # nobody misses it: nothing to say
        if not infos:
            seen = message(f"devices.no_{self.what}")
            return [Reply(self.name, checked).untested(seen)]
        faulty = {each.device for each in before if each.is_fault and each.device}
        answers: dict[str, list[Finding]] = {}

        def test(info: DeviceInfo) -> None:
            reply = Reply(self.name, checked, info.uri)
            answers[info.uri] = try_device(reply, info, self._judge, _SECONDS, self.cause, _SPARE)

        threads = []
        for info in infos:
            if info.uri in faulty:
                seen = message("devices.fault_below", name=info.name)
                answers[info.uri] = [Reply(self.name, checked, info.uri).untested(seen)]
                continue
            name = f"ektp_hw live {info.uri}"
            threads.append(threading.Thread(target=test, args=(info,), name=name, daemon=True))
            threads[-1].start()
        for thread in threads:
            thread.join()  # each ends with its device's time
        return [finding for info in infos for finding in answers.get(info.uri, [])]


PROBES = (
    LiveTest(DeviceKind.FINGERPRINT, judge_scanner),
    LiveTest(DeviceKind.IRIS, judge_camera),
    LiveTest(DeviceKind.SIGNATURE, judge_pad),
    LiveTest(DeviceKind.CARD, judge_reader, _BELOW_CARDS),
    LiveTest(
        DeviceKind.IRIS,  # any camera of the kernel opens through the driver of iris cameras
        functools.partial(judge_camera, cause=Cause.CAMERA),
        name="camera",
        cause=Cause.CAMERA,
        find=portrait_cameras,
    ),
)
CAUSES: dict[str, tuple[Cause, ...]] = {
    probe.name: (probe.cause, Cause.CABLE_OR_POWER, Cause.DRIVER, Cause.PERMISSION)
    for probe in PROBES
}
