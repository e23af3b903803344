# SPDX-License-Identifier: Apache-2.0
"""The ZK4500's real driver and its model, over a real socket: good days and bad days."""

import threading
import time

import numpy as np
import pytest

from ektp_hw import registry
from ektp_hw.devices import CaptureState
from ektp_hw.errors import (
    CaptureCancelled,
    CaptureTimeout,
    DeviceBusy,
    DeviceError,
    DeviceNotFound,
    DeviceRemoved,
    ProtocolError,
    RetryAdvice,
    RetryCapture,
)
from ektp_hw.samples import FingerprintImage
from ektp_hw.virtual.station import station

URI = "virtual:fingerprint"
LOADED = 0.5
"""Seconds that a loaded machine may add where other threads have to get their turn."""


def ridges(height=300, width=260, period=9.0, turn=0.2, ppi=500):
    rows, columns = np.mgrid[:height, :width]
    wave = np.sin(2 * np.pi / period * (columns * np.cos(turn) + rows * np.sin(turn)))
    pixels = np.rint(150 + 80 * wave).astype(np.uint8)
    pixels[:4] = pixels[-4:] = 240
    pixels[:, :4] = pixels[:, -4:] = 240
    return FingerprintImage(pixels, ppi=ppi)


FINGER = ridges()


@pytest.fixture
def model():
    desk = station()
    desk.scanner.present(FINGER)
    yield desk.scanner
    desk.close()


@pytest.fixture
def scanner(model):
    del model
    with registry.open_device(URI) as one:
        yield one


def middle(image, like):
    top, left = (480 - like.height) // 2, (640 - like.width) // 2
    return image.pixels[top : top + like.height, left : left + like.width]


def works(scanner):
    return np.array_equal(middle(scanner.capture(timeout=3), FINGER), FINGER.pixels)


def test_what_is_presented_is_captured_pixel_by_pixel(scanner):
    image = scanner.capture(timeout=3)
    assert (image.width, image.height, image.ppi, image.source) == (640, 480, 500, URI)
    assert np.array_equal(middle(image, FINGER), FINGER.pixels)
    assert image.pixels[0, 0] == 240
    assert scanner.state is CaptureState.READY


def test_the_lamps_are_off_before_and_after(scanner, model):
    assert not any(model.lamps.values())
    lit = []
    scanner.capture(on_preview=lambda _: lit.append(dict(model.lamps)))
    assert all(lamps[3] for lamps in lit)
    assert not any(model.lamps.values())


def test_preview_shows_the_way_to_the_picture(scanner, model):
    model.present(None)
    seen = []

    def preview(image):
        seen.append(image)
        if len(seen) == 3:
            model.present(FINGER)

    assert works_with(scanner, preview)
    assert len(seen) >= 5
    assert seen[0].pixels.std() == 0


def works_with(scanner, preview):
    image = scanner.capture(timeout=3, on_preview=preview)
    return np.array_equal(middle(image, FINGER), FINGER.pixels)


def test_the_finger_of_the_session_before_never_comes_out(model):
    with registry.open_device(URI) as first:
        assert works(first)
    other = ridges(turn=1.3)
    model.present(other)
    with registry.open_device(URI) as second:
        image = second.capture(timeout=3)
    assert np.array_equal(middle(image, other), other.pixels)
    model.present(None)
    with registry.open_device(URI) as third, pytest.raises(CaptureTimeout):
        third.capture(timeout=0.2)


@pytest.mark.parametrize("timeout", [0.0, 0.05, 0.3])
def test_no_finger_is_a_timeout_in_time(scanner, model, timeout):
    model.misbehave("no-finger")
    begun = time.monotonic()
    with pytest.raises(CaptureTimeout, match="no finger"):
        scanner.capture(timeout=timeout)
    assert timeout <= time.monotonic() - begun < timeout + 0.2 + LOADED
    model.behave()
    assert works(scanner)


def test_cancel_ends_the_wait_in_time(scanner, model):
    model.present(None)
    cancel = threading.Event()
    timer = threading.Timer(0.1, cancel.set)
    timer.start()
    begun = time.monotonic()
    with pytest.raises(CaptureCancelled):
        scanner.capture(cancel=cancel)
    assert time.monotonic() - begun < 0.3 + LOADED
    timer.join()
    model.present(FINGER)
    assert works(scanner)


def test_closing_from_another_thread_ends_the_wait(scanner, model):
    model.present(None)
    timer = threading.Timer(0.1, scanner.close)
    timer.start()
    with pytest.raises(CaptureCancelled):
        scanner.capture()
    timer.join()
    assert not scanner.is_open


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("stall", "stalled"),
        ("short", "after 100000 of 307200 bytes"),
        ("garbage", "what the scanner sent is no picture"),
    ],
)
def test_a_fault_is_a_protocol_error_and_the_next_capture_works(scanner, model, fault, words):
    assert works(scanner)
    for _ in range(2):
        model.misbehave(fault)
        with pytest.raises(ProtocolError, match=words) as caught:
            scanner.capture(timeout=3)
        assert str(caught.value).startswith(f"{URI}: ")
        assert caught.value.device == URI
    assert works(scanner)
    assert works(scanner)


