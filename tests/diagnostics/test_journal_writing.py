# SPDX-License-Identifier: Apache-2.0
"""Nothing acknowledged is lost, whatever happens to the writer; one writes, many read."""

import errno
import json
import os
import subprocess
import sys

import pytest

from ektp_hw.diagnostics.journal import Writer, read_journal, verify
from ektp_hw.diagnostics.journal import writer as writing
from ektp_hw.diagnostics.journal.past import past_of
from ektp_hw.diagnostics.journal.place import beside
from ektp_hw.errors import StationError
from simulated_station import CIPOCOK_JAYA, DAY, HOUR, SetClock, begin, pass_days

KILL_AT_RANDOM = """
import itertools, json, os, random, signal, sys, time
from pathlib import Path
from ektp_hw.diagnostics.journal import Writer, verify, read_journal
from ektp_hw.diagnostics.surroundings import StationProfile

path, rounds = Path(sys.argv[1]), int(sys.argv[2])
acknowledged, lost, unsound = 0, [], 0
for each in range(rounds):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        with Writer(path, StationProfile("S")) as writer:
            for i in itertools.count():
                writer.append(["P", writer.now(), f"{each}-{i}", i % 2])
                os.write(write, f"{each}-{i}\\n".encode())
                if i % 5 == 4:
                    writer.seal()
    os.close(write)
    time.sleep(random.uniform(0.0, 0.1))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(read) as pipe:
        said = [line.strip() for line in pipe if line.endswith("\\n")]
    acknowledged += len(said)
    if not path.exists():
        continue
    kept = {record[2] for record in read_journal(path).records if record[0] == "P"}
    lost += [one for one in said if one not in kept]
    unsound += not verify(path).is_whole
print(json.dumps([acknowledged, lost, unsound]))
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.ektp"


@pytest.fixture
def clock():
    return SetClock()


def notes_in(path):
    return [each[2] for each in read_journal(path).records if each[0] == "P"]


def test_killed_at_a_hundred_random_moments(path):
    answer = subprocess.run(
        [sys.executable, "-c", KILL_AT_RANDOM, str(path), "100"],
        capture_output=True, check=True, timeout=240,
    )  # fmt: skip
    acknowledged, lost, unsound = json.loads(answer.stdout)
    assert acknowledged > 20
    assert lost == []
    assert unsound == 0


def test_cut_at_every_byte_of_the_last_record(path, clock):
    with Writer(path, CIPOCOK_JAYA, clock) as writer:
        writer.append(["P", writer.now(), "kept", 1])
        before = path.stat().st_size
        writer.append(["P", writer.now(), "last", 1])
        whole = path.read_bytes()
        for cut in range(before, len(whole)):
            path.write_bytes(whole[:cut])
            journal = read_journal(path)
            assert journal.torn == cut - before
            assert journal.records[-1][2] == "kept"
            assert not journal.damages
        path.write_bytes(whole)
        assert notes_in(path) == ["kept", "last"]


@pytest.mark.parametrize("tail", [b'["P",17', b"\0" * 300, b"\0" * 40 + b'",1]\tabcdef\n'])
def test_a_torn_record_is_dropped_by_the_next_writer_and_reported(path, clock, tail):
    with Writer(path, CIPOCOK_JAYA, clock) as writer:
        writer.append(["P", writer.now(), "kept", 1])
    with path.open("ab") as file:
        file.write(tail)
    assert verify(path).torn == len(tail)
    with Writer(path, CIPOCOK_JAYA, clock):
        pass
    assert ["R", int(clock.wall()), len(tail)] in read_journal(path).records
    assert verify(path).is_whole
    assert past_of(read_journal(path)).torn == 1


def test_a_second_writer_is_told_who_the_first_is(path, clock):
    with Writer(path, CIPOCOK_JAYA, clock) as first:
        with pytest.raises(StationError, match=f"process {os.getpid()} records"):
            Writer(path, CIPOCOK_JAYA, clock)
        first.append(["P", first.now(), "still mine", 1])
    with Writer(path, CIPOCOK_JAYA, clock):
        assert notes_in(path) == ["still mine"]


def test_a_reader_sees_whole_records_while_they_are_written(path, clock):
    with Writer(path, CIPOCOK_JAYA, clock) as writer:
        for count in range(1, 30):
            writer.append(["P", writer.now(), f"note {count}", 1])
            assert notes_in(path)[-1] == f"note {count}"
            assert verify(path).is_whole


def test_a_full_disk_keeps_what_was_written_and_goes_on_afterwards(path, clock, monkeypatch):
    write = os.write
    room = [10]

    def fill(descriptor, data):
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = write(descriptor, data[: room[0]])
        room[0] -= taken
        return taken

    with Writer(path, CIPOCOK_JAYA, clock) as writer:
        writer.append(["P", writer.now(), "before", 1])
        with monkeypatch.context() as patch:
            patch.setattr(writing.os, "write", fill)
            with pytest.raises(StationError, match="make room"):
                writer.append(["P", writer.now(), "lost", 1])
        assert notes_in(path) == ["before"]
        writer.append(["P", writer.now(), "behind", 1])
    assert notes_in(path) == ["before", "behind"]
    assert verify(path).is_whole


def test_what_is_no_journal_is_refused_and_left_alone(path, clock):
    path.write_bytes(b"a letter to the district\n")
    for use in (lambda: Writer(path, CIPOCOK_JAYA, clock), lambda: read_journal(path)):
        with pytest.raises(StationError, match="not a journal"):
            use()
    assert path.read_bytes() == b"a letter to the district\n"


def test_a_folder_that_may_not_be_made_says_what_to_do(tmp_path, clock):
    (tmp_path / "file").write_text("")
    with pytest.raises(StationError, match="cannot be written"):
        Writer(tmp_path / "file" / "journal.ektp", CIPOCOK_JAYA, clock)


def test_a_year_stays_small_and_keeps_its_sums(path, clock, monkeypatch):
    monkeypatch.setattr(writing.os, "fdatasync", lambda _: None)
    flaps = [(day * DAY + hour * HOUR, 1200, 1, "local_network")
             for day in range(365) for hour in range(24)]  # fmt: skip
    largest = 0
    with Writer(path, CIPOCOK_JAYA, clock) as writer:
        monkeypatch.setattr(writer, "seal", lambda: None)
        begin(writer)
        pass_days(writer, clock, 365, flaps)
        largest = path.stat().st_size
        monkeypatch.undo()
        writer.seal()
        before = past_of(read_journal(path))
        assert largest < 2_500_000, "8760 failures in a year"
        writer.compact((14,))
        assert path.stat().st_size < 250_000
        assert verify(path).is_whole
        after = past_of(read_journal(path))
    assert sum_down(after) == pytest.approx(sum_down(before))
    assert after.watched == before.watched
    with Writer(path, CIPOCOK_JAYA, clock) as writer:
        writer.append(["P", writer.now(), "goes on", 1])
    assert verify(path).is_whole


def sum_down(past):
    every = [each for spans in past.spans.values() for each in spans]
    return sum(
        each.down if each.state == "F" else each.end - each.begin
        for each in every
        if each.state in "BF"
    )


def test_serial_numbers_are_kept_as_keyed_hashes_only(path, clock):
    serial = "SN4711-Siti"
    with Writer(path, CIPOCOK_JAYA, clock) as writer:
        marks = [writer.marks.of(f"pcsc:ACS Reader {serial}"),
                 writer.marks.of(f"usb:1b55:0840@1-4?serial={serial}")]  # fmt: skip
        for mark in marks:
            writer.append(["P", writer.now(), mark, 1])
    assert marks[0].startswith("pcsc:#")
    assert marks[1].startswith("usb:1b55:0840@1-4#")
    assert serial.encode() not in path.read_bytes()
    with Writer(path, CIPOCOK_JAYA, clock) as again:
        assert again.marks.of(f"pcsc:ACS Reader {serial}") == marks[0]
    assert beside(path, "salt").stat().st_mode & 0o77 == 0
