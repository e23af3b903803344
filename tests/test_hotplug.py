# SPDX-License-Identifier: Apache-2.0
"""Devices come and go before a monitor's eyes; drivers, kernel and callbacks fail it in vain."""

import threading
import time

import pytest

import ektp_hw as hw
from ektp_hw import hotplug, registry
from ektp_hw.devices import DeviceInfo, DeviceKind
from ektp_hw.drivers.zk4500 import ZK4500
from ektp_hw.errors import DeviceError, DeviceRemoved, DeviceUnavailable, UnavailableReason
from ektp_hw.hotplug import Change, DeviceEvent, DeviceMonitor
from ektp_hw.transport.uevents import Uevent
from ektp_hw.virtual.scanner import VirtualScanner
from ektp_hw.virtual.usbip_server import UsbipServer

SCANNER = DeviceInfo("usb:1b55:0840@1-4", DeviceKind.FINGERPRINT, "Scanner", "acme")
CAMERA = DeviceInfo("video:/dev/video0", DeviceKind.IRIS, "Camera", "v4l2")
PROMPT = 0.5 + 0.3
"""Half a second, and what a loaded machine may add."""
SOON = 5.0


@pytest.fixture
def desk(monkeypatch):
    """What every driver finds: change `found` and `failures` as you like."""
    seen = registry.Survey({"acme": [], "v4l2": []}, {})

    def survey(_timeout):
        return registry.Survey(
            {name: list(some) for name, some in seen.found.items()}, dict(seen.failures)
        )

    monkeypatch.setattr(registry, "survey", survey)
    return seen


