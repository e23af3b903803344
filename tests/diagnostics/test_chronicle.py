# SPDX-License-Identifier: Apache-2.0
"""Many days in figures and sentences; above all the five months at Cipocok Jaya."""

import json
from datetime import date, datetime

import pytest

from ektp_hw.diagnostics.findings import Cause
from ektp_hw.diagnostics.journal import Writer, read_journal, verify
from ektp_hw.diagnostics.summing import chronicle_of
from ektp_hw.diagnostics.telling import Telling, as_plain
from simulated_station import (
    CABLE,
    CENTRE,
    CIPOCOK_JAYA,
    DAY,
    HOUR,
    LINE,
    WIB,
    SetClock,
    begin,
    five_months_at_cipocok_jaya,
    pass_days,
)

MODELS = {"usb:1b55:0840": "ZKTeco ZK4500"}
NOON = datetime(2026, 3, 1, tzinfo=WIB)


@pytest.fixture(scope="module")
def cipocok_jaya(tmp_path_factory):
    return five_months_at_cipocok_jaya(tmp_path_factory.mktemp("station") / "journal.ektp")


@pytest.fixture(scope="module")
def chronicle(cipocok_jaya):
    return chronicle_of(read_journal(cipocok_jaya), days=150, zone=WIB)


def made(path, days, faults, **options):
    clock = SetClock(NOON)
    with Writer(path, CIPOCOK_JAYA, clock) as writer:
        begin(writer)
        pass_days(writer, clock, days, faults)
    return chronicle_of(read_journal(path), days=days, zone=WIB, **options)


def test_cipocok_jaya_which_faults_since_when_how_often_how_long(chronicle):
    cable, line = chronicle.faults
    assert (cable.cause, cable.device) == (Cause.CABLE_OR_POWER, "usb:1b55:0840@1-4")
    assert (line.cause, line.device) == (Cause.LOCAL_NETWORK, "")
    assert (cable.times, line.times) == (90, 27)
    assert cable.down_seconds == 90 * 7 * HOUR
    assert line.down_seconds == 27 * 2 * HOUR
    assert line.first.date() == date(2026, 1, 21)
    assert cable.first.date() == date(2026, 3, 17)
    assert not cable.lasts


def test_cipocok_jaya_first_the_line_then_the_cable_then_both(chronicle):
    told = [(set(each.faults), each.often) for each in chronicle.phases if each.faults]
    cable, line = 0, 1
    assert told == [({line}, (False,)), ({cable}, (True,)), ({cable, line}, (True, False))]
    assert [each.first for each in chronicle.phases if each.faults] == [
        date(2026, 1, 21), date(2026, 3, 17), date(2026, 5, 1),
    ]  # fmt: skip
    assert sum(each.days for each in chronicle.phases) == 150


def test_cipocok_jaya_both_at_once_and_only_at_the_end(chronicle):
    [overlap] = chronicle.overlaps
    assert overlap.times == 15
    assert overlap.first.date() == date(2026, 5, 1)
    assert overlap.seconds == pytest.approx(15 * 2 * HOUR, rel=0.05)


def test_cipocok_jaya_availability_and_people(chronicle):
    lanes = {lane.cause: lane for lane in chronicle.lanes}
    share = 1 - 90 * 7 / (150 * 24)
    assert lanes[Cause.CABLE_OR_POWER].availability == pytest.approx(share, abs=1e-3)
    assert lanes[Cause.CENTRAL_SERVICE].availability == 1.0
    assert lanes[Cause.CABLE_OR_POWER].states.count("partly") == 90
    assert len(lanes[Cause.LOCAL_NETWORK].states) == 150
    assert chronicle.turned_away == 90 * 6 + 12 * 2
    assert chronicle.captures == {"fingerprint": (2700, 900, 1800)}


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        (
            "id",
            [
                (
                    "Selama 150 hari tercatat 2 gangguan yang berbeda: kabel atau catu daya"
                    " (ZKTeco ZK4500) dan jaringan setempat."
                ),
                "terjadi bersamaan 15 kali",
                "pertama kali pada 1 Mei 2026",
                "21 Januari 2026 sampai 6 Maret 2026: jaringan setempat sesekali",
                (
                    "17 Maret 2026 sampai 30 April 2026: kabel atau catu daya (ZKTeco ZK4500)"
                    " hampir setiap hari"
                ),
                (
                    "1 Mei 2026 sampai 14 Juni 2026, bersamaan: kabel atau catu daya"
                    " (ZKTeco ZK4500) hampir setiap hari dan jaringan setempat sesekali"
                ),
                "564 warga pulang tanpa direkam (perangkat 540, jaringan 24)",
                "jaringan setempat: 98,5 %",
            ],
        ),
        (
            "en",
            [
                (
                    "In 150 days 2 different faults were recorded: the cable or the power supply"
                    " (ZKTeco ZK4500) and the local network."
                ),
                "at the same time 15 times",
                "21 January 2026 to 6 March 2026: the local network now and then",
                "1 May 2026 to 14 June 2026, together: ",
                "564 citizens were turned away (device 540, network 24)",
                "the local network: 98.5 %",
            ],
        ),
    ],
)
def test_cipocok_jaya_in_words(chronicle, cipocok_jaya, language, sentences):
    telling = Telling(chronicle, language, MODELS)
    text = "\n".join([telling.verdict(), telling.period()]
                     + [line for _, lines in telling.lines() for line in lines]
                     + telling.soundness(verify(cipocok_jaya)))  # fmt: skip
    for sentence in sentences:
        assert sentence in text