def test_a_silent_scanner_is_noticed_after_a_second(scanner, model):
    model.misbehave("silent")
    begun = time.monotonic()
    with pytest.raises(ProtocolError, match="after 0 of 307200 bytes"):
        scanner.capture(timeout=5)
    assert 1.0 < time.monotonic() - begun < 1.4 + LOADED
    assert works(scanner)


def test_pulling_the_cable_in_a_picture_and_plugging_it_in_again(scanner, model):
    model.misbehave("unplug")
    begun = time.monotonic()
    with pytest.raises(DeviceRemoved):
        scanner.capture(timeout=3)
    assert time.monotonic() - begun < 0.3 + LOADED
    assert scanner.state is CaptureState.REMOVED
    with pytest.raises(DeviceRemoved):
        scanner.capture(timeout=3)
    with pytest.raises(DeviceNotFound):
        scanner.open()
    with registry.open_device(URI) as again:
        assert works(again)


def test_pulling_the_cable_in_a_wait(scanner, model):
    model.present(None)
    timer = threading.Timer(0.1, model.unplug)
    timer.start()
    begun = time.monotonic()
    with pytest.raises(DeviceRemoved):
        scanner.capture(timeout=10)
    assert time.monotonic() - begun < 0.4 + LOADED
    timer.join()
    station().usb_address(model)
    model.present(FINGER)
    assert works(scanner.open())


def test_a_dirty_glass_asks_to_wipe_it_and_does_not_keep_fingers_out(scanner, model):
    model.misbehave("dirty")
    assert scanner.capture(timeout=3).pixels[45, 15] == 60
    model.present(None)
    with pytest.raises(RetryCapture) as caught:
        scanner.capture(timeout=0.2)
    assert caught.value.advice is RetryAdvice.WIPE_SCANNER
    model.behave()
    model.present(FINGER)
    assert works(scanner)


def test_a_slow_scanner_is_waited_for(scanner, model):
    model.slow_seconds = 0.25
    model.misbehave("slow")
    assert works(scanner)


@pytest.mark.parametrize("request_number", [0xE1, 0xE5], ids=["lamp", "picture"])
def test_a_request_that_is_confirmed_late_is_made_again(scanner, model, request_number):
    assert works(scanner)
    answer, held = model.on_control, []

    def dawdle(setup, data):
        if setup.request == request_number and not held:
            held.append(time.sleep(0.25))
        return answer(setup, data)

    model.on_control = dawdle
    other = ridges(turn=1.3)
    model.present(other)
    image = scanner.capture(timeout=10)
    assert held
    assert np.array_equal(middle(image, other), other.pixels)


def test_a_slow_scanner_is_given_up_in_time_and_found_in_step_again(scanner, model):
    model.slow_seconds = 1.0
    model.misbehave("slow")
    begun = time.monotonic()
    with pytest.raises(CaptureTimeout):
        scanner.capture(timeout=0.3)
    assert time.monotonic() - begun < 0.5 + LOADED
    model.behave()
    assert works(scanner)


def test_a_second_opening_is_told_busy(scanner):
    with pytest.raises(DeviceBusy, match=r"^virtual:fingerprint: another program"):
        registry.open_device(URI)
    assert works(scanner)


def test_many_threads_capture_or_are_told_busy(scanner):
    ends = []

    def capture():
        for _ in range(5):
            try:
                ends.append(works(scanner))
            except DeviceBusy:
                ends.append(None)

    threads = [threading.Thread(target=capture) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ends) == 20
    assert True in ends
    assert False not in ends


def test_opening_and_closing_a_hundred_times_leaves_no_thread(model):
    del model
    registry.open_device(URI).close()
    before = threading.active_count()
    for _ in range(100):
        registry.open_device(URI).close()
    assert threading.active_count() == before


def test_what_is_no_finger_is_refused(model):
    with pytest.raises(TypeError, match="ndarray"):
        model.present(FINGER.pixels)


def test_unknown_misbehaviour_is_refused(model):
    with pytest.raises(ValueError, match="'sulk'"):
        model.misbehave("sulk")


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ("slow", CaptureTimeout, "no picture came"),
        ("silent", CaptureTimeout, "no picture came"),
        ("dead-lamp", DeviceError, "stays dark"),
    ],
)
def test_the_person_is_not_blamed_for_the_scanner(scanner, model, fault, error, words):
    model.present(ridges())
    model.slow_seconds = 1.5
    model.misbehave(fault)
    with pytest.raises(error, match=words):
        scanner.capture(timeout=0.6)
    model.behave()
    assert works(scanner)
