# SPDX-License-Identifier: Apache-2.0
"""Which part of one person is held against which of another, and what that is worth.

As labelled: parts of the same position. A finger of unknown position (and a template without a
person is one) is compared with every finger of the other person that has no counterpart; of those
comparisons the best one counts, less log10 of their number, since the best of m tries reaches a
score m times as often as one try (Bonferroni's bound).

Tolerant: other arrangements are tried as well, each less -log10 of its share of all tries, and the
best one counts. The shares of the arrangements that are tried add up to at most 1, so that two
different people still reach s at most once in ``10**s`` (Bonferroni's bound with weights):

================== =============================================================== ====
as labelled                                                                        0.90
hands swapped      every finger is its namesake of the other hand                  0.04
neighbours swapped one of the 8 exchanges of two fingers side by side, 0.005 each  0.04
mislabelled        any assignment of the fingers, 0.02 / number of assignments each 0.02
================== =============================================================== ====

and for eyes 0.95 as labelled, 0.05 swapped; what is odd about both has the product of the shares.
"""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from ektp_hw.gallery.best_assignment import best_assignment
from ektp_hw.gallery.fusion import CORRELATION, Finding, PartMatch, person_score
from ektp_hw.samples import Eye, FingerPosition

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from ektp_hw.gallery.fusion import Part

__all__ = ["Column", "Scores", "is_certain", "is_unknown"]

_THUMB, _LITTLE, _HAND = FingerPosition.RIGHT_THUMB, FingerPosition.LEFT_LITTLE, 5
_LABELLED, _HANDS, _NEIGHBOURS, _MISLABELLED = 0.9, 0.04, 0.04, 0.02
_EYES_LABELLED, _EYES_SWAPPED = 0.95, 0.05

_Name: TypeAlias = tuple[bool, int]
"""A part whatever its kind: whether it is an eye, and its code (those of the kinds overlap)."""


class Column(NamedTuple):
    """The scores of one probe part against the parts of one position.

    Parameters
    ----------
    probe, reference
        The positions.
    rows, scores
        Which people (rising) and -log10 FMR, (n,).
    """

    probe: Part
    reference: Part
    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]


class _Arrangement(NamedTuple):
    """Findings, shares of the tries (of fingers, of eyes), and which part each is held against."""

    findings: tuple[Finding, ...]
    shares: tuple[float, float]
    partner: Mapping[_Name, _Name]

    def joined(self, other: _Arrangement) -> _Arrangement:
        fingers, eyes = (mine * its for mine, its in zip(self.shares, other.shares, strict=True))
        return _Arrangement(
            self.findings + other.findings, (fingers, eyes), {**self.partner, **other.partner}
        )


_AS_LABELLED = _Arrangement((), (1.0, 1.0), {})
_EYES = _Arrangement((), (1.0, _EYES_LABELLED), {})


def is_unknown(part: Part) -> bool:
    """Return whether nobody noted which finger or eye this is."""
    return int(part) == 0


def is_certain(probe: Part, reference: Part) -> bool:
    """Return whether these are one finger or one eye if the people are one."""
    return _name(probe) == _name(reference) and not is_unknown(probe)


