# SPDX-License-Identifier: Apache-2.0
"""The driver against what a scanner once said; a phantom stands in for the person's picture."""

from pathlib import Path

from acme_scanner import AcmeTouch

from ektp_hw.devices import DeviceInfo
from ektp_hw.transport.transcript import Replay

TALK = Path(__file__).with_name("one_finger.jsonl")
PHANTOM = bytes([40, 40, 200, 200] * 64) * 288


def test_the_recorded_conversation_gives_a_picture():
    info = DeviceInfo("usb:1209:0002@1-1", AcmeTouch.kind, "Acme Touch 1", AcmeTouch.name)
    with Replay(TALK, fill=lambda _: PHANTOM, elastic=True) as wire:
        with AcmeTouch(info, connect=lambda _: wire) as scanner:
            image = scanner.capture(timeout=60)
    assert image.pixels.shape == (288, 256)
    assert image.pixels[0, :5].tolist() == [215, 215, 55, 55, 215]
