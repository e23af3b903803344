# SPDX-License-Identifier: Apache-2.0
"""libfprint inside a process that has other things to do: its own GLib loop, its own end."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ektp_hw.errors import DeviceUnavailable
from ektp_hw.transport import libfprint, libfprint_devices
from ektp_hw.transport.libfprint_library import load
from rigs.libfprint import RIG

pytestmark = pytest.mark.skipif(bool(RIG.missing), reason=RIG.missing)


def test_a_library_that_is_something_else():
    with pytest.raises(DeviceUnavailable, match="libfprint"):
        load("libc.so.6")


def test_the_process_ends_well_with_libfprints_threads_running():
    script = (
        "from rigs.libfprint import RIG\n"
        "with RIG.plug_in() as bench, bench.device() as device:\n"
        "    assert bench.is_right(bench.capture(device, 20))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=60)


class GlibLoop(threading.Thread):
    """An application's own loop on GLib's default context, running or stuck."""

    def __init__(self, *, stuck):
        super().__init__()
        self.call, self.null = load().functions, load().ffi.NULL
        self.stuck, self.ended, self.owns = stuck, threading.Event(), threading.Event()

    def run(self):
        call = self.call
        ffi = load().ffi

        def hold(_):
            self.owns.set()
            if self.stuck:
                self.ended.wait(20)
            return 0

        callback = ffi.callback("GSourceFunc", hold)
        source = call.g_timeout_source_new(1)
        call.g_source_set_callback(source, callback, self.null, self.null)
        call.g_source_attach(source, self.null)
        ticks = ffi.callback("GSourceFunc", lambda _: 1)
        ticker = call.g_timeout_source_new(5)
        call.g_source_set_callback(ticker, ticks, self.null, self.null)
        call.g_source_attach(ticker, self.null)
        while not self.ended.is_set():
            call.g_main_context_iteration(self.null, 1)
        call.g_source_destroy(ticker)
        call.g_source_unref(ticker)
        call.g_source_unref(source)

    def __enter__(self):
        self.start()
        assert self.owns.wait(10)
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()


def test_an_applications_own_glib_loop_may_run():
    with GlibLoop(stuck=False):
        assert "virtual_image@0" in [one.name for one in libfprint.seen()]


def test_an_applications_stuck_glib_loop_is_told(monkeypatch):
    monkeypatch.setattr(libfprint_devices, "_LIST_TIMEOUT", 0.2)
    with GlibLoop(stuck=True), pytest.raises(DeviceUnavailable, match="GLib loop"):
        libfprint.seen()


@pytest.fixture
def leave():
    """Return what leaves work in GLib's default context, as libfprint does, and tells its end."""
    call, ffi = load().functions, load().ffi
    ran, left = threading.Event(), []
    callback = ffi.callback("GSourceFunc", lambda _: ran.set() or 0)

    def leave():
        left.append(call.g_timeout_source_new(1))
        call.g_source_set_callback(left[0], callback, ffi.NULL, ffi.NULL)
        call.g_source_attach(left[0], ffi.NULL)
        return ran

    yield leave
    for source in left:
        call.g_source_destroy(source)
        call.g_source_unref(source)


@pytest.fixture
def opened():
    sensor = libfprint.Sensor("virtual_image@0", "libfprint:virtual_image@0")
    yield sensor
    sensor.close()


def test_listing_does_not_work_on_a_sensor_that_another_thread_works_on(leave):
    libfprint.seen()
    lister = threading.Thread(target=libfprint.seen)
    with libfprint_devices.AT_WORK:
        ran = leave()
        lister.start()
        assert not ran.wait(0.1)
    lister.join(10)
    assert not lister.is_alive()
    assert ran.is_set()


def test_what_libfprint_leaves_to_the_default_context_is_done_while_a_sensor_is_used(opened, leave):
    ran = leave()
    end = time.monotonic() + 10
    while not ran.is_set() and time.monotonic() < end:
        opened.turn(0.01)
    assert ran.is_set()
