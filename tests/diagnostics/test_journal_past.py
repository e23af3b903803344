# SPDX-License-Identifier: Apache-2.0
"""Times put right: jumps of the clock, power loss, sleep, an empty battery."""

from datetime import datetime

import pytest

from ektp_hw.diagnostics.journal import Writer, read_journal
from ektp_hw.diagnostics.journal.past import past_of
from simulated_station import CIPOCOK_JAYA, DAY, HOUR, WIB, SetClock, begin, pass_days


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.ektp"


def at(year, month, day, hour=0):
    return int(datetime(year, month, day, hour, tzinfo=WIB).timestamp())


def test_what_was_written_before_the_clock_was_set_right_is_moved(path):
    clock = SetClock(datetime(2026, 3, 1, tzinfo=WIB))
    with Writer(path, CIPOCOK_JAYA, clock) as writer:
        begin(writer)
        clock.go_on(HOUR)
        writer.append(["L", writer.now(), 1, "B", "local_network", 90])
        clock.go_on(HOUR)
        clock.jump(10 * DAY)
        clock.go_on(HOUR)
        writer.append(["L", writer.now(), 1, "S"])
    past = past_of(read_journal(path))
    broken = next(each for each in past.spans[1] if each.state == "B")
    assert broken.end - broken.begin == 2 * HOUR
    assert broken.begin == at(2026, 3, 11, 1)
    assert len(past.jumps) == 1
    assert past.watched == [(at(2026, 3, 11), at(2026, 3, 11, 3))]


def test_an_empty_battery_does_not_put_the_past_into_1970(path):
    clock = SetClock(datetime(2026, 3, 1, tzinfo=WIB))
    with Writer(path, CIPOCOK_JAYA, clock) as writer:
        begin(writer)
        pass_days(writer, clock, 1, [])
    clock.at = 100_000.0
    clock.power_on("boot 2")
    with Writer(path, CIPOCOK_JAYA, clock) as writer:
        clock.go_on(HOUR)
        writer.append(["T", writer.now(), HOUR, 60, []])
    past = past_of(read_journal(path))
    assert past.doubtful == 1
    assert past.watched == [(at(2026, 3, 1), at(2026, 3, 2, 1))]


def test_a_crash_ends_where_the_recorder_was_last_alive(path):
    clock = SetClock(datetime(2026, 3, 1, tzinfo=WIB))
    writer = Writer(path, CIPOCOK_JAYA, clock)
    begin(writer)
    clock.go_on(1800)
    writer.note_alive()
    writer.close(properly=False)
    clock.go_on(5 * HOUR)
    clock.power_on("boot 2")
    with Writer(path, CIPOCOK_JAYA, clock):
        clock.go_on(HOUR)
    past = past_of(read_journal(path))
    began = at(2026, 3, 1)
    assert past.watched == [(began, began + 1800), (began + 1800 + 5 * HOUR,
                                                    began + 1800 + 6 * HOUR)]  # fmt: skip
    assert past.unclean == [began + 1800]
    assert len(past.starts) == 2


def test_a_proper_end_is_no_crash(path):
    clock = SetClock()
    for boot in ("1", "2"):
        clock.power_on(boot)
        with Writer(path, CIPOCOK_JAYA, clock):
            clock.go_on(HOUR)
        clock.go_on(8 * HOUR)
    assert past_of(read_journal(path)).unclean == []


def test_subjects_keep_their_numbers_over_restarts(path):
    clock = SetClock()
    with Writer(path, CIPOCOK_JAYA, clock) as writer:
        begin(writer)
        writer.append(["L", writer.now(), 2, "B", "provider", 90])
    with Writer(path, CIPOCOK_JAYA, clock) as writer:
        assert writer.subject("network.centre", "", ()) == 2
        assert writer.states[2] == ("B", "provider", 90)
        assert writer.states[1] == ("S", "", 100)


def test_a_time_with_many_changes_is_told_by_its_sum(path):
    clock = SetClock(datetime(2026, 3, 1, tzinfo=WIB))
    with Writer(path, CIPOCOK_JAYA, clock) as writer:
        begin(writer)
        clock.go_on(HOUR)
        writer.append(["T", writer.now(), HOUR, 60, [[1, 30, 1500, "B", "local_network", 90]]])
        clock.go_on(HOUR)
        writer.append(["L", writer.now(), 1, "S"])
    folded, broken = past_of(read_journal(path)).spans[1]
    assert (folded.state, folded.changes, folded.down) == ("F", 30, 1500)
    assert (broken.state, broken.end - broken.begin) == ("B", HOUR)


def test_the_profile_of_today_is_the_stations_name(path):
    from dataclasses import replace

    with Writer(path, CIPOCOK_JAYA, SetClock()):
        pass
    with Writer(path, replace(CIPOCOK_JAYA, name="Curug"), SetClock()):
        pass
    assert read_journal(path).station == ("Curug", "Kota Serang", "36.73.05")
