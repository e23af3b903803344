# SPDX-License-Identifier: Apache-2.0
"""People cut into blocks, blocks given to workers, answers put together."""

from itertools import pairwise

import pytest

from ektp_hw.gallery.cluster.assignment import Assignment
from ektp_hw.gallery.cluster.blocks import Block, Census, numbers_in
from ektp_hw.gallery.cluster.merging import Ranked, merge


def test_blocks_cover_every_number_once():
    spans = [numbers_in(block, 7) for block in range(4)]
    assert [n for span in spans for n in span] == list(range(1, 29))


def test_census():
    census = Census(10, [1, 2, 9, 10, 11, 35])
    assert census.blocks() == (Block(0, 10, 4), Block(1, 11, 1), Block(3, 35, 1))
    assert (census.last, census.people) == (35, 6)
    census.add([36, 41])
    assert census.blocks()[2:] == (Block(3, 36, 2), Block(4, 41, 1))
    assert Census(10).blocks() == ()


def names(count):
    return tuple(f"worker {number}" for number in range(1, count + 1))


def test_blocks_are_spread_evenly():
    assignment = Assignment(names(4))
    held = [assignment.holders(block)[0] for block in range(4000)]
    assert all(850 < held.count(worker) < 1150 for worker in names(4))


@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_replicas_are_of_different_workers(replicas):
    assignment = Assignment(names(5), replicas)
    for block in range(100):
        assert len(set(assignment.holders(block))) == replicas
        assert sorted(assignment.ranked(block)) == sorted(names(5))


def test_only_what_must_move_moves():
    sizes = [2, 3, 7, 8]
    for few, more in pairwise(sizes):
        before, after = Assignment(names(few)), Assignment(names(more))
        moved = [b for b in range(3000) if before.holders(b) != after.holders(b)]
        assert all(after.holders(b)[0] not in names(few) for b in moved), "only to new workers"
        assert len(moved) == pytest.approx(3000 * (more - few) / more, rel=0.15)


def test_merge_keeps_one_gallery_s_order():
    def ranked(seq, score):
        return Ranked(seq, score, (), ())

    one = [ranked(4, 9.0), ranked(2, 5.0)]
    two = [ranked(1, 5.0), ranked(9, 0.0), ranked(4, 9.0)]
    assert [each.seq for each in merge([one, two], 10)] == [4, 1, 2, 9]
    assert [each.seq for each in merge([one, two], 2)] == [4, 1]
    assert merge([], 3) == []
