# SPDX-License-Identifier: Apache-2.0
import time

import pytest

from ektp_hw.diagnostics.findings import Cause, Outcome
from ektp_hw.diagnostics.probes import computer
from ektp_hw.diagnostics.surroundings import StationProfile, Surroundings
from ektp_hw.diagnostics.wording import LANGUAGES, worded

SOUND = {
    "proc/loadavg": "0.50 0.60 0.70 1/200 999\n",
    "proc/cpuinfo": "processor\t: 0\n\nprocessor\t: 1\n",
    "proc/meminfo": "MemTotal: 4000000 kB\nMemAvailable: 2500000 kB\nSwapFree: 900000 kB\n",
    "proc/uptime": "7200.00 9000.00\n",
    "dev/kmsg": "6,1,1,-;Linux version 6.1\n",
    "etc/timezone": "Asia/Jakarta\n",
    "sys/class/thermal/thermal_zone0/temp": "48500\n",
}
PROBES = {probe.name: probe for probe in computer.PROBES}


@pytest.fixture
def machine(tmp_path):
    def build(**changes):
        for name, text in {**SOUND, **changes}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Surroundings(StationProfile(), tmp_path, {})

    return build


def look(name, around):
    (found,) = PROBES[name].run(around, [])
    for language in LANGUAGES:
        assert all(worded(said, language) for said in (found.checked, found.seen))
        if found.advice:
            assert worded(found.advice, language)
    return found


def test_a_sound_machine_is_sound(machine):
    around = machine()
    outcomes = {name: look(name, around).outcome for name in PROBES}
    assert outcomes.pop("computer.drift") is Outcome.UNTESTED
    assert set(outcomes.values()) == {Outcome.SOUND}


def test_an_empty_machine_is_untested_and_never_raises(tmp_path):
    around = Surroundings(StationProfile(), tmp_path, {})
    untested = {name for name in PROBES if look(name, around).outcome is Outcome.UNTESTED}
    assert untested == {"computer.load", "computer.memory", "computer.drift", "computer.heat",
                        "computer.uptime"}  # fmt: skip


LITTLE = "MemTotal: 4000000 kB\nMemAvailable: 90000 kB\nSwapFree: 900000 kB\n"
NONE = "MemTotal: 4000000 kB\nMemAvailable: 9000 kB\nSwapFree: 0 kB\n"


@pytest.mark.parametrize(
    ("name", "file", "text", "key"),
    [
        ("load", "proc/loadavg", "9.1 9.2 9.3 1/200 9", "computer.overloaded"),
        ("memory", "proc/meminfo", LITTLE, "computer.memory_low"),
        ("memory", "dev/kmsg", "3,9,1,-;Out of memory: Killed process 8", "computer.memory_low"),
        ("memory", "proc/meminfo", NONE, "computer.memory_out"),
        ("heat", "sys/class/thermal/thermal_zone1/temp", "95000", "computer.hot"),
        ("clock", "sys/class/rtc/rtc0/since_epoch", "1000000", "computer.battery_of_clock"),
        ("clock", "etc/timezone", "Europe/Berlin", "computer.clock_zone"),
        ("supply", "sys/devices/platform/soc/soc:firmware/get_throttled", "50005",
         "computer.voltage_low"),
        ("supply", "sys/devices/platform/soc/soc:firmware/get_throttled", "50000",
         "computer.voltage_was_low"),
        ("supply", "sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1", "computer.voltage_low"),
        ("supply", "dev/kmsg", "4,9,1,-;hwmon: Undervoltage detected!",
         "computer.voltage_was_low"),
        ("uptime", "dev/kmsg", "6,9,1,-;EXT4-fs (sda2): recovery complete", "computer.went_down"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(machine, name, file, text, key):
    assert look(f"computer.{name}", machine(**{file: text})).seen.key == key


def test_a_computer_on_its_battery(machine):
    folder = "sys/class/power_supply/BAT0"
    around = machine(**{f"{folder}/status": "Discharging", f"{folder}/capacity": "11"})
    found = look("computer.supply", around)
    assert found.seen.key == "computer.on_battery"
    assert found.cause is Cause.CABLE_OR_POWER


def test_a_clock_that_was_never_set(machine, monkeypatch):
    monkeypatch.setattr(computer.time, "time", lambda: 86400.0)
    found = look("computer.clock", machine())
    assert found.seen.key == "computer.clock_unset"
    assert found.outcome is Outcome.BROKEN
    assert found.cause is Cause.COMPUTER


DAY = 86400.0


@pytest.mark.parametrize(
    ("centre", "other", "key"),
    [
        (10.0, None, "computer.clock_agrees"),
        (1800.0, None, "computer.clock_drifts"),
        (-400 * DAY, None, "computer.clock_wrong"),
        (400 * DAY, 400 * DAY, "computer.clock_wrong"),
        (400 * DAY, 3.0, "computer.clock_of_centre"),
    ],
)
def test_whose_clock_is_wrong(machine, monkeypatch, centre, other, key):
    dates = {"pusat.contoh.test": centre, "tetangga.test": other}

    def ask(around, place, path, **limits):
        del around, path, limits
        off = dates[place.host]
        if off is None:
            raise OSError("nobody there")
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + off))
        return computer_reply({"date": date})

    from ektp_hw.diagnostics.probes.network.speaking import Reply

    def computer_reply(headers):
        return Reply(200, headers)

    monkeypatch.setattr(computer, "ask", ask)
    profile = StationProfile(
        centre="https://pusat.contoh.test/", reference_hosts=("tetangga.test",)
    )
    around = Surroundings(profile, machine().root, {})
    assert look("computer.drift", around).seen.key == key
