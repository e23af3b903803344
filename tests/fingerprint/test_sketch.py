# SPDX-License-Identifier: Apache-2.0
"""Sketches, finger codes and the learned tables behind them."""

import numpy as np
import pytest

from ektp_hw import native
from ektp_hw.errors import EktpError
from ektp_hw.fingerprint import cascade_tables
from ektp_hw.fingerprint.finger_code import codes_and_sketches, finger_codes
from ektp_hw.fingerprint.sketch import (
    compare_at_first_sight,
    compare_sketches,
    sketches,
    sketches_of_probe,
)
from ektp_hw.fingerprint.sketch_parameters import SURROUNDINGS
from ektp_hw.fingerprint.surroundings import projected, surroundings_of
from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic import Population
from ektp_hw.templates import FingerprintTemplate

FINGERS = 60
INDEX = FingerPosition.RIGHT_INDEX


@pytest.fixture(scope="module")
def touches():
    population = Population(8)
    return tuple(population.templates(np.arange(FINGERS), INDEX, touch) for touch in (0, 1))


def empty():
    return FingerprintTemplate.from_minutiae([], [], [], width=300, height=400)


def moved(template, turn):
    """The same minutiae on a larger picture, turned by steps of 1/256 and shifted."""
    angle = 2 * np.pi * turn / 256
    x, y = template.x - template.x.mean(), template.y.mean() - template.y
    right, up = np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y
    return FingerprintTemplate.from_minutiae(
        500 + right,
        500 - up,
        template.direction + angle,
        kind=template.kind,
        reliability=template.reliability,
        width=1000,
        height=1000,
    )


def plain_numbers(template, chosen):
    """`Surroundings.numbers` of one minutia, written down as the docstrings say."""
    p = SURROUNDINGS
    direction = 2 * np.pi * np.rint(template.direction * 256 / (2 * np.pi)) / 256
    x, y = template.x.astype(float), -template.y.astype(float)
    odds = np.log(template.reliability / (1 - np.minimum(template.reliability, 1 - 1e-12)))
    trust = np.clip((odds + 1.66) / (5.04 + 1.66), 0, 1) + 0.2
    weight = np.minimum(trust / trust.mean(), p.most_trust)
    middles = (np.arange(p.cells) + 0.5) * 2 * p.radius / p.cells - p.radius
    sums = np.zeros((p.cells, p.cells, p.bands))
    dx, dy = x - x[chosen], y - y[chosen]
    along = np.cos(direction[chosen]) * dx + np.sin(direction[chosen]) * dy
    across = np.cos(direction[chosen]) * dy - np.sin(direction[chosen]) * dx
    for t in np.flatnonzero(np.hypot(dx, dy) > 0):
        gap = direction[t] - direction[chosen] - (np.arange(p.bands) + 0.5) * 2 * np.pi / p.bands
        gap = (gap + np.pi) % (2 * np.pi) - np.pi
        band = np.exp(-0.5 * (gap / p.direction_spread) ** 2)
        u, v = middles - along[t], middles - across[t]
        bell_u, bell_v = (
            np.exp(-0.5 * (d / p.position_spread) ** 2) * (abs(d) <= 27) for d in (u, v)
        )
        sums += weight[t] * bell_v[:, None, None] * bell_u[None, :, None] * band
    inside = np.hypot(*np.meshgrid(middles, middles)) <= p.radius
    return np.minimum(np.sqrt(sums[inside]) * p.steps, p.most_steps).ravel()


def test_surroundings_are_what_they_say(touches):
    template = touches[0][0]
    around = surroundings_of([empty(), template, empty()])
    assert around.counts.tolist() == [0, min(32, len(template)), 0]
    assert around.numbers.shape[1] == SURROUNDINGS.numbers == 312
    for place in range(0, len(around.chosen), 5):
        expected = plain_numbers(template, around.chosen[place])
        np.testing.assert_allclose(around.numbers[place], expected, atol=0.75)


def test_the_most_reliable_minutiae_are_chosen(touches):
    template = max(touches[0], key=len)
    around = surroundings_of([template], most=12)
    left = np.setdiff1d(np.arange(len(template)), around.chosen)
    assert len(around.chosen) == 12
    assert template.reliability[around.chosen].min() >= template.reliability[left].max()


def test_projections_are_exact(touches):
    numbers = surroundings_of(touches[0]).numbers
    weights = cascade_tables.cascade_tables()["sketch_weights"]
    exact = numbers.astype(np.int64) @ weights.astype(np.int64)
    np.testing.assert_array_equal(projected(numbers, weights), exact)


@pytest.mark.parametrize("turn", [0, 31, 128, 200])
def test_turning_and_shifting_a_finger_changes_little(touches, turn):
    templates = touches[0][:20]
    codes, drawn = codes_and_sketches(templates)
    other_codes, other = codes_and_sketches([moved(each, turn) for each in templates])
    own = np.array([compare_sketches(a, b[None])[0] for a, b in zip(drawn, drawn, strict=True)])
    across = np.array([compare_sketches(a, b[None])[0] for a, b in zip(drawn, other, strict=True)])
    assert (across > 0.8 * own).all()
    apart = [int(native.scan(a, b[None])[0]) for a, b in zip(codes, other_codes, strict=True)]
    assert max(apart) < 60


