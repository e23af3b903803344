# SPDX-License-Identifier: Apache-2.0
"""Workers that are processes, killed for real."""

import time

import pytest

from ektp_hw.errors import WorkerLost
from ektp_hw.gallery import Gallery
from ektp_hw.gallery.cascade_parameters import CascadeParameters
from ektp_hw.gallery.cluster.processes import ProcessExecutor
from gallery_faults import killed_before, killed_meanwhile

NARROW = CascadeParameters(
    everybody=9, likely=0.3, likely_at_least=20, alike=0.0, alike_at_least=6, of_each_at_least=3
)


@pytest.fixture
def many(path, gallery, crowd, tmp_path, monkeypatch):  # noqa: ARG001  # the crowd lives in it
    from unhurried_comparison import FOLDER, Unhurried

    monkeypatch.setenv(FOLDER, str(tmp_path))
    gallery.comparison = None  # the real one
    with Gallery.connect(
        f"local://?path={path}&workers=3&block=4", read_only=True, comparison=Unhurried
    ) as opened:
        yield opened


def test_killed_in_the_middle(gallery, crowd, many, tmp_path):
    """One test, for starting processes takes its time: as one gallery, and as if nobody died."""

    def killing(work):
        return killed_meanwhile(many._executor, "worker 2", tmp_path, work)

    found = killing(lambda: many.search(crowd[2], 60))
    assert found == gallery.search(crowd[2], 60)
    assert found.complete

    whole = list(gallery.deduplicate(0.0))
    assert killing(lambda: list(many.deduplicate(0.0))) == whole

    gallery.cascade = many.cascade = NARROW
    wanted = gallery.search(crowd[2], 60)
    assert len(wanted) < len(found)
    assert killing(lambda: many.search(crowd[2], 60)) == wanted
    for method in ("sketches", "search"):
        found = killed_before(many._executor, "worker 3", method, lambda: many.search(crowd[2], 60))
        assert found == wanted
        assert found.complete

    many.resize(2)
    assert many.search(crowd[2], 60) == gallery.search(crowd[2], 60)
    assert many._executor.submit("worker 3", "holding").exception() is not None


def test_a_worker_that_cannot_start():
    """No endless starting: after a few times the worker is given up."""
    executor = ProcessExecutor(("nonsense",), ("worker 1",))
    try:
        deadline = time.monotonic() + 60
        while executor.workers and time.monotonic() < deadline:
            assert isinstance(executor.submit("worker 1", "holding").exception(60), WorkerLost)
        assert executor.workers == ()
    finally:
        executor.close()
