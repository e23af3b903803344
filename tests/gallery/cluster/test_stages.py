# SPDX-License-Identifier: Apache-2.0
"""A large gallery is searched by stages over many workers, and they find what one gallery finds."""

import shutil
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from ektp_hw.errors import GalleryIncomplete, OperationCancelled
from ektp_hw.fingerprint import comparison
from ektp_hw.gallery import Gallery, Person
from ektp_hw.gallery.cascade_parameters import CascadeParameters
from ektp_hw.gallery.described import Described
from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic import Population
from gallery_faults import random_faults

HANDS = (FingerPosition.RIGHT_INDEX, FingerPosition.LEFT_INDEX)
POPULATION = Population(5)
NARROW = CascadeParameters(
    everybody=15, likely=0.3, likely_at_least=30, alike=0.0, alike_at_least=9, of_each_at_least=5
)
PEOPLE = 60
ROUNDS = ("first_sights", "sketches", "search")


def fingers_of(person, impression=0, positions=HANDS):
    made = POPULATION.templates([person] * len(positions), positions, impression)
    return dict(zip(positions, made, strict=True))


@pytest.fixture(scope="module")
def crowd():
    """People with one, two and unknown fingers; seven enrolments of one template, for equals."""
    people = [Person(f"p{n}", fingers_of(n)) for n in range(PEOPLE - 12)]
    people += [Person(f"copy {n}", fingers_of(3)) for n in range(7)]
    people += [Person(f"one {n}", {HANDS[n % 2]: fingers_of(200 + n)[HANDS[0]]}) for n in range(3)]
    people += [
        Person(f"?{n}", {FingerPosition.UNKNOWN: fingers_of(300 + n)[HANDS[0]]}) for n in (0, 1)
    ]
    return people[::2] + people[1::2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, crowd):
    folder = tmp_path_factory.mktemp("people") / "gallery"
    with Gallery.open(folder) as opened:
        opened.enrol_all(crowd[:40])
        opened.enrol_all(crowd[40:])
        opened.remove(crowd[5].id)
        opened.remove(crowd[41].id)
    return folder


@pytest.fixture
def gallery(path, folder):
    shutil.copytree(folder, path)
    with Gallery.open(path) as opened:
        opened.cascade = NARROW
        yield opened


@pytest.fixture
def many(cluster):
    """Return a maker of clusters that go through narrow stages."""

    def make(*arguments, cascade=NARROW, **options):
        made = cluster(*arguments, description=Described(), **options)
        made.cascade = cascade
        return made

    return make


@pytest.fixture(scope="module")
def probes():
    swapped = dict(zip(HANDS, reversed(fingers_of(8, 1).values()), strict=True))
    return [
        Person("mate", fingers_of(20, 1)),
        Person("copies", fingers_of(3, 1)),
        Person("unlabelled", {HANDS[0]: fingers_of(300, 1)[HANDS[0]]}),
        Person("swapped", swapped),
        Person("stranger", fingers_of(777)),
        fingers_of(31, 1)[HANDS[1]],
        fingers_of(888)[HANDS[0]],
    ]


@pytest.mark.parametrize(
    ("workers", "replicas", "block", "sees", "tolerant"),
    [
        (4, 1, 7, True, False),
        (4, 2, 3, True, True),
        (1, 1, 1000, True, False),
        (4, 1, 7, False, True),
        (3, 1, 1, False, False),
    ],
)
def test_as_one_gallery(gallery, many, probes, workers, replicas, block, sees, tolerant):
    cluster = many(workers, replicas=replicas, block=block, sees=sees)
    for probe in probes:
        for limit in (2, 1000):
            answer = cluster.search(probe, limit, tolerant=tolerant)
            assert answer == gallery.search(probe, limit, tolerant=tolerant)
            assert (answer.people, answer.enrolled, answer.complete) == (PEOPLE - 2,) * 2 + (True,)
        everybody = gallery.search(probe, 1000, tolerant=tolerant, exact=True)
        assert cluster.search(probe, 1000, tolerant=tolerant, exact=True) == everybody
        assert len(answer) < len(everybody), "otherwise nothing was left out by the stages"
    calls = cluster._executor.calls
    assert all(calls[method] >= len(probes) for method in ROUNDS)


@pytest.mark.parametrize("sizes", range(6))
def test_whatever_the_sizes_of_the_stages(gallery, many, probes, sizes):
    """Cuts in the middle of equals, and stages that keep nearly all or hardly any."""
    likely, alike = [(1, 1), (5, 3), (20, 2), (40, 9), (58, 30), (59, 58)][sizes]
    cascade = CascadeParameters(
        everybody=15,
        likely=0.0,
        likely_at_least=likely,
        alike=0.0,
        alike_at_least=alike,
        of_each_at_least=1,
    )
    gallery.cascade = cascade
    cluster = many(3, block=4, cascade=cascade)
    for probe in probes:
        assert cluster.search(probe, 1000) == gallery.search(probe, 1000)


