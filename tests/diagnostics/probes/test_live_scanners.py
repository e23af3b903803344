# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

import ektp_hw as hw
from diagnostics.matrix.desk import Break
from ektp_hw.diagnostics.findings import Cause, Outcome
from ektp_hw.samples import FingerprintImage
from ektp_hw.synthetic import SyntheticPerson
from ektp_hw.virtual import platen
from live_desk import desk, seen, try_one

__all__ = ["desk"]
PERSON = SyntheticPerson(1)


def glass(pixels):
    return FingerprintImage(np.asarray(pixels, np.uint8), ppi=500.0)


def test_a_scanner_without_a_finger_is_sound(desk):
    desk.scanner.present(None)
    (found,) = try_one("fingerprint")
    assert (found.seen.key, found.outcome) == ("devices.scanner_sound", Outcome.SOUND)
    assert found.evidence["frames"] == 6
    assert not any(desk.scanner.lamps.values())


@pytest.mark.usefixtures("desk")
def test_a_scanner_with_a_finger_on_it_is_sound():
    (found,) = try_one("fingerprint")
    assert found.outcome is Outcome.SOUND
    assert found.evidence["finger_on_glass"] is True


def test_a_dead_lamp_is_the_scanner_s_fault(desk):
    desk.scanner.misbehave("dead-lamp")
    (found,) = try_one("fingerprint")
    assert (found.seen.key, found.cause) == ("devices.lamp_dark", Cause.FINGERPRINT)
    assert found.outcome is Outcome.BROKEN


def test_dirt_and_residue_on_the_glass_are_for_the_clerk(desk):
    desk.scanner.present(None)
    desk.scanner.misbehave("dirty")
    assert seen(try_one("fingerprint")) == [("dirty", Outcome.SUSPECT)]
    desk.scanner.behave()
    finger = platen.lay(PERSON.finger(hw.FingerPosition.RIGHT_INDEX).impression(0).image)
    residue = 225 + (finger.astype(float) - np.median(finger)) * 0.12
    desk.scanner.present(glass(residue.clip(0, 255)))
    assert seen(try_one("fingerprint")) == [("latent", Outcome.SUSPECT)]


@pytest.mark.parametrize(("lines", "grade"), [(1, Outcome.SUSPECT), (8, Outcome.BROKEN)])
def test_dead_lines_of_the_sensor(desk, lines, grade):
    bad = platen.empty()
    bad[100 : 100 + 5 * lines : 5] = 0
    desk.scanner.present(glass(bad))
    (found,) = try_one("fingerprint")
    assert (found.seen.key, found.outcome) == ("devices.dead_sensor", grade)
    assert found.evidence["dead_lines"] == lines


@pytest.mark.parametrize("fault", ["short", "garbage", "stall"])
def test_a_scanner_that_keeps_failing_is_broken_and_one_slip_is_the_cable(desk, fault):
    desk.scanner.present(None)
    desk.scanner.misbehave(fault, times=1)
    once = try_one("fingerprint")
    assert ("second_try", Outcome.SUSPECT) in seen(once)
    assert once[-1].cause is Cause.CABLE_OR_POWER
    desk.scanner.misbehave(fault, times=50)
    (found,) = try_one("fingerprint")
    assert (found.outcome, found.cause) == (Outcome.BROKEN, Cause.FINGERPRINT)
    desk.scanner.behave()
    assert try_one("fingerprint")[0].outcome is Outcome.SOUND


def test_a_pulled_cable_is_the_cable(desk):
    desk.scanner.misbehave("unplug")
    (found,) = try_one("fingerprint")
    assert (found.seen.key, found.cause) == ("devices.went_away", Cause.CABLE_OR_POWER)


@pytest.mark.usefixtures("desk")
def test_a_device_in_use_says_who():
    with hw.open_device("virtual:fingerprint"):
        (found,) = try_one("fingerprint")
    assert (found.seen.key, found.cause) == ("devices.busy", Cause.DRIVER)
    assert found.evidence["error"] == "DeviceBusy"


def test_a_scanner_that_falls_silent_is_broken(desk):
    desk.scanner.misbehave("silent", times=50)
    (found,) = try_one("fingerprint")
    assert (found.seen.key, found.cause) == ("devices.confused", Cause.FINGERPRINT)
    assert "stopped" in found.evidence["said"]


@pytest.mark.usefixtures("desk")
def test_a_module_on_a_slow_line_is_not_called_broken():
    (found,) = try_one("zfm", 4.0)
    assert (found.seen.key, found.outcome) == ("devices.slow_picture", Outcome.UNTESTED)


MODULE = "zfm?speed=2"
"""Its picture takes 3.5 s: a little more than one look."""


@pytest.mark.usefixtures("desk")
def test_a_picture_that_is_under_way_gets_its_time():
    (found,) = try_one(MODULE, 3.5, spare=4.0)
    assert (found.seen.key, found.outcome) == ("devices.scanner_sound", Outcome.SOUND)
    assert found.evidence["finger_on_glass"] is True


def test_a_module_that_damages_every_picture_is_broken(desk):
    Break("serial_module", "checksum")(desk)
    (found,) = try_one(MODULE, 3.5, spare=6.0)
    assert (found.seen.key, found.outcome) == ("devices.confused", Outcome.BROKEN)
    assert found.cause is Cause.FINGERPRINT
    assert "damaged" in found.evidence["said"]


def test_a_damaged_picture_that_comes_too_late_is_a_remark_as_well(desk):
    desk.serial_module.misbehave("checksum")
    (remark,) = try_one(MODULE, 3.5, spare=1.0)
    assert (remark.seen.key, remark.outcome) == ("devices.damaged_picture", Outcome.SUSPECT)
    assert remark.cause is Cause.CABLE_OR_POWER


def test_one_damaged_picture_is_a_remark_on_the_cable(desk):
    desk.serial_module.misbehave("checksum")
    sound, remark = try_one(MODULE, 3.5, spare=6.0)
    assert sound.outcome is Outcome.SOUND
    assert (remark.seen.key, remark.cause) == ("devices.second_try", Cause.CABLE_OR_POWER)


def test_a_module_without_a_finger_answers(desk):
    desk.serial_module.present(None)
    (found,) = try_one("zfm")
    assert (found.seen.key, found.outcome) == ("devices.answers_without_picture", Outcome.SOUND)


def test_a_module_that_says_nothing_has_no_power(desk):
    desk.serial_module.present(None)
    desk.serial_module.misbehave("silent")
    (found,) = try_one("zfm")
    assert (found.seen.key, found.cause) == ("devices.powered_off", Cause.CABLE_OR_POWER)


def test_a_reader_that_feels_a_finger_and_sees_nothing_is_broken(desk):
    desk.uareu.misbehave("dead-lamp")
    (found,) = try_one("uareu")
    assert (found.outcome, found.cause) == (Outcome.BROKEN, Cause.FINGERPRINT)
    assert "lamp" in found.evidence["said"]
