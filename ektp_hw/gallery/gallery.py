# SPDX-License-Identifier: Apache-2.0
"""The gallery: a durable store of people who can be found again by their fingers."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ektp_hw.errors import GalleryDamaged
from ektp_hw.gallery.cascade_parameters import CascadeParameters
from ektp_hw.gallery.catalogue import finger_of, stop_if
from ektp_hw.gallery.deduplication import Deduplication, EveryPair, least_score
from ektp_hw.gallery.described import Described
from ektp_hw.gallery.finger_sieve import chosen_sieve
from ektp_hw.gallery.fusion import Candidate
from ektp_hw.gallery.pair_journal import PairJournal
from ektp_hw.gallery.pair_sieve import PairSieve
from ektp_hw.gallery.person import Person
from ektp_hw.gallery.references import References
from ektp_hw.gallery.roster import Roster
from ektp_hw.gallery.search import score_people
from ektp_hw.gallery.shortlist import Shortlist
from ektp_hw.gallery.store import Store
from ektp_hw.gallery.worth_comparing import everybody, people_worth_comparing
from ektp_hw.samples import FingerPosition
from ektp_hw.templates import FingerprintTemplate

if TYPE_CHECKING:
    import os
    import threading
    from collections.abc import Callable, Iterator, Mapping
    from typing import Self

    from ektp_hw.gallery.arrangement import Scores
    from ektp_hw.gallery.cluster import ClusterGallery
    from ektp_hw.gallery.columns import Description
    from ektp_hw.gallery.deduplication import PairSource
    from ektp_hw.gallery.pair_sieve import Sieve
    from ektp_hw.gallery.references import Comparison, View

__all__ = ["Gallery"]

_log = logging.getLogger(__name__)
_HELD = 100_000
"""Fingers up to which everybody, where everybody is compared, stays prepared in memory: 14
kilobytes each. Of more, some thousand at a time are prepared anew in each search."""


class _Found(NamedTuple):
    """Who may be the one searched for; of two the better comes first, else who was enrolled first.

    Parameters
    ----------
    negative
        The score with its sign changed.
    seq
        Number of enrolment.
    scores, row
        What is known besides.
    """

    negative: float
    seq: int
    scores: Scores
    row: int


class Gallery(Store):
    """A store of enrolled people; made by `Gallery.open`, usable from several threads.

    One object at a time may write, in whatever process; any number may read meanwhile and see
    each enrolment once it is acknowledged. In a small gallery templates are prepared for comparison
    at the first search that needs them and then kept in memory.
    """

    def __init__(self, *parts: Any) -> None:  # noqa: ANN401  # whatever Store.open found
        super().__init__(*parts)
        self._references = References()
        self.comparison: Comparison | None = None
        self.sieve: Sieve | None = None
        self.cascade: CascadeParameters = CascadeParameters()
        self._shortlist: Shortlist | None = None

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        create: bool = True,
        read_only: bool = False,
        secret: str | bytes | None = None,
        description: Description | None = None,
        actor: str | None = None,
        comparison: Comparison | None = None,
        sieve: Sieve | None = None,
    ) -> Self:
        """Open the gallery in a folder, making an empty one where there is none.

        Parameters
        ----------
        create, read_only, secret, actor
            As in `Store.open`.
        description
            What makes codes and sketches of templates; `ektp_hw.fingerprint` unless given.
        comparison
            What prepares and compares templates; `ektp_hw.fingerprint.comparison` unless given.
        sieve
            Which codes and sketches are alike enough for a comparison in a deduplication;
            `FingerSieve` for the gallery's size unless given.

        Raises
        ------
        GalleryBusy, GalleryDamaged, GalleryFull, GalleryLocked, GalleryError
            As `Store.open`.
        """
        gallery = super().open(
            path,
            create=create,
            read_only=read_only,
            secret=secret,
            description=Described() if description is None else description,
            actor=actor,
        )
        gallery.comparison = comparison
        gallery.sieve = sieve
        return gallery

    @classmethod
    def connect(
        cls,
        address: str | os.PathLike[str],
        *,
        create: bool = True,
        read_only: bool = False,
        secret: str | bytes | None = None,
        description: Description | None = None,
        actor: str | None = None,
        comparison: Comparison | None = None,
        sieve: Sieve | None = None,
    ) -> Gallery | ClusterGallery:
        """Open a gallery, alone or with workers: processes of this machine, or Ray's anywhere.

        Parameters
        ----------
        address
            A folder, or for instance ``ray://local?path=people&workers=4``; all forms are in
            `ektp_hw.gallery.cluster.address`.
        create, read_only, secret, description, actor, comparison, sieve
            As in `open`.

        Raises
        ------
        ValueError
            If the address cannot be understood.
        GalleryError
            As `open`, or if the workers cannot be had.
        """
        from ektp_hw.gallery import cluster

        options: Any = {"create": create, "read_only": read_only, "secret": secret}
        options |= {"description": description, "actor": actor}
        options |= {"comparison": comparison, "sieve": sieve}
        if isinstance(address, str) and cluster.is_cluster(address):
            return cluster.connect(address, **options)
        return cls.open(address, **options)

    def search(
        self,
        probe: Person | FingerprintTemplate,
        limit: int = 10,
        *,
        exact: bool = False,
        tolerant: bool = False,
        progress: Callable[[int, int], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> list[Candidate]:
        """Return the enrolled people most like the probe, the best first.

        In a small gallery everybody is compared. In a large one, those who have a finger much like
        one of the probe's (`worth_comparing`); their scores are the same, and what is lost is what
        `cascade_parameters` was chosen to lose. A template alone is compared with every finger of
        everybody. See `ektp_hw.gallery.fusion` for what is compared and what the score says;
        people who share no finger with the probe are no candidates.

        Parameters
        ----------
        limit
            At most this many candidates, whatever their score: `gallery.decision.decide` says
            what they mean.
        exact
            Compare everybody in a large gallery too.
        tolerant
            Hold every finger against all of the other person's, in case left and right or
            neighbouring fingers were swapped or mislabelled; `Candidate.findings` then says so.
            Ten fingers take ten times as long.
        progress
            Called with (done, of how many): first for each template that must be prepared since
            the last search, then for the comparisons; once for both where everybody in a large
            gallery is compared.
        cancel
            Set it from another thread to stop.

        Raises
        ------
        OperationCancelled
            If ``cancel`` was set.
        GalleryDamaged
            If an enrolled template cannot be read back.
        """
        if limit < 1:
            raise ValueError(f"at least one candidate must be asked for, not {limit}")
        if isinstance(probe, FingerprintTemplate):
            fingers = {FingerPosition.UNKNOWN: probe}
        elif isinstance(probe, Person):
            fingers = dict(probe.fingers)
        else:
            raise TypeError(f"search for a Person or a template, not {type(probe).__name__}")
        comparison = self._comparison()
        prepared = {position: comparison.prepare(each) for position, each in fingers.items()}
        best: list[_Found] = []
        for view, told in self._to_compare(fingers, exact, tolerant, progress, cancel):
            scores = score_people(
                view, prepared, comparison, tolerant=tolerant, cancel=cancel, progress=told
            )
            rows = np.argsort(-scores.total, kind="stable")[:limit]
            best += [
                _Found(-float(scores.total[row]), int(view.seqs[row]), scores, int(row))
                for row in rows
                if scores.total[row] >= 0
            ]
            best = sorted(best, key=lambda found: found[:2])[:limit]
        names = self.identifiers([found.seq for found in best])
        return [
            Candidate(names[seq], -negative, scores.parts(row), scores.findings(row))
            for negative, seq, scores, row in best
            if seq in names  # and was not removed meanwhile
        ]

    def deduplicate(
        self,
        threshold: float | None = None,
        *,
        exact: bool = False,
        tolerant: bool = False,
        resume: str | None = None,
        journal: str | os.PathLike[str] | None = None,
        progress: Callable[[int, int], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Deduplication:
        """Hold everybody against everybody and iterate over the pairs that may be one person.

        In a small gallery everybody is compared. In a large one, and with a sieve of one's own,
        people are found through their codes and sketches by all cores, and those found are
        compared as everybody would be: the scores are the same, and what is lost is what the
        sieve was chosen to lose (`finger_sieve`).

        Parameters
        ----------
        threshold
            Least score reported; the greater of 4 and log10 of the number of pairs unless given,
            at which one false pair is expected in the whole gallery.
        exact
            Compare everybody in a large gallery too.
        tolerant
            As in `search`.
        resume
            The `Deduplication.position` of an earlier run.
        journal
            A file that keeps what was found and how far the work came, even if the process is
            killed. Given again, it hands out the pairs found before and goes on behind them.
        progress
            Called with (pairs looked at, all pairs); `Deduplication.seconds_left` says how long
            the rest will take.
        cancel
            Ends the iteration when set.

        Raises
        ------
        OperationCancelled
            If ``cancel`` was set before the first comparison.
        GalleryError
            If the journal is of another deduplication, or cannot be written.
        """
        comparison = self._comparison()
        sieved = None if exact else self._sieved(tolerant=tolerant)
        about = {
            "gallery": self._manifest.identity.hex(),
            "threshold": threshold,
            "exact": sieved is None,
            "tolerant": tolerant,
        }
        kept = None if journal is None else PairJournal(Path(journal), about)
        stop_if(cancel)
        if sieved is not None:
            roster, sieve = sieved
            threshold = least_score(len(roster)) if threshold is None else threshold
            source: PairSource = PairSieve(
                roster, comparison, sieve,
                threshold=threshold, tolerant=tolerant, cancel=cancel,
            )  # fmt: skip
            return Deduplication(
                roster.seqs, self.identifiers, source,
                threshold=threshold, resume=resume, journal=kept, progress=progress, cancel=cancel,
            )  # fmt: skip
        view = self._prepared(None, cancel)
        threshold = least_score(len(view.ids)) if threshold is None else threshold
        source = EveryPair(view, comparison, threshold=threshold, tolerant=tolerant, cancel=cancel)
        ids = dict(zip(view.seqs.tolist(), view.ids, strict=True))
        return Deduplication(
            view.seqs, lambda seqs: {seq: ids[seq] for seq in seqs}, source,
            threshold=threshold, resume=resume, journal=kept, progress=progress, cancel=cancel,
        )  # fmt: skip

    def _to_compare(
        self,
        fingers: Mapping[FingerPosition, FingerprintTemplate],
        exact: bool,
        tolerant: bool,
        progress: Callable[[int, int], None] | None,
        cancel: threading.Event | None,
    ) -> Iterator[tuple[View, Callable[[int, int], None] | None]]:
        """Yield those who are to be compared, and who is to be told how far that is."""
        segments = self.segments()
        shortlist = self._shortlist
        if shortlist is None or not shortlist.is_of(segments):
            self._shortlist = shortlist = Shortlist(segments, shortlist)
        fits = len(shortlist) <= _HELD
        described = all(segment.described for segment in segments)
        if not exact and described and len(shortlist) > self.cascade.everybody:
            likely = people_worth_comparing(
                shortlist, fingers, self._comparison(), self.cascade,
                tolerant=tolerant, cancel=cancel,
            )  # fmt: skip
            yield likely, progress
        elif fits:
            yield self._prepared(progress, cancel), progress
        else:
            parts = everybody(
                shortlist, fingers, self._comparison(),
                tolerant=tolerant, cancel=cancel, progress=progress,
            )  # fmt: skip
            for part in parts:
                yield part, None

    def _sieved(self, *, tolerant: bool) -> tuple[Roster, Sieve] | None:
        """Return everybody's codes and their sieve, or None if everybody is to be compared."""
        segments = self.segments()
        sieve = chosen_sieve(
            segments,
            self.sieve,
            everybody=self.cascade.everybody,
            tolerant=tolerant,
            path=self._path,
        )
        return None if sieve is None else (Roster(segments), sieve)

    def _comparison(self) -> Comparison:
        if self.comparison is None:
            from ektp_hw.fingerprint import comparison

            self.comparison = comparison
        return self.comparison

    def _prepared(
        self, progress: Callable[[int, int], None] | None, cancel: threading.Event | None
    ) -> View:
        """Bring the people in memory up to date and return them."""
        comparison = self._comparison()
        with self._reading(), self._shelves.steady():
            known = self._references.last_seq
            newcomers = self._ledger.people_after(known)
            fingers: dict[int, dict[FingerPosition, Any]] = {seq: {} for seq, _ in newcomers}
            done, total = 0, self._ledger.count_rows(known)
            for segment in self._shelves.views() if newcomers else ():
                first = int(np.searchsorted(segment.people, known, "right"))
                for row in first + np.flatnonzero(segment.alive[first:]):
                    stop_if(cancel)
                    try:
                        position, template = finger_of(segment, int(row))
                    except GalleryDamaged as error:
                        _log.warning("%s; it is left out of searches", error)
                        continue
                    owner = fingers.setdefault(int(segment.people[row]), {})
                    owner[position] = comparison.prepare(template)
                    done += 1
                    if progress is not None:
                        progress(done, total)
            for seq, identifier in newcomers:
                self._references.add(seq, identifier, fingers[seq])
            if len(self._references) != self._ledger.count():
                self._references.keep_only({seq for seq, _ in self._ledger.people_after(0)})
            return self._references.view()
