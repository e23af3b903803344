# SPDX-License-Identifier: Apache-2.0
"""Live function tests: every capture device is opened by its driver, tried and closed again.

No person is needed. What is broken below a device (cable, driver, permission) is not tried again
here: such a device is untested, and the finding below it says why.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ektp_hw.devices.base import DeviceKind
from ektp_hw.diagnostics.capture_devices import found_devices
from ektp_hw.diagnostics.findings import Cause, Finding, message
from ektp_hw.diagnostics.live_pads_and_cards import judge_pad, judge_reader
from ektp_hw.diagnostics.live_pictures import judge_camera, judge_scanner
from ektp_hw.diagnostics.live_test import CAUSE_OF, try_device
from ektp_hw.diagnostics.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ektp_hw.devices.base import DeviceInfo
    from ektp_hw.diagnostics.live_test import Judge
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["CAUSES", "PROBES", "LiveTest"]

_SECONDS = 8.0
"""For one device; those of a kind are tried side by side."""
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
    """

    seconds = _SECONDS + 6.0

    def __init__(self, kind: DeviceKind, judge: Judge, more_below: tuple[str, ...] = ()) -> None:
        self.name = f"devices.{kind.value}"
        self.stands_on = (*_BELOW, *more_below)
        self.kind = kind
        self._judge = judge

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Try each device that the drivers find."""
        checked = message(f"devices.{self.kind.value}_checked")
        infos = found_devices(around, self.kind)
        if not infos and self.kind.value not in around.profile.expects:
            return []  # nobody misses it: nothing to say
        if not infos:
            seen = message(f"devices.no_{self.kind.value}")
            return [Reply(self.name, checked).untested(seen)]
        faulty = {each.device for each in before if each.is_fault and each.device}
        answers: dict[str, list[Finding]] = {}

        def test(info: DeviceInfo) -> None:
            reply = Reply(self.name, checked, info.uri)
            answers[info.uri] = try_device(reply, info, self._judge, _SECONDS)

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
)
CAUSES: dict[str, tuple[Cause, ...]] = {
    probe.name: (CAUSE_OF[probe.kind], Cause.CABLE_OR_POWER, Cause.DRIVER, Cause.PERMISSION)
    for probe in PROBES
}
