# SPDX-License-Identifier: Apache-2.0
"""One road in: broken and slow drivers of others cost a log line; nothing heavy is imported."""

import subprocess
import sys
import threading
import time
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest

from ektp_hw import registry
from ektp_hw.devices import DeviceInfo, DeviceKind
from ektp_hw.drivers.zk4500 import ZK4500
from ektp_hw.errors import (
    CaptureTimeout,
    DeviceNotFound,
    DeviceUnavailable,
    ProtocolError,
    UnavailableReason,
)
from ektp_hw.transport.transcript import Replay
from ektp_hw.virtual.station import station

THERE = DeviceInfo("good:1", DeviceKind.IRIS, "Good camera", "good")


class Good:
    name, schemes, usb_ids = "good", ("good",), ()

    @staticmethod
    def discover():
        return [THERE]

    @staticmethod
    def locate(uri):
        return THERE if uri == "good:1" else None

    @staticmethod
    def device(info):
        return SimpleNamespace(info=info, schemes=("good",))


class Raising(Good):
    @staticmethod
    def discover():
        raise ZeroDivisionError


class Exiting(Good):
    @staticmethod
    def discover():
        sys.exit(3)


class Lying(Good):
    @staticmethod
    def discover():
        return ["usb:1234"]


class NoLibrary(Good):
    @staticmethod
    def discover():
        raise DeviceUnavailable("no libusb", reason=UnavailableReason.LIBRARY_MISSING)


class Slow(Good):
    release = threading.Event()

    @classmethod
    def discover(cls):
        cls.release.wait(10)
        return [DeviceInfo("slow:1", DeviceKind.CARD, "Slow", "slow")]


class NoDriver:
    name = "nothing else"


@pytest.fixture
def install(monkeypatch):
    def with_drivers(*names):
        entries = [EntryPoint(name.lower(), f"{__name__}:{name}", registry.GROUP) for name in names]
        monkeypatch.setattr(registry, "entry_points", lambda **_: entries)
        monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or _this_module())
        monkeypatch.setattr(EntryPoint, "load", lambda entry: globals()[entry.attr])

    return with_drivers


def _this_module():
    return type(sys)(__name__)


def test_our_own_drivers_are_there():
    names = [driver.name for driver in registry.drivers()]
    assert {"virtual", "zk4500"} <= set(names)
    assert "virtual:fingerprint" in [info.uri for info in registry.discover("fingerprint")]


@pytest.mark.parametrize("broken", ["Raising", "Exiting", "Lying", "NoLibrary", "NoDriver"])
def test_a_broken_driver_costs_a_log_line(install, caplog, broken):
    install("Good", broken)
    assert registry.discover() == [THERE]
    assert [broken.lower() in record.getMessage() for record in caplog.records] == [True]


