# SPDX-License-Identifier: Apache-2.0
"""The U.are.U driver against a recorded conversation and against its model, good days and bad.

The transcript holds drawn stripes, no finger. To record it anew, run this file as a script.
"""

import itertools
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from ektp_hw.devices import DeviceInfo, DeviceKind
from ektp_hw.drivers import uareu4000
from ektp_hw.drivers.uareu4000 import UareU4000
from ektp_hw.errors import (
    CaptureCancelled,
    CaptureTimeout,
    DeviceError,
    DeviceRemoved,
    ProtocolError,
)
from ektp_hw.samples import FingerprintImage
from ektp_hw.transport.transcript import Recorder, Replay
from ektp_hw.transport.uareu import Block, Flag, Register
from ektp_hw.virtual.uareu import HEIGHT, PPI, WIDTH, VirtualReaderV2, VirtualUareU
from ektp_hw.virtual.usbip_server import UsbipServer
from rigs.uareu4000 import whorl

TRANSCRIPT = Path(__file__).parents[1] / "transcripts" / "uareu4000" / "scrambled.jsonl"
INFO = DeviceInfo(
    "usb:05ba:000a@1-1", DeviceKind.FINGERPRINT, "U.are.U", "uareu4000", "", 0x05BA, 0x000A
)
FINGER = whorl()
STRIPES = FingerprintImage(
    np.tile(
        (np.arange(WIDTH) // 4 % 2 * 100 + np.arange(WIDTH) // 4).astype(np.uint8), (HEIGHT, 1)
    ),
    ppi=PPI,
)
OTHER = FingerprintImage(FINGER.pixels[:, ::-1], ppi=PPI)


def draws():
    """Give the same veils every time, as a recorded conversation needs."""
    return itertools.count(0x51504F4E, 0x01010101).__next__


@contextmanager
def plugged_in(model):
    server = UsbipServer()
    try:
        yield UareU4000.locate(f"usbip:{server.host}:{server.port}/{server.plug(model)}")
    finally:
        server.close()


@contextmanager
def opened(model, finger=FINGER):
    model.present(finger)
    with plugged_in(model) as info, UareU4000(info) as reader:
        yield reader


def differing(image, finger=FINGER):
    return [tuple(place) for place in np.argwhere(image.pixels != finger.pixels).tolist()]


def test_the_recorded_conversation_gives_the_recorded_picture():
    with Replay(TRANSCRIPT) as wire:
        with UareU4000(INFO, lambda _: wire, draws()) as reader:
            image = reader.capture(timeout=60)
        assert differing(image, STRIPES) == [(HEIGHT - 12, 0)]
        assert (image.ppi, image.source) == (512, INFO.uri)


def test_another_conversation_is_noticed():
    reader = UareU4000(INFO, lambda _: Replay(TRANSCRIPT), itertools.count(9).__next__).open()
    with pytest.raises(ProtocolError, match="line"):
        reader.capture(timeout=60)


@pytest.mark.parametrize("ids", ["05ba:0007", "05ba:0008", "045e:00bb", "045e:00bd", "045e:00ca"])
def test_ids_lead_to_this_driver(ids):
    info = UareU4000.locate(f"usb:{ids}@3-1.4")
    assert (info.driver, info.kind) == ("uareu4000", "fingerprint")
    assert f"{info.vendor_id:04x}:{info.product_id:04x}" == ids
    assert UareU4000.locate("usb:05ba:0009@3-1.4") is None


def test_a_plain_picture_comes_pixel_by_pixel():
    with opened(VirtualUareU(scrambles=False)) as reader:
        image = reader.capture(timeout=5)
    assert (image.width, image.height) == (WIDTH, HEIGHT)
    assert differing(image) == []


def test_a_scrambled_picture_loses_the_last_pixel_of_each_block():
    blocks = (
        Block(Flag.SCRAMBLED, 60), Block(Flag.SCRAMBLED | Flag.NEW_KEY, 100), Block(0, 9),
        Block(Flag.KEY_RESTS, 20), Block(Flag.SCRAMBLED, 100),
    )  # fmt: skip
    with opened(VirtualUareU(blocks=blocks)) as reader:
        image = reader.capture(timeout=5)
    ends = {60, 160, 289}
    assert set(differing(image)) == {(HEIGHT - end, 0) for end in ends}
    assert all(image.pixels[HEIGHT - end, 0] == 255 for end in ends)


def test_microsofts_second_reader_gets_its_answer_and_is_not_turned():
    with opened(VirtualReaderV2()) as reader:
        image = reader.capture(timeout=5)
    assert differing(image) == [(254, WIDTH - 1), (HEIGHT - 1, WIDTH - 1)]


def test_a_reader_that_wants_an_answer_stays_off_with_a_wrong_one(monkeypatch):
    class Wrong(UareU4000):
        def _put(self, register, values):
            super()._put(register, bytes(16) if register == Register.RESPONSE else values)

    monkeypatch.setattr(uareu4000, "_POWER_TRIES", 3)
    with (
        plugged_in(VirtualReaderV2()) as info,
        Wrong(info) as reader,
        pytest.raises(ProtocolError, match="power up"),
    ):
        reader.capture(timeout=5)


@pytest.mark.parametrize("quirk", ["confused", "untold", "empty"])
def test_what_real_readers_are_known_for_costs_nothing_but_time(quirk):
    model = VirtualUareU(scrambles=False)
    model.misbehave(quirk)
    with opened(model) as reader:
        assert differing(reader.capture(timeout=5)) == []


def test_previews_show_the_finger_landing():
    seen = []
    with opened(VirtualUareU(scrambles=False)) as reader:
        image = reader.capture(timeout=5, on_preview=seen.append)
    assert len(seen) == 2
    assert np.array_equal(seen[-1].pixels, image.pixels)


def test_a_late_picture_is_nobody_elses():
    model = VirtualUareU(scrambles=False)
    model.late_seconds = 1.2
    model.misbehave("late")
    with opened(model) as reader:
        with pytest.raises(ProtocolError, match="stopped after 0 bytes"):
            reader.capture(timeout=5)
        model.present(OTHER)
        assert differing(reader.capture(timeout=5), OTHER) == []


def test_a_dead_lamp_is_told_from_a_missing_person():
    model = VirtualUareU()
    model.misbehave("dead-lamp")
    with opened(model) as reader:
        with pytest.raises(DeviceError, match="lamp") as caught:
            reader.capture(timeout=1)
        assert not isinstance(caught.value, CaptureTimeout)
        model.behave()
        model.present(None)
        with pytest.raises(CaptureTimeout, match="no finger"):
            reader.capture(timeout=0.3)


def test_a_lost_supply_is_told_from_a_missing_person():
    model = VirtualUareU(scrambles=False)
    model.misbehave("power-sag")
    with opened(model) as reader:
        with pytest.raises(ProtocolError, match="lost its power"):
            reader.capture(timeout=0.5)
        assert differing(reader.capture(timeout=5)) == []


def test_lifting_is_waited_for():
    model = VirtualUareU(scrambles=False)
    model.stays = True
    with opened(model) as reader:
        reader.wait_until_lifted(timeout=0)  # nobody was there
        reader.capture(timeout=5)
        with pytest.raises(CaptureTimeout, match="lifted"):
            reader.wait_until_lifted(timeout=0.2)
        cancel = threading.Event()
        cancel.set()
        with pytest.raises(CaptureCancelled):
            reader.wait_until_lifted(cancel=cancel)
        model.stays = False
        reader.capture(timeout=5)
        reader.wait_until_lifted(timeout=5)
        reader.wait_until_lifted(timeout=5)


def test_cancelling_and_closing_end_a_wait_at_once():
    with opened(VirtualUareU(), finger=None) as reader:
        cancel = threading.Event()
        for end in (cancel.set, reader.close):
            timer = threading.Timer(0.2, end)
            began = time.monotonic()
            timer.start()
            with pytest.raises(CaptureCancelled):
                reader.capture(timeout=20, cancel=cancel if end == cancel.set else None)
            assert time.monotonic() - began < 2
            timer.join()
        assert not reader.is_open


def test_pulling_the_cable_ends_a_wait():
    model = VirtualUareU()
    with opened(model, finger=None) as reader:
        timer = threading.Timer(0.2, model.unplug)
        timer.start()
        with pytest.raises(DeviceRemoved):
            reader.capture(timeout=20)
        timer.join()


def record():
    """Record the transcript from the virtual reader."""
    model = VirtualUareU(blocks=(Block(Flag.SCRAMBLED, 12), Block(0, 255), Block(0, 22)))
    model.reaction_seconds = 0.0
    model.present(STRIPES)
    with plugged_in(model) as info:

        def connect(address):
            return Recorder(uareu4000._connect(address), TRANSCRIPT)

        with UareU4000(info, connect, draws()) as reader:
            reader.capture()


if __name__ == "__main__":
    record()
