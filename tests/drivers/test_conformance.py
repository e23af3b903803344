# SPDX-License-Identifier: Apache-2.0
"""Every driver on its bench against what every device must do: faults, unplugging, threads, leaks.

``EKTP_HW_CYCLES=1000`` opens, captures and closes so many times instead of a few.
"""

import gc
import os
import subprocess
import sys
import threading
import time
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from ektp_hw.devices import CaptureState
from ektp_hw.errors import CaptureCancelled, DeviceBusy, DeviceRemoved, EktpError
from ektp_hw.hotplug import Change, DeviceMonitor
from rigs import Fault, rigs

RIGS = [
    pytest.param(
        rig, id=rig.driver, marks=pytest.mark.skipif(bool(rig.missing), reason=rig.missing)
    )
    for rig in rigs()
]
FAULTS = [
    pytest.param(rig, fault, id=f"{rig.driver}-{fault}", marks=one.marks)
    for one in RIGS
    for rig in one.values
    for fault in rig.faults
]
LIMIT = 1.0
"""Time limit in seconds of a capture that is about to go wrong."""
GRACE = 0.5
"""Seconds after it within which every call has returned."""
PROMPT = 0.5
"""Seconds within which unplugging is noticed."""
AT_ONCE = 0.2
"""Seconds within which a cancelled or closed capture has returned."""
LOADED = 0.3
"""Seconds that a loaded machine may add where other threads have to get their turn."""
AMPLE = 20.0
CYCLES = int(os.environ.get("EKTP_HW_CYCLES", "2"))
LEAK = 4 << 20
"""Bytes by which memory may grow over all cycles, after a tenth of them; 1 000 leaks show."""
OWED_A_BENCH: set[str] = set()

HOLD = """
import sys, threading, time
from ektp_hw.errors import EktpError
from ektp_hw.registry import make_device
device = make_device(sys.argv[1]).open()
threading.Timer(0.2, print, ["held"], {"flush": True}).start()
while True:
    try:
        device.capture(timeout=60)
    except EktpError:
        time.sleep(0.01)
"""


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def settled(count, wanted):
    """Return the count once it is no more than wanted; servers need a moment to hang up."""
    end = time.monotonic() + 5
    while count() > wanted and time.monotonic() < end:
        time.sleep(0.01)
    return count()


@pytest.fixture(autouse=True)
def no_thread_left():
    before = threading.active_count()
    yield
    assert settled(threading.active_count, before) <= before, threading.enumerate()


def outcome(bench, device, limit=LIMIT):
    """Return what a capture gave, its error, and how long it took."""
    began = time.monotonic()
    try:
        return bench.capture(device, limit), None, time.monotonic() - began
    except EktpError as error:
        return None, error, time.monotonic() - began


def works(bench, device):
    """Whether the device captures now, in this process; opening again is allowed."""
    if device.state is not CaptureState.READY:
        device.close()
        device = bench.device()
    with device.open():
        return bench.is_right(bench.capture(device, AMPLE))


def waiting_capture(bench, device, cancel=None):
    """Begin a capture to which nobody comes; return its thread and the list of what ends it."""
    for nobody in (None, Fault.LIFTED, Fault.NAK, Fault.DEAD_LAMP):
        ended = []
        if nobody is not None:
            try:
                bench.misbehave(nobody)
            except KeyError:  # this device does not suffer that
                continue

        def capture(ended=ended):
            try:
                ended.append(device.capture(timeout=AMPLE, cancel=cancel))
            except EktpError as error:
                ended.append(error)

        thread = threading.Thread(target=capture)
        thread.start()
        thread.join(0.25)
        if thread.is_alive():
            return thread, ended
        bench.behave()
    pytest.skip("somebody is always there on this bench")


def test_every_driver_has_a_bench():
    here = {rig.driver for rig in rigs()}
    stems = {entry.name for entry in entry_points(group="ektp_hw.drivers")}
    ours = {
        entry.name
        for entry in entry_points(group="ektp_hw.drivers")
        if entry.module.startswith("ektp_hw.")
    }
    assert here <= stems
    assert ours - here <= OWED_A_BENCH


