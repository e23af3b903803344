# SPDX-License-Identifier: Apache-2.0
"""The doctor's live tests, tried on single virtual devices."""

import threading
import time

import pytest

from ektp_hw.devices.base import DeviceInfo, DeviceKind
from ektp_hw.diagnostics.findings import message
from ektp_hw.diagnostics.live_pads_and_cards import judge_pad, judge_reader
from ektp_hw.diagnostics.live_pictures import judge_camera, judge_scanner
from ektp_hw.diagnostics.live_test import CAUSE_OF, try_device
from ektp_hw.diagnostics.reply import Reply
from ektp_hw.virtual import station

JUDGES = {
    "fingerprint": (DeviceKind.FINGERPRINT, judge_scanner),
    "uareu": (DeviceKind.FINGERPRINT, judge_scanner),
    "iris": (DeviceKind.IRIS, judge_camera),
    "signature": (DeviceKind.SIGNATURE, judge_pad),
    "card": (DeviceKind.CARD, judge_reader),
    "zfm": (DeviceKind.FINGERPRINT, judge_scanner),
}


@pytest.fixture
def desk():
    """Give the virtual devices of this process, as new."""
    station().close()
    yield station()
    station().close()


def try_one(name, seconds=8.0, spare=0.0):
    """Try a virtual device; return its findings, the first of which matters."""
    kind, judge = JUDGES[name.partition("?")[0]]
    info = DeviceInfo(f"virtual:{name}", kind, f"the {name}", "virtual")
    reply = Reply(f"devices.{kind.value}", message("devices.no_card"), info.uri)
    begun = time.monotonic()
    findings = try_device(reply, info, judge, seconds, CAUSE_OF[kind], spare)
    assert time.monotonic() - begun < seconds + spare + 2
    ours = ("ektp_hw test", "ektp_hw watcher")
    deadline = time.monotonic() + 5
    while any(one.name.startswith(ours) for one in threading.enumerate()):
        assert time.monotonic() < deadline, "a test left a thread behind"
        time.sleep(0.01)
    return findings


def seen(findings):
    """Return the keys and outcomes."""
    return [(one.seen.key.partition(".")[2], one.outcome) for one in findings]
