# SPDX-License-Identifier: Apache-2.0
"""Many stations on one page."""

import re
import shutil
from datetime import datetime
from html.parser import HTMLParser

import pytest

from ektp_hw.diagnostics.fleet import Health, files_in, read_fleet
from ektp_hw.diagnostics.fleet_page import FleetWords, as_plain, render
from ektp_hw.diagnostics.journal import Writer
from ektp_hw.errors import StationError
from simulated_station import (
    CABLE,
    DAY,
    HOUR,
    LINE,
    WIB,
    SetClock,
    StationProfile,
    begin,
    pass_days,
)

START = datetime(2026, 3, 1, tzinfo=WIB)


def station(folder, name, district, faults=(), days=20, before=0):
    clock = SetClock(START)
    clock.at -= before * DAY
    path = folder / f"{name}.ektp"
    with Writer(path, StationProfile(name, district, "36.73.01"), clock) as writer:
        begin(writer)
        pass_days(writer, clock, days, faults)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fleet")
    lasting = 400 * DAY
    station(folder, "Cipocok Jaya", "Kota Serang", [(5 * DAY, lasting, LINE, "local_network")])
    station(folder, "Curug", "Kota Serang", [(18 * DAY, HOUR, CABLE, "cable_or_power")])
    station(folder, "Kasemen", "Kota Serang")
    station(folder, "Malingping", "Kabupaten Lebak", before=9)
    (folder / "letter.ektp").write_bytes(b"not a journal")
    changed = station(folder, "<b>Labuan</b>", "Kabupaten Lebak".upper())
    content = bytearray(changed.read_bytes())
    content[content.index(b'"T"') + 6] ^= 1
    changed.write_bytes(content)
    shutil.copy(folder / "Kasemen.ektp", folder / "Kasemen copy.ektp")
    return folder


@pytest.fixture(scope="module")
def fleet(folder):
    return read_fleet(files_in([folder]), days=20, zone=WIB)


def named(fleet):
    return {each.name: each for each in fleet.stations}


def test_who_is_down_since_when_and_why(fleet):
    stations = named(fleet)
    assert {name: each.health for name, each in stations.items()} == {
        "Cipocok Jaya": Health.DOWN,
        "Curug": Health.SHAKY,
        "Kasemen": Health.WORKS,
        "Malingping": Health.SILENT,
        "<b>Labuan</b>": Health.WORKS,
    }
    down = stations["Cipocok Jaya"]
    assert down.since == datetime(2026, 3, 6, tzinfo=WIB)
    assert [each.cause for each in down.now] == ["local_network"]
    assert down.days[:5] == ("works",) * 5
    assert down.days[6:] == ("down",) * 14


def test_the_worst_district_comes_first_and_in_it_the_worst_station(fleet):
    assert fleet.districts[0].name == "Kota Serang"
    assert [each.name for each in fleet.districts[0].stations] == [
        "Cipocok Jaya", "Curug", "Kasemen",
    ]  # fmt: skip


def test_damaged_files_are_listed_and_stop_nothing(fleet):
    [unusable] = fleet.unusable
    assert unusable.file.endswith("letter.ektp")
    assert "not a journal" in unusable.why
    assert named(fleet)["<b>Labuan</b>"].damaged == 1
    [copy] = fleet.copies
    assert "Kasemen" in copy.file


@pytest.mark.parametrize("language", ["id", "en"])
def test_the_page_is_one_file_that_fetches_nothing(fleet, language):
    html = render(fleet, FleetWords(fleet, language))
    assert not re.search(r"(src|href)=|url\(|@import|https?://", html)
    assert "<b>Labuan</b>" not in html
    assert "&lt;b&gt;Labuan" in html
    assert "@page" in html
    assert "width=device-width" in html
    open_tags = []

    class Balance(HTMLParser):
        def handle_starttag(self, tag, attrs):
            del attrs
            if tag not in {"meta", "path"}:
                open_tags.append(tag)

        def handle_endtag(self, tag):
            if tag != "path":
                assert open_tags.pop() == tag

    Balance().feed(html)
    assert open_tags == []


def test_the_page_in_indonesian(fleet):
    html = render(fleet, FleetWords(fleet, "id"))
    assert "5 tempat perekaman di 3 kabupaten/kota: 1 terganggu, 1 tanpa kabar" in html
    assert "jaringan setempat" in html
    assert "6 Mar 2026" in html


def test_plain_data(fleet):
    plain = as_plain(fleet)
    assert (plain["stations"], plain["down"], plain["silent"]) == (5, 1, 1)
    assert plain["districts"][0]["stations"][0]["faults"][0]["cause"] == "local_network"


def test_several_processes_find_the_same(folder, fleet, monkeypatch):
    monkeypatch.setattr("ektp_hw.diagnostics.fleet._MANY", 2)
    again = read_fleet(files_in([folder]), days=20, zone=WIB, workers=2)
    assert as_plain(again) == as_plain(fleet)


def test_nothing_to_read_is_said(tmp_path):
    with pytest.raises(StationError, match="no journal"):
        files_in([tmp_path])
    with pytest.raises(StationError, match="no such file"):
        files_in([tmp_path / "absent"])
