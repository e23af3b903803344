# SPDX-License-Identifier: Apache-2.0
"""Search compares everybody, tells what matched, and follows what other writers do."""

import math
import threading

import numpy as np
import pytest

from ektp_hw.errors import OperationCancelled
from ektp_hw.gallery import Gallery, PartMatch, Person, search
from ektp_hw.gallery.fusion import CORRELATION, Finding, person_score
from ektp_hw.samples import FingerPosition

R1, R2, L1 = FingerPosition.RIGHT_THUMB, FingerPosition.RIGHT_INDEX, FingerPosition.LEFT_THUMB
UNKNOWN = FingerPosition.UNKNOWN


def slow_score(comparison, probe, reference):
    """Say the rules of `ektp_hw.gallery.fusion` once more, for one pair and without columns."""

    def finger(p, r):
        prepared = [comparison.prepare(each) for each in (probe.fingers[p], reference.fingers[r])]
        return float(comparison.compare_many(prepared[0], prepared[1:])[0])

    shared = [p for p in probe.fingers if p in reference.fingers and p != UNKNOWN]
    scores = [finger(p, p) for p in shared]
    guesses = [
        finger(p, r)
        for p in probe.fingers
        for r in reference.fingers
        if UNKNOWN in {p, r} and p not in shared and r not in shared
    ]
    if guesses:
        scores.append(max(0.0, max(guesses) - math.log10(len(guesses))))
    return float(person_score(np.array([sum(scores)]), np.array([len(scores)]))[0])


@pytest.mark.parametrize("chunk", [1, 3, 256])
def test_as_the_slow_way(gallery, person, rng, monkeypatch, chunk):
    monkeypatch.setattr(search, "CHUNK", chunk)
    everyone = list(FingerPosition)[:5]
    people = [
        person(f"{i}", *rng.choice(everyone, rng.integers(1, 5), replace=False)) for i in range(25)
    ]
    people.append(Person("mixed", {UNKNOWN: people[3].fingers[min(people[3].fingers)]}))
    gallery.enrol_all(people)
    for probe in people:
        expected = {each.id: slow_score(gallery.comparison, probe, each) for each in people}
        found = gallery.search(probe, limit=100)
        assert {each.id: each.score for each in found} == pytest.approx(
            {name: score for name, score in expected.items() if score >= 0}
        )
        assert [each.score for each in found] == sorted(each.score for each in found)[::-1]


def test_what_matched(gallery, person):
    people = [person(name, R1, L1) for name in "abc"]
    gallery.enrol_all(people)
    best = gallery.search(people[1], limit=1)
    assert [each.id for each in best] == ["b"]
    assert best[0].parts == (PartMatch(R1, R1, 6.0), PartMatch(L1, L1, 6.0))
    expected = (12 - math.log10(1 + 12 * math.log(10))) / (1 + CORRELATION)
    assert best[0].score == pytest.approx(expected)
    assert best[0].findings == ()


def test_a_template_meets_every_finger(gallery, person):
    people = [person(name, R1, L1) for name in "abc"]
    gallery.enrol_all(people)
    found = gallery.search(people[2].fingers[L1])
    assert found[0].id == "c"
    assert found[0].parts == (PartMatch(UNKNOWN, L1, 6.0),)
    assert found[0].score == pytest.approx(6 - math.log10(2))
    assert len(found) == 3


def test_mislabelled_finger_is_found_where_the_position_is_unknown(gallery, person):
    a, b = person("a", UNKNOWN), person("b", UNKNOWN, R2)
    gallery.enrol_all([a, b])
    best = gallery.search(Person("?", {L1: a.fingers[UNKNOWN]}))[0]
    assert (best.id, best.parts) == ("a", (PartMatch(L1, UNKNOWN, 6.0),))
    best = gallery.search(Person("?", {R2: b.fingers[R2], L1: b.fingers[UNKNOWN]}))[0]
    assert best.id == "b"
    assert best.parts == (PartMatch(R2, R2, 6.0), PartMatch(L1, UNKNOWN, 6.0))


def test_nothing_in_common_is_no_candidate(gallery, person):
    gallery.enrol(person("a", R1))
    assert gallery.search(person("?", L1)) == []


def test_empty_gallery_and_empty_template(gallery, template, person):
    assert gallery.search(template()) == []
    gallery.enrol(person("a"))
    assert gallery.search(template(1))[0].id == "a"


