# SPDX-License-Identifier: Apache-2.0
import threading
import time

import numpy as np
import pytest

from ektp_hw.devices.base import DeviceInfo, DeviceKind
from ektp_hw.drivers.wacom_stu import Capability, WacomStu
from ektp_hw.errors import (
    CaptureCancelled,
    CaptureTimeout,
    DeviceRemoved,
    DeviceUnavailable,
    ProtocolError,
    RetryAdvice,
    RetryCapture,
)
from ektp_hw.samples import SignatureTrace
from ektp_hw.transport.transcript import Replay
from ektp_hw.virtual.pad import VirtualSignaturePad


class PatientReplay(Replay):
    """Where the transcript has no report, none comes: the pad is quiet for as long as one waits."""

    def read(self, endpoint, length, timeout):
        more = self._next < len(self._lines)
        if more and self._lines[self._next]["call"] == "read":
            return super().read(endpoint, length, timeout)
        time.sleep(timeout)
        return b""


@pytest.fixture
def model(emulated):
    return VirtualSignaturePad(emulated.drawn_signature(), speed=10)


@pytest.fixture
def pad(model, emulated):
    with emulated.plugged_in(model, WacomStu) as device, device:
        yield device


def test_transcript_of_two_strokes(emulated):
    info = DeviceInfo("usb:056a:00a4", DeviceKind.SIGNATURE, "STU-430", WacomStu.name)
    path = emulated.TRANSCRIPTS / "wacom_stu" / "two_strokes.jsonl"
    with PatientReplay(path) as replay, WacomStu(info, lambda _address: replay) as device:
        assert device.information.model == "STU-430"
        assert device.information.firmware == "1.8"
        assert device.capability == Capability(9600, 6000, 1023, 2540, 200, 320, 200, 3)
        trace = device.capture(rest=0.1)
    truth = emulated.drawn_signature()
    assert len(trace) == len(truth)
    assert np.abs(trace.x_mm - truth.x_mm).max() < 0.006
    assert np.abs(trace.y_mm - truth.y_mm).max() < 0.006
    assert np.abs(trace.pressure - truth.pressure).max() < 0.001


def test_signature_over_the_wire(pad, emulated):
    truth = emulated.drawn_signature()
    seen = []
    trace = pad.capture(timeout=10, rest=0.3, on_preview=seen.append)
    assert len(trace) == len(truth)
    assert np.abs(trace.x_mm - truth.x_mm).max() < 0.006
    assert seen
    assert trace.dropped == 0
    assert trace.source == pad.info.uri


def test_time_is_that_of_signing(model, pad):
    model.speed = 1.0
    trace = pad.capture(timeout=10, rest=0.2)
    took = trace.seconds[-1] - trace.seconds[0]
    assert 0.4 < took < 0.7


def test_second_signing_holds_nothing_of_the_first(pad):
    first = pad.capture(timeout=10, rest=0.1)
    second = pad.capture(timeout=10, rest=0.1)
    assert len(first) == len(second)
    assert second.seconds[0] > first.seconds[-1]


def test_nobody_signs(pad, model):
    model.present(None)
    began = time.monotonic()
    with pytest.raises(CaptureTimeout, match="nobody signed"):
        pad.capture(timeout=0.2)
    assert time.monotonic() - began < 0.4


def test_cancel_within_200_ms(pad, model):
    model.present(None)
    cancel = threading.Event()
    threading.Timer(0.1, cancel.set).start()
    began = time.monotonic()
    with pytest.raises(CaptureCancelled):
        pad.capture(timeout=10, cancel=cancel)
    assert time.monotonic() - began < 0.3


def test_what_was_signed_in_time_counts(pad, emulated):
    began = time.monotonic()
    trace = pad.capture(timeout=0.4, rest=5.0)
    assert time.monotonic() - began < 0.6
    assert len(trace) == len(emulated.drawn_signature())