def test_cipocok_jaya_as_plain_data(chronicle):
    plain = json.loads(json.dumps(as_plain(chronicle, Telling(chronicle, "en", MODELS))))
    assert plain["station"]["name"] == "Cipocok Jaya"
    assert [each["cause"] for each in plain["faults"]] == ["cable_or_power", "local_network"]
    assert plain["overlaps"][0]["faults"] == [0, 1]
    assert plain["turned_away_by_reason"] == {"device": 540, "network": 24}
    assert plain["faults"][1]["mean_seconds_down"] == 7200


def test_cipocok_jaya_after_its_days_were_summed_up(cipocok_jaya, chronicle):
    clock = SetClock()
    clock.go_on(150 * DAY)
    with Writer(cipocok_jaya, CIPOCOK_JAYA, clock) as writer:
        writer.compact((20,))
    again = chronicle_of(read_journal(cipocok_jaya), days=150, zone=WIB)
    assert len(read_journal(cipocok_jaya).records) < 1200
    assert again.phases == chronicle.phases
    assert [each.times for each in again.faults] == [90, 27]
    assert [each.down_seconds for each in again.faults] == [90 * 7 * HOUR, 27 * 2 * HOUR]
    assert again.turned_away == chronicle.turned_away
    assert verify(cipocok_jaya).is_whole


def test_a_sound_station(tmp_path):
    chronicle = made(tmp_path / "journal.ektp", 20, [])
    assert chronicle.faults == ()
    assert chronicle.turned_away is None
    assert Telling(chronicle, "id").verdict() == "Selama 20 hari tidak tercatat gangguan."


def test_a_fault_that_lasts_is_one_over_all_its_days(tmp_path):
    chronicle = made(tmp_path / "journal.ektp", 20, [(15 * DAY, 400 * DAY, LINE, "local_network")])
    [fault] = chronicle.faults
    assert fault.lasts
    assert fault.times == 1
    assert fault.down_seconds == 5 * DAY
    assert fault.first.date() == date(2026, 3, 16)
    assert "masih berlangsung" in Telling(chronicle, "id").verdict()


def test_two_faults_that_never_meet(tmp_path):
    faults = [(2 * DAY, HOUR, LINE, "local_network"), (3 * DAY, HOUR, CABLE, "cable_or_power")]
    chronicle = made(tmp_path / "journal.ektp", 10, faults)
    assert chronicle.overlaps == ()
    assert "Tidak ada dua gangguan yang terjadi bersamaan." in Telling(chronicle, "id").verdict()


def test_one_subject_with_two_causes_is_two_faults(tmp_path):
    faults = [(DAY, HOUR, CENTRE, "provider"), (2 * DAY, HOUR, CENTRE, "central_service")]
    chronicle = made(tmp_path / "journal.ektp", 5, faults)
    assert {each.cause for each in chronicle.faults} == {Cause.PROVIDER, Cause.CENTRAL_SERVICE}


def test_a_failure_over_a_night_without_power_is_one(tmp_path):
    path = tmp_path / "journal.ektp"
    clock = SetClock(NOON)
    with Writer(path, CIPOCOK_JAYA, clock) as writer:
        begin(writer)
        clock.go_on(8 * HOUR)
        writer.append(["L", writer.now(), LINE, "B", "local_network", 90])
        clock.go_on(HOUR)
    clock.go_on(15 * HOUR)
    with Writer(path, CIPOCOK_JAYA, clock) as writer:
        clock.go_on(HOUR)
        writer.append(["L", writer.now(), LINE, "S"])
        clock.go_on(HOUR)
    [fault] = chronicle_of(read_journal(path), days=3, zone=WIB).faults
    assert (fault.times, fault.down_seconds) == (1, 2 * HOUR)
    assert fault.outages[0].seconds == 17 * HOUR


def test_only_the_days_asked_for_count(tmp_path):
    chronicle = made(tmp_path / "journal.ektp", 30, [(2 * DAY, HOUR, LINE, "local_network")])
    assert chronicle.faults
    later = chronicle_of(read_journal(tmp_path / "journal.ektp"), days=20, zone=WIB)
    assert later.faults == ()
    assert later.watched_seconds == 20 * DAY


def test_a_number_of_days_that_cannot_be(cipocok_jaya):
    for days in (0, -3, 5000):
        with pytest.raises(ValueError, match="cannot be"):
            chronicle_of(read_journal(cipocok_jaya), days=days)