class Scores:
    """What a probe scored against each row.

    Parameters
    ----------
    rows
        How many people there are.
    columns
        The comparisons. Unless tolerant, those of different known positions do not count.
    tolerant
        Try other arrangements than the labelled one. Comparisons that are missing count as scores
        of 0 for mislabelled fingers, so leave out those only that cannot score.
    correlation
        As `person_score` takes it.

    Attributes
    ----------
    total
        Person scores, shape (rows,); -1 where nothing was comparable.
    """

    def __init__(
        self,
        rows: int,
        columns: Sequence[Column],
        *,
        tolerant: bool = False,
        correlation: float = CORRELATION,
    ) -> None:
        self._columns = columns
        self._correlation = correlation
        self._tables: dict[tuple[_Name, _Name], npt.NDArray[np.float64]] = {}
        best, self._tries = np.full(rows, -1.0), np.zeros(rows, np.int64)
        self._there = np.zeros((2, rows), bool)  # who has fingers, and who has eyes, to arrange
        for probe, reference, at, scores in columns:
            if is_unknown(probe) or is_unknown(reference):
                best[at] = np.maximum(best[at], scores)
                self._tries[at] += 1
            elif tolerant or is_certain(probe, reference):
                table = np.full(rows, np.nan)
                table[at] = scores
                self._there[int(isinstance(probe, Eye)), at] = True
                self._tables[_name(probe), _name(reference)] = table
        self._best = best
        self._guess = np.maximum(best - np.log10(np.maximum(self._tries, 1)), 0.0)
        self._arrangements = [*self._tried()] if tolerant else [_AS_LABELLED]
        found = np.stack([self._under(each) for each in self._arrangements])
        self._chosen = found.argmax(axis=0)
        self.total: npt.NDArray[np.float64] = found.max(axis=0)
        self._assigned: dict[int, _Arrangement] = {}
        if tolerant:
            self._assign_anew()

    def parts(self, row: int) -> tuple[PartMatch, ...]:
        """Return the comparisons that counted for one row."""
        arrangement = self._arrangement(row)
        found = []
        guessed = False
        for probe, reference, rows, scores in self._columns:
            at = int(np.searchsorted(rows, row))
            if at == len(rows) or rows[at] != row:
                continue
            if is_unknown(probe) or is_unknown(reference):
                counted = scores[at] == self._best[row] and not guessed
                guessed |= counted
            else:
                counted = _held_against(arrangement, _name(probe)) == _name(reference)
            if counted:
                found.append(PartMatch(probe, reference, float(scores[at])))
        return tuple(sorted(found, key=lambda one: (_name(one.probe), _name(one.reference))))

    def findings(self, row: int) -> tuple[Finding, ...]:
        """Return what is odd about the arrangement that counted for one row."""
        return self._arrangement(row).findings

    def _arrangement(self, row: int) -> _Arrangement:
        return self._assigned.get(row, self._arrangements[int(self._chosen[row])])

    def _tried(self) -> Iterator[_Arrangement]:
        for finger, eye in product(_of_fingers(), _of_eyes() if self._there[1].any() else [_EYES]):
            yield finger.joined(eye)

    def _under(self, arrangement: _Arrangement) -> npt.NDArray[np.float64]:
        """Return everybody's score under an arrangement."""
        total, count = self._guess.copy(), (self._tries > 0).astype(np.int64)
        for (probe, reference), scores in self._tables.items():
            if _held_against(arrangement, probe) == reference:
                total += np.nan_to_num(scores)
                count += ~np.isnan(scores)
        score = person_score(total, count, correlation=self._correlation)
        # A kind of part that somebody lacks cannot be swapped, so it costs no tries.
        shares = np.log10(arrangement.shares) @ self._there
        return np.where(score >= 0, np.maximum(score + shares, 0.0), score)

    def _assign_anew(self) -> None:
        """Assign the fingers of those rows anew for which that may give a better score."""
        tables = {key: table for key, table in self._tables.items() if not key[0][0]}
        if not tables:
            return
        probes = sorted({probe for probe, _ in tables})
        references = sorted({reference for _, reference in tables})
        grid = np.full((len(self.total), len(probes), len(references)), np.nan)
        for (probe, reference), table in tables.items():
            grid[:, probes.index(probe), references.index(reference)] = table
        there = ~np.isnan(grid)
        sides = np.stack((there.any(axis=2).sum(axis=1), there.any(axis=1).sum(axis=1)))
        counts = sides.min(axis=0)
        shares = _MISLABELLED / np.array(
            [[math.perm(max(k, m), min(k, m)) for m in range(11)] for k in range(11)]
        )
        most = np.nan_to_num(grid).max(axis=2)
        for eye in _of_eyes() if self._there[1].any() else [_EYES]:
            rest = self._of_eyes_alone(eye)
            # No assignment is better than every finger's best.
            bound = np.sort(most, axis=1)[:, ::-1].cumsum(axis=1)
            reach = person_score(
                bound[np.arange(len(bound)), np.maximum(counts - 1, 0)] + rest[0],
                counts + rest[1],
                correlation=self._correlation,
            ) + np.log10(shares[sides[0], sides[1]] * eye.shares[1] ** self._there[1])
            for row in np.flatnonzero((reach > self.total) & (counts > 0)):
                share = shares[sides[0, row], sides[1, row]] * eye.shares[1] ** self._there[1, row]
                self._assign(int(row), grid[row], share, probes, references, eye, rest)

    def _of_eyes_alone(
        self, eye: _Arrangement
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """Return sums and numbers of scores of all that are no fingers of known position."""
        total, count = self._guess.copy(), (self._tries > 0).astype(np.int64)
        for (probe, reference), scores in self._tables.items():
            if probe[0] and _held_against(eye, probe) == reference:
                total += np.nan_to_num(scores)
                count += ~np.isnan(scores)
        return total, count

    def _assign(
        self,
        row: int,
        grid: npt.NDArray[np.float64],
        share: float,
        probes: Sequence[_Name],
        references: Sequence[_Name],
        eye: _Arrangement,
        rest: tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]],
    ) -> None:
        mine = np.flatnonzero(~np.isnan(grid).all(axis=1))
        theirs = np.flatnonzero(~np.isnan(grid).all(axis=0))
        gain = np.nan_to_num(grid[np.ix_(mine, theirs)])
        pairs = best_assignment(gain)
        score = person_score(
            rest[0][row : row + 1] + sum(gain[pair] for pair in pairs),
            rest[1][row : row + 1] + len(pairs),
            correlation=self._correlation,
        )[0] + math.log10(share)
        if score > self.total[row]:
            self.total[row] = score
            partner = {probes[mine[k]]: references[theirs[m]] for k, m in pairs}
            nobody = {probe: (False, -1) for probe in probes if probe not in partner}
            kinds = (
                each.findings
                for each in _of_fingers()
                if all(_held_against(each, probe) == its for probe, its in partner.items())
            )
            odd = next(kinds, (Finding.MISLABELLED,))
            finger = _Arrangement(odd, (1.0, 1.0), {**nobody, **partner})
            self._assigned[row] = finger.joined(eye)


