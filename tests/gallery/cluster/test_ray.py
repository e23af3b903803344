# SPDX-License-Identifier: Apache-2.0
"""The same on Ray: four workers of this machine, one of them killed in the middle."""

import numpy as np
import pytest

from ektp_hw.gallery import Gallery, Person
from ektp_hw.gallery.cascade_parameters import CascadeParameters
from ektp_hw.samples import FingerPosition
from ektp_hw.templates import FingerprintTemplate
from gallery_faults import killed_before, killed_meanwhile

pytest.importorskip("ray", reason="needs the extra `cluster`: pip install ektp_hw[cluster]")
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:::ray"),
]

NARROW = CascadeParameters(
    everybody=9, likely=0.3, likely_at_least=20, alike=0.0, alike_at_least=6, of_each_at_least=3
)


def some_template(rng):
    places = rng.uniform(0, 400, (2, 30))
    return FingerprintTemplate.from_minutiae(*places, rng.uniform(0, 6, 30), width=400, height=400)


@pytest.fixture
def people():
    rng = np.random.default_rng(5)
    hands = (FingerPosition.RIGHT_INDEX, FingerPosition.LEFT_INDEX)
    crowd = [Person(f"p{i}", {each: some_template(rng) for each in hands}) for i in range(40)]
    for twin, of in ((9, 2), (31, 0), (39, 9)):
        crowd[twin] = Person(f"p{twin}", crowd[of].fingers)
    return crowd


@pytest.fixture
def local(people, tmp_path):
    with Gallery.open(tmp_path / "people") as gallery:
        gallery.enrol_all(people)
        yield gallery


@pytest.fixture
def many(local, tmp_path, monkeypatch):
    from unhurried_comparison import FOLDER, Unhurried

    monkeypatch.setenv(FOLDER, str(tmp_path))
    path = local.info().path
    with Gallery.connect(
        f"ray://local?path={path}&workers=4&block=4", read_only=True, comparison=Unhurried
    ) as opened:
        yield opened


def test_as_one_gallery_whoever_dies(local, many, people, tmp_path):
    """One test, for Ray takes ten seconds to start."""
    assert many.workers == ("worker 1", "worker 2", "worker 3", "worker 4")
    probes = (people[2], people[7], people[9].fingers[FingerPosition.LEFT_INDEX])
    for probe in probes:
        answer = many.search(probe, 40)
        assert answer == local.search(probe, 40)
        assert (answer.people, answer.enrolled) == (40, 40)
    whole = list(local.deduplicate(0.0))
    assert list(many.deduplicate(0.0)) == whole

    def killing(work):
        return killed_meanwhile(many._executor, "worker 2", tmp_path, work)

    answer = killing(lambda: many.search(people[2], 40))
    assert answer == local.search(people[2], 40)
    assert answer.complete

    assert killing(lambda: list(many.deduplicate(0.0))) == whole

    local.cascade = many.cascade = NARROW
    for probe in probes:
        assert many.search(probe, 40) == local.search(probe, 40)
        assert many.search(probe, 40, exact=True) == local.search(probe, 40, exact=True)
    wanted = local.search(people[2], 40)
    assert len(wanted) < len(answer)
    assert killing(lambda: many.search(people[2], 40)) == wanted
    found = killed_before(
        many._executor, "worker 3", "sketches", lambda: many.search(people[2], 40)
    )
    assert found == wanted
    assert found.complete

    many.resize(5)
    assert many.search(people[2]) == local.search(people[2])
    many.resize(3)
    assert many.search(people[2]) == local.search(people[2])
