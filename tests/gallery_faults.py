# SPDX-License-Identifier: Apache-2.0
"""Faults for the workers of a cluster: calls that get lost, processes that are killed."""

import os
import signal
import threading
import time

import numpy as np


def random_faults(seed, rate=0.3):
    """Lose a share of the calls, half of them before and half after they were done."""
    rng = np.random.default_rng(seed)

    def fault(_worker, method):
        if method in {"first_sights", "sketches", "search", "pairs"} and rng.random() < rate:
            return ("before", "after")[int(rng.integers(2))]
        return None

    return fault


def killed_meanwhile(executor, worker, folder, work):
    """Kill -9 a worker while it compares for `work`; return what `work` returns all the same.

    Its comparison is `unhurried_comparison.Unhurried` with this folder.
    """
    while executor.submit(worker, "holding").exception(60):  # it is being replaced
        time.sleep(0.1)
    process = executor.process_id(worker)
    (folder / "gate").touch()
    done = []
    thread = threading.Thread(target=lambda: done.append(work()))
    thread.start()
    try:
        deadline = time.monotonic() + 60
        while not (folder / str(process)).exists():
            assert time.monotonic() < deadline, "the worker got nothing to do"
            time.sleep(0.005)
        os.kill(process, signal.SIGKILL)
    finally:
        (folder / "gate").unlink()
    thread.join(60)
    return done[0]


def killed_before(executor, worker, method, work):
    """Kill -9 a worker when another is first asked to do `method`; return what `work` returns."""
    while executor.submit(worker, "holding").exception(60):  # it is being replaced
        time.sleep(0.1)
    process = executor.process_id(worker)
    submit, killed = executor.submit, []

    def submitted(name, asked, *arguments):
        if asked == method and not killed:
            killed.append(process)
            os.kill(process, signal.SIGKILL)
        return submit(name, asked, *arguments)

    executor.submit = submitted
    try:
        return work()
    finally:
        executor.submit = submit
        assert killed, "nobody was asked for it"
