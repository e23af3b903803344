# SPDX-License-Identifier: Apache-2.0
import os
from importlib.metadata import EntryPoint

import pytest

from ektp_hw.diagnostics.findings import Cause, Outcome
from ektp_hw.diagnostics.probes.drivers import Extractors, Held, Loading, Missing
from fake_machine import FakeMachine

ZK4500 = (0x1B55, 0x0840)
URI = "usb:1b55:0840@1-4"


@pytest.fixture
def machine(tmp_path):
    return FakeMachine(tmp_path)


def outcome(probe, machine, before=(), **around):
    found = probe.run(machine.around(**around), before)
    return [(one.device, one.outcome, one.seen.key.partition(".")[2]) for one in found]


def entry(name, value):
    return EntryPoint(name, value, "ektp_hw.drivers")


def test_our_own_drivers_load(machine):
    assert outcome(Loading(), machine) == [("", Outcome.SOUND, "all_load")]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("no_such_package_at_all:Driver", "ModuleNotFoundError"),
        ("ektp_hw.drivers.zk4500:Nothing", "AttributeError"),
        ("ektp_hw.samples:FingerprintImage", "it is no driver: it has no 'name'"),
    ],
)
def test_a_driver_that_does_not_load_is_named(machine, value, why):
    probe = Loading(lambda: [entry("good", "ektp_hw.drivers.zk4500:ZK4500"), entry("bad", value)])
    (found,) = probe.run(machine.around(), [])
    assert (found.outcome, found.cause) == (Outcome.BROKEN, Cause.DRIVER)
    assert found.evidence["driver"] == "bad"
    assert str(found.evidence["error"]).startswith(why)


def test_a_driver_that_ends_the_program_is_only_broken(machine, tmp_path, monkeypatch):
    (tmp_path / "leaves.py").write_text("import sys\nsys.exit(3)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    (found,) = Loading(lambda: [entry("leaves", "leaves:Driver")]).run(machine.around(), [])
    assert found.evidence["error"] == "SystemExit: 3"


def test_no_driver_at_all_is_a_fault(machine):
    assert outcome(Loading(list), machine) == [("", Outcome.BROKEN, "none")]


def test_a_known_device_has_its_driver(machine):
    machine.plug("1-4", *ZK4500)
    assert outcome(Missing(), machine) == [(URI, Outcome.SOUND, "has_driver")]


def test_a_stranger_of_a_known_maker_lacks_a_driver(machine):
    machine.plug("1-4", 0x1162, 0x2200, title="SecuGen Hamster")
    assert outcome(Missing(), machine) == [("usb:1162:2200@1-4", Outcome.SUSPECT, "unknown")]
    (found,) = Missing().run(machine.around(expects=("fingerprint",)), [])
    assert (found.outcome, found.cause) == (Outcome.BROKEN, Cause.DRIVER)
    assert found.evidence["usb_id"] == "1162:2200"


def test_a_reader_without_driver_is_read_through_the_service(machine):
    machine.plug("1-4", 0x08E6, 0x3437, faces=((0x0B, "", ""),), title="Gemalto Reader")
    assert outcome(Missing(), machine, expects=("card",))[0][1:] == (Outcome.BROKEN, "unknown")
    machine.program(500, "pcscd")
    assert outcome(Missing(), machine, expects=("card",))[0][1:] == (Outcome.SOUND, "has_service")


def test_mice_and_tablets_are_no_strangers(machine):
    machine.plug("1-2", 0x046D, 0xC077, faces=((0x03, "usbhid", ""),))
    machine.plug("1-3", 0x056A, 0x0374, faces=((0x03, "wacom", ""),))
    assert outcome(Missing(), machine) == [("", Outcome.SOUND, "no_stranger")]


def test_a_free_device_is_sound(machine):
    machine.plug("1-4", *ZK4500)
    assert outcome(Held(), machine) == [(URI, Outcome.SOUND, "free")]


def test_a_driver_of_the_kernel_that_holds_a_device_is_named_with_its_module(machine):
    machine.plug("1-4", *ZK4500, faces=((0xFF, "usbtest", "usbtest"),))
    (found,) = Held().run(machine.around(), [])
    assert (found.outcome, found.cause) == (Outcome.BROKEN, Cause.DRIVER)
    assert (found.evidence["kernel_driver"], found.evidence["module"]) == ("usbtest", "usbtest")
    assert found.advice.values["interface"] == "1-4:1.0"


def test_the_kernel_s_nfc_driver_is_a_remark_because_ours_takes_the_reader_back(machine):
    machine.plug("1-4", 0x072F, 0x2200, faces=((0x0B, "pn533_usb", "pn533_usb"),))
    assert outcome(Held(), machine) == [("usb:072f:2200@1-4", Outcome.SUSPECT, "kernel_holds")]


def test_ordinary_drivers_of_the_kernel_hold_nothing_back(machine):
    machine.plug("1-4", 0x1209, 0x0001, faces=((0x0E, "uvcvideo", "uvcvideo"),) * 2)
    assert outcome(Held(), machine) == [("usb:1209:0001@1-4", Outcome.SOUND, "free")]


def test_a_program_that_holds_a_device_is_named(machine):
    node = machine.plug("1-4", *ZK4500, faces=((0xFF, "usbfs", ""),))
    machine.program(4711, "enrollment", "dev/null", node)
    machine.program(os.getpid(), "doctor", node)
    (found,) = Held().run(machine.around(), [])
    assert (found.outcome, found.cause) == (Outcome.BROKEN, Cause.DRIVER)
    assert found.evidence["programs"] == "enrollment (4711)"


def test_a_program_that_hides_is_a_remark(machine):
    machine.plug("1-4", *ZK4500, faces=((0xFF, "usbfs", ""),))
    assert outcome(Held(), machine) == [(URI, Outcome.SUSPECT, "somebody_holds")]


def test_the_card_service_may_hold_its_readers(machine):
    node = machine.plug("1-4", 0x072F, 0x2200, faces=((0x0B, "usbfs", ""),))
    machine.program(500, "pcscd", node)
    assert outcome(Held(), machine) == [("usb:072f:2200@1-4", Outcome.SOUND, "free")]


def stranger(folder, body):
    """Install a package with an extractor into a folder."""
    (folder / "odd.py").write_text(body)
    info = folder / "odd-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ektp_hw.extractors]\nodd = odd:extract\n")
    return os.environ | {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("import nothing_of_that_name\n", "ModuleNotFoundError"),
        ("import os\nos._exit(9)\n", "code 9"),
    ],
)
def test_an_extractor_that_breaks_or_crashes_is_named(machine, tmp_path, body, why):
    folder = tmp_path / "packages"
    folder.mkdir()
    around = machine.around(environment=stranger(folder, body))
    (found,) = Extractors().run(around, [])
    assert (found.outcome, found.cause) == (Outcome.SUSPECT, Cause.DRIVER)
    assert why in str(found.evidence["error"])


def test_extractors_that_were_never_installed_are_no_fault(machine):
    assert outcome(Extractors(), machine) == [("", Outcome.SOUND, "extractors_load")]