class Noted:
    """The real comparison, and how many templates it prepared."""

    prepared = 0

    def prepare(self, template):
        self.prepared += 1
        return comparison.prepare(template)

    def compare_many(self, probe, references):
        return comparison.compare_many(probe, references)


def test_only_those_who_come_through_are_prepared(gallery, many, probes, monkeypatch):
    monkeypatch.setattr("ektp_hw.gallery.cluster.shard.FEW", 0)  # as if it were a large gallery
    gallery.comparison = Noted()
    cluster = many(2)
    assert gallery.comparison.prepared == 0
    cluster.search(probes[-1])
    one_each = len(cluster.workers)  # which prepare the probe
    assert one_each < gallery.comparison.prepared <= one_each + 2 * 2 * NARROW.alike_at_least


def test_a_small_gallery_is_compared_whole(gallery, many, probes):
    gallery.cascade = CascadeParameters()
    cluster = many(cascade=CascadeParameters())
    for probe in probes:
        assert cluster.search(probe, 1000) == gallery.search(probe, 1000)
    assert cluster._executor.calls["first_sights"] == 0


def test_it_is_small_if_damage_left_few(gallery, many, probes, path):
    """Fingers that are damaged do not count, and workers alone know of them."""
    newest = max((path / "segments").glob("*.segment"))
    fingers = gallery.info().templates
    stored = bytearray(newest.read_bytes())
    at = stored.index(gallery.segments()[-1].codes[-1].tobytes())
    stored[at] ^= 1
    newest.write_bytes(stored)
    cascade = CascadeParameters(everybody=fingers - 1, alike_at_least=3, likely_at_least=9)
    cluster = many(cascade=cascade)
    with Gallery.open(path, read_only=True) as one:
        one.cascade = cascade
        for probe in probes:
            assert cluster.search(probe, 1000) == one.search(probe, 1000)
    assert cluster._executor.calls["first_sights"] > 0
    assert cluster._executor.calls["sketches"] == 0


def test_codes_of_another_release_are_not_trusted(gallery, cluster, probes):
    """Without a description there is no telling."""
    undescribed = cluster()
    undescribed.cascade = NARROW
    for probe in probes:
        assert undescribed.search(probe, 1000) == gallery.search(probe, 1000, exact=True)


@pytest.mark.parametrize("sees", [True, False])
def test_people_come_and_go(gallery, many, crowd, probes, sees):
    cluster = many(sees=sees)
    for number in range(4):
        gallery.enrol(Person(f"late {number}", fingers_of(500 + number)))
        gallery.remove(crowd[number * 3].id)
        probe = Person("?", fingers_of(500 + number, 1))
        answer = cluster.search(probe, 1000)
        assert answer[0].id == f"late {number}"
        assert answer == gallery.search(probe, 1000)
        assert answer.people == len(gallery)
        assert cluster.search(probes[1], 1000) == gallery.search(probes[1], 1000)
    gallery.compact()
    assert cluster.search(probes[1], 1000) == gallery.search(probes[1], 1000)


@pytest.mark.parametrize(("when", "sees"), [("before", False), ("after", True), ("after", False)])
@pytest.mark.parametrize("method", ROUNDS)
def test_a_worker_lost_in_any_round_loses_nobody(gallery, many, probes, method, when, sees):
    """Lost with all it knew; another, or its successor, must begin at the beginning."""
    lost = Counter()

    def fault(worker, asked):
        if (worker, asked) == ("worker 2", method) and not lost[worker]:
            lost[worker] += 1
            return when
        return None

    cluster = many(4, block=3, sees=sees, fault=fault)
    for probe in probes[:3]:
        lost.clear()
        answer = cluster.search(probe, 1000)
        assert lost["worker 2"] == 1
        assert answer == gallery.search(probe, 1000)
        assert answer.complete


@pytest.mark.parametrize(("seed", "sees"), [(0, True), (1, False)])
def test_lost_workers_lose_nobody(gallery, many, probes, sees, seed, monkeypatch):
    monkeypatch.setattr("ektp_hw.gallery.cluster.scatter._PAUSE", 0.01)
    cluster = many(4, block=3, replicas=2, sees=sees, fault=random_faults(seed))
    for probe in probes:
        assert cluster.search(probe, 1000) == gallery.search(probe, 1000)


def stuck(name, method):
    return lambda *call: "stuck" if call == (name, method) else None


