# SPDX-License-Identifier: Apache-2.0
"""Which worker holds which block: highest-random-weight ("rendezvous") hashing.

D. G. Thaler, C. V. Ravishankar, "Using name-based mappings to increase hit rates", IEEE/ACM
Transactions on Networking 6(1), 1998. Each block ranks all workers by a hash of both names. When
a worker comes or goes, only the blocks that it gains or loses move, about one in as many as there
are workers; no table has to be kept or agreed on.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Assignment"]


@dataclass(frozen=True)
class Assignment:
    """Workers by name, and how many of them hold each block."""

    workers: tuple[str, ...]
    replicas: int = 1

    def ranked(self, block: int) -> tuple[str, ...]:
        """Return all workers in the order in which they answer for a block; holders first."""
        return _ranked(self.workers, block)

    def holders(self, block: int) -> tuple[str, ...]:
        """Return the workers that keep a block in memory."""
        return self.ranked(block)[: self.replicas]


@lru_cache(1 << 14)
def _ranked(workers: tuple[str, ...], block: int) -> tuple[str, ...]:
    return tuple(sorted(workers, key=lambda worker: _weight(block, worker)))


def _weight(block: int, worker: str) -> bytes:
    return hashlib.blake2b(f"{block}:{worker}".encode(), digest_size=8).digest()