def test_mates_are_found_at_every_stage(touches):
    (codes, drawn), (others, other) = map(codes_and_sketches, touches)
    for row in range(FINGERS):
        assert np.argmax(compare_sketches(drawn[row], other)) == row
    ranks = {
        "first sight": [compare_at_first_sight(each, other).astype(int) for each in drawn],
        "code": [-native.scan(each, others).astype(int) for each in codes],
    }
    for stage, least in (("first sight", 0.9), ("code", 0.7)):
        first = [int(np.argmax(scores)) == row for row, scores in enumerate(ranks[stage])]
        assert np.mean(first) >= least, stage


def test_made_together_or_alone_they_are_the_same(touches):
    templates = [*touches[0][:70], empty()]
    codes, drawn = codes_and_sketches(templates)
    np.testing.assert_array_equal(drawn, sketches(templates))
    np.testing.assert_array_equal(drawn[3:5], sketches(templates[3:5]))
    np.testing.assert_array_equal(codes, finger_codes(templates))
    apart = np.bitwise_count(codes[3:5] ^ finger_codes(templates[3:5])).sum(axis=1)
    assert apart.max() <= 2, "sums in another order may turn a bit that was undecided"


def test_a_template_without_minutiae_is_like_nobody(touches):
    codes, drawn = codes_and_sketches([empty(), touches[0][0]])
    assert codes.shape == (2, 8)
    assert drawn.shape == (2, native.SKETCH_BYTES)
    assert compare_sketches(drawn[0], drawn).tolist() == [0, 0]
    assert compare_at_first_sight(drawn[0], drawn).tolist() == [0, 0]
    none = codes_and_sketches([])
    assert none[0].shape == (0, 8)
    assert none[1].shape == (0, native.SKETCH_BYTES)


def test_the_layout_of_a_sketch(touches):
    template = touches[0][0]
    (sketch,) = sketches([template])
    around = surroundings_of([template])
    count = int(around.counts[0])
    assert sketch[608] == count
    np.testing.assert_array_equal(sketch[512 : 512 + count], around.steps)
    x = sketch[544 : 544 + count].astype(int) - 128
    y = sketch[576 : 576 + count].astype(int) - 128
    np.testing.assert_allclose(2.0 * x, around.x - around.x.mean(), atol=1.01)
    np.testing.assert_allclose(2.0 * y, around.y - around.y.mean(), atol=1.01)
    assert not sketch[609:].any()


def test_tables_of_another_release_are_refused(tmp_path, monkeypatch):
    tables = dict(cascade_tables.cascade_tables())
    other = tmp_path / "tables.npz"
    cascade_tables.write(tables, other)
    assert cascade_tables.digest(other) == cascade_tables.DIGEST
    tables["sketch_limits"] = tables["sketch_limits"] + 1
    cascade_tables.write(tables, other)
    monkeypatch.setattr(cascade_tables, "FILE", other)
    cascade_tables.cascade_tables.cache_clear()
    try:
        with pytest.raises(EktpError, match="not those of this release"):
            cascade_tables.cascade_tables()
        other.write_bytes(other.read_bytes()[:1000])
        with pytest.raises(EktpError, match="cannot be read"):
            cascade_tables.cascade_tables()
        other.unlink()
        with pytest.raises(EktpError, match="install"):
            cascade_tables.cascade_tables()
    finally:
        cascade_tables.cascade_tables.cache_clear()


@pytest.mark.parametrize(("minutiae", "drawn"), [(0, 1), (5, 1), (47, 1), (48, 2), (80, 3)])
def test_a_probe_of_many_minutiae_has_further_sketches(minutiae, drawn):
    """The first is the one that it would have as a reference, the others hold what that leaves."""
    rng = np.random.default_rng(minutiae)
    places = rng.uniform(0, 400, (2, minutiae))
    template = FingerprintTemplate.from_minutiae(
        *places,
        rng.uniform(0, 6, minutiae),
        reliability=rng.uniform(0.5, 1, minutiae),
        width=400,
        height=400,
    )
    several = sketches_of_probe(template)
    assert several.shape == (drawn, native.SKETCH_BYTES)
    assert (several[:1] == sketches([template])).all()
    counts = several[:, 19 * native.SKETCH_MINUTIAE]
    assert counts.sum() == min(minutiae, drawn * native.SKETCH_MINUTIAE)


def test_minutiae_beyond_a_sketch_are_found_by_the_further_ones():
    """A reference that holds just what the probe's first sketch leaves out."""
    rng = np.random.default_rng(7)
    places, directions = rng.uniform(0, 400, (2, 64)), rng.uniform(0, 6, 64)
    reliability = np.where(np.arange(64) < 32, 0.95, 0.7)
    probe = FingerprintTemplate.from_minutiae(
        *places, directions, reliability=reliability, width=400, height=400
    )
    reference = sketches(
        [
            FingerprintTemplate.from_minutiae(
                *places, directions, reliability=reliability[::-1].copy(), width=400, height=400
            )
        ]
    )
    first, second = sketches_of_probe(probe)
    assert compare_sketches(second, reference)[0] > 10 * compare_sketches(first, reference)[0]
