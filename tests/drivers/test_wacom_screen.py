# SPDX-License-Identifier: Apache-2.0
"""The screens of Wacom's pads, every model: what is sent is what is shown."""

import threading

import numpy as np
import pytest

from ektp_hw.drivers.wacom_stu import WacomStu
from ektp_hw.errors import CaptureCancelled, CaptureTimeout, ProtocolError
from ektp_hw.virtual.hidraw_port import HidrawPort
from ektp_hw.virtual.pad import MODELS, SCALE, VirtualSignaturePad
from pad_bench import are_same, signature, within


def plugged(model):
    """Return the device of a model behind a hidraw node of this process."""
    ids = f"056a:{model.product_id:04x}"
    info = WacomStu.locate(f"usb:{ids}")
    return WacomStu(info, connect=lambda uri: HidrawPort(model, uri))


def gradient(height, width):
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], axis=2).astype(np.uint8)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_tells_its_measures_and_shows_text(name):
    model = VirtualSignaturePad(model=name)
    with plugged(model) as pad:
        told = pad.capability
        assert pad.information.model == f"STU-{name}"
        assert (told.width, told.height) == (MODELS[name].width, MODELS[name].height)
        assert pad.screen.has_colour is (name in {"520", "530", "540"})
        assert pad.capabilities.screen == (told.width, told.height)
        assert pad.capabilities.width_mm == pytest.approx(MODELS[name].max_x / 100)
        pad.show_text("Silakan tanda tangan")
        assert model.screen.shown.shape == (told.height, told.width)
        black = (model.screen.shown == 0).mean()
        assert 0.005 < black < 0.5
        pad.clear_screen()
        assert (model.screen.shown == 255).all()


@pytest.mark.parametrize("name", MODELS)
def test_every_model_reports_a_signature(name):
    scale = SCALE._replace(max_x=MODELS[name].max_x, max_y=MODELS[name].max_y)
    truth = signature(scale, seconds=0.3)
    model = VirtualSignaturePad(truth, speed=5, model=name)
    with plugged(model) as pad:
        trace = pad.capture(timeout=10, rest=0.1)
    assert are_same(trace, truth)
    assert trace.dropped == 0


def test_colours_are_kept_to_the_bit():
    model = VirtualSignaturePad(model="530")
    with plugged(model) as pad:
        picture = gradient(120, 200)
        pad.show_picture(picture)
    shown = model.screen.shown
    assert np.array_equal(shown[180:300, 300:500], picture)
    assert (shown[:180] == 255).all()


def test_colours_of_a_pad_with_five_and_six_bits():
    model = VirtualSignaturePad(model="520")
    picture = gradient(40, 60)
    with plugged(model) as pad:
        pad.show_picture(picture)
    middle = model.screen.shown[220:260, 370:430].astype(int)
    assert np.abs(middle - picture).max() <= 7


def test_a_picture_that_is_ended_early_is_not_shown():
    model = VirtualSignaturePad(model="540")
    cancel = threading.Event()
    receive, blocks = model.screen.receive, []

    def counting(content):
        blocks.append(len(content))
        if len(blocks) == 20:
            cancel.set()
        return receive(content)

    model.screen.receive = counting
    with plugged(model) as pad:
        with pytest.raises(CaptureCancelled):
            within(2.0, lambda: pad.show_picture(gradient(480, 800), cancel=cancel))
        assert len(blocks) == 20
        assert (model.screen.shown == 255).all()
        with pytest.raises(CaptureTimeout, match="was not drawn"):
            pad.show_picture(gradient(480, 800), timeout=0.0)
        model.screen.receive = receive
        pad.show_text("ya")
        assert (model.screen.shown == 0).any()


def test_what_was_shown_stays_for_one_signing():
    model = VirtualSignaturePad(signature(SCALE, seconds=0.2), speed=5, model="430")
    with plugged(model) as pad:
        pad.show_text("Saya setuju")
        assert len(pad.capture(timeout=10, rest=0.1)) == 40
        assert (model.screen.shown == 0).any()
        assert len(pad.capture(timeout=10, rest=0.1)) == 40
        assert (model.screen.shown == 255).all()


def test_a_refusal_is_told_in_the_pads_own_words():
    model = VirtualSignaturePad(model="430")
    with plugged(model) as pad:
        model.screen.receive = lambda _: 0x12
        with pytest.raises(ProtocolError, match=r"'image block'.*graphics error \(error 12\)"):
            pad.show_text("ya")


def test_a_pad_that_stays_busy():
    model = VirtualSignaturePad(model="430")
    plain = model._feature
    model._feature = lambda report: b"\3\0\0\0" if report == 3 else plain(report)
    with plugged(model) as pad, pytest.raises(ProtocolError, match="it is calculating"):
        within(3.0, pad.clear_screen)


def test_the_520_is_left_alone_after_clearing():
    model = VirtualSignaturePad(model="520")
    with plugged(model) as pad:
        pad.clear_screen()
        with pytest.raises(CaptureTimeout, match="was not drawn"):
            within(0.5, lambda: pad.clear_screen(timeout=0.2))
