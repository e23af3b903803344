# SPDX-License-Identifier: Apache-2.0
"""Through the cascade or not, in one go or cut at random places: the same pairs, each once."""

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest

import stand_in_cascade
from ektp_hw.errors import GalleryDamaged, GalleryError
from ektp_hw.gallery import Finding, Gallery, Person, pair_sieve
from ektp_hw.samples import FingerPosition
from stand_in_cascade import Near, SharedCoordinates, SumOfCoordinates

R1, R2, L1, L2 = (FingerPosition(code) for code in (1, 2, 6, 7))
UNKNOWN = FingerPosition.UNKNOWN


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch):
    monkeypatch.setattr(pair_sieve, "BLOCK", 7)
    monkeypatch.setattr(pair_sieve, "_TASK", 16)
    monkeypatch.setattr(pair_sieve, "_AT_ONCE", 5)


@pytest.fixture
def gallery(path):
    with Gallery.open(
        path, comparison=SharedCoordinates, description=SumOfCoordinates(), sieve=Near()
    ) as opened:
        yield opened


@pytest.fixture
def crowd(gallery, person, rng):
    """Sixty people with one to four fingers, of known positions and not; many are there twice."""
    everyone = [UNKNOWN, R1, R2, L1]
    people = [
        person(f"{i}", *rng.choice(everyone, rng.integers(1, 5), replace=False)) for i in range(60)
    ]
    for twin, of in zip(rng.permutation(60)[:24], rng.integers(0, 60, 24), strict=True):
        known = [*people[of].fingers.items()]
        some = dict(known[: rng.integers(1, len(known) + 1)])
        people[twin] = Person(f"{twin}", some)
    gallery.enrol_all(people)
    return people


def shown(pairs):
    return [(pair.a, pair.b, round(pair.score, 9), pair.parts) for pair in pairs]


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize("tolerant", [False, True])
def test_the_cascade_finds_what_comparing_everybody_finds(gallery, tolerant):
    exact = shown(gallery.deduplicate(exact=True, tolerant=tolerant))
    assert len(exact) > 15
    assert shown(gallery.deduplicate(tolerant=tolerant)) == exact


def test_whose_fingers_were_swapped(gallery, person):
    one = person("one", R1, R2, L1)
    gallery.enrol_all([person("other", R1, R2, L1), one, person("third", R1, R2, L1)])
    gallery.enrol(Person("twin", {R1: one.fingers[L1], L1: one.fingers[R1]}))
    assert shown(gallery.deduplicate()) == []
    found = list(gallery.deduplicate(tolerant=True))
    assert [(pair.a, pair.b, pair.findings) for pair in found] == [
        ("one", "twin", (Finding.HANDS_SWAPPED,))
    ]


