# SPDX-License-Identifier: Apache-2.0
"""Crowds, galleries on thread workers, and workers that get lost, late or stuck on request."""

from collections import Counter
from concurrent.futures import Future

import pytest

from ektp_hw.errors import GalleryDamaged
from ektp_hw.gallery import Person
from ektp_hw.gallery.cluster import ClusterGallery
from ektp_hw.gallery.cluster.executor import ThreadExecutor, worker_lost
from ektp_hw.gallery.cluster.shard import Shard
from ektp_hw.samples import FingerPosition


class Unreliable(ThreadExecutor):
    """Thread workers whose calls fail as those of dying processes do.

    `fault(worker, method)` says what becomes of a call: None, "before" (lost, not done), "after"
    (done, its answer lost, the shard emptied), "stuck" (never answered), "broken" (an error).
    """

    def __init__(self, make, workers, fault=lambda *_: None):
        super().__init__(make, workers)
        self.fault = fault
        self.calls = Counter()

    def submit(self, worker, method, *arguments):
        fault = self.fault(worker, method)
        answer = Future()
        if fault == "stuck":
            return answer
        if fault == "broken":
            answer.set_exception(GalleryDamaged("its disk is broken"))
            return answer
        if fault == "before":
            answer.set_exception(worker_lost(worker))
            return answer
        self.calls[method] += 1
        if fault == "after":
            super().submit(worker, method, *arguments).exception()
            self.remove(worker)
            self.add(worker)
            answer.set_exception(worker_lost(worker))
            return answer
        return super().submit(worker, method, *arguments)


@pytest.fixture
def cluster(path, gallery):
    """Return a maker of galleries on thread workers over the same folder as `gallery`."""
    opened = []

    def make(workers=3, *, block=8, sees=True, fault=lambda *_: None, description=None, **options):
        reader = ClusterGallery.open(path, read_only=True, description=description)
        opened.append(reader)
        seen = str(path) if sees else str(path / "elsewhere")

        def shard():
            return Shard(seen, reader.identity, block, gallery.comparison)

        names = tuple(f"worker {number}" for number in range(1, workers + 1))
        reader.employ(Unreliable(shard, names, fault), block_size=block, **options)
        return reader

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def crowd(gallery, person, rng):
    """Fifty people, some of them twice, with one, two or unknown fingers; two were removed."""
    kinds = [
        (FingerPosition.RIGHT_INDEX, FingerPosition.LEFT_INDEX),
        (FingerPosition.RIGHT_INDEX,),
        (FingerPosition.UNKNOWN,),
        (FingerPosition.UNKNOWN, FingerPosition.LEFT_THUMB),
    ]
    people = [person(f"p{i}", *kinds[int(rng.integers(4))]) for i in range(50)]
    for twin, of in ((5, 2), (9, 2), (31, 0), (44, 30), (49, 9)):
        people[twin] = Person(f"p{twin}", people[of].fingers)
    gallery.enrol_all(people)
    gallery.remove("p7")
    gallery.remove("p30")
    return people
