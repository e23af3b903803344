# SPDX-License-Identifier: Apache-2.0
"""Every pair once, from wherever the work was left."""

import math
import threading
from itertools import combinations, islice

import pytest

from ektp_hw.errors import OperationCancelled
from ektp_hw.gallery import Gallery, Person


@pytest.fixture
def crowd(gallery, person):
    """Twelve people; 2, 5 and 9 are one, and so are 0 and 11."""
    people = [person(str(i)) for i in range(12)]
    for twin, of in ((5, 2), (9, 2), (11, 0)):
        people[twin] = Person(str(twin), people[of].fingers)
    gallery.enrol_all(people)
    return people


FOUND = [("2", "5"), ("2", "9"), ("5", "9"), ("0", "11")]


def names(pairs):
    return [(pair.a, pair.b) for pair in pairs]


def test_duplicates(gallery, crowd):
    run = gallery.deduplicate()
    pairs = list(run)
    assert names(pairs) == FOUND
    assert run.finished
    assert all(pair.score > 10 and len(pair.parts) == 2 for pair in pairs)
    assert pairs[0].score == gallery.search(crowd[2], 2)[1].score


def test_every_pair_once(gallery, crowd):
    pairs = names(gallery.deduplicate(threshold=0.0))
    assert len(pairs) == len(set(pairs)) == 66
    assert set(pairs) == {(a.id, b.id) for a, b in combinations(crowd, 2)}


@pytest.mark.parametrize("threshold", [None, 0.0])
@pytest.mark.parametrize("stop", [0, 1, 2, 3, 40])
@pytest.mark.usefixtures("crowd")
def test_resumed(path, gallery, threshold, stop):
    whole = names(gallery.deduplicate(threshold))
    run = gallery.deduplicate(threshold)
    before = names(islice(run, stop))
    gallery.close()
    with Gallery.open(path, read_only=True, comparison=gallery.comparison) as again:
        behind = names(again.deduplicate(threshold, resume=run.position))
    assert before + behind == whole


def test_later_people_are_compared_with_those_before(gallery, crowd, person):
    run = gallery.deduplicate()
    assert names(run) == FOUND
    gallery.enrol(person("new"))
    gallery.enrol(Person("4 again", crowd[4].fingers))
    run = gallery.deduplicate(resume=run.position)
    assert names(run) == [("4", "4 again")]
    assert names(gallery.deduplicate(resume=run.position)) == []


@pytest.mark.usefixtures("crowd")
def test_removed_people_are_left_out(gallery):
    assert names(gallery.deduplicate()) == FOUND
    gallery.remove("5")
    assert names(gallery.deduplicate()) == [("2", "9"), ("0", "11")]


def test_threshold_grows_with_the_pairs(gallery, person):
    finger = dict(list(person("x").fingers.items())[:1])
    assert gallery.deduplicate().threshold == 4.0
    gallery.enrol_all(Person(str(i), finger) for i in range(300))
    assert gallery.deduplicate().threshold == pytest.approx(math.log10(300 * 299 / 2))


@pytest.mark.usefixtures("crowd")
def test_progress_and_cancel(gallery):
    seen = []
    cancel = threading.Event()

    def watch(done, total):
        seen.append((done, total))
        if done >= 30:
            cancel.set()

    run = gallery.deduplicate(progress=watch, cancel=cancel)
    first = names(run)
    assert first == FOUND[:1]
    assert not run.finished
    assert seen[-1] == (36, 66)
    rest = gallery.deduplicate(resume=run.position)
    assert first + names(rest) == FOUND
    path = gallery.info().path
    with (
        Gallery.open(path, read_only=True, comparison=gallery.comparison) as reader,
        pytest.raises(OperationCancelled),
    ):
        reader.deduplicate(cancel=cancel)


@pytest.mark.parametrize("position", ["", "1", "a.b", "1.2.3", "-1.0"])
def test_foreign_position(gallery, position):
    with pytest.raises(ValueError, match="no position"):
        gallery.deduplicate(resume=position)


def test_nobody(gallery):
    run = gallery.deduplicate()
    assert list(run) == []
    assert run.finished
