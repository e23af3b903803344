# SPDX-License-Identifier: Apache-2.0
"""One capture's time limit: exact, cancellable, and never a block for ever."""

import threading
import time

import pytest

from ektp_hw.devices.wait import CaptureWait
from ektp_hw.errors import CaptureCancelled, CaptureTimeout


@pytest.mark.parametrize("timeout", [-1, float("nan"), -0.001])
def test_impossible_timeouts_are_refused(timeout):
    with pytest.raises(ValueError, match="cannot be"):
        CaptureWait(timeout)


def test_a_timeout_that_is_no_number_is_a_type_error():
    with pytest.raises(TypeError):
        CaptureWait(None)


def test_sleep_ends_at_the_time_limit():
    begun = time.monotonic()
    with pytest.raises(CaptureTimeout, match=r"x:1: no finger within 0\.1 s"):
        CaptureWait(0.1, device="x:1", missing="no finger").sleep(5)
    assert 0.1 <= time.monotonic() - begun < 0.25


def test_sleep_ends_on_cancel():
    cancel = threading.Event()
    timer = threading.Timer(0.05, cancel.set)
    timer.start()
    begun = time.monotonic()
    with pytest.raises(CaptureCancelled):
        CaptureWait(10, cancel).sleep(5)
    assert time.monotonic() - begun < 0.25
    timer.join()


def test_sleep_lasts_as_long_as_asked():
    begun = time.monotonic()
    CaptureWait(10).sleep(0.06)
    assert time.monotonic() - begun >= 0.06


def test_a_slice_is_never_zero_and_never_long():
    assert CaptureWait(0).slice() == 0.001
    assert CaptureWait(10).slice() == 0.1
    assert CaptureWait(float("inf")).slice(0.05) == 0.05


def test_cancel_comes_before_the_time_limit():
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(CaptureCancelled):
        CaptureWait(0, cancel).check()


def test_a_time_limit_can_be_put_off():
    begun = time.monotonic()
    wait = CaptureWait(0.05)
    threading.Timer(0.01, wait.extend, [0.1]).start()
    with pytest.raises(CaptureTimeout):
        wait.sleep(5)
    assert time.monotonic() - begun >= 0.15
