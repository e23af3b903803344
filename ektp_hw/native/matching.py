# SPDX-License-Identifier: Apache-2.0
"""Kernel family "match": one fingerprint against many."""

from __future__ import annotations

import math
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from ektp_hw.native.arrays import check
from ektp_hw.native.library import ffi, lib
from ektp_hw.native.packing import PackedBatch, PackedTemplate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["MATCH_CUES", "match", "match_one", "match_parameters"]

_SECTORS = 64
"""Of a turn, for finding voters of about the same turn (`MATCH_SECTORS` in src/match.h)."""
MATCH_CUES = 9
"""Numbers that `match` finds for each reference (`MATCH_CUES` in src/match.h)."""
_ADDRESS = attrgetter("address")


def match_parameters(alignment: Any, pairing: Any) -> Any:  # noqa: ANN401  # a C structure
    """Return the constants as `match` takes them.

    Parameters
    ----------
    alignment, pairing
        `fingerprint.comparison_parameters.AlignmentParameters` and `PairingParameters`.

    Raises
    ------
    ValueError
        If a count is larger than the core has room for, or it would have to divide by 0.
    """
    window = math.ceil(alignment.angle * _SECTORS / (2 * math.pi))
    limits = {"votes": 256, "proposals": 64, "finalists": 8}
    for name, limit in limits.items():
        if not 1 <= getattr(alignment, name) <= limit:
            raise ValueError(f"{name} must be 1 to {limit}, not {getattr(alignment, name)}")
    if not 1 <= alignment.prior <= 0xFFFF or not 1 <= window <= 31 or not 0 < pairing.angle <= 3:
        raise ValueError("prior must be 1 to 65535, angles must be above 0 and at most 3 radians")
    divisors = (alignment.reach, pairing.reach_first, pairing.reach)
    if not all(each > 0 for each in (*divisors, pairing.smoothness, pairing.stiffness)):
        raise ValueError("reaches, smoothness and stiffness must be above 0")
    return ffi.new(
        "ektp_match_parameters *",
        {
            "prior": alignment.prior,
            "votes": alignment.votes,
            "proposals": alignment.proposals,
            "finalists": alignment.finalists,
            "window": window,
            "align_reach": alignment.reach,
            "stretch": alignment.stretch,
            "align_cosine": math.cos(alignment.angle),
            "align_rigidity": alignment.rigidity,
            "copy_cosine": math.cos(alignment.copy_angle),
            "copy_shift": alignment.copy_shift,
            "hopeless": pairing.hopeless,
            "reach_first": pairing.reach_first,
            "reach": pairing.reach,
            "pair_cosine": math.cos(pairing.angle),
            "smoothness": pairing.smoothness,
            "stiffness": pairing.stiffness,
            "pair_rigidity": pairing.rigidity,
            "area_margin": pairing.area_margin,
            "ring": pairing.ring,
            "cosines": [math.cos(2 * math.pi * step / 256) for step in range(256)],
        },
    )


def match(
    probe: PackedTemplate,
    references: Sequence[PackedTemplate] | PackedBatch,
    parameters: Any,  # noqa: ANN401  # a C structure
    partners: npt.NDArray[np.int32] | None = None,
) -> npt.NDArray[np.float32]:
    """Return the cues of one fingerprint against many, (references, `MATCH_CUES`).

    What they are: `ektp_hw.fingerprint.comparison.CUES`. Which of two is laid over the other does
    not depend on which is the probe: the one with fewer minutiae, or the lesser digest.

    Parameters
    ----------
    parameters
        From `match_parameters`.
    partners
        (256,), gets for the last reference the partner of each minutia of the one laid over the
        other, -1 for none.

    Raises
    ------
    TypeError
        If something else than a `PackedTemplate` is given.
    ValueError
        If ``partners`` has another type or shape, or cannot be written to, or a template of the
        batch could not be packed.
    """
    if not isinstance(references, PackedBatch):
        # Held here, because another thread may empty the caller's list while the core reads.
        references = tuple(references)
    addresses = _addresses(probe, references)
    if partners is not None:
        check("partners", partners, np.int32, (256,))
        if not partners.flags.writeable:
            raise ValueError("partners must be writable")
    cues = np.empty((len(references), MATCH_CUES), np.float32)
    lib.ektp_match(
        ffi.cast("void *", probe.address),
        ffi.cast("void **", ffi.from_buffer(addresses)),
        len(references),
        parameters,
        ffi.from_buffer("float[]", cues, require_writable=True),
        ffi.NULL
        if partners is None
        else ffi.from_buffer("int32_t[]", partners, require_writable=True),
    )
    return cues


def _addresses(
    probe: PackedTemplate, references: tuple[PackedTemplate, ...] | PackedBatch
) -> npt.NDArray[np.uint64]:
    if isinstance(references, PackedBatch):
        strangers = {type(probe)} - {PackedTemplate}
    else:
        strangers = {*map(type, references), type(probe)} - {PackedTemplate}
    if strangers:
        raise TypeError(f"a PackedTemplate is matched, not {strangers.pop().__name__}")
    if not isinstance(references, PackedBatch):
        return np.fromiter(map(_ADDRESS, references), np.uint64, len(references))
    if not references.addresses.all():
        raise ValueError("a template of the batch could not be packed; leave out what is not sound")
    return references.addresses


def match_one(
    probe: PackedTemplate,
    reference: PackedTemplate,
    parameters: Any,  # noqa: ANN401  # a C structure
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], bool]:
    """Return cues, partners and whether the reference was laid over the probe; as `match`."""
    partners = np.full(256, -1, np.int32)
    cues = match(probe, [reference], parameters, partners)[0]
    return cues, partners, reference.rank < probe.rank
