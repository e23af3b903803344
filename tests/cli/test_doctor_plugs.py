# SPDX-License-Identifier: Apache-2.0
"""The live doctor notices what is plugged in: by events, and by the system's files."""

import time
from types import SimpleNamespace

import pytest

from ektp_hw import registry
from ektp_hw.cli import doctor_plugs
from ektp_hw.cli.doctor_plugs import Plugs, plugged
from ektp_hw.devices.base import DeviceInfo, DeviceKind
from ektp_hw.diagnostics.surroundings import Surroundings
from ektp_hw.hotplug import Change, DeviceEvent

READER = DeviceInfo("pcsc:Reader 0", DeviceKind.CARD, "a reader of the card service", "pcsc_reader")
SCANNER = DeviceInfo("usb:1b55:0840", DeviceKind.FINGERPRINT, "a scanner", "zk4500")


def test_what_is_plugged_in_is_read_from_the_system(tmp_path):
    around = Surroundings(root=tmp_path)
    assert plugged(around) == frozenset()
    device, card = tmp_path / "sys/bus/usb/devices/1-4", tmp_path / "sys/class/net/eth0"
    for folder, fact, value in ((device, "devnum", "7"), (card, "carrier", "1")):
        folder.mkdir(parents=True)
        (folder / fact).write_text(value)
    before = plugged(around)
    assert before == {"1-4 7", "eth0 1"}
    (device / "devnum").write_text("8")
    assert plugged(around) != before


@pytest.fixture
def watched(monkeypatch):
    """Watch with events that the test makes; the first survey finds the scanner."""
    monkeypatch.setattr(doctor_plugs, "_FIRST_SURVEY", 0.1)
    monkeypatch.setattr(doctor_plugs, "_QUIET", 0.1)
    monkeypatch.setattr(doctor_plugs, "plugged", lambda _around: frozenset())
    bench = SimpleNamespace(stopped=False, open=[])

    def watch(on_event):
        bench.tell = lambda change, info=None: on_event(DeviceEvent(change, info))
        bench.tell(Change.ADDED, SCANNER)
        return SimpleNamespace(stop=lambda: setattr(bench, "stopped", True))

    with Plugs(Surroundings(), watch, lambda: bench.open) as bench.plugs:
        yield bench
    assert bench.stopped


def settled(plugs, seconds=0.25):
    """Return what is plugged in after a while; asked often, as the doctor does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        now = plugs()
        time.sleep(0.01)
    return now


def test_a_device_that_no_file_tells_of_is_noticed(watched):
    begun = watched.plugs()
    assert settled(watched.plugs) == begun, "what was there already is no change"
    watched.tell(Change.ADDED, READER)
    there = settled(watched.plugs)
    assert there != begun
    watched.tell(Change.REMOVED, READER)
    assert settled(watched.plugs) not in (there, begun)


def test_what_the_doctor_opens_itself_is_no_change(watched):
    begun = settled(watched.plugs)
    watched.open = [object()]
    watched.tell(Change.REMOVED, SCANNER)
    assert settled(watched.plugs) == begun
    watched.open = []
    watched.plugs()
    watched.tell(Change.ADDED, SCANNER)
    assert settled(watched.plugs) == begun


def test_a_device_that_goes_while_another_is_open_is_noticed_afterwards(watched):
    watched.tell(Change.ADDED, READER)
    begun = settled(watched.plugs)
    watched.open = [object()]
    watched.tell(Change.REMOVED, READER)
    assert settled(watched.plugs) == begun
    watched.open = []
    assert settled(watched.plugs) != begun


def test_a_look_that_failed_is_no_change(watched):
    begun = settled(watched.plugs)
    watched.tell(Change.FAILED)
    assert settled(watched.plugs) == begun


def test_there_are_no_events_of_a_machine_that_is_a_folder(tmp_path):
    def watch(**_options):
        pytest.fail("these are another machine's devices")

    with Plugs(Surroundings(root=tmp_path), watch) as plugs:
        assert plugs() == plugs()


def test_the_library_s_own_events(monkeypatch):
    """A device that comes and goes at the registry is noticed through the real monitor."""
    found = [SCANNER]
    look = lambda _timeout: SimpleNamespace(found={"any": list(found)}, failures={})  # noqa: E731
    monkeypatch.setattr(registry, "survey", look)
    with Plugs(Surroundings(), opened=list) as plugs:
        begun = settled(plugs, 2.5)[1]
        found.append(READER)
        assert settled(plugs, 2.0)[1] != begun
