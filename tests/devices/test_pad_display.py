# SPDX-License-Identifier: Apache-2.0
import threading

import numpy as np
import pytest

from ektp_hw.devices import DeviceInfo, DeviceKind
from ektp_hw.devices.pad_display import PadDisplay, Screen, text_picture
from ektp_hw.errors import CaptureCancelled, DeviceError, DeviceUnavailable, SampleError

INFO = DeviceInfo("pad:1", DeviceKind.SIGNATURE, "Pad", "scripted")


class Scripted(PadDisplay):
    name = "scripted"
    kind = DeviceKind.SIGNATURE
    discover = locate = classmethod(lambda *_: [])
    screen = Screen(40, 20, has_colour=True)
    shown = None

    def _open(self):
        pass

    _close = _open

    def _clear(self, wait):
        wait.check()
        self.shown = None

    def _show(self, picture, wait):
        wait.check()
        self.shown = picture


@pytest.fixture
def pad():
    with Scripted(INFO) as one:
        yield one


def test_a_picture_lies_in_the_middle_of_white(pad):
    picture = np.zeros((10, 20), np.uint8)
    pad.show_picture(picture)
    assert pad.shown.shape == (20, 40)
    assert (pad.shown[5:15, 10:30] == 0).all()
    assert (pad.shown == 255).sum() == 20 * 40 - 10 * 20
    pad.show_picture(np.zeros((20, 40, 3), np.uint8))
    assert not pad.shown.any()
    pad.clear_screen()
    assert pad.shown is None


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((21, 40), np.uint8), np.zeros((20, 41), np.uint8), np.zeros((0, 5), np.uint8),
        np.zeros((5, 5)), np.zeros((5, 5, 4), np.uint8), np.zeros(5, np.uint8),
    ],
)  # fmt: skip
def test_what_is_no_picture_for_that_screen(pad, picture):
    with pytest.raises(SampleError, match="pad:1: a picture"):
        pad.show_picture(picture)
    assert pad.shown is None


def test_text_is_large_black_and_in_the_middle():
    picture = text_picture("Tanda tangan di sini", Screen(320, 200, has_colour=False))
    assert set(np.unique(picture)) == {0, 255}
    rows, columns = np.nonzero(picture == 0)
    assert abs((rows.min() + rows.max()) / 2 - 100) < 6
    assert abs((columns.min() + columns.max()) / 2 - 160) < 6
    one_line = text_picture("Tanda", Screen(320, 200, has_colour=False))
    tall = np.nonzero(one_line == 0)[0]
    assert tall.max() - tall.min() > 25


def test_text_that_cannot_be_shown(pad):
    with pytest.raises(ValueError, match="no text"):
        pad.show_text(" \n")
    with pytest.raises(ValueError, match="cannot be read"):
        pad.show_text("a very long sentence " * 20)


def test_a_pad_without_a_screen(pad):
    pad.screen = Screen(0, 0, has_colour=False)
    with pytest.raises(DeviceUnavailable, match="no screen"):
        pad.show_text("hello")
    with pytest.raises(DeviceUnavailable, match="no screen"):
        pad.show_picture(np.zeros((1, 1), np.uint8))


def test_cancelled_and_closed(pad):
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(CaptureCancelled):
        pad.show_text("ya", cancel=cancel)
    pad.close()
    with pytest.raises(DeviceError, match="closed"):
        pad.clear_screen()
