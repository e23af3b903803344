# SPDX-License-Identifier: Apache-2.0
import io
import json
import os
import re
import zipfile
from datetime import UTC, datetime

import pytest

from ektp_hw.diagnostics.bundle import entries_of, zipped
from ektp_hw.diagnostics.examination import as_plain, examine
from ektp_hw.diagnostics.findings import Outcome
from ektp_hw.diagnostics.journal import Writer, excerpt_around_change, read_journal
from ektp_hw.diagnostics.seal import sealed
from ektp_hw.diagnostics.surroundings import StationProfile, Surroundings
from simulated_station import (
    CABLE,
    CIPOCOK_JAYA,
    DAY,
    HOUR,
    LINE,
    SCANNER,
    SetClock,
    begin,
    pass_days,
)
from stub_station import CAUSES, Probe, examination, finding, five_months

PLANTED = (
    "3673051703890002", "siti", "Aminah", "0389.0002", "s3cr3t", "ghp_", "0812-3456", "RINA",
    "Wulandari", "SN-55512", "08:00:27",
)  # fmt: skip


@pytest.fixture
def station(tmp_path):
    """Return a station on whose machine personal things lie about."""
    files = {
        "etc/hostname": "pc-rina",
        "etc/passwd": "rina:x:1000:1000:Rina Wulandari,,,0812-3456-7890:/home/rina:/bin/bash",
        "etc/os-release": 'PRETTY_NAME="Debian 12"',
        "sys/bus/usb/devices/1-4/serial": "SN-55512",
        "sys/bus/usb/devices/1-4/product": "Scanner of Rina",
        "sys/bus/usb/devices/1-4/idVendor": "1b55",
        "waiting/SITI AMINAH_3673051703890002.png": "picture of siti",
        "dev/kmsg": "6,1,1000000,-;usb 1-4: SerialNumber: SN-55512\n"
        "6,2,2000000,-;usb 1-4: new high-speed USB device\n"
        "3,3,3000000,-;EXT4-fs error: siti_aminah_3673051703890002.png: I/O error\n"
        "3,4,3100000,-;usb: device eth0 08:00:27:aa:bb:cc renamed by rina\n"
        "6,5,4000000,-;siti logged in from elsewhere\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    profile = StationProfile(
        "Cipocok Jaya", "Kota Serang", "36.73.05", waiting=tmp_path / "waiting"
    )
    environment = {
        "HOME": str(tmp_path / "home/rina"),
        "USER": "rina",
        "LANG": "id_ID.UTF-8",
        "GITHUB_TOKEN": "ghp_0123456789abcdefghij0123456789abcdef",
        "HTTP_PROXY": "http://rina:s3cr3t@proxy:3128",
    }
    return Surroundings(profile, root=tmp_path, environment=environment)


def held(around, key, **evidence):
    probe = Probe(finding("stub.cable", Outcome.BROKEN, evidence=evidence))
    seen = examine(around, [probe], CAUSES, history=five_months())
    document = sealed(as_plain(seen, "id", "1.2.3"), key)
    return entries_of(seen, document)


def test_planted_personal_things_do_not_get_in(station, tmp_path):
    evidence = {
        "file": f"{tmp_path}/waiting/SITI AMINAH_3673051703890002.png",
        "said": "NIK 36.73.05.170389.0002 of siti.aminah@example.id, token=s3cr3t",
        "proxy": station.environment["HTTP_PROXY"],
        "environment": station.environment["GITHUB_TOKEN"],
    }
    entries = held(station, tmp_path / "key.pem", **evidence)
    zip_ = zipped(entries, datetime(2026, 11, 25, 14, 3, 22, tzinfo=UTC))
    with zipfile.ZipFile(io.BytesIO(zip_)) as archive:
        whole = "\n".join(
            f"{name}\n{archive.read(name).decode()}" for name in archive.namelist()
        ).lower()
    for secret in PLANTED:
        assert not re.search(rf"(?<![a-z]){re.escape(secret.lower())}", whole), secret
    assert os.environ.get("HOSTNAME", "no such name") not in whole
    assert "usb 1-4: new high-speed usb device" in whole
    assert "1b55" in whole
    assert "logged in" not in whole, "only what concerns devices, storage and network"


def test_it_lists_what_it_holds(station, tmp_path):
    entries = held(station, tmp_path / "key.pem")
    *files, contents = entries
    assert contents.name == "contents.txt"
    for entry in files:
        assert entry.name in contents.content.decode()
        assert entry.about
    assert {entry.name for entry in files} == {
        "findings.json", "letter.html", "versions.json", "usb.json", "kernel.txt", "journal.json",
    }  # fmt: skip
    versions = json.loads(next(each for each in files if each.name == "versions.json").content)
    assert versions["packages"]["numpy"]
    assert versions["system"] == "Debian 12"
    assert "GITHUB_TOKEN" not in str(versions)


