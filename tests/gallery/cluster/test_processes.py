# SPDX-License-Identifier: Apache-2.0
"""Workers that are processes, killed for real."""

import os
import signal
import threading
import time
from itertools import islice

import pytest

from ektp_hw.errors import WorkerLost
from ektp_hw.gallery import Gallery
from ektp_hw.gallery.cluster.processes import ProcessExecutor


@pytest.fixture
def many(path, gallery, crowd):  # noqa: ARG001  # the crowd lives in the gallery
    from unhurried_comparison import Unhurried

    gallery.comparison = None  # the real one
    with Gallery.connect(
        f"local://?path={path}&workers=3&block=4", read_only=True, comparison=Unhurried
    ) as opened:
        yield opened


def kill(many, worker):
    os.kill(many._executor.process_id(worker), signal.SIGKILL)


def killed_meanwhile(many, work, when):
    """Kill a worker as soon as it has something to do for `work`, which runs in a thread."""
    done = []
    thread = threading.Thread(target=lambda: done.append(work()))
    thread.start()
    while not when():
        time.sleep(0.001)
    kill(many, "worker 2")
    assert not done, "killed too late to show anything"
    thread.join(60)
    return done[0]


def test_killed_in_the_middle(gallery, crowd, many):
    """One test, for starting processes takes its time: as one gallery, and as if nobody died."""
    child = many._executor._children["worker 2"]
    found = killed_meanwhile(
        many, lambda: many.search(crowd[2], 60), lambda: bool(child.open_calls)
    )
    assert found == gallery.search(crowd[2], 60)
    assert found.complete

    whole = list(gallery.deduplicate(0.0))
    run = many.deduplicate(0.0)
    some = list(islice(run, 40))
    rest = killed_meanwhile(many, lambda: list(run), lambda: many._executor.process_id("worker 2"))
    assert some + rest == whole

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