@pytest.mark.parametrize("rig", RIGS)
def test_a_good_device_gives_the_right_sample(rig):
    with rig.plug_in() as bench, bench.device() as device:
        assert bench.is_right(bench.capture(device, AMPLE))
        assert bench.is_right(bench.capture(device, AMPLE))


@pytest.mark.parametrize(("rig", "fault"), FAULTS)
def test_a_fault_is_a_typed_error_in_time_and_the_device_works_again(rig, fault):
    with rig.plug_in() as bench:
        with bench.device() as device:
            bench.misbehave(fault)
            sample, error, seconds = outcome(bench, device)
            assert seconds < LIMIT + GRACE
            if error is None:
                assert bench.is_right(sample)
            else:
                words = str(error)
                assert device.info.uri in words, "which device?"
                assert ";" in words or "please" in words, "what shall one do about it?"
            bench.behave()
            assert works(bench, device)
        bench.device().open().close()  # nothing claims it any more


@pytest.mark.parametrize("rig", [one for one in RIGS if Fault.UNPLUG in one.values[0].faults])
def test_unplugging_is_told_at_once_and_it_works_when_plugged_in_again(rig):
    with rig.plug_in() as bench, bench.device() as device, DeviceMonitor() as monitor:
        end = time.monotonic() + AMPLE
        while device not in monitor._alive:
            assert time.monotonic() < end, list(monitor._events)
            time.sleep(0.01)
        bench.misbehave(Fault.UNPLUG)
        began = time.monotonic()
        with pytest.raises(DeviceRemoved):
            bench.capture(device, AMPLE)
        noticed = time.monotonic()
        assert noticed - max(began, bench.last_byte()) < PROMPT + LOADED
        event = monitor.next_event(AMPLE)
        while event is not None and event.info is not device.info:
            event = monitor.next_event(AMPLE)
        assert event is not None, "no event told that it was unplugged"
        assert event.change is Change.REMOVED
        assert event.at - noticed < PROMPT + LOADED
        bench.behave()
        assert works(bench, device)


@pytest.mark.parametrize("rig", RIGS)
def test_cycles_leak_nothing(rig):
    with rig.plug_in() as bench:
        files = threads = memory = 0
        warm = max(1, CYCLES // 10)
        for cycle in range(CYCLES + warm):
            with bench.device() as device:
                assert bench.is_right(bench.capture(device, AMPLE))
            if cycle == warm - 1:
                gc.collect()
                files, threads, memory = open_files(), threading.active_count(), _memory()
        assert settled(open_files, files) <= files
        assert settled(threading.active_count, threads) <= threads
        gc.collect()
        assert CYCLES < 100 or _memory() - memory < LEAK


def _memory():
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("rig", RIGS)
def test_cancelling_ends_a_capture_and_a_second_one_is_refused(rig):
    with rig.plug_in() as bench, bench.device() as device:
        cancel = threading.Event()
        thread, ended = waiting_capture(bench, device, cancel)
        with pytest.raises(DeviceBusy):
            device.capture(timeout=1)
        began = time.monotonic()
        cancel.set()
        thread.join(AMPLE)
        assert time.monotonic() - began < AT_ONCE + LOADED
        assert isinstance(ended[0], CaptureCancelled), ended
        bench.behave()
        assert works(bench, device)


@pytest.mark.parametrize("rig", RIGS)
def test_closing_from_another_thread_ends_a_capture(rig):
    with rig.plug_in() as bench, bench.device() as device:
        thread, ended = waiting_capture(bench, device)
        began = time.monotonic()
        device.close()
        assert time.monotonic() - began < AT_ONCE + LOADED
        thread.join(AMPLE)
        assert isinstance(ended[0], CaptureCancelled), ended
        assert device.state is CaptureState.CLOSED
        bench.behave()
        assert works(bench, device)


@pytest.mark.parametrize("rig", RIGS)
def test_a_killed_process_leaves_no_claim(rig):
    with rig.plug_in() as bench:
        address = bench.device().info.address
        if not address.startswith("usbip:"):
            pytest.skip("another process cannot reach this bench")
        with subprocess.Popen(
            [sys.executable, "-c", HOLD, address], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout.readline() == b"held\n"
            with pytest.raises(DeviceBusy):
                bench.device().open()
            process.kill()
            process.wait()
            with bench.device() as device:
                assert bench.is_right(bench.capture(device, AMPLE))
