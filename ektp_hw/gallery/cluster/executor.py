# SPDX-License-Identifier: Apache-2.0
"""Who runs the shards: what the cluster's logic asks of threads, processes or Ray."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

from ektp_hw.errors import WorkerLost

if TYPE_CHECKING:
    from collections.abc import Callable

    from ektp_hw.gallery.cluster.shard import Shard

__all__ = ["URGENT", "Executor", "Lanes", "ThreadExecutor"]

URGENT = frozenset({"first_sights", "sketches", "search"})
"""Calls that do not wait behind the others: a worker does one of these beside one of those."""


class Executor(Protocol):
    """Workers by name, each with a `Shard` of its own.

    A worker that dies fails the calls it had with `WorkerLost` and is replaced, under the same
    name, by one with an empty shard; calls to it until then may fail likewise.
    """

    @property
    def workers(self) -> tuple[str, ...]:
        """Names of the workers there are."""

    def submit(self, worker: str, method: str, *arguments: Any) -> Future[Any]:  # noqa: ANN401
        """Call a method of a worker's shard; never raises, the future may."""

    def add(self, worker: str) -> None:
        """Start one more worker."""

    def remove(self, worker: str) -> None:
        """End a worker; what it had not answered fails with `WorkerLost`."""

    def close(self) -> None:
        """End all workers."""


class Lanes:
    """Runs the calls to one shard, the urgent ones beside the others."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._urgent = ThreadPoolExecutor(1, "search")
        self._others = ThreadPoolExecutor(1, "work")

    def submit(self, method: str, arguments: tuple[Any, ...]) -> Future[Any]:
        """Run a call as soon as its lane is free."""
        lane = self._urgent if method in URGENT else self._others
        return lane.submit(getattr(self._shard, method), *arguments)

    def close(self, *, wait: bool = True) -> None:
        """Finish what is running and forget what is not."""
        self._urgent.shutdown(wait=wait, cancel_futures=True)
        self._others.shutdown(wait=wait, cancel_futures=True)


class ThreadExecutor:
    """Workers that are threads of this process: for one machine, and for tests.

    The compiled comparison lets other threads run meanwhile.
    """

    def __init__(self, make: Callable[[], Shard], workers: tuple[str, ...]) -> None:
        self._make = make
        self._guard = threading.Lock()
        self._lanes = {worker: Lanes(make()) for worker in workers}

    @property
    def workers(self) -> tuple[str, ...]:
        """Names of the workers there are."""
        return tuple(self._lanes)

    def submit(self, worker: str, method: str, *arguments: Any) -> Future[Any]:  # noqa: ANN401
        """Call a method of a worker's shard."""
        with self._guard:
            lanes = self._lanes.get(worker)
        if lanes is None:
            return lost(worker)
        try:
            call = lanes.submit(method, arguments)
        except RuntimeError:  # closed between the two
            return lost(worker)
        answer: Future[Any] = Future()
        answer.set_running_or_notify_cancel()
        call.add_done_callback(lambda done: _pass_on(worker, done, answer))
        return answer

    def add(self, worker: str) -> None:
        """Start one more worker."""
        with self._guard:
            self._lanes[worker] = Lanes(self._make())

    def remove(self, worker: str) -> None:
        """End a worker."""
        with self._guard:
            lanes = self._lanes.pop(worker)
        lanes.close()

    def close(self) -> None:
        """End all workers."""
        for worker in self.workers:
            self.remove(worker)


def _pass_on(worker: str, done: Future[Any], answer: Future[Any]) -> None:
    if done.cancelled():  # the worker was ended before it came to this call
        answer.set_exception(worker_lost(worker))
    elif (error := done.exception()) is not None:
        answer.set_exception(error)
    else:
        answer.set_result(done.result())


def lost(worker: str) -> Future[Any]:
    """Return a call that failed because there is no such worker."""
    failed: Future[Any] = Future()
    failed.set_exception(worker_lost(worker))
    return failed


def worker_lost(worker: str) -> WorkerLost:
    """Return the error of a call whose worker ended before it answered."""
    return WorkerLost(
        f"{worker} of the cluster ended before it answered; ask another, or it again in a moment"
    )
