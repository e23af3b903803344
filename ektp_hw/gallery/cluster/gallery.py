# SPDX-License-Identifier: Apache-2.0
"""The same gallery, searched and deduplicated by many workers.

One process keeps the durable folder and enrols into it, as ever. Workers answer for the people
block by block, for each block as many of them as there are replicas; they map the folder's files
where they see it and are sent the blocks where they do not. A worker holds nothing that is not in
the folder: losing one loses nobody.
"""

from __future__ import annotations

import threading
from concurrent.futures import wait
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.errors import GalleryIncomplete, WorkerLost
from ektp_hw.gallery.cascade_parameters import CascadeParameters
from ektp_hw.gallery.catalogue import stop_if
from ektp_hw.gallery.cluster.assignment import Assignment
from ektp_hw.gallery.cluster.block_pairs import BlockPairs
from ektp_hw.gallery.cluster.blocks import Census, numbers_in
from ektp_hw.gallery.cluster.holdings import BlocksMissing
from ektp_hw.gallery.cluster.ledger import FileLedger, MemoryLedger
from ektp_hw.gallery.cluster.search import ClusterSearch, SearchAnswer
from ektp_hw.gallery.cluster.stored_people import BlockStore
from ektp_hw.gallery.deduplication import Deduplication, least_score
from ektp_hw.gallery.finger_sieve import chosen_sieve
from ektp_hw.gallery.fusion import Candidate
from ektp_hw.gallery.pair_journal import PairJournal
from ektp_hw.gallery.person import Person
from ektp_hw.samples import FingerPosition
from ektp_hw.templates import FingerprintTemplate

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from ektp_hw.gallery.cluster.blocks import Block
    from ektp_hw.gallery.cluster.executor import Executor
    from ektp_hw.gallery.cluster.stages import Probe
    from ektp_hw.gallery.cluster.stored_people import StoredPerson
    from ektp_hw.gallery.pair_sieve import Sieve

__all__ = ["ClusterGallery"]

_LOADING = 3600.0
"""Seconds in which a worker has read and prepared the people it is to hold."""


