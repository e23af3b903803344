# SPDX-License-Identifier: Apache-2.0
"""The recorder: what it writes of what it sees, and that it ends when told."""

import threading
import time

import pytest

from ektp_hw.diagnostics import journal
from ektp_hw.diagnostics.findings import Cause, Finding, Outcome, message
from ektp_hw.diagnostics.journal import Writer, read_journal, verify
from ektp_hw.diagnostics.journal.past import past_of
from ektp_hw.diagnostics.journal.place import beside
from ektp_hw.diagnostics.recorder import Recorder, cheap
from ektp_hw.diagnostics.surroundings import Surroundings
from ektp_hw.errors import CaptureTimeout, RetryAdvice, RetryCapture, StationError
from simulated_station import CIPOCOK_JAYA, SetClock

CAUSES = {"network.gateway": (Cause.LOCAL_NETWORK,), "network.centre": (Cause.CENTRAL_SERVICE,)}


class Scripted:
    """Finds what it is told to find."""

    seconds = 5.0

    def __init__(self, name, stands_on=()):
        self.name, self.stands_on = name, stands_on
        self.outcome, self.certainty = Outcome.SOUND, 0.9

    def run(self, around, before):
        del around, before
        text = message("probe.checked", probe=self.name)
        cause = None if self.outcome is Outcome.SOUND else CAUSES[self.name][0]
        evidence = {"owner": "Siti Aminah 3673054107850001"}
        return [Finding(self.name, text, text, self.outcome, cause, self.certainty, evidence)]


class Bench:
    def __init__(self, path):
        self.path, self.clock = path, SetClock()
        self.gateway = Scripted("network.gateway")
        self.centre = Scripted("network.centre", stands_on=("network.gateway",))
        self.open()

    def open(self):
        self.writer = Writer(self.path, CIPOCOK_JAYA, self.clock)
        self.recorder = Recorder(
            self.writer, Surroundings(environment={}), [self.gateway, self.centre], CAUSES
        )

    def look(self, times=1):
        for _ in range(times):
            self.recorder.look()
            self.clock.go_on(60)

    def end(self):
        self.recorder.finish()
        self.writer.close()
        return read_journal(self.path).records

    def kinds(self, kind):
        return [each for each in read_journal(self.path).records if each[0] == kind]


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path / "journal.ektp")
    yield bench
    bench.writer.close()


def test_only_changes_are_written(bench):
    bench.look(30)
    assert len(bench.kinds("L")) == 2, "one line for each subject"
    bench.gateway.outcome = bench.centre.outcome = Outcome.BROKEN
    bench.look(30)
    changes = [each[2:4] for each in bench.kinds("L")[2:]]
    assert changes == [[1, "B"], [2, "b"]], "the centre's silence is explained by the gateway's"
    bench.centre.certainty = 0.85
    bench.look(5)
    assert len(bench.kinds("L")) == 4


def test_nothing_personal_is_written(bench):
    bench.gateway.outcome = Outcome.BROKEN
    bench.look(3)
    bench.end()
    text = bench.path.read_bytes()
    assert b"Siti" not in text
    assert b"3673054107850001" not in text


def test_a_flapping_line_is_summed_up_and_nothing_of_it_is_lost(bench):
    for look in range(180):
        bench.gateway.outcome = Outcome.BROKEN if look % 2 else Outcome.SOUND
        bench.look()
    bench.end()
    assert len(bench.kinds("L")) <= 3 * 2 * 25
    spans = past_of(read_journal(bench.path)).spans[1]
    down = sum(each.down if each.state == "F" else each.end - each.begin
               for each in spans if each.state in "BF")  # fmt: skip
    assert down == pytest.approx(90 * 60, abs=180)


def test_a_machine_that_sleeps_is_not_watched(bench):
    bench.look(10)
    bench.clock.go_on(8 * 3600)
    bench.look(10)
    bench.end()
    watched = past_of(read_journal(bench.path)).watched
    assert [end - begin for begin, end in watched] == [540, 600]


def test_a_restart_goes_on_without_repeating(bench):
    bench.gateway.outcome = Outcome.BROKEN
    bench.look(3)
    bench.end()
    before = len(bench.kinds("L"))
    bench.open()
    bench.look(3)
    assert len(bench.kinds("L")) == before


def test_a_probe_that_is_gone_is_unknown_and_no_longer_broken(bench):
    bench.gateway.outcome = Outcome.BROKEN
    bench.look(2)
    bench.end()
    bench.open()
    bench.recorder._probes.remove(bench.gateway)
    bench.look(2)
    assert [1, "U"] in [each[2:] for each in bench.kinds("L")]