def _name(part: Part) -> _Name:
    return isinstance(part, Eye), int(part)


def _held_against(arrangement: _Arrangement, probe: _Name) -> _Name:
    return arrangement.partner.get(probe, probe)


def _of_fingers() -> Iterator[_Arrangement]:
    yield _Arrangement((), (_LABELLED, 1.0), {})
    fingers = [(False, code) for code in range(_THUMB, _LITTLE + 1)]
    mirrored = dict(zip(fingers, fingers[_HAND:] + fingers[:_HAND], strict=True))
    yield _Arrangement((Finding.HANDS_SWAPPED,), (_HANDS, 1.0), mirrored)
    beside = [(k, k + 1) for k in range(len(fingers) - 1) if k + 1 != _HAND]
    for k, m in beside:
        exchange = {fingers[k]: fingers[m], fingers[m]: fingers[k]}
        share = _NEIGHBOURS / len(beside)
        yield _Arrangement((Finding.NEIGHBOURS_SWAPPED,), (share, 1.0), exchange)


def _of_eyes() -> Iterator[_Arrangement]:
    right, left = (True, int(Eye.RIGHT)), (True, int(Eye.LEFT))
    yield _EYES
    crossed = {right: left, left: right}
    yield _Arrangement((Finding.EYES_SWAPPED,), (1.0, _EYES_SWAPPED), crossed)