def test_a_touch_is_no_signature(pad, model):
    few = np.arange(5) / 200
    model.present(SignatureTrace(few, few, few, np.full(5, 0.5)))
    with pytest.raises(RetryCapture) as caught:
        pad.capture(timeout=5, rest=0.1)
    assert caught.value.advice is RetryAdvice.SIGN_AGAIN


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("unplug", DeviceRemoved),
        ("stall", ProtocolError),
        ("garbage", ProtocolError),
        ("encrypted", DeviceUnavailable),
        ("endless", CaptureTimeout),
    ],
)
def test_misbehaviour_is_a_typed_error_in_time(pad, model, how, kind):
    model.misbehave(how)
    began = time.monotonic()
    with pytest.raises(kind):
        pad.capture(timeout=0.5, rest=0.2)
    assert time.monotonic() - began < 0.7


def test_encrypted_pen_data_is_named_as_such(pad, model):
    model.misbehave("encrypted")
    with pytest.raises(DeviceUnavailable, match="encrypted"):
        pad.capture(timeout=2)
    model.behave()
    assert len(pad.capture(timeout=5, rest=0.1)) > 50


@pytest.mark.parametrize("how", ["silent", "late", "sag"])
def test_half_a_signature_is_none(pad, model, emulated, how):
    model.misbehave(how)
    began = time.monotonic()
    with pytest.raises(ProtocolError, match=r"silent with the pen on it|restarted"):
        pad.capture(timeout=5, rest=0.5)
    assert time.monotonic() - began < 3.0  # and not when the time is over
    model.behave()
    assert len(pad.capture(timeout=5, rest=0.1)) == len(emulated.drawn_signature())


def test_old_pad_without_resolution(model, emulated):
    answer = model._feature
    model._feature = lambda report: answer(report)[:10] if report == 9 else answer(report)
    with emulated.plugged_in(model, WacomStu) as device, device:
        assert device.capability == Capability(9600, 6000, 1023, 2540, 0, 320, 200)


@pytest.mark.parametrize("content", [b"", bytes(16)])
def test_impossible_measures(model, emulated, content):
    answer = model._feature
    model._feature = lambda report: content if report == 9 else answer(report)
    with (
        emulated.plugged_in(model, WacomStu) as device,
        pytest.raises(ProtocolError, match="measures"),
    ):
        device.open()


def test_lost_reports_are_counted_and_the_rest_is_exact(pad, model, emulated):
    model.misbehave("skip")
    truth = emulated.drawn_signature()
    trace = pad.capture(timeout=5, rest=0.1)
    assert trace.dropped == 5
    assert len(trace) == len(truth) - 5


def test_a_counter_that_stands_still_is_an_error(pad, model):
    model.misbehave("frozen-clock")
    with pytest.raises(ProtocolError, match="counter stands still"):
        pad.capture(timeout=5, rest=0.1)


def test_pad_that_restarted_while_the_pen_was_up(pad, model):
    plain = model._next

    def forgetting():
        report = plain()
        if model.signing.given >= len(model.signing.counts):
            model._inking = False
        return report

    model._next = forgetting
    with pytest.raises(ProtocolError, match="restarted"):
        pad.capture(timeout=5, rest=0.1)


def test_what_a_crashed_program_left_is_ended(model, emulated):
    model.is_secure = True
    with emulated.plugged_in(model, WacomStu) as device:
        with device:
            assert len(device.capture(timeout=5, rest=0.1)) == len(emulated.drawn_signature())
        assert not model.is_secure
        model.screen.begin(0)
        with device:
            device.clear_screen()
        assert not model.screen.is_receiving


def test_settings_are_given_back_on_closing(model, emulated):
    with emulated.plugged_in(model, WacomStu) as device:
        with device:
            assert model._mode == 3
            told = device.capabilities.features
            assert {"clock", "sequence", "display"} <= set(told)
        assert model._mode == 0


def test_counters_wrap_at_16_bits(pad, model, emulated):
    plain = model._pen_report
    model._pen_report = lambda word, x, y, at: plain(word, x, y, at + 0x10000 - 50)
    trace = pad.capture(timeout=5, rest=0.1)
    assert trace.dropped == 0
    assert len(trace) == len(emulated.drawn_signature())
