# SPDX-License-Identifier: Apache-2.0
"""Workers that are Ray actors, on this machine or on as many as a cluster has (extra `cluster`).

Ray restarts a dead actor, wherever there is room, by making its shard anew (``max_restarts``);
what it had not answered is not repeated by Ray (``max_task_retries=0``) but fails at once, and
the logic above asks somebody else. See "Actor Fault Tolerance" in Ray's documentation.
"""

from __future__ import annotations

import os
import pickle
import sys
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from ektp_hw.errors import GalleryError, WorkerLost
from ektp_hw.gallery.cluster.executor import URGENT, lost, worker_lost
from ektp_hw.gallery.cluster.shard import Shard

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["RayExecutor"]

_OBJECT_STORE = 80 << 20
"""Bytes. Ray's least is 75 MiB; templates never pass through it but for blocks that are sent."""


class RayExecutor:
    """Actors of a Ray cluster.

    Parameters
    ----------
    address
        ``local`` starts Ray on this machine; ``auto`` is the cluster that this machine is part
        of; anything else is that cluster by its head's address.
    shard
        Arguments of `Shard`.
    workers
        Names of the workers.

    Raises
    ------
    GalleryError
        If Ray is not installed, or the cluster cannot be reached.
    """

    def __init__(self, address: str, shard: tuple[Any, ...], workers: tuple[str, ...]) -> None:
        self._ray, self._ours = _started(address)
        self._shard = pickle.dumps(shard)
        self._paths = [*filter(None, sys.path)] if address == "local" else []
        self._actors: dict[str, Any] = {}
        # On one machine the workers share the cores there are, however many workers.
        self._cores = 0 if address == "local" else 1
        self._actor = self._ray.remote(
            num_cpus=self._cores,
            scheduling_strategy="SPREAD",
            max_restarts=-1,
            max_task_retries=0,
            concurrency_groups={"urgent": 1, "others": 1},
        )(_ShardActor)
        for worker in workers:
            self.add(worker)

    @property
    def workers(self) -> tuple[str, ...]:
        """Names of the workers there are."""
        return tuple(self._actors)

    def submit(self, worker: str, method: str, *arguments: Any) -> Future[Any]:  # noqa: ANN401
        """Call a method of a worker's shard."""
        actor = self._actors.get(worker)
        if actor is None:
            return lost(worker)
        group = "urgent" if method in URGENT else "others"
        try:
            call = actor.call.options(concurrency_group=group).remote(method, arguments)
            answered = call.future()
        except self._ray.exceptions.RayError:
            return lost(worker)
        answer: Future[Any] = Future()
        answer.set_running_or_notify_cancel()
        answered.add_done_callback(lambda done: self._pass_on(worker, done, answer))
        return answer

    def _pass_on(self, worker: str, done: Future[Any], answer: Future[Any]) -> None:
        error = done.exception()
        if isinstance(error, self._ray.exceptions.RayTaskError):
            answer.set_exception(error.cause)
        elif isinstance(error, self._ray.exceptions.ActorDiedError):
            why = str(error).strip().splitlines()
            answer.set_exception(WorkerLost(f"{worker} of the cluster is gone: {why[-1]}"))
        elif isinstance(error, self._ray.exceptions.RayError):
            answer.set_exception(worker_lost(worker))
        elif error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(done.result())

    def process_id(self, worker: str) -> int:
        """Return the number of a worker's present process on its machine."""
        return int(self.submit(worker, "process_id").result())

    def add(self, worker: str) -> None:
        """Start one more worker.

        Raises
        ------
        GalleryError
            If the cluster has no core for it.
        """
        cores = self._ray.cluster_resources().get("CPU", 0)
        if self._cores * (len(self._actors) + 1) > cores:
            raise GalleryError(
                f"the Ray cluster has {cores:g} cores and each worker takes one; ask for fewer "
                "workers, or add machines"
            )
        self._actors[worker] = self._actor.remote(self._shard, self._paths)

    def remove(self, worker: str) -> None:
        """End a worker."""
        self._ray.kill(self._actors.pop(worker), no_restart=True)

    def close(self) -> None:
        """End all workers, and Ray if it was started here."""
        for worker in self.workers:
            self.remove(worker)
        if self._ours:
            self._ray.shutdown()


class _ShardActor:
    """A shard in its own process, which imports from where this one does, too."""

    def __init__(self, shard: bytes, paths: list[str]) -> None:
        sys.path += [path for path in paths if path not in sys.path]
        self._shard = Shard(*pickle.loads(shard))  # noqa: S301  # from the executor

    def call(self, method: str, arguments: tuple[Any, ...]) -> Any:  # noqa: ANN401
        if method == "process_id":
            return os.getpid()
        return getattr(self._shard, method)(*arguments)


def _started(address: str) -> tuple[ModuleType, bool]:
    """Return Ray, connected, and whether this object must end it."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a gallery tells nobody anything
    try:
        import ray
    except ImportError as error:
        raise GalleryError(
            "a gallery on Ray needs the package ray; install ektp_hw[cluster], or use local "
            "workers by an address that begins with local://"
        ) from error
    if ray.is_initialized():
        return ray, False
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == "local":
        options |= {
            "address": "local",
            "num_cpus": 1,
            "include_dashboard": False,
            "object_store_memory": _OBJECT_STORE,
        }
    else:
        options |= {"address": address}
    try:
        ray.init(**options)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        raise GalleryError(
            f"the Ray cluster at {address} cannot be reached ({error}); start it with 'ray start "
            "--head', have this machine join it with 'ray start --address', or check the address"
        ) from error
    return ray, True
