# SPDX-License-Identifier: Apache-2.0
"""Answers are added up, so each block is in one of them, whoever answers twice or late."""

import threading
import time
from concurrent.futures import Future

import numpy as np
import pytest

from ektp_hw.errors import WorkerLost
from ektp_hw.gallery.cluster.assignment import Assignment
from ektp_hw.gallery.cluster.blocks import Block
from ektp_hw.gallery.cluster.scatter import Scatter, _Question

NAMES = tuple(f"worker {number}" for number in range(1, 5))
BLOCKS = [Block(number, number * 10, 10) for number in range(12)]


class ByHand:
    """Workers whose calls are answered by the test."""

    workers = NAMES

    def __init__(self):
        self.asked = []
        self.more = threading.Semaphore(0)

    def submit(self, worker, _method, blocks, *_):
        answer = Future()
        self.asked.append((worker, blocks, answer))
        self.more.release()
        return answer


def numbers(blocks):
    return sorted(block.number for block in blocks)


def scatter(workers, **options):
    return Scatter(
        workers, lambda: Assignment(NAMES, 2), "first_sights", (), lambda _: (), **options
    )


def running(question):
    found = []
    thread = threading.Thread(target=lambda: found.extend(question.run(BLOCKS)))
    thread.start()
    return thread, found


def test_a_late_answer_to_all_takes_the_place_of_one_to_a_part():
    workers, taken = ByHand(), threading.Semaphore(0)
    question = scatter(workers, patience=0.05, end=time.monotonic() + 30)
    question.progress = lambda _: taken.release()
    thread, found = running(question)
    while sum(len(blocks) for _, blocks, _ in workers.asked) < 2 * len(BLOCKS):
        assert workers.more.acquire(timeout=20), "not every replica was asked"
    first, *others = workers.asked
    part = next(each for each in others if set(each[1]) < set(first[1]))
    for (_, _, answer), words in ((part, "a part"), (first, "all of it")):
        answer.set_result(words)
        assert taken.acquire(timeout=20)
    for _, blocks, answer in others:
        if not answer.done():
            answer.set_result(blocks)
    thread.join(20)
    answers, missing = found
    assert missing == ()
    assert sorted(number for each in answers for number in each.numbers) == numbers(BLOCKS)
    words = [each.found for each in answers]
    assert "all of it" in words
    assert "a part" not in words


def test_an_answer_that_overlaps_another_is_asked_for_anew():
    """A lost worker's blocks can go to somebody together with others that were answered for."""
    workers = ByHand()
    question = scatter(workers)
    question._left = {block.number: block for block in BLOCKS[:4]}

    def answered(worker, blocks, found):
        waiting = tuple(block for block in blocks if block.number in question._left)
        question._accept(_Question(worker, tuple(blocks), 0.0), found, waiting)

    answered("worker 1", BLOCKS[:2], "0 and 1")
    answered("worker 2", BLOCKS[1:4], "1, 2 and 3")
    assert [each.found for each in question._answers] == ["0 and 1"]
    ((worker, blocks, _),) = workers.asked
    assert (worker, numbers(blocks)) == ("worker 2", [2, 3])
    answered("worker 3", BLOCKS[1:4], "1, 2 and 3")
    assert len(workers.asked) == 1, "worker 2 is at it"
    answered("worker 2", BLOCKS[2:4], "2 and 3")
    assert [each.found for each in question._answers] == ["0 and 1", "2 and 3"]
    assert not question._left


@pytest.mark.parametrize("seed", range(8))
def test_each_block_is_counted_once(seed, monkeypatch):
    """Answers come in any order, some twice from replicas, and some workers are lost."""
    monkeypatch.setattr("ektp_hw.gallery.cluster.scatter._PAUSE", 0.005)
    rng = np.random.default_rng(seed)
    workers = ByHand()
    question = scatter(workers, patience=0.0, end=time.monotonic() + 30)
    thread, found = running(question)
    open_calls, lost = [], 0
    while thread.is_alive():
        workers.more.acquire(timeout=0.005)
        open_calls += workers.asked
        workers.asked.clear()
        rng.shuffle(open_calls)
        for _ in range(int(rng.random() < 0.5)):
            if open_calls:
                worker, blocks, answer = open_calls.pop()
                if lost < 15 and rng.random() < 0.4:
                    lost += 1
                    answer.set_exception(WorkerLost(worker))
                else:
                    answer.set_result(numbers(blocks))
    answers, missing = found
    assert missing == ()
    assert sorted(number for each in answers for number in each.found) == numbers(BLOCKS)
