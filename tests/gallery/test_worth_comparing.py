# SPDX-License-Identifier: Apache-2.0
"""The cascade of a search: who is left out loses nothing, and who comes through scores as ever."""

import threading

import numpy as np
import pytest

from ektp_hw.errors import OperationCancelled
from ektp_hw.gallery import Gallery, Person
from ektp_hw.gallery.cascade_parameters import CascadeParameters
from ektp_hw.gallery.worth_comparing import least_alike, least_likely
from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic import Population
from ektp_hw.templates import FingerprintTemplate

PEOPLE = 150
HANDS = (FingerPosition.RIGHT_INDEX, FingerPosition.LEFT_INDEX)
POPULATION = Population(5)
NARROW = CascadeParameters(
    everybody=15, likely=0.3, likely_at_least=40, alike=0.1, alike_at_least=15, of_each_at_least=8
)


def fingers_of(person, impression=0, positions=HANDS):
    made = POPULATION.templates([person] * len(positions), positions, impression)
    return dict(zip(positions, made, strict=True))


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    with Gallery.open(tmp_path_factory.mktemp("people") / "gallery") as opened:
        stream = POPULATION.stream(range(PEOPLE), HANDS)
        for numbers, fingers in stream:
            opened.enrol_all(
                Person(f"p{number}", dict(zip(HANDS, its, strict=True)))
                for number, its in zip(numbers, fingers, strict=True)
            )
        opened.enrol(Person("unlabelled", {FingerPosition.UNKNOWN: fingers_of(900)[HANDS[0]]}))
        opened.cascade = NARROW
        yield opened


def plain(candidates):
    return [(each.id, round(each.score, 9), each.parts) for each in candidates]


def test_mates_are_found_with_the_score_of_comparing_everybody(gallery):
    for number in range(0, PEOPLE, 10):
        probe = Person("?", fingers_of(number, 1))
        quick, exact = (gallery.search(probe, limit=1, exact=exact) for exact in (False, True))
        assert plain(quick) == plain(exact)
        assert quick[0].id == f"p{number}"


def test_few_are_compared(gallery, monkeypatch):
    from ektp_hw.fingerprint import comparison

    compared = []
    full = comparison.compare_many

    def counted(probe, references):
        compared.append(len(references))
        return full(probe, references)

    monkeypatch.setattr(comparison, "compare_many", counted)
    gallery.search(Person("?", fingers_of(3, 1)), limit=1)
    assert 0 < sum(compared) <= 2 * len(HANDS) * NARROW.alike_of(PEOPLE, len(HANDS))
    compared.clear()
    gallery.search(Person("?", fingers_of(3, 1)), limit=1, exact=True)
    assert sum(compared) >= len(HANDS) * PEOPLE


def test_a_template_alone_is_held_against_all_fingers_of_the_likely(gallery):
    template = fingers_of(42, 1)[HANDS[1]]
    quick, exact = (gallery.search(template, limit=1, exact=exact) for exact in (False, True))
    assert plain(quick) == plain(exact)
    assert quick[0].id == "p42"
    assert quick[0].parts[0].reference == HANDS[1]


def test_a_finger_of_unknown_position_is_found_by_one_that_is_labelled(gallery):
    probe = Person("?", {HANDS[0]: fingers_of(900, 1)[HANDS[0]]})
    quick, exact = (gallery.search(probe, limit=1, exact=exact) for exact in (False, True))
    assert plain(quick) == plain(exact)
    assert quick[0].id == "unlabelled"


def test_swapped_hands_are_found_when_tolerant(gallery):
    swapped = dict(zip(HANDS, reversed(fingers_of(77, 1).values()), strict=True))
    quick, exact = (
        gallery.search(Person("?", swapped), limit=1, tolerant=True, exact=exact)
        for exact in (False, True)
    )
    assert plain(quick) == plain(exact)
    assert quick[0].id == "p77"


def test_equals_stay_together():
    sizes = CascadeParameters(
        likely_at_least=40, likely=0.0, alike=0.0, alike_at_least=10, of_each_at_least=5
    )

    def alike(*counts, fingers=1):
        return least_alike(np.array(counts), np.array([1000]), sizes, fingers)

    assert least_likely(np.array([5, 30, 30, 20]), sizes) == 2
    assert least_likely(np.array([5, 30]), sizes) == 0
    assert alike(0, 90, 4, 8, 2) == 3
    assert alike(0, 90, 4, 8, 2, fingers=2) == 3, "two are too few, ten not too many"
    assert alike(0, 90, 50, 2) == 3, "too many, and two are better"
    assert alike(0, 90, 50) == 2, "too many, but nobody is better"
    assert alike(90, 3) == 1, "whoever is not alike at all is not compared"
    assert alike(9, 1) == 0, "so few are compared whatever they are like"
    assert alike(90) == 1
    assert alike() == 0


