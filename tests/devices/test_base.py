# SPDX-License-Identifier: Apache-2.0
"""The verbs every device has, tried on a scanner whose hooks only note and wait."""

import gc
import threading
import time
import weakref

import numpy as np
import pytest

from ektp_hw.devices import CaptureState, DeviceInfo, DeviceKind, FingerprintScanner, UsbId
from ektp_hw.devices.base import open_devices
from ektp_hw.errors import (
    CaptureCancelled,
    CaptureTimeout,
    DeviceBusy,
    DeviceError,
    DeviceRemoved,
    ProtocolError,
)

PICTURE = np.full((40, 30), 200, np.uint8)


class Scanner(FingerprintScanner):
    name = "noted"
    usb_ids = (UsbId(0x1234, 0x5678, "Model X"),)
    ppi = 500.0

    def __init__(self, fails=None):
        super().__init__(DeviceInfo("test:1", DeviceKind.FINGERPRINT, "Test", self.name))
        self.calls = []
        self.fails = fails or {}
        self.finger = threading.Event()

    def _did(self, what):
        self.calls.append(what)
        if what in self.fails:
            raise self.fails[what]

    @classmethod
    def discover(cls):
        return []

    @classmethod
    def locate(cls, uri):
        del uri

    def _open(self):
        self._did("open")

    def _close(self):
        self._did("close")

    def _start(self, wait):
        del wait
        self._did("start")

    def _await_finger(self, wait, show):
        self._did("await")
        while not self.finger.is_set():
            show(PICTURE)
            wait.sleep(0.01)

    def _acquire(self, wait, show):
        del wait, show
        self._did("acquire")
        return PICTURE

    def _stop(self):
        self._did("stop")


@pytest.fixture
def scanner():
    with Scanner() as one:
        yield one


def test_open_and_close_are_harmless_when_done_before():
    one = Scanner()
    one.close()
    assert one.open() is one.open()
    assert one.is_open
    one.close()
    one.close()
    assert one.calls == ["open", "close"]
    assert not one.is_open


def test_a_failed_opening_leaves_the_device_closed():
    one = Scanner({"open": DeviceBusy("held")})
    with pytest.raises(DeviceBusy):
        one.open()
    assert one.state is CaptureState.CLOSED


def test_closing_a_device_that_has_gone_is_no_error():
    one = Scanner({"close": DeviceRemoved("gone")}).open()
    one.close()
    assert one.state is CaptureState.CLOSED


def test_a_capture_runs_the_hooks_in_order(scanner):
    scanner.finger.set()
    image = scanner.capture(timeout=1)
    assert (image.source, image.ppi) == ("test:1", 500.0)
    assert scanner.calls == ["open", "start", "await", "acquire", "stop"]
    assert scanner.state is CaptureState.READY


def test_capture_needs_an_open_device():
    with pytest.raises(DeviceError, match="open it first"):
        Scanner().capture()


def test_timeout_and_then_a_good_capture(scanner):
    with pytest.raises(CaptureTimeout, match="no finger"):
        scanner.capture(timeout=0.05)
    scanner.finger.set()
    assert scanner.capture(timeout=1).width == 30


def test_a_protocol_error_leaves_the_device_usable(scanner):
    scanner.finger.set()
    scanner.fails["acquire"] = ProtocolError("odd answer")
    with pytest.raises(ProtocolError):
        scanner.capture()
    assert scanner.calls[-1] == "stop"
    del scanner.fails["acquire"]
    assert scanner.capture().height == 40


def test_a_removed_device_stays_removed_until_it_is_opened_again(scanner):
    scanner.fails["start"] = DeviceRemoved("gone")
    with pytest.raises(DeviceRemoved):
        scanner.capture()
    assert scanner.state is CaptureState.REMOVED
    with pytest.raises(DeviceRemoved, match="open it again"):
        scanner.capture()
    del scanner.fails["start"]
    scanner.finger.set()
    assert scanner.open().capture().height == 40