class Kernel:
    """Stands for the netlink socket; `say` makes it speak."""

    has_udev = False

    def __init__(self):
        self._said = []
        self._bell = threading.Event()
        self.fails = None

    def __call__(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def say(self, *events):
        self._said.extend(events)
        self._bell.set()

    def wait(self, timeout):
        if self.fails:
            error, self.fails = self.fails, None
            raise error
        if not self._bell.wait(timeout):
            return []
        self._bell.clear()
        said, self._said = self._said, []
        return said


@pytest.fixture
def kernel(monkeypatch):
    one = Kernel()
    monkeypatch.setattr(hotplug, "Uevents", one)
    return one


def watchers():
    return [one for one in threading.enumerate() if one.name == "ektp_hw hot-plug"]


def test_devices_come_and_go_within_half_a_second(desk):
    desk.found["acme"].append(SCANNER)
    with hw.watch_devices() as monitor:
        assert monitor.next_event(SOON) == DeviceEvent(Change.ADDED, SCANNER)
        for change, act in (
            (Change.ADDED, lambda: desk.found["v4l2"].append(CAMERA)),
            (Change.REMOVED, desk.found["v4l2"].clear),
        ):
            began = time.monotonic()
            act()
            assert monitor.next_event(SOON) == DeviceEvent(change, CAMERA)
            assert time.monotonic() - began < PROMPT
        assert monitor.next_event(0) is None
    assert not watchers()


def test_one_kind_only(desk):
    desk.found["acme"].append(SCANNER)
    desk.found["v4l2"].append(CAMERA)
    with DeviceMonitor("iris") as monitor:
        assert monitor.next_event(SOON).info is CAMERA
        assert monitor.next_event(0.1) is None


@pytest.mark.parametrize("wrong", [{"kind": "nose"}, {"interval": 0}, {"interval": float("nan")}])
def test_impossible_wishes_are_refused(wrong):
    with pytest.raises(ValueError, match=r"nose|cannot be"):
        DeviceMonitor(**wrong)


def test_the_kernels_word_wakes_at_once_and_a_quick_replug_is_two_events(desk, kernel):
    desk.found["acme"].append(SCANNER)
    with DeviceMonitor(interval=60) as monitor:
        assert monitor.next_event(SOON).change is Change.ADDED
        kernel.say(Uevent("remove", ("@1-4",), from_udev=False))
        assert monitor.next_event(PROMPT) == DeviceEvent(Change.REMOVED, SCANNER)
        kernel.say(Uevent("add", ("@1-4",), from_udev=False))
        assert monitor.next_event(PROMPT) == DeviceEvent(Change.ADDED, SCANNER)


def test_what_a_library_still_lists_after_unplugging_stays_removed(desk, kernel):
    desk.found["acme"].append(SCANNER)
    with DeviceMonitor() as monitor:
        assert monitor.next_event(SOON).change is Change.ADDED
        kernel.say(Uevent("remove", ("@1-4",), from_udev=False))
        assert monitor.next_event(PROMPT).change is Change.REMOVED
        assert monitor.next_event(0.2) is None
        desk.found["acme"].clear()
        assert monitor.next_event(0.6) is None


def test_a_new_node_is_kept_back_until_udev_gave_its_rights(desk, kernel):
    kernel.has_udev = True
    with DeviceMonitor() as monitor:
        kernel.say(
            Uevent("add", ("/dev/video0",), from_udev=False),
            Uevent("bind", ("/dev/video0",), from_udev=False),
        )
        time.sleep(0.06)
        desk.found["v4l2"].append(CAMERA)
        assert monitor.next_event(0.1) is None
        kernel.say(Uevent("add", ("/dev/video0",), from_udev=True))
        assert monitor.next_event(PROMPT).info is CAMERA


def test_a_failing_driver_is_told_once_and_its_devices_stay(desk):
    desk.found["acme"].append(SCANNER)
    with DeviceMonitor(interval=0.01) as monitor:
        assert monitor.next_event(SOON).change is Change.ADDED
        lack = DeviceUnavailable("no libusb", reason=UnavailableReason.LIBRARY_MISSING)
        desk.failures["acme"] = lack
        del desk.found["acme"]
        assert monitor.next_event(SOON) == DeviceEvent(Change.FAILED, error=lack)
        assert monitor.next_event(0.3) is None
        desk.found["acme"] = [SCANNER]
        del desk.failures["acme"]
        assert monitor.next_event(0.3) is None
        desk.failures["v4l2"] = ZeroDivisionError("by zero")
        error = monitor.next_event(SOON).error
        assert isinstance(error, DeviceError)
        assert "the driver v4l2" in str(error)
        assert isinstance(error.__cause__, ZeroDivisionError)


def test_a_driver_that_hangs_is_told_once_and_one_that_is_slow_is_not(desk, monkeypatch):
    desk.failures["acme"] = TimeoutError("it did not answer in 0.2 s")
    with DeviceMonitor(interval=0.01) as monitor:
        assert monitor.next_event(0.2) is None
        monkeypatch.setattr(hotplug, "_HUNG_AFTER", 0.1)
        assert "did not answer" in str(monitor.next_event(SOON).error)
        assert monitor.next_event(0.2) is None


@pytest.mark.parametrize("failure", [ZeroDivisionError(), SystemExit(3), DeviceError("odd")])
def test_a_failing_look_is_an_event_and_watching_goes_on(desk, monkeypatch, failure):
    working = registry.survey

    def fail(_timeout):
        monkeypatch.setattr(registry, "survey", working)
        raise failure

    monkeypatch.setattr(registry, "survey", fail)
    desk.found["acme"].append(SCANNER)
    with DeviceMonitor() as monitor:
        told = monitor.next_event(SOON)
        assert told.change is Change.FAILED
        assert isinstance(told.error, DeviceError)
        assert monitor.next_event(SOON) == DeviceEvent(Change.ADDED, SCANNER)


def test_a_failing_socket_is_an_event_and_watching_goes_on(desk, kernel):
    with DeviceMonitor() as monitor:
        kernel.fails = DeviceError("netlink: odd")
        assert monitor.next_event(SOON).error is not None
        desk.found["acme"].append(SCANNER)
        assert monitor.next_event(SOON).change is Change.ADDED


def test_without_netlink_it_polls(desk, monkeypatch):
    def refuse():
        raise DeviceUnavailable("none", reason=UnavailableReason.UNSUPPORTED)

    monkeypatch.setattr(hotplug, "Uevents", refuse)
    with DeviceMonitor() as monitor:
        assert monitor.next_event(0.1) is None
        desk.found["acme"].append(SCANNER)
        assert monitor.next_event(PROMPT).info is SCANNER


def test_a_dead_thread_is_started_again_by_whoever_waits(monkeypatch):
    monkeypatch.setattr(DeviceMonitor, "_run", lambda _: None)
    monitor = DeviceMonitor().start()
    monitor.join()
    monkeypatch.undo()
    monkeypatch.setattr(registry, "survey", lambda _: registry.Survey({"acme": [SCANNER]}, {}))
    assert monitor.next_event(SOON).info is SCANNER
    assert monitor.stop()


def test_a_callback_gets_all_and_what_it_raises_is_not_lost(desk):
    desk.found["acme"].append(SCANNER)
    got = []

    def on_event(event):
        got.append(event.info)
        if len(got) > 1:
            raise KeyError("mine")

    with DeviceMonitor(on_event=on_event) as monitor:
        assert monitor.next_event(0.2) is None
        desk.found["v4l2"].append(CAMERA)
        error = monitor.next_event(SOON).error
        assert isinstance(error.__cause__, KeyError)
        desk.found["v4l2"].clear()
        assert monitor.next_event(SOON).error is not None
    assert got == [SCANNER, CAMERA, CAMERA]


def test_stopping_inside_a_callback(desk):
    stopped = threading.Event()

    def on_event(_):
        monitor.stop()
        stopped.set()

    monitor = DeviceMonitor(on_event=on_event)
    desk.found["acme"].append(SCANNER)
    monitor.start()
    assert stopped.wait(SOON)
    assert monitor.join(SOON)


@pytest.mark.parametrize("how", ["timeout", "cancel", "stop"])
def test_every_wait_ends(desk, how):
    del desk
    cancel = threading.Event()
    with DeviceMonitor() as monitor:
        if how != "timeout":
            threading.Timer(0.1, cancel.set if how == "cancel" else monitor.stop).start()
        began = time.monotonic()
        assert monitor.next_event(0.1 if how == "timeout" else 10, cancel) is None
        assert time.monotonic() - began < 0.1 + 0.2 + 0.3


def test_iterating_ends_with_the_monitor_and_it_starts_afresh(desk):
    desk.found["acme"].append(SCANNER)
    monitor = DeviceMonitor()
    for _ in range(2):
        monitor.start()
        for event in monitor:
            assert event.info is SCANNER
            monitor.stop()
    assert not watchers()


@pytest.fixture
def scanner():
    server, model = UsbipServer(), VirtualScanner()
    address = f"usbip:{server.host}:{server.port}/{server.plug(model)}"
    with ZK4500(ZK4500.locate(address)) as device:
        yield server, model, device
    server.close()


def test_an_open_idle_device_that_is_unplugged_is_noticed(desk, scanner):
    del desk
    server, model, device = scanner
    with DeviceMonitor() as monitor, DeviceMonitor() as another:
        assert monitor.next_event(0.1) is None
        assert device.is_there()
        began = time.monotonic()
        server.unplug(model)
        assert monitor.next_event(SOON) == DeviceEvent(Change.REMOVED, device.info)
        assert time.monotonic() - began < PROMPT
        assert another.next_event(SOON) == DeviceEvent(Change.REMOVED, device.info)
        assert device.is_removed
        with pytest.raises(DeviceRemoved, match="open it again"):
            device.capture()
        server.plug(model)
        assert device.open().is_there()


def test_what_a_capture_finds_gone_is_told_without_a_look(desk, scanner):
    _, model, device = scanner
    desk.found["acme"].append(device.info)  # which still lists it afterwards
    with DeviceMonitor(interval=600) as monitor:
        assert monitor.next_event(SOON).change is Change.ADDED
        while device not in monitor._alive:
            time.sleep(0.01)
        model.misbehave("unplug")
        with pytest.raises(DeviceRemoved):
            device.capture(timeout=SOON)
        began = time.monotonic()
        assert monitor.next_event(SOON) == DeviceEvent(Change.REMOVED, device.info)
        assert time.monotonic() - began < PROMPT
        assert monitor.next_event(0.3) is None


def test_an_open_device_that_discovery_misses_is_marked(desk, scanner):
    device = scanner[2]
    desk.found["acme"].append(device.info)
    with DeviceMonitor() as monitor:
        assert monitor.next_event(SOON).change is Change.ADDED
        desk.found["acme"].clear()
        assert monitor.next_event(SOON).change is Change.REMOVED
        assert device.is_removed
        assert monitor.next_event(0.3) is None


def test_one_that_went_and_came_between_two_looks_is_removed_and_added(desk, scanner):
    server, model, device = scanner
    desk.found["acme"].append(device.info)
    with DeviceMonitor() as monitor:
        assert monitor.next_event(SOON).change is Change.ADDED
        while device not in monitor._alive:
            time.sleep(0.01)
        server.unplug(model)
        server.plug(model)
        assert not device.is_there()
        assert monitor.next_event(SOON) == DeviceEvent(Change.REMOVED, device.info)
        assert monitor.next_event(SOON) == DeviceEvent(Change.ADDED, device.info)
        assert monitor.next_event(0.3) is None
        assert device.open().is_there()


def test_signs_of_life_do_not_disturb_captures(desk, scanner):
    del desk
    _, model, device = scanner
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            device.is_there()

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(5):
            with pytest.raises(TimeoutError):
                device.capture(timeout=0.02)
    finally:
        stop.set()
        asking.join()
    assert not model.lamps[3]
