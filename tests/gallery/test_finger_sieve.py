# SPDX-License-Identifier: Apache-2.0
"""The cascade's sieve on people with real codes, sketches and comparison."""

import numpy as np
import pytest

from ektp_hw.fingerprint.sketch import compare_at_first_sight, compare_sketches, sketches
from ektp_hw.gallery import Gallery, Person
from ektp_hw.gallery.cascade_parameters import CascadeParameters
from ektp_hw.gallery.finger_sieve import FingerSieve
from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic import Population

PEOPLE, TWICE = 250, 30
POSITIONS = [FingerPosition.RIGHT_INDEX, FingerPosition.LEFT_INDEX]


def test_larger_galleries_have_closer_sieves():
    sieves = [FingerSieve.among(fingers) for fingers in 10 ** np.arange(9)]
    distances = [each.code_distance for each in sieves]
    assert distances == sorted(distances, reverse=True)
    assert (distances[0], distances[6], distances[8]) == (243, 227, 197)
    for least in ("least_at_first_sight", "least_alike"):
        values = [getattr(each, least) for each in sieves]
        assert values == sorted(values)
    assert (sieves[6].least_at_first_sight, sieves[6].least_alike) == (31, 142)


def test_each_of_several_fingers_lets_fewer_pass():
    assert FingerSieve.among(100_000, 10.0) == FingerSieve.among(1_000_000)


@pytest.mark.parametrize(("sight", "alike"), [(0, 0), (9, 0), (0, 60), (9, 60)])
def test_both_looks_are_asked(sight, alike):
    templates = Population(seed=9).templates(np.arange(40), FingerPosition.RIGHT_INDEX)
    drawn = sketches(templates)
    rows = np.arange(40, dtype=np.uint32)[::-1].copy()
    pairs = np.ascontiguousarray(np.argwhere(np.ones((40, 6), bool)), np.uint32)
    sieve = FingerSieve(code_distance=227, least_at_first_sight=sight, least_alike=alike)
    kept = sieve.keep(drawn[:6], drawn, rows, pairs)
    wanted = [
        compare_at_first_sight(drawn[probe], drawn, rows[place : place + 1])[0] >= sight
        and compare_sketches(drawn[probe], drawn, rows[place : place + 1])[0] >= alike
        for place, probe in pairs
    ]
    assert kept.tolist() == wanted
    assert any(wanted)
    assert all(wanted) == (not sight and not alike)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """Some are enrolled a second time, with other touches of their fingers."""
    population = Population(seed=6)
    path = tmp_path_factory.mktemp("crowd") / "people"
    with Gallery.open(path) as gallery:
        for name, people, touch in (("first", PEOPLE, 0), ("second", TWICE, 1)):
            for batch, fingers in population.stream(range(people), POSITIONS, touch):
                gallery.enrol_all(
                    Person(f"{name} {one}", dict(zip(POSITIONS, templates, strict=True)))
                    for one, templates in zip(batch, fingers, strict=True)
                )
    return path


def test_duplicates_come_through(crowd):
    with Gallery.open(crowd, read_only=True) as gallery:
        exact = {(pair.a, pair.b): pair.score for pair in gallery.deduplicate(exact=True)}
        assert {(pair.a, pair.b): pair.score for pair in gallery.deduplicate()} == exact
        gallery.cascade = CascadeParameters(everybody=1)  # no gallery is small
        found = {(pair.a, pair.b): pair.score for pair in gallery.deduplicate()}
    planted = {(f"first {one}", f"second {one}") for one in range(TWICE)}
    assert exact.keys() <= planted
    assert len(exact) >= TWICE - 2
    assert found.items() <= exact.items()
    assert len(found) >= len(exact) - 2