def test_what_a_preview_raises_reaches_the_caller(scanner):
    def preview(image):
        raise KeyError(image.source)

    with pytest.raises(KeyError, match="test:1"):
        scanner.capture(on_preview=preview)
    assert scanner.state is CaptureState.READY


def test_closing_inside_a_preview_ends_the_capture(scanner):
    with pytest.raises(CaptureCancelled):
        scanner.capture(on_preview=lambda _: scanner.close())
    assert scanner.state is CaptureState.CLOSED
    assert scanner.calls[-2:] == ["stop", "close"]


def test_capturing_inside_a_preview_is_refused(scanner):
    with pytest.raises(DeviceBusy):
        scanner.capture(on_preview=lambda _: scanner.capture())


def test_another_thread_is_told_busy_and_may_close(scanner):
    ended = []

    def capture():
        try:
            scanner.capture(timeout=10)
        except DeviceError as error:
            ended.append(error)

    thread = threading.Thread(target=capture)
    thread.start()
    while "await" not in scanner.calls:
        time.sleep(0.001)
    with pytest.raises(DeviceBusy, match="another thread"):
        scanner.capture()
    begun = time.monotonic()
    scanner.close()
    assert time.monotonic() - begun < 0.2
    thread.join()
    assert isinstance(ended[0], CaptureCancelled)
    assert scanner.state is CaptureState.CLOSED


def test_describe_reads_the_model_from_the_id_table():
    class Place:
        uri, vendor_id, product_id, serial = "usb:1234:5678@1-2", 0x1234, 0x5678, "S1"

    info = Scanner.describe(Place())
    assert (info.name, info.driver, info.serial) == ("Model X", "noted", "S1")
    assert info.address == info.uri
    assert str(UsbId(0x1234, 0x5678)) == "1234:5678"


class Link:
    def __init__(self):
        self.gone = False

    def probe(self):
        if self.gone:
            raise DeviceRemoved("gone")


class Connecting(Scanner):
    def __init__(self, connect):
        super().__init__()
        self._connect = connect
        self.link = None

    def _open(self):
        super()._open()
        self.link = self._connect("here")


def test_an_open_device_is_asked_for_a_sign_of_life_through_its_connection():
    link = Link()
    scanner = Connecting(lambda _: link)
    assert not scanner.is_there()
    with scanner:
        assert scanner.is_there()
        assert scanner in open_devices()
        link.gone = True
        assert not scanner.is_there()
        assert scanner.is_removed
    assert scanner not in open_devices()
    assert not scanner.is_there()


def test_a_failed_opening_leaves_the_way_to_connect_as_it_was():
    def connect(_):
        raise DeviceBusy("held")

    scanner = Connecting(connect)
    with pytest.raises(DeviceBusy):
        scanner.open()
    assert scanner._connect is connect
    scanner._connect = lambda _: "a link"
    scanner.tap(lambda link: f"{link}, tapped")
    assert scanner.open().link == "a link, tapped"
    assert scanner.is_there()  # this link cannot be asked, so nothing speaks against it
    scanner.close()


def test_somebody_elses_word_counts_only_while_nobody_captures(scanner):
    with pytest.raises(CaptureTimeout):
        scanner.capture(timeout=0.05, on_preview=lambda _: scanner.note_removal())
    scanner.note_removal()
    assert scanner.state is CaptureState.REMOVED
    scanner.note_removal()
    assert scanner.open().state is CaptureState.READY


def test_a_picture_does_not_outlive_its_capture_here(scanner):
    seen = []
    threading.Timer(0.05, scanner.finger.set).start()
    image = scanner.capture(
        timeout=5, judge=lambda _: 1.0, on_preview=lambda one: seen.append(weakref.ref(one))
    )
    seen.append(weakref.ref(image))
    del image
    gc.collect()
    assert len(seen) > 1
    assert not any(one() for one in seen)