class ClusterGallery(BlockStore):
    """A gallery with workers; made by `Gallery.connect`, usable from several threads.

    Everything that `Store` can do is done by this process in the gallery's folder.
    """

    _size: int
    _deadline: float
    _executor: Executor
    _assignment: Assignment
    _census: Census
    _sieve: Sieve | None
    cascade: CascadeParameters
    _counted: tuple[int, int] | None = None
    _weighed: tuple[tuple[int, int] | None, int] = (None, 0)
    """Fingers that are described, of a state of the ledger."""

    def employ(
        self,
        executor: Executor,
        *,
        block_size: int,
        replicas: int = 1,
        deadline: float = 60.0,
        sieve: Sieve | None = None,
    ) -> None:
        """Give this gallery its workers and have them load what they are to hold.

        Parameters
        ----------
        executor
            The workers; closed together with this gallery.
        block_size
            Enrolment numbers in a block, as the workers' shards know it.
        replicas
            How many workers hold each block.
        deadline
            Seconds that a search may take unless it says otherwise.
        sieve
            As in `Gallery.open`.
        """
        self._sieve = sieve
        self.cascade = CascadeParameters()
        self._size = block_size
        self._deadline = deadline
        self._executor = executor
        self._assignment = Assignment(tuple(executor.workers), replicas)
        self._census = Census(block_size)
        self._moving = threading.Lock()
        self._have_held(self._assignment)

    @property
    def workers(self) -> tuple[str, ...]:
        """Names of the workers that searches are scattered over."""
        return self._assignment.workers

    def close(self) -> None:
        """End the workers and give the files back; closing twice is harmless."""
        executor = getattr(self, "_executor", None)
        if executor is not None and not self._closed:
            executor.close()
        super().close()

    def search(
        self,
        probe: Person | FingerprintTemplate,
        limit: int = 10,
        *,
        exact: bool = False,
        tolerant: bool = False,
        progress: Callable[[int, int], None] | None = None,
        cancel: threading.Event | None = None,
        deadline: float | None = None,
        partial: bool = False,
    ) -> SearchAnswer:
        """Return the enrolled people most like the probe: what `Gallery.search` returns.

        Parameters
        ----------
        limit, exact, tolerant, cancel
            As in `Gallery.search`.
        progress
            Called with (people looked at, all people).
        deadline
            Seconds; the address's unless given.
        partial
            Accept an answer from fewer people than are enrolled; it says how many. It comes before
            the deadline: in a large gallery, whoever has not answered after three fifths of the
            time is left out, so that the later stages have the rest.

        Raises
        ------
        GalleryIncomplete
            If not everybody was looked at in time, unless ``partial``.
        OperationCancelled
            If ``cancel`` was set.
        """
        if limit < 1:
            raise ValueError(f"at least one candidate must be asked for, not {limit}")
        stop_if(cancel)
        blocks = self._blocks()
        seconds = self._deadline if deadline is None else deadline
        search = ClusterSearch(
            self._executor,
            lambda: self._assignment,
            self._people_of,
            _stored(probe),
            limit,
            tolerant=tolerant,
            deadline=seconds,
            partial=partial,
            cancel=cancel,
            progress=progress,
        )
        gathered = (
            search.of_everybody(blocks)
            if exact or not self._searched_by_stages()
            else search.by_stages(blocks, self.cascade)
        )
        people = sum(gathered.people.values())
        enrolled = sum(block.people for block in blocks)
        if gathered.unanswered and not partial:
            first = gathered.unanswered[0]
            raise GalleryIncomplete(
                f"{self._path}: only {people} of {enrolled} people could be searched in "
                f"{seconds:g} s ({first.worker}: {first.reason}); give a longer deadline, look "
                "after the workers, or accept a partial answer",
                people=people,
                enrolled=enrolled,
            )
        names = self.identifiers(each.seq for each in gathered.best)
        return SearchAnswer(
            (
                Candidate(names[each.seq], each.score, each.parts, each.findings)
                for each in gathered.best
                if each.seq in names  # and was not removed meanwhile
            ),
            people,
            enrolled,
            gathered.unanswered,
        )

    def _searched_by_stages(self) -> bool:
        """Whether there may be more people than are compared whole, and sketches of them."""
        with self._reading():
            state = self._ledger.version()
            if state != self._weighed[0]:
                version = self._shelves.description.version
                described = all(version == row.description > 0 for row in self._ledger.segments())
                self._weighed = state, self._ledger.count_rows() if described else 0
            return self._weighed[1] > self.cascade.everybody

    def deduplicate(
        self,
        threshold: float | None = None,
        *,
        exact: bool = False,
        tolerant: bool = False,
        resume: str | None = None,
        journal: str | os.PathLike[str] | None = None,
        ledger: str | os.PathLike[str] | None = None,
        progress: Callable[[int, int], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Deduplication:
        """Hold everybody against everybody: what `Gallery.deduplicate` returns.

        Parameters
        ----------
        threshold, exact, tolerant, resume, journal, progress, cancel
            As in `Gallery.deduplicate`; positions and journals of one are those of the other.
        ledger
            A file in which finished pairs of blocks are entered, also those ahead of the position.
            Another run with the same file, after a crash of this process or when more people are
            enrolled, does only what is not in it.

        Raises
        ------
        GalleryError, GalleryDamaged
            If the journal or the ledger cannot be used.
        """
        stop_if(cancel)
        sieve = None
        if not exact:
            sieve = chosen_sieve(
                self.segments(),
                self._sieve,
                everybody=self.cascade.everybody,
                tolerant=tolerant,
                path=self._path,
            )
        about = {"gallery": self.identity.hex(), "exact": sieve is None, "tolerant": tolerant}
        kept = (
            None
            if journal is None
            else PairJournal(Path(journal), about | {"threshold": threshold})
        )
        blocks = self._blocks()
        with self._reading():
            last = max((block.last for block in blocks), default=0)
            people = (seq for seq, _ in self._ledger.people_after(0) if seq <= last)
            seqs = np.fromiter(people, np.int64)
        threshold = least_score(len(seqs)) if threshold is None else threshold
        about |= {"threshold": float(threshold), "block": self._size}
        said = {key: str(value) for key, value in about.items()}
        source = BlockPairs(
            self._executor,
            lambda: self._assignment,
            blocks,
            self._size,
            seqs,
            threshold=threshold,
            sieve=sieve,
            tolerant=tolerant,
            ledger=MemoryLedger() if ledger is None else FileLedger(ledger, said),
            supply=self._people_of,
            cancel=cancel,
        )
        return Deduplication(
            seqs,
            self.identifiers,
            source,
            threshold=threshold,
            resume=resume,
            journal=kept,
            progress=progress,
            cancel=cancel,
        )

    def resize(self, workers: int) -> None:
        """Go on with more or fewer workers; searches and deduplications meanwhile are not hurt.

        New workers load the blocks that come to them, then they are asked, then the others forget
        those blocks; a worker that goes is ended last. So every block is held by somebody at
        every moment.

        Raises
        ------
        ValueError
            If fewer workers are left than replicas are wanted.
        """
        if workers < self._assignment.replicas:
            raise ValueError(
                f"{self._assignment.replicas} replicas need as many workers; {workers} is too few"
            )
        with self._moving:
            before = self._assignment
            names = [f"worker {number}" for number in range(1, workers + 1)]
            for name in names:
                if name not in before.workers:
                    self._executor.add(name)
            after = Assignment(tuple(names), before.replicas)
            self._have_held(after)
            self._assignment = after
            blocks = self._blocks()
            for worker in before.workers:
                if worker in after.workers:
                    others = [b.number for b in blocks if worker not in after.holders(b.number)]
                    self._executor.submit(worker, "drop", others)
                else:
                    self._executor.remove(worker)

    def _blocks(self) -> tuple[Block, ...]:
        """Count who is enrolled now."""
        with self._reading():
            version = self._ledger.version()
            if version == self._counted:
                return self._census.blocks()
        with self._reading(), self._ledger.reading():
            self._counted = version  # or an older one than what is seen now: counted once more
            self._census.add(seq for seq, _ in self._ledger.people_after(self._census.last))
            if self._census.people != self._ledger.count():
                self._census = Census(self._size, (seq for seq, _ in self._ledger.people_after(0)))
            return self._census.blocks()

    def _people_of(self, block: Block) -> list[StoredPerson]:
        span = numbers_in(block.number, self._size)
        return self.people_between(span[0], block.last)

    def _have_held(self, assignment: Assignment) -> None:
        """Have every worker load the blocks it is to hold; one that dies of it is asked later.

        Raises
        ------
        WorkerLost
            If all of them die.
        """
        blocks = self._blocks()
        calls = {}
        losses = 0
        for worker in assignment.workers:
            own = [each for each in blocks if worker in assignment.holders(each.number)]
            calls[self._executor.submit(worker, "hold", own)] = (worker, own)
        wait(calls, _LOADING)
        for call, (worker, own) in calls.items():
            if not call.done():
                raise WorkerLost(
                    f"{worker} has not loaded its people in {_LOADING:g} s; look after its "
                    "machine, or give the gallery more workers"
                )
            error = call.exception()
            if isinstance(error, BlocksMissing):
                for block in error.blocks:
                    self._executor.submit(worker, "receive", block, self._people_of(block), True)
                error = self._executor.submit(worker, "hold", own).exception(_LOADING)
            if error is not None:
                losses += isinstance(error, WorkerLost)
                if losses == len(calls) or not isinstance(error, WorkerLost):
                    raise error


def _stored(probe: Person | FingerprintTemplate) -> Probe:
    if isinstance(probe, FingerprintTemplate):
        return ((int(FingerPosition.UNKNOWN), probe.to_bytes()),)
    if isinstance(probe, Person):
        return tuple((int(each), finger.to_bytes()) for each, finger in probe.fingers.items())
    raise TypeError(f"search for a Person or a template, not {type(probe).__name__}")
