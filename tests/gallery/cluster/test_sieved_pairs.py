# SPDX-License-Identifier: Apache-2.0
"""The cascade, block against block at many workers: the pairs of one gallery."""

import numpy as np
import pytest

from ektp_hw.gallery import Gallery, Person
from ektp_hw.gallery.cascade_parameters import CascadeParameters
from ektp_hw.gallery.cluster.executor import ThreadExecutor
from ektp_hw.gallery.cluster.gallery import ClusterGallery
from ektp_hw.gallery.cluster.shard import Shard
from ektp_hw.gallery.described import Described
from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic import Population
from gallery_faults import random_faults
from stand_in_cascade import Near, SharedCoordinates, SumOfCoordinates


@pytest.fixture
def gallery(path):
    with Gallery.open(
        path, comparison=SharedCoordinates, description=SumOfCoordinates(), sieve=Near()
    ) as opened:
        yield opened


@pytest.mark.parametrize("tolerant", [False, True])
@pytest.mark.parametrize(("block", "sees"), [(1, True), (7, True), (1000, True), (7, False)])
@pytest.mark.usefixtures("crowd")
def test_as_one_gallery(gallery, cluster, block, sees, tolerant):
    many = cluster(block=block, sees=sees, sieve=Near(), description=SumOfCoordinates())
    one = list(gallery.deduplicate(1.0, tolerant=tolerant))
    assert len(one) > 4
    assert list(many.deduplicate(1.0, tolerant=tolerant)) == one
    exact = list(gallery.deduplicate(1.0, tolerant=tolerant, exact=True))
    assert list(many.deduplicate(1.0, tolerant=tolerant, exact=True)) == exact


@pytest.mark.parametrize("sees", [True, False])
@pytest.mark.usefixtures("crowd")
def test_lost_workers_lose_and_double_no_pair(gallery, cluster, sees, monkeypatch):
    monkeypatch.setattr("ektp_hw.gallery.cluster.block_pairs._PAUSE", 0.0)
    many = cluster(
        4, sees=sees, fault=random_faults(3), sieve=Near(), description=SumOfCoordinates()
    )
    assert list(many.deduplicate(1.0)) == list(gallery.deduplicate(1.0))


def test_newcomers_against_those_before(gallery, crowd, cluster, person):
    many = cluster(sieve=Near(), description=SumOfCoordinates())
    run = many.deduplicate(4.0)
    assert list(run) == list(gallery.deduplicate(4.0))
    gallery.enrol(person("new"))
    gallery.enrol(Person("4 again", crowd[4].fingers))
    gallery.remove("p9")
    run = many.deduplicate(4.0, resume=run.position)
    assert [(pair.a, pair.b) for pair in run] == [("p4", "4 again")]
    assert list(many.deduplicate(4.0)) == list(gallery.deduplicate(4.0))


@pytest.mark.usefixtures("crowd")
def test_codes_of_another_release_are_not_trusted(gallery, cluster):
    many = cluster(sieve=Near())  # without a description there is no telling
    assert list(many.deduplicate(1.0)) == list(gallery.deduplicate(1.0, exact=True))


def test_a_large_gallery_is_sieved_as_one_alone(tmp_path):
    """Without a sieve of one's own: the one for the gallery's size, here as there."""
    position, population = FingerPosition.RIGHT_INDEX, Population(seed=12)
    fingers = population.templates(np.arange(300), position)
    fingers += population.templates(np.arange(30), position, 1)
    narrow = CascadeParameters(everybody=10)
    with Gallery.open(tmp_path / "people") as alone:
        alone.enrol_all(Person(f"{n}", {position: each}) for n, each in enumerate(fingers))
        alone.cascade = narrow
        wanted = list(alone.deduplicate())
        exact = list(alone.deduplicate(exact=True))
    many = ClusterGallery.open(tmp_path / "people", read_only=True, description=Described())
    shard = (str(tmp_path / "people"), many.identity, 64)
    workers = ThreadExecutor(lambda: Shard(*shard), ("worker 1", "worker 2", "worker 3"))
    many.employ(workers, block_size=64)
    with many:
        many.cascade = narrow
        assert list(many.deduplicate()) == wanted
        assert list(many.deduplicate(exact=True)) == exact
    assert len(wanted) >= 25