@pytest.mark.usefixtures("crowd")
def test_progress_counts_every_pair_once(gallery):
    seen = []
    run = gallery.deduplicate(progress=lambda done, total: seen.append((done, total)))
    assert run.seconds_left is None
    left = [run.seconds_left for _ in run]
    assert seen[-1] == (60 * 59 // 2, 60 * 59 // 2)
    assert [*seen] == sorted(set(seen))
    assert any(each is not None and each > 0 for each in left)
    assert run.finished
    assert run.seconds_left == 0.0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.usefixtures("crowd")
def test_cut_anywhere_and_taken_up_in_another_object(path, gallery, seed):
    random = np.random.default_rng(seed)
    whole = shown(gallery.deduplicate(0.5 if seed % 2 else None))
    comparison, sieve = gallery.comparison, gallery.sieve
    gallery.close()
    found, position = [], None
    for _ in range(200):
        with Gallery.open(
            path, read_only=True, comparison=comparison, sieve=sieve,
            description=SumOfCoordinates(),
        ) as opened:  # fmt: skip
            cancel = threading.Event()
            run = opened.deduplicate(
                0.5 if seed % 2 else None, resume=position, cancel=cancel,
                progress=lambda *_, stop=cancel: random.random() < 0.04 and stop.set(),
            )  # fmt: skip
            found += shown(islice(run, int(random.integers(0, 5))))
            position = run.position
            if run.finished:
                break
    assert run.finished
    assert found == whole


def test_newcomers_meet_everybody_and_nobody_twice(gallery, crowd, person):
    run = gallery.deduplicate()
    first = shown(run)
    gallery.enrol(person("new"))
    gallery.enrol(Person("again", crowd[4].fingers))
    gallery.enrol(Person("and again", crowd[4].fingers))
    later = gallery.deduplicate(run.threshold, resume=run.position)
    found = shown(later)
    assert {pair[1] for pair in found} == {"again", "and again"}
    assert first + found == shown(gallery.deduplicate(run.threshold))
    assert shown(gallery.deduplicate(run.threshold, resume=later.position)) == []


def test_codes_of_another_release_are_not_trusted(path, gallery, crowd, caplog):
    class Newer(SumOfCoordinates):
        version = 10

    exact = shown(gallery.deduplicate(exact=True))
    gallery.close()
    with Gallery.open(
        path, comparison=gallery.comparison, description=Newer(), sieve=gallery.sieve
    ) as opened:
        assert shown(opened.deduplicate()) == exact
    assert "compact the gallery" in caplog.text
    assert len(crowd) == 60


@pytest.mark.usefixtures("crowd")
def test_the_journal_hands_out_what_was_found_and_goes_on(gallery, tmp_path):
    journal = tmp_path / "night.journal"
    whole = shown(gallery.deduplicate())
    before = shown(islice(gallery.deduplicate(journal=journal), 5))
    assert before == whole[:5]
    lines = journal.read_bytes()
    journal.write_bytes(lines + b'{"at": "9.1", "a": "cut sh')
    assert shown(gallery.deduplicate(journal=journal)) == whole
    assert shown(gallery.deduplicate(journal=journal)) == whole
    with pytest.raises(GalleryError, match="another deduplication"):
        gallery.deduplicate(5.0, journal=journal)
    with pytest.raises(GalleryError, match="another deduplication"):
        gallery.deduplicate(exact=True, journal=journal)


@pytest.mark.usefixtures("gallery")
@pytest.mark.parametrize(
    "line", ["{", "[]", '{"a": "x", "at": "1.0"}', "7", '{"at": "1.0", "a": 1}']
)
def test_a_damaged_journal_is_refused(gallery, tmp_path, line):
    journal = tmp_path / "night.journal"
    list(gallery.deduplicate(journal=journal))
    journal.write_text(journal.read_text() + line + "\n" + '{"at": "1.1"}\n')
    with pytest.raises(GalleryDamaged, match="line 2"):
        gallery.deduplicate(journal=journal)


WORKER = """
import sys, json
sys.path[:0] = json.loads(sys.argv[3])
from stand_in_cascade import Near, SharedCoordinates, SumOfCoordinates
from ektp_hw.gallery import Gallery, pair_sieve
pair_sieve.BLOCK = 7
with Gallery.open(sys.argv[1], read_only=True, comparison=SharedCoordinates,
                  description=SumOfCoordinates(), sieve=Near()) as gallery:
    for pair in gallery.deduplicate(0.5, journal=sys.argv[2]):
        print(pair.a, pair.b, flush=True)
print("done", flush=True)
"""


@pytest.mark.usefixtures("crowd")
def test_killed_at_any_moment_nothing_is_lost_or_doubled(path, gallery, tmp_path):
    whole = [pair[:2] for pair in shown(gallery.deduplicate(0.5))]
    gallery.close()
    journal = tmp_path / "night.journal"
    random = np.random.default_rng(3)
    here = json.dumps([str(Path(stand_in_cascade.__file__).parent)])
    for attempt in range(60):
        command = [sys.executable, "-c", WORKER, str(path), str(journal), here]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            lines = []
            stop_after = random.integers(1, len(whole)) if attempt < 5 else 10**9
            for line in process.stdout:
                lines.append(line.strip())
                if len(lines) > stop_after:
                    os.kill(process.pid, signal.SIGKILL)
                    break
        if lines[-1] == "done":
            break
        assert lines == [" ".join(pair) for pair in whole[: len(lines)]]
    assert attempt >= 5
    assert lines == [*(" ".join(pair) for pair in whole), "done"]


@pytest.mark.usefixtures("crowd")
def test_people_in_several_segments(gallery, monkeypatch):
    whole = shown(gallery.deduplicate())
    (segment,) = gallery.segments()
    ends = np.flatnonzero(np.diff(segment.people)) + 1
    cuts = [0, int(ends[3]), int(ends[20]), int(ends[21]), len(segment)]
    columns = ("people", "positions", "alive", "codes", "sketches", "_starts", "_sizes")
    parts = tuple(
        replace(
            segment,
            first=segment.first + first,
            **{name: getattr(segment, name)[first:stop] for name in columns},
        )
        for first, stop in pairwise(cuts)
    )
    monkeypatch.setattr(gallery, "segments", lambda: parts)
    assert shown(gallery.deduplicate()) == whole