def test_of_copies_all_are_found_or_none_is_missed(tmp_path):
    """Twenty enrolments of one template, where fifteen would be compared."""
    with Gallery.open(tmp_path / "gallery") as gallery:
        gallery.cascade = NARROW
        gallery.enrol_all(Person(f"p{n}", fingers_of(n)) for n in range(30))
        gallery.enrol_all(Person(f"copy {n}", fingers_of(99)) for n in range(20))
        found = gallery.search(fingers_of(99, 1)[HANDS[0]], limit=20)
        assert [each.id for each in found] == [f"copy {n}" for n in range(20)]


def test_a_finger_without_minutiae_is_like_nobody(gallery):
    blank = FingerprintTemplate.from_minutiae([], [], [], width=300, height=400)
    assert gallery.search(Person("?", {HANDS[0]: blank})) == []
    assert gallery.search(Person("?", fingers_of(3, 1) | {HANDS[0]: blank}))[0].id == "p3"


def test_people_enrolled_and_removed_meanwhile_count(tmp_path):
    with Gallery.open(tmp_path / "gallery") as gallery:
        gallery.cascade = CascadeParameters(
            everybody=5, likely=0.3, likely_at_least=16, alike=0.05, alike_at_least=16
        )
        gallery.enrol_all(Person(f"p{n}", fingers_of(n)) for n in range(30))
        assert gallery.search(Person("?", fingers_of(40, 1)), limit=1)[0].score < 5
        gallery.enrol(Person("late", fingers_of(40)))
        assert gallery.search(Person("?", fingers_of(40, 1)), limit=1)[0].id == "late"
        gallery.remove("late")
        assert gallery.search(Person("?", fingers_of(40, 1)), limit=1)[0].id != "late"


def test_a_search_can_be_cancelled(gallery):
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(OperationCancelled):
        gallery.search(fingers_of(1)[HANDS[0]], cancel=cancel)


def test_an_encrypted_gallery_is_searched_alike(tmp_path):
    with Gallery.open(tmp_path / "gallery", secret="correct horse") as gallery:  # noqa: S106
        gallery.cascade = CascadeParameters(
            everybody=5, likely=0.3, likely_at_least=16, alike=0.05, alike_at_least=16
        )
        gallery.enrol_all(Person(f"p{n}", fingers_of(n)) for n in range(30))
        found = gallery.search(Person("?", fingers_of(11, 1)), limit=1)
        assert plain(found) == plain(
            gallery.search(Person("?", fingers_of(11, 1)), limit=1, exact=True)
        )


def test_sizes_follow_the_gallery():
    sizes = CascadeParameters(
        likely=0.05, likely_at_least=100, alike=0.001, alike_at_least=40, of_each_at_least=6
    )
    fingers = [5, 50, 1_000, 100_000]
    assert [sizes.likely_of(each) for each in fingers] == [5, 50, 100, 5_000]
    assert [sizes.alike_of(each) for each in fingers] == [5, 40, 40, 100]
    assert [sizes.likely_of(100_000, several) for several in (1, 2, 10)] == [5_000, 2_500, 500]
    assert [sizes.alike_of(100_000, several) for several in (1, 2, 10)] == [100, 25, 6]


@pytest.mark.parametrize("at_once", [1, 7, 10_000])
@pytest.mark.parametrize("tolerant", [False, True])
def test_everybody_in_a_large_gallery_is_compared_part_by_part(
    gallery, monkeypatch, at_once, tolerant
):
    probes = [Person("?", fingers_of(number, 1)) for number in (0, 33, PEOPLE - 1)]
    wanted = [gallery.search(each, PEOPLE, exact=True, tolerant=tolerant) for each in probes]
    monkeypatch.setattr("ektp_hw.gallery.gallery._HELD", 0)
    monkeypatch.setattr("ektp_hw.gallery.worth_comparing._PREPARED_AT_ONCE", at_once)
    told = []
    for probe, whole in zip(probes, wanted, strict=True):
        found = gallery.search(
            probe, PEOPLE, exact=True, tolerant=tolerant, progress=lambda *now: told.append(now)
        )
        assert plain(found) == plain(whole)
    assert told[-1] == (gallery.info().templates,) * 2
    assert plain(gallery.search(probes[1], 3, exact=True)) == plain(
        gallery.search(probes[1], PEOPLE, exact=True)[:3]
    )
