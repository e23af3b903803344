# SPDX-License-Identifier: Apache-2.0
"""A search over workers is the search of one gallery, or says what it is not."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ektp_hw.errors import GalleryDamaged, GalleryIncomplete, OperationCancelled
from ektp_hw.gallery import Gallery, Person
from ektp_hw.gallery.cluster import ClusterGallery
from ektp_hw.gallery.cluster.executor import ThreadExecutor
from ektp_hw.gallery.cluster.shard import Shard
from gallery_faults import random_faults

SECRET = "sesame"  # noqa: S105  # of a gallery of the tests


def probes(crowd, template):
    return [template(), crowd[2], crowd[30], *crowd[10:14], next(iter(crowd[9].fingers.values()))]


@pytest.mark.parametrize("block", [1, 3, 8, 1000])
@pytest.mark.parametrize(("workers", "replicas"), [(1, 1), (3, 1), (4, 2)])
def test_as_one_gallery(gallery, crowd, cluster, template, block, workers, replicas):
    many = cluster(workers, block=block, replicas=replicas)
    for probe in probes(crowd, template):
        for limit in (1, 5, 1000):
            answer = many.search(probe, limit)
            assert answer == gallery.search(probe, limit)
            assert (answer.people, answer.enrolled, answer.share) == (48, 48, 1.0)
            assert answer.complete


def test_nobody(cluster, template):
    answer = cluster().search(template())
    assert answer == []
    assert answer.complete
    assert answer.share == 1.0


@pytest.mark.parametrize("sees", [True, False])
def test_people_come_and_go(gallery, crowd, cluster, person, template, sees):
    many = cluster(sees=sees)
    for number in range(6):
        gallery.enrol(person(f"late {number}"))
        gallery.enrol(Person(f"again {number}", crowd[number].fingers))
        gallery.remove(f"p{number + 10}")
        if number > 2:
            gallery.remove(f"late {number}")
        for probe in (crowd[number], template()):
            answer = many.search(probe, 60)
            assert answer == gallery.search(probe, 60)
            assert answer.people == len(gallery)


def test_wrong_questions(cluster, crowd):
    many = cluster()
    with pytest.raises(ValueError, match="at least one"):
        many.search(crowd[0], 0)
    with pytest.raises(TypeError, match="Person or a template"):
        many.search("somebody")


@pytest.mark.parametrize("sees", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_lost_workers_lose_nobody(gallery, crowd, cluster, sees, seed, monkeypatch):
    monkeypatch.setattr("ektp_hw.gallery.cluster.scatter._PAUSE", 0.01)
    many = cluster(4, block=3, sees=sees, fault=random_faults(seed))
    for probe in crowd[:12]:
        assert many.search(probe, 50) == gallery.search(probe, 50)


def stuck(name):
    return lambda worker, method: "stuck" if (worker, method) == (name, "search") else None


def test_a_stuck_worker_is_told(gallery, crowd, cluster):
    many = cluster(3, block=4, fault=stuck("worker 2"))
    begun = time.monotonic()
    with pytest.raises(GalleryIncomplete, match=r"worker 2: no answer in time") as raised:
        many.search(crowd[2], deadline=0.5)
    assert time.monotonic() - begun < 5
    answer = many.search(crowd[2], 50, deadline=0.5, partial=True)
    (missing,) = answer.unanswered
    assert missing.worker == "worker 2"
    own = [b for b in many._blocks() if many._assignment.holders(b.number) == ("worker 2",)]
    assert missing.blocks == tuple(block.number for block in own)
    assert missing.people == sum(block.people for block in own) > 0
    assert (answer.people, answer.enrolled) == (48 - missing.people, 48)
    assert (raised.value.people, raised.value.enrolled) == (answer.people, 48)
    assert not answer.complete
    assert answer.share == answer.people / 48
    unseen = {n for block in own for n in range(block.number * 4 + 1, block.number * 4 + 5)}
    seen = [f"p{n - 1}" for n in range(1, 51) if n not in unseen]
    assert answer == [each for each in gallery.search(crowd[2], 50) if each.id in seen]


def test_a_replica_steps_in(gallery, crowd, cluster):
    many = cluster(3, block=4, replicas=2, fault=stuck("worker 2"))
    begun = time.monotonic()
    answer = many.search(crowd[2], deadline=3.0)
    assert answer == gallery.search(crowd[2])
    assert answer.complete
    assert time.monotonic() - begun < 2.5


def test_all_lost(crowd, cluster):
    many = cluster(2, fault=lambda _, method: "before" if method == "search" else None)
    begun = time.monotonic()
    with pytest.raises(GalleryIncomplete, match=r"only 0 of 48 .* ended before it answered"):
        many.search(crowd[0], deadline=0.6)
    assert time.monotonic() - begun < 5
    assert many.search(crowd[0], deadline=0.3, partial=True).people == 0


def test_slow_workers_stop_by_themselves(crowd, cluster, gallery, monkeypatch):
    many = cluster(2)
    prepare = gallery.comparison.prepare
    monkeypatch.setattr(
        gallery.comparison, "prepare", lambda template: time.sleep(0.4) or prepare(template)
    )
    answer = many.search(crowd[0], deadline=0.2, partial=True)
    assert answer.people == 0
    time.sleep(0.5)
    answer = many.search(crowd[0], deadline=0.2, partial=True)
    assert {each.reason for each in answer.unanswered} <= {
        "it was not done in time",
        "no answer in time",
    }


def test_cancelled(crowd, cluster):
    many = cluster(3, fault=stuck("worker 1"))
    cancel = threading.Event()
    threading.Timer(0.2, cancel.set).start()
    begun = time.monotonic()
    with pytest.raises(OperationCancelled):
        many.search(crowd[0], cancel=cancel)
    assert time.monotonic() - begun < 3
    with pytest.raises(OperationCancelled):
        many.search(crowd[0], cancel=cancel)


def test_progress(crowd, cluster):
    seen = []
    cluster(3).search(crowd[0], progress=lambda *now: seen.append(now))
    assert seen == sorted(seen)
    assert seen[-1] == (48, 48)


def test_a_worker_s_error_is_an_error_or_a_part_that_is_missing(crowd, cluster):
    broken = {"worker 3": "broken"}
    many = cluster(3, fault=lambda worker, method: method == "search" and broken.get(worker))
    with pytest.raises(GalleryDamaged, match="disk is broken"):
        many.search(crowd[0])
    assert many.search(crowd[0], partial=True).complete, "another worker read its blocks"
    broken |= dict.fromkeys(many.workers, "broken")
    answer = many.search(crowd[0], partial=True)
    assert answer.people == 0
    assert {each.reason for each in answer.unanswered} == {"its disk is broken"}


def test_damaged_people_are_left_out_and_not_counted(gallery, crowd, cluster, path):
    newest = max((path / "segments").glob("*.segment"))
    whole = newest.read_bytes()
    stored = next(iter(crowd[20].fingers.values())).to_bytes()
    assert stored in whole
    newest.write_bytes(whole.replace(stored, stored[:40] + b"\xff" + stored[41:]))
    many = cluster(3)
    with Gallery.open(path, read_only=True, comparison=gallery.comparison) as one:
        for probe in crowd[:20:5]:
            answer = many.search(probe, 60)
            assert answer == one.search(probe, 60)
            assert answer.people < answer.enrolled == 48
            assert answer.people == sum(each.id is not None for each in answer)
            assert answer.share < 1.0


@pytest.mark.parametrize("block", [3, 1000])
def test_tolerant(gallery, crowd, cluster, block):
    fingers = dict(crowd[12].fingers) | dict(crowd[13].fingers)
    swapped = Person("swapped", dict(zip(fingers, reversed(fingers.values()), strict=True)))
    many = cluster(block=block)
    for probe in (swapped, *crowd[:4]):
        assert many.search(probe, 50, tolerant=True) == gallery.search(probe, 50, tolerant=True)


@pytest.mark.parametrize("sees", [True, False])
def test_encrypted(tmp_path, crowd, comparison, sees):
    folder = tmp_path / "secret"
    with Gallery.open(folder, secret=SECRET, comparison=comparison) as one:
        one.enrol_all(crowd)
        many = ClusterGallery.open(folder, read_only=True, secret=SECRET)
        shard = (str(folder), many.identity, 8, comparison, SECRET if sees else "another")
        many.employ(ThreadExecutor(lambda: Shard(*shard), ("worker 1",)), block_size=8)
        with many:
            assert many.search(crowd[3], 60) == one.search(crowd[3], 60)


def test_workers_come_and_go_under_searches(gallery, crowd, cluster):
    many = cluster(2, block=2)
    wanted = {probe.id: gallery.search(probe) for probe in crowd[:8]}
    done = threading.Event()

    def search():
        count = 0
        while not done.is_set():
            probe = crowd[count % 8]
            assert many.search(probe) == wanted[probe.id]
            count += 1
        return count

    with ThreadPoolExecutor(2) as threads:
        searching = [threads.submit(search) for _ in range(2)]
        try:
            for workers in (5, 1, 4, 3):
                many.resize(workers)
                assert len(many.workers) == workers
        finally:
            done.set()
        assert all(each.result() > 0 for each in searching)


@pytest.mark.parametrize("sees", [True, False])
@pytest.mark.parametrize("replicas", [1, 2])
def test_after_resizing_each_block_is_held_as_often_as_wanted(crowd, cluster, replicas, sees):
    many = cluster(2, block=2, replicas=replicas, sees=sees)
    blocks = {block.number for block in many._blocks()}
    for workers in (5, 3):
        many.resize(workers)
        held = [many._executor.submit(each, "holding").result() for each in many.workers]
        numbers = sorted(number for each in held for number in each)
        assert numbers == sorted([*blocks] * replicas)
    assert many.search(crowd[0]).complete


def test_too_few_for_the_replicas(cluster):
    with pytest.raises(ValueError, match="too few"):
        cluster(3, replicas=2).resize(1)


def test_closed(cluster, crowd, path):
    many = cluster()
    assert many.search(crowd[0])
    assert many.path == path
    many.close()
    many.close()