def test_devices_that_come_and_go(bench):
    scanner, pad = "usb:1b55:0840@1-4", "usb:056a:00a4@1-5"
    bench.recorder.note_present([scanner])
    bench.recorder.note_plugged(scanner, is_there=True)
    bench.recorder.note_plugged(scanner, is_there=False)
    bench.recorder.note_plugged(pad, is_there=True)
    bench.look()
    told = [each[2:] for each in bench.kinds("P")]
    assert told == [[scanner, 1], [scanner, 0], [pad, 1]]
    bench.end()
    bench.open()
    bench.recorder.note_present([scanner])
    bench.look()
    assert [each[2:] for each in bench.kinds("P")[3:]] == [[pad, 0], [scanner, 1]]


def test_notes_of_station_software_are_counted_once(bench):
    journal.note_turned_away("device", count=3, place=bench.path)
    journal.note_turned_away("network", place=bench.path)
    journal.note_capture("iris", "succeeded", place=bench.path)
    with pytest.raises(CaptureTimeout), journal.noting_capture("fingerprint", place=bench.path):
        raise CaptureTimeout("nothing came")
    with pytest.raises(RetryCapture), journal.noting_capture("fingerprint", place=bench.path):
        raise RetryCapture(RetryAdvice.HOLD_STILL)
    with journal.noting_capture("fingerprint", place=bench.path):
        pass
    bench.look(3)
    [[_, _, _, captures, away]] = bench.kinds("N")
    assert captures == {"iris": [1, 1, 0], "fingerprint": [3, 1, 1]}
    assert away == {"device": 3, "network": 1}
    assert list(beside(bench.path, "notes").iterdir()) == []


def test_notes_counted_before_a_crash_are_not_counted_again(bench, monkeypatch):
    journal.note_turned_away("power", place=bench.path)
    with monkeypatch.context() as patch:
        patch.setattr("ektp_hw.diagnostics.recorder.forget", lambda _: None)
        bench.look()
    bench.writer.close(properly=False)
    bench.open()
    bench.look(2)
    assert len(bench.kinds("N")) == 1
    assert list(beside(bench.path, "notes").iterdir()) == []


def test_notes_that_are_none_count_for_nothing(bench):
    folder = beside(bench.path, "notes")
    for name, content in {
        "a": b"\xff\xfe",
        "b": b'["t","Siti Aminah",1]',
        "c": b'["t","device",1000000]',
        "d": b"[" * 150,
        "e": b'["c","fingerprint","a name"]',
    }.items():
        (folder / f"{name}.note").write_bytes(content)
    (folder / "f.note").symlink_to("/etc/hostname")
    bench.look(2)
    [[*_, captures, away]] = bench.kinds("N")
    assert (captures, away) == ({}, {})


def test_a_wrong_note_is_the_callers_mistake(bench):
    with pytest.raises(ValueError, match="Siti"):
        journal.note_turned_away("Siti", place=bench.path)
    with pytest.raises(ValueError, match="no kind"):
        journal.note_capture("voice", "succeeded", place=bench.path)
    with pytest.raises(ValueError, match="1 to 1000"):
        journal.note_turned_away("device", count=0, place=bench.path)


def test_a_note_that_cannot_be_written_says_what_to_do(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StationError, match="cannot be written"):
        journal.note_turned_away("device", place=tmp_path / "file" / "journal.ektp")


def test_a_full_disk_is_complained_of_once_and_waited_out(bench, monkeypatch):
    stop, told = threading.Event(), []
    append, looks = bench.writer.append, []

    def fail(*records):
        looks.append(records)
        if len(looks) < 6:
            raise StationError("the disk is full")
        append(*records)
        if records[0][0] == "L":
            stop.set()

    bench.recorder.look()
    bench.gateway.outcome = Outcome.BROKEN
    monkeypatch.setattr(bench.writer, "append", fail)
    bench.recorder.run(stop, complain=told.append)
    monkeypatch.undo()
    assert told == ["the disk is full"]
    assert "B" in {each[3] for each in bench.kinds("L")}
    assert verify(bench.path).is_whole


def test_it_ends_soon_after_it_is_told(tmp_path):
    stop = threading.Event()
    with Writer(tmp_path / "journal.ektp", CIPOCOK_JAYA) as writer:
        recorder = Recorder(writer, Surroundings(), [Scripted("network.gateway")], CAUSES)
        thread = threading.Thread(target=recorder.run, args=(stop,))
        thread.start()
        while not [each for each in read_journal(writer.path).records if each[0] == "L"]:
            time.sleep(0.01)
        stop.set()
        thread.join(10)
        assert not thread.is_alive()
    assert [each[0] for each in read_journal(tmp_path / "journal.ektp").records][-3:] == [
        "T", "E", "Z",
    ]  # fmt: skip


def test_which_probes_are_cheap():
    named = [Scripted(name) for name in ("usb.presence", "devices.capture", "network.throughput")]
    assert [each.name for each in cheap(named)] == ["usb.presence"]
    named[0].is_cheap, named[1].is_cheap = False, True
    assert [each.name for each in cheap(named)] == ["devices.capture"]


def test_an_interval_must_be_above_zero(bench):
    with pytest.raises(ValueError, match="more than 0"):
        Recorder(bench.writer, Surroundings(), [], {}, interval=0)