def test_a_driver_that_cannot_be_imported_costs_a_log_line(monkeypatch, caplog):
    entries = [
        EntryPoint("gone", "no_such_package_of_ours:Driver", registry.GROUP),
        EntryPoint("virtual", "ektp_hw.virtual.station:VirtualStation", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda **_: entries)
    assert "virtual:fingerprint" in [info.uri for info in registry.discover()]
    assert [driver.name for driver in registry.drivers()] == ["virtual"]
    assert "gone" in caplog.text


def test_a_slow_driver_is_left_out_in_time_and_not_asked_again(install, caplog):
    install("Good", "Slow")
    begun = time.monotonic()
    assert registry.discover(timeout=0.1) == [THERE]
    assert time.monotonic() - begun < 0.3
    threads = threading.active_count()
    assert registry.discover(timeout=0.1) == [THERE]
    assert threading.active_count() == threads
    assert "slow" in caplog.text
    Slow.release.set()
    registry._hung.pop("slow").join()


def test_kinds(install):
    install("Good")
    assert registry.discover(DeviceKind.IRIS) == registry.discover("iris") == [THERE]
    assert registry.discover("card") == []
    with pytest.raises(ValueError, match="nose"):
        registry.discover("nose")


@pytest.mark.parametrize("timeout", [-1, float("nan")])
def test_impossible_timeouts_are_refused(timeout):
    with pytest.raises(ValueError, match="cannot be"):
        registry.discover(timeout=timeout)


def test_addresses_find_their_driver(install):
    install("Good", "Raising")
    assert registry.make_device("good:1").info is THERE
    seen = DeviceInfo("virtual:eye", DeviceKind.IRIS, "Virtual eye", "virtual")
    made = registry.make_device("good:1", seen_as=seen).info
    assert (made.uri, made.address, made.name) == ("virtual:eye", "good:1", "Virtual eye")


@pytest.mark.parametrize("uri", ["good:2", "bad:1", "", "good", "usb:ffff:ffff"])
def test_unknown_addresses_are_not_found(install, uri):
    install("Good")
    with pytest.raises(DeviceNotFound, match="good:"):
        registry.open_device(uri)


def test_a_device_is_named_by_text():
    with pytest.raises(TypeError, match="int"):
        registry.open_device(7)


def test_traffic_is_recorded_and_replayed(tmp_path):
    desk = station()
    desk.scanner.present(None)
    path = tmp_path / "talk.jsonl"
    with (
        registry.open_device("virtual:fingerprint", record=path) as scanner,
        pytest.raises(CaptureTimeout),
    ):
        scanner.capture(timeout=0.1)
    desk.close()
    lines = path.read_text("ascii").splitlines()
    assert [line.startswith('{"call": "read"') for line in lines].count(True) >= 2
    replay = Replay(path)
    with ZK4500(scanner.info, connect=lambda _: replay) as again, pytest.raises(ProtocolError):
        again.capture(timeout=60)  # the recording ends where the time was over


def test_what_is_not_on_a_usb_cannot_be_recorded(install, tmp_path):
    install("Good")
    with pytest.raises(DeviceUnavailable, match="only the traffic of USB"):
        registry.open_device("good:1", record=tmp_path / "x")


def test_importing_the_registry_and_listing_is_light():
    code = (
        "import sys, ektp_hw.registry as r; "
        "heavy = {'usb', 'numpy', 'cv2', 'numba', 'PIL'}; "
        "assert not heavy & set(sys.modules), heavy & set(sys.modules); "
        "r.discover(); assert not {'cv2', 'numba'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_what_a_librarys_driver_sees_as_well_is_listed_once():
    kind = DeviceKind.FINGERPRINT
    ours = DeviceInfo("usb:05ba:000a@1-1", kind, "reader", "a", "", 0x05BA, 0x000A)
    same = DeviceInfo("libfprint:uru4000@1-1", kind, "reader", "b", "", 0x05BA, 0x000A)
    other = DeviceInfo("libfprint:egis0570@1-2", kind, "sensor", "b", "", 0x1C7A, 0x0570)
    unknown = DeviceInfo("pcsc:Reader 1", DeviceKind.CARD, "card", "c")
    assert registry._seen_once([same, unknown, ours, other]) == [unknown, ours, other]
    assert registry._seen_once([same, other]) == [same, other]


def test_a_driver_whose_import_hangs_is_waited_for_once(install, monkeypatch, caplog):
    release = threading.Event()
    install("Good", "Slow")
    monkeypatch.setattr(registry, "_LOAD_TIMEOUT", 0.1)
    monkeypatch.setattr(
        EntryPoint, "load", lambda entry: release.wait(10) if entry.attr == "Slow" else Good
    )
    for _ in range(2):
        assert registry.drivers() == [Good]
    assert "did not answer" in caplog.text
    assert "still hangs" in caplog.text
    release.set()
    registry._hung_loading.pop("slow").join()


def test_a_late_answer_counts_in_the_next_survey(install):
    install("Good", "Slow")
    Slow.release.clear()
    assert list(registry.survey(0.1).failures) == ["slow"]
    Slow.release.set()
    registry._hung["slow"].join()
    survey = registry.survey(0.1)
    assert (survey.found["slow"][0].uri, survey.failures) == ("slow:1", {})
    assert "slow" not in registry._hung
