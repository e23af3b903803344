# SPDX-License-Identifier: Apache-2.0
"""Every constant of laying one impression over another, with its unit and its reason.

Alignment (``native/src/match/align.h``): each of the most alike pairs of neighbourhoods proposes a
turn and a shift; the other alike pairs vote for it, more loosely the further away they lie, because
skin stretches. This plays the part of the relaxation in LSS-R of the Minutia Cylinder-Code (R.
Cappelli, M. Ferrara, D. Maltoni, IEEE TPAMI 32(12), 2010), but judges whole alignments.

Pairing (``native/src/match/pair.h``): a rigid fit first, and on it a smooth field of displacements;
each minutia is moved as its paired neighbours were, never by its own partner, so that a partner
found by chance does not vouch for itself.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AlignmentParameters", "PairingParameters"]


@dataclass(frozen=True)
class AlignmentParameters:
    """Lengths in pixels at 500 ppi, angles in radians."""

    prior: int = 16
    """Disagreeing bits that every two neighbourhoods start with."""
    votes: int = 100
    """The most alike pairs of neighbourhoods that vote; at most 256."""
    proposals: int = 24
    """The most alike of these that propose an alignment; at most 64."""
    finalists: int = 4
    """Proposals handed on; at most 8."""
    reach: float = 10.0
    """How far from its predicted place a voter may lie, next to the proposer ..."""
    stretch: float = 0.12
    """... and how much further for each pixel of distance from the proposer."""
    angle: float = 0.5
    """How much a voter's turn may differ from the proposer's."""
    rigidity: float = 400.0
    """How strongly the proposer's own turn counts against that of a few near voters (a weight
    times an area)."""
    copy_angle: float = 0.25
    """Two proposals are the same if their turns differ by less ..."""
    copy_shift: float = 20.0
    """... and they move the middle of the impression to places nearer than this."""


@dataclass(frozen=True)
class PairingParameters:
    """Lengths in pixels at 500 ppi, angles in radians."""

    hopeless: float = 0.85
    """A proposal whose rigid fit is worse than this share of the best one's is dropped."""
    reach_first: float = 20.0
    """How far apart paired minutiae may lie under the rigid fit."""
    reach: float = 13.0
    """How far apart they may lie once neighbours have predicted the displacement."""
    angle: float = 0.5
    """How much the directions of paired minutiae may differ."""
    smoothness: float = 45.0
    """Distance at which a neighbour's displacement counts a quarter."""
    stiffness: float = 0.5
    """Weight of "no displacement" against the neighbours' weights."""
    rigidity: float = 400.0
    """How strongly the proposed turn counts against that of a few near pairs (weight x area)."""
    area_margin: float = 10.0
    """How far outside the other's hull a minutia still lies in the common area."""
    ring: float = 40.0
    """How far around a minutia, beyond `reach`, others of like direction tell how many partners are
    found by chance."""
