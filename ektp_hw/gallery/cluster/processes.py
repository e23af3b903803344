# SPDX-License-Identifier: Apache-2.0
"""Workers that are processes of this machine, joined by pipes; one that dies is replaced.

Messages are pickles behind their length, and only between this process and the children that it
started itself.
"""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import sys
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from ektp_hw.errors import GalleryError
from ektp_hw.gallery.cluster.executor import Lanes, lost, worker_lost
from ektp_hw.gallery.cluster.shard import Shard

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ProcessExecutor", "serve"]

_LENGTH = struct.Struct("<Q")
_PATIENCE = 5.0
"""Seconds in which a worker that was told to end has ended by itself."""
_STARTS = 3
"""How often in a row a worker may die before its first answer until no other is started."""


@dataclass
class _Child:
    process: subprocess.Popen[bytes]
    fruitless: int
    sending: threading.Lock = field(default_factory=threading.Lock)
    open_calls: dict[int, Future[Any]] = field(default_factory=dict)
    ended: bool = False


class ProcessExecutor:
    """Starts and watches the processes.

    Parameters
    ----------
    shard
        Arguments of `Shard`; the comparison among them, if any, must be importable by name.
    workers
        Names of the workers.
    """

    def __init__(self, shard: tuple[Any, ...], workers: tuple[str, ...]) -> None:
        self._shard = pickle.dumps(shard)
        self._guard = threading.Lock()
        self._children: dict[str, _Child] = {}
        self._calls = 0
        for worker in workers:
            self.add(worker)

    @property
    def workers(self) -> tuple[str, ...]:
        """Names of the workers there are."""
        with self._guard:
            return tuple(self._children)

    def process_id(self, worker: str) -> int:
        """Return the number of a worker's present process."""
        with self._guard:
            return self._children[worker].process.pid

    def submit(self, worker: str, method: str, *arguments: Any) -> Future[Any]:  # noqa: ANN401
        """Call a method of a worker's shard."""
        with self._guard:
            child = self._children.get(worker)
            self._calls += 1
            call = self._calls
        if child is None:
            return lost(worker)
        answer: Future[Any] = Future()
        answer.set_running_or_notify_cancel()
        with child.sending:
            if child.ended:
                return lost(worker)
            child.open_calls[call] = answer
            try:
                _send(_stdin(child), pickle.dumps((call, method, arguments)))
            except OSError:  # it has just died; its watcher fails the open calls
                return answer
        return answer

    def add(self, worker: str) -> None:
        """Start one more worker."""
        child = self._start(worker)
        with self._guard:
            self._children[worker] = child

    def remove(self, worker: str) -> None:
        """End a worker."""
        with self._guard:
            child = self._children.pop(worker)
        with child.sending:
            child.ended = True
            with suppress(OSError):
                _stdin(child).close()
        try:
            child.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()

    def close(self) -> None:
        """End all workers."""
        for worker in self.workers:
            self.remove(worker)

    def _start(self, worker: str, fruitless: int = 0) -> _Child:
        process = subprocess.Popen(
            [sys.executable, "-m", "ektp_hw.gallery.cluster.processes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        child = _Child(process, fruitless)
        try:
            _send(_stdin(child), self._shard)
        except OSError:
            process.kill()
        threading.Thread(
            target=self._watch, args=(worker, child), name=f"watch {worker}", daemon=True
        ).start()
        return child

    def _watch(self, worker: str, child: _Child) -> None:
        answers = child.process.stdout
        assert answers is not None  # noqa: S101  # asked for above
        while (message := _receive(answers)) is not None:
            call, error, result = pickle.loads(message)  # noqa: S301  # from our own child
            child.fruitless = 0
            answer = child.open_calls.pop(call)
            if error is None:
                answer.set_result(result)
            else:
                answer.set_exception(error)
        answers.close()
        with child.sending:
            wanted = not child.ended
            child.ended = True
            with suppress(OSError):  # what was written last did not reach it
                _stdin(child).close()
        child.process.wait()
        if wanted:
            self._replace(worker, child)
        for answer in list(child.open_calls.values()):
            answer.set_exception(worker_lost(worker))

    def _replace(self, worker: str, child: _Child) -> None:
        with self._guard:
            if self._children.get(worker) is not child:
                return
            if child.fruitless < _STARTS:
                self._children[worker] = self._start(worker, child.fruitless + 1)
            else:
                del self._children[worker]


def serve(calls: IO[bytes], answers: IO[bytes]) -> None:
    """Answer calls until the other side closes: what a worker's process does."""
    first = _receive(calls)
    if first is None:
        return
    lanes = Lanes(Shard(*pickle.loads(first)))  # noqa: S301  # from our own parent
    sending = threading.Lock()

    def answer(call: int) -> Callable[[Future[Any]], None]:
        def send(done: Future[Any]) -> None:
            error = done.exception()
            try:
                message = pickle.dumps((call, error, None if error else done.result()))
            except Exception as mistake:  # noqa: BLE001  # a call without any answer would hang
                message = pickle.dumps((call, GalleryError(f"{error}; {mistake}"), None))
            with sending:
                _send(answers, message)

        return send

    while (message := _receive(calls)) is not None:
        call, method, arguments = pickle.loads(message)  # noqa: S301  # from our own parent
        lanes.submit(method, arguments).add_done_callback(answer(call))
    os._exit(0)  # nobody waits for what is still being computed


def _stdin(child: _Child) -> IO[bytes]:
    assert child.process.stdin is not None  # noqa: S101  # asked for when it was started
    return child.process.stdin


def _send(to: IO[bytes], message: bytes) -> None:
    to.write(_LENGTH.pack(len(message)) + message)
    to.flush()


def _receive(source: IO[bytes]) -> bytes | None:
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    message = source.read(length)
    return message if len(message) == length else None


if __name__ == "__main__":
    private = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints in a worker must not get between the answers
    serve(sys.stdin.buffer, private)