@pytest.fixture
def journal(tmp_path):
    """A journal of three days: the line fails, mends, and then the scanner's cable goes."""
    path, clock = tmp_path / "journal.ektp", SetClock()
    with Writer(path, CIPOCOK_JAYA, clock) as writer:
        begin(writer)
        faults = [
            (5 * HOUR, HOUR, LINE, "local_network"),
            (2 * DAY + HOUR, 5 * HOUR, CABLE, "cable_or_power"),
        ]
        pass_days(writer, clock, 3, faults)
        writer.append(["P", writer.now(), SCANNER, 1])
    return read_journal(path)


def test_it_holds_what_the_journal_says_around_the_last_change(station, tmp_path, journal):
    seen = examination(around=station)
    document = sealed(as_plain(seen, "id", "1"), tmp_path / "key.pem")
    entries = entries_of(seen, document, journal)
    (change,) = [each for each in entries if each.name == "change.json"]
    told = json.loads(change.content)
    assert (told["before"], told["after"]) == (["cable_or_power"], [])
    assert told["changed"] in change.about
    assert change.about in entries[-1].content.decode(), "listed before it is written"
    plugs = [each for each in told["entries"] if each["kind"] == "device"]
    assert [(each["device"], each["is_there"]) for each in plugs] == [(SCANNER, 1)]
    looks = [each for each in told["entries"] if each["kind"] == "look"]
    assert looks[-1] | {"line": 0, "when": ""} == {
        "line": 0, "when": "", "kind": "look", "probe": "usb.presence", "device": SCANNER,
        "state": "sound",
    }  # fmt: skip
    assert looks[-2]["cause"] == "cable_or_power"
    assert not any(each.get("probe") == "network.gateway" for each in looks), "a day before"


def test_a_journal_without_a_change_has_no_excerpt(station, tmp_path):
    path = tmp_path / "journal.ektp"
    with Writer(path, CIPOCOK_JAYA, SetClock()) as writer:
        begin(writer)
    seen = examination(around=station)
    document = sealed(as_plain(seen, "id", "1"), tmp_path / "key.pem")
    names = {each.name for each in entries_of(seen, document, read_journal(path))}
    assert "change.json" not in names


def test_sums_and_other_entries_are_told_too(tmp_path):
    path, clock = tmp_path / "journal.ektp", SetClock()
    with Writer(path, CIPOCOK_JAYA, clock) as writer:
        begin(writer)
        now = writer.now()
        writer.append(
            ["T", now, HOUR, 60, [[LINE, 30, 1500, "B", "local_network", 90]]],
            ["N", now, "batch", {"iris": [3, 2, 1]}, {"device": 4}],
        )
        clock.jump(HOUR)
        clock.go_on(60)
    told = excerpt_around_change(read_journal(path))
    assert told["after"] == ["local_network"]
    kinds = {each["kind"]: each for each in told["entries"]}
    assert kinds["watched"]["sums"][0]["seconds_down"] == 1500
    assert kinds["captures"]["turned_away"] == {"device": 4}
    assert {"recorder begins", "recorder ends"} <= set(kinds)


def test_the_excerpt_is_redacted(station, tmp_path):
    path = tmp_path / "journal.ektp"
    with Writer(path, CIPOCOK_JAYA, SetClock()) as writer:
        begin(writer)
        number = writer.subject("stub.rina", "", ["pad"])
        writer.append(["L", writer.now(), number, "B", "pad", 90])
    seen = examination(around=station)
    document = sealed(as_plain(seen, "id", "1"), tmp_path / "key.pem")
    by_name = {each.name: each.content for each in entries_of(seen, document, read_journal(path))}
    assert b"stub.***" in by_name["change.json"]
    assert b"rina" not in by_name["change.json"]


def test_a_bare_machine_gives_a_bundle_too(tmp_path):
    around = Surroundings(root=tmp_path, environment={"HOME": str(tmp_path)})
    seen = examination(around=around)
    entries = entries_of(seen, sealed(as_plain(seen, "en", "1"), tmp_path / "key.pem"))
    by_name = {each.name: each for each in entries}
    assert json.loads(by_name["usb.json"].content) == {}
    assert "may not be read" in by_name["kernel.txt"].about
    assert "journal.json" not in by_name


def test_a_serial_number_is_the_same_mark_everywhere(station, tmp_path):
    by_name = {each.name: each.content.decode() for each in held(station, tmp_path / "key.pem")}
    mark = json.loads(by_name["usb.json"])["1-4"]["serial"]
    assert mark.startswith("#")
    assert f"SerialNumber: {mark}" in by_name["kernel.txt"]
