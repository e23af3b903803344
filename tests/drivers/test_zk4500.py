# SPDX-License-Identifier: Apache-2.0
"""The ZK4500's driver against a recorded conversation, call by call.

The transcript holds a pattern of stripes, no finger. To record it anew, run this file as a script.
"""

from pathlib import Path

import numpy as np
import pytest

from ektp_hw.devices import DeviceInfo, DeviceKind
from ektp_hw.drivers.zk4500 import ZK4500
from ektp_hw.errors import ProtocolError
from ektp_hw.samples import FingerprintImage
from ektp_hw.transport import usb
from ektp_hw.transport.transcript import Recorder, Replay

TRANSCRIPT = Path(__file__).parents[1] / "transcripts" / "zk4500" / "stripes.jsonl"
INFO = DeviceInfo("usb:1b55:0840@1-1", DeviceKind.FINGERPRINT, "ZKTeco ZK4500", "zk4500")


def stripes():
    row = np.where(np.arange(256) // 4 % 2, 90, 210).astype(np.uint8)
    return FingerprintImage(np.tile(row, (256, 1)))


def test_the_recorded_conversation_gives_the_recorded_picture():
    with Replay(TRANSCRIPT) as wire:
        with ZK4500(INFO, connect=lambda _: wire) as scanner:
            image = scanner.capture(timeout=60)
        assert np.array_equal(image.pixels[112:368, 192:448], stripes().pixels)
        assert (image.ppi, image.source) == (500, INFO.uri)


def test_the_conversation_begins_with_light_and_drops_the_first_picture():
    calls = [line for line in TRANSCRIPT.read_text("ascii").splitlines() if '"with": [64,' in line]
    requests = [line.split('"with": ')[1].split("]")[0] for line in calls]
    light_on, light_off, send = '[64, 225, 1, 3, ""', '[64, 225, 0, 3, ""', '[64, 229, 0, 0, ""'
    assert requests[0] == light_on
    assert requests.count(send) == 4
    assert light_off in requests[-2:]


def test_another_conversation_is_noticed():
    class Buzzing(ZK4500):
        def _start(self, wait):
            self._switch(2, on=True)
            super()._start(wait)

    scanner = Buzzing(INFO, connect=lambda _: Replay(TRANSCRIPT)).open()
    with pytest.raises(ProtocolError, match="line 1"):
        scanner.capture(timeout=60)
    scanner.close()


def test_ids_lead_to_this_driver():
    info = ZK4500.locate("usb:1b55:0840@3-1.4")
    assert (info.name, info.driver, info.kind) == ("ZKTeco ZK4500", "zk4500", "fingerprint")
    assert (info.vendor_id, info.product_id) == (0x1B55, 0x0840)
    assert ZK4500.locate("usb:1b55:0841@3-1.4") is None


def test_a_mirrored_unit_is_turned():
    class Mirrored(ZK4500):
        mirrored = True

    with Replay(TRANSCRIPT) as wire, Mirrored(INFO, connect=lambda _: wire) as scanner:
        image = scanner.capture(timeout=60)
    assert np.array_equal(image.pixels[112:368, 192:448], stripes().pixels[:, ::-1])


def record():
    """Record the transcript from the virtual scanner."""
    from ektp_hw.virtual.scanner import VirtualScanner
    from ektp_hw.virtual.usbip_server import UsbipServer

    server, model = UsbipServer(), VirtualScanner()
    model.present(stripes())
    address = f"usbip:{server.host}:{server.port}/{server.plug(model)}"
    with ZK4500(INFO, connect=lambda _: Recorder(usb.connect(address), TRANSCRIPT)) as scanner:
        scanner.capture()
    server.close()


if __name__ == "__main__":
    record()
