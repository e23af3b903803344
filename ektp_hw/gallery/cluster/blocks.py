# SPDX-License-Identifier: Apache-2.0
"""Blocks: the people of a gallery cut by enrolment number, the unit that workers hold and compare.

Enrolment numbers are never given twice, so a person stays in one block for life, whatever is
enrolled or removed around it, and two states of a block differ in its newest person or in the
number of people left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["BLOCK_SIZE", "Block", "Census", "numbers_in"]

BLOCK_SIZE = 1024
"""Enrolment numbers in a block unless the address says otherwise."""


class Block(NamedTuple):
    """One state of one block: its number, its newest person's enrolment number, how many people."""

    number: int
    last: int
    people: int


def numbers_in(block: int, size: int) -> range:
    """Return the enrolment numbers that belong to a block; the first person's is 1."""
    return range(block * size + 1, (block + 1) * size + 1)


class Census:
    """How many people there are in each block; no person is kept."""

    def __init__(self, size: int, people: Iterable[int] = ()) -> None:
        self._size = size
        self._newest: dict[int, int] = {}
        self._people: dict[int, int] = {}
        self.last = 0
        self.people = 0
        self.add(people)

    def add(self, people: Iterable[int]) -> None:
        """Count people by their enrolment numbers, which rise from call to call."""
        for seq in people:
            block = (seq - 1) // self._size
            self._newest[block] = self.last = seq
            self._people[block] = self._people.get(block, 0) + 1
            self.people += 1

    def blocks(self) -> tuple[Block, ...]:
        """Return every block that somebody is in, by number."""
        return tuple(Block(each, self._newest[each], n) for each, n in self._people.items())