@pytest.mark.parametrize("method", ROUNDS)
def test_a_replica_steps_in_in_any_round(gallery, many, probes, method):
    cluster = many(3, block=4, replicas=2, fault=stuck("worker 2", method))
    begun = time.monotonic()
    answer = cluster.search(probes[0], deadline=3.0)
    assert answer == gallery.search(probes[0])
    assert answer.complete
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize("method", ROUNDS)
def test_a_stuck_worker_is_told(many, crowd, gallery, probes, path, method):
    cluster = many(3, block=4, fault=stuck("worker 2", method))
    own = [b for b in cluster._blocks() if cluster._assignment.holders(b.number) == ("worker 2",)]
    people = sum(block.people for block in own)
    with pytest.raises(GalleryIncomplete, match=r"worker 2: no answer in time") as raised:
        cluster.search(probes[0], deadline=0.3)
    assert raised.value.people == PEOPLE - 2 - people
    begun = time.monotonic()
    answer = cluster.search(probes[0], 1000, deadline=1.0, partial=True)
    assert time.monotonic() - begun < 5
    (missing,) = answer.unanswered
    assert (missing.worker, missing.people) == ("worker 2", people)
    assert missing.blocks == tuple(block.number for block in own)
    assert (answer.people, answer.enrolled) == (PEOPLE - 2 - people, PEOPLE - 2)
    unseen = {crowd[n].id for b in own for n in range(b.number * 4, b.number * 4 + 4) if n < PEOPLE}
    if method == "search":  # what was cut was cut among all
        wanted = [each for each in gallery.search(probes[0], 1000) if each.id not in unseen]
    else:
        left = path.parent / "left"
        with Gallery.open(left) as one:
            one.enrol_all(p for p in crowd if p.id not in unseen | {crowd[5].id, crowd[41].id})
            one.cascade = NARROW
            wanted = one.search(probes[0], 1000)
    if method != "sketches":
        assert answer == wanted
    assert answer[0].id == "p20" or "p20" in unseen


def test_all_lost(many, probes):
    cluster = many(2, fault=lambda _, method: "before" if method == "sketches" else None)
    with pytest.raises(GalleryIncomplete, match=r"ended before it answered"):
        cluster.search(probes[0], deadline=0.4)
    answer = cluster.search(probes[0], deadline=0.4, partial=True)
    assert (answer, answer.people, answer.share) == ([], 0, 0.0)


def test_cancelled(many, probes):
    cluster = many(3, fault=stuck("worker 1", "sketches"))
    cancel = threading.Event()
    threading.Timer(0.2, cancel.set).start()
    begun = time.monotonic()
    with pytest.raises(OperationCancelled):
        cluster.search(probes[0], cancel=cancel)
    assert time.monotonic() - begun < 3


def test_progress(many, probes):
    seen = []
    many(3).search(probes[0], progress=lambda *now: seen.append(now))
    assert seen[-1] == (PEOPLE - 2, PEOPLE - 2)
    assert all(a <= b for a, b in pairwise(seen))


def test_who_is_enrolled_or_removed_between_the_rounds(gallery, many, probes):
    before = gallery.search(probes[0], 1000)
    done = []

    def meanwhile(_worker, method):
        if method == "sketches" and not done:
            done.append(method)
            gallery.enrol(Person("newer", fingers_of(20, 2)))
            gallery.remove("p20")

    answer = many(3, fault=meanwhile).search(probes[0], 1000)
    assert answer == [each for each in before if each.id != "p20"]


@pytest.mark.parametrize("sees", [True, False])
def test_workers_come_and_go_under_searches(gallery, many, probes, sees):
    cluster = many(2, block=2, sees=sees)
    wanted = [gallery.search(probe, 1000) for probe in probes]
    done = threading.Event()

    def search():
        count = 0
        while not done.is_set() or count < 3:
            assert cluster.search(probes[count % len(probes)], 1000) == wanted[count % len(probes)]
            count += 1
        return count

    with ThreadPoolExecutor(1) as threads:
        searching = threads.submit(search)
        try:
            for workers in (4, 1, 3):
                cluster.resize(workers)
        finally:
            done.set()
        assert searching.result(60) >= 3


def test_searches_at_once_keep_apart(gallery, many, probes):
    """More of them than a worker remembers."""
    wanted = [gallery.search(probe, 1000) for probe in probes]
    cluster = many(2)
    found = [None] * 12

    def search(at):
        found[at] = cluster.search(probes[at % len(probes)], 1000)

    threads = [threading.Thread(target=search, args=(at,)) for at in range(len(found))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [wanted[at % len(probes)] for at in range(len(found))]