def test_follows_changes(path, gallery, person):
    a, b, c = (person(name) for name in "abc")
    gallery.enrol(a)
    with Gallery.open(path, read_only=True, comparison=gallery.comparison) as reader:
        for one in (gallery, reader):
            assert [each.id for each in one.search(a)] == ["a"]
        gallery.enrol_all([b, c])
        for one in (gallery, reader):
            assert one.search(c)[0].id == "c"
        gallery.remove("c")
        gallery.remove("a")
        for one in (gallery, reader):
            assert [each.id for each in one.search(c)] == ["b"]
        gallery.enrol(Person("c again", c.fingers))
        for one in (gallery, reader):
            assert [each.id for each in one.search(c)] == ["c again", "b"]


def test_prepared_once(gallery, person, monkeypatch):
    prepared = []
    prepare = gallery.comparison.prepare
    monkeypatch.setattr(
        gallery.comparison, "prepare", lambda each: prepared.append(each) or prepare(each)
    )
    people = [person(name) for name in "abc"]
    gallery.enrol_all(people)
    gallery.search(people[0])
    assert len(prepared) == 6 + 2
    gallery.search(people[0])
    assert len(prepared) == 6 + 2 + 2


def test_progress_and_cancel(gallery, person, monkeypatch):
    monkeypatch.setattr(search, "CHUNK", 2)
    people = [person(str(i)) for i in range(5)]
    gallery.enrol_all(people)
    gallery.search(people[0])
    seen = []
    gallery.search(people[0], progress=lambda *step: seen.append(step))
    assert seen == [(2, 10), (4, 10), (5, 10), (7, 10), (9, 10), (10, 10)]
    cancel = threading.Event()
    with pytest.raises(OperationCancelled):
        gallery.search(people[0], progress=lambda *_: cancel.set(), cancel=cancel)


def test_loading_tells_its_progress_and_stops(path, gallery, person):
    gallery.enrol_all(person(str(i)) for i in range(5))
    seen = []
    cancel = threading.Event()
    cancel.set()
    with Gallery.open(path, read_only=True, comparison=gallery.comparison) as reader:
        with pytest.raises(OperationCancelled):
            reader.search(person("?"), cancel=cancel)
        assert reader.search(person("?"), progress=lambda *step: seen.append(step))
    assert seen[:10] == [(i, 10) for i in range(1, 11)]


def test_wrong_arguments(gallery, template):
    with pytest.raises(TypeError, match="Person or a template"):
        gallery.search("a")
    with pytest.raises(ValueError, match="at least one"):
        gallery.search(template(), limit=0)


def test_with_the_real_comparison(path, person, template):
    from ektp_hw.fingerprint import comparison

    people = [person(str(i), R1, L1) for i in range(4)]
    with Gallery.open(path) as gallery:
        gallery.enrol_all(people)
        found = gallery.search(people[2])
        assert found[0].id == "2"
        assert found[0].score > 4
        alone = gallery.search(people[3].fingers[L1])[0]
        assert alone.id == "3"
        assert alone.parts[0].score == comparison.compare(
            people[3].fingers[L1], people[3].fingers[L1]
        )
        assert gallery.search(template(0))[0].score == 0.0
        gallery.enrol(Person("again", people[1].fingers))
        assert [(pair.a, pair.b) for pair in gallery.deduplicate()] == [("1", "again")]


@pytest.mark.parametrize("chunk", [3, 256])
def test_swapped_fingers_are_found_and_said_if_asked_for(gallery, person, monkeypatch, chunk):
    monkeypatch.setattr(search, "CHUNK", chunk)
    everyone = [person(name, R1, R2, L1) for name in "abc"]
    gallery.enrol_all(everyone)
    right, wrong = everyone[1].fingers, everyone[0].fingers
    probe = Person("?", {R1: right[L1], L1: right[R1]})
    assert gallery.search(probe, limit=1)[0].score < 1
    best = gallery.search(probe, limit=1, tolerant=True)[0]
    assert (best.id, best.findings) == ("b", (Finding.HANDS_SWAPPED,))
    assert best.parts == (PartMatch(R1, L1, 6.0), PartMatch(L1, R1, 6.0))
    best = gallery.search(Person("?", {R2: wrong[R1], R1: wrong[R2]}), tolerant=True)[0]
    assert (best.id, best.findings) == ("a", (Finding.NEIGHBOURS_SWAPPED,))
    best = gallery.search(Person("?", {R2: wrong[L1], R1: wrong[R2]}), tolerant=True)[0]
    assert (best.id, best.findings) == ("a", (Finding.MISLABELLED,))
    assert best.parts == (PartMatch(R1, R2, 6.0), PartMatch(R2, L1, 6.0))
