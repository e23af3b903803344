# SPDX-License-Identifier: Apache-2.0
from dataclasses import astuple

import numpy as np
import pytest

from ektp_hw.fingerprint.descriptors import hull
from ektp_hw.fingerprint.pairing import CUES, PairingParameters, pair

COUNT = 30


def paired(bend=0.0, noise=0.0, trust=1.0, proposal=(1.0, 0.0, 0.0, 0.0, 1.0)):
    """Pair a scatter with its copy, shifted, bent and disturbed; every minutia is its own mate."""
    random = np.random.default_rng(8)
    x, y = random.uniform(-120, 120, (2, COUNT))
    direction = random.uniform(0, 2 * np.pi, COUNT)
    order = np.argsort(y)
    x, y, direction = x[order], y[order], direction[order]
    bent_x = x + bend * np.sin(y / 60) + random.normal(0, noise, COUNT)
    bent_y = np.sort(y + random.normal(0, 1e-9, COUNT))
    similarities = np.where(np.eye(COUNT, dtype=bool), 180, 20).astype(np.uint8)
    partners = np.full(COUNT, -1, np.int64)
    corners, trusts = hull(bent_x, bent_y), np.full(COUNT, trust)
    cues, fits = pair(
        x, y, direction, trusts, hull(x, y), np.stack((bent_x, bent_y, direction, trusts)),
        np.array([0, COUNT]), corners, np.array([0, len(corners)]),
        similarities.ravel(), np.array([False]), np.array([[proposal]]), partners,
        *astuple(PairingParameters()),
    )  # fmt: skip
    assert fits.shape == (1, 4)
    return dict(zip(CUES, cues[0], strict=True)), partners


def test_a_copy_fits_perfectly():
    cues, partners = paired()
    assert cues["pairs"] == COUNT
    assert cues["fit"] == pytest.approx(COUNT, rel=1e-6)
    assert cues["likeness"] == pytest.approx(COUNT * 180 / 255)
    assert cues["common_a"] == cues["common_b"] == COUNT
    np.testing.assert_array_equal(partners, np.arange(COUNT))


def test_skin_that_stretches_still_finds_its_partners():
    cues, partners = paired(bend=14.0)
    assert (partners == np.arange(COUNT)).mean() > 0.8
    assert cues["fit"] > 0.5 * COUNT


def test_disturbed_minutiae_fit_less():
    assert paired(noise=4.0)[0]["fit"] < 0.95 * paired()[0]["fit"]


def test_trust_scales_every_cue():
    whole, half = paired()[0], paired(trust=0.5)[0]
    for name in CUES:
        assert half[name] == pytest.approx(0.5 * whole[name])


def test_a_proposal_without_votes_pairs_nothing():
    cues, partners = paired(proposal=(1.0, 0.0, 0.0, 0.0, 0.0))
    assert not any(cues.values())
    assert (partners == -1).all()
