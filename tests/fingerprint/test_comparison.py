# SPDX-License-Identifier: Apache-2.0
import itertools

import numpy as np
import pytest

from ektp_hw import native
from ektp_hw.fingerprint.comparison import compare, compare_many, matched_minutiae, prepare
from ektp_hw.templates import FingerprintTemplate, RidgeFlow

SIDE = 600


def minutiae(seed, count=40):
    """Minutiae of nobody: scattered over a disc, with directions of a whorl and some disorder."""
    random = np.random.default_rng(seed)
    points = []
    while len(points) < count:
        point = random.uniform(-130, 130, 2)
        if np.hypot(*point) < 130 and all(np.hypot(*(point - other)) > 8 for other in points):
            points.append(point)
    x, y = np.array(points).reshape(-1, 2).T
    direction = np.arctan2(y, x) + np.pi * random.integers(0, 2, count)
    return x, y, direction + random.normal(0, 0.3, count)


def template(columns, turn=0.0, shift=(0.0, 0.0), keep=slice(None)):
    x, y, direction = columns
    cosine, sine = np.cos(turn), np.sin(turn)
    # y points down in a template, so that a turn counter-clockwise on the picture is this one.
    return FingerprintTemplate.from_minutiae(
        (cosine * x + sine * y + SIDE / 2 + shift[0])[keep],
        (cosine * y - sine * x + SIDE / 2 + shift[1])[keep],
        (direction + turn)[keep],
        width=SIDE,
        height=SIDE,
    )


def distorted(columns, seed, size=3.0):
    """Another impression: every minutia moved a little, a fifth missing, some false ones."""
    random = np.random.default_rng(seed)
    x, y, direction = (column.copy() for column in columns)
    x += random.normal(0, size, len(x))
    y += random.normal(0, size, len(y))
    direction += random.normal(0, 0.1, len(direction))
    found = random.random(len(x)) < 0.8
    false = minutiae(seed + 1, 5)
    return tuple(
        np.concatenate([true[found], extra])
        for true, extra in zip((x, y, direction), false, strict=True)
    )


@pytest.mark.parametrize("count", [0, 1, 2])
def test_next_to_nothing_scores_next_to_nothing(count):
    few = template(minutiae(1, count))
    many = template(minutiae(2, 40))
    assert compare(few, many) == compare(many, few)
    assert 0.0 <= compare(few, many) < 1.0
    assert 0.0 <= compare(few, few) < 2.0


def test_no_minutiae_score_exactly_zero():
    none = template(minutiae(1, 0))
    assert compare(none, none) == 0.0
    assert compare(none, template(minutiae(2))) == 0.0


def test_the_fullest_templates_compare():
    random = np.random.default_rng(5)
    full = FingerprintTemplate.from_minutiae(
        random.uniform(0, SIDE, 255),
        random.uniform(0, SIDE, 255),
        random.uniform(0, 2 * np.pi, 255),
        width=SIDE,
        height=SIDE,
    )
    assert compare(full, full) > 10
    assert np.isfinite(compare(full, template(minutiae(2))))


def test_all_minutiae_on_one_line_or_in_one_place_compare():
    line = np.linspace(0, 200, 30)
    for x, y in ((line, np.zeros(30)), (np.zeros(30), np.zeros(30))):
        piled = template((x, y, np.zeros(30)))
        assert np.isfinite(compare(piled, piled))
        assert compare(piled, template(minutiae(3))) < 3


def test_the_same_impression_scores_high():
    one = template(minutiae(1))
    assert compare(one, one) > 10


@pytest.mark.parametrize("degrees", [5, 45, 90, 137, 180, 270, 359])
def test_turning_and_moving_the_finger_changes_little(degrees):
    finger = minutiae(1)
    fixed = template(finger)
    moved = template(finger, turn=np.radians(degrees), shift=(60.25, -90.5))
    assert compare(fixed, moved) > 0.8 * compare(fixed, fixed)


def test_impressions_of_one_finger_score_far_above_strangers():
    fingers = [minutiae(seed) for seed in range(12)]
    first = [template(finger) for finger in fingers]
    again = [template(distorted(finger, 100 + i), turn=0.2 * i) for i, finger in enumerate(fingers)]
    mated = [compare(a, b) for a, b in zip(first, again, strict=True)]
    nonmated = [
        compare(a, b)
        for (i, a), (j, b) in itertools.product(enumerate(first), enumerate(again))
        if i != j
    ]
    assert min(mated) > 4
    assert max(nonmated) < 4
    assert np.median(nonmated) < 1


def test_a_part_of_the_finger_is_recognised():
    finger = minutiae(4, 60)
    left, right = finger[0] < 50, finger[0] > -50
    assert compare(template(finger, keep=left), template(finger, turn=0.3, keep=right)) > 4


def test_the_order_of_the_two_never_matters():
    templates = [template(minutiae(seed, 20 + 5 * seed)) for seed in range(6)]
    templates += [template(distorted(minutiae(seed), seed)) for seed in range(3)]
    for a, b in itertools.combinations(templates, 2):
        assert compare(a, b) == compare(b, a)


def test_many_at_once_is_one_by_one_in_any_order_prepared_or_not():
    probe = template(minutiae(1))
    references = [template(minutiae(seed, 15 * seed)) for seed in range(5)]
    references.append(template(distorted(minutiae(1), 9)))
    single = np.array([compare(probe, reference) for reference in references])
    many = compare_many(prepare(probe), [prepare(reference) for reference in references])
    assert many.dtype == np.float64
    np.testing.assert_array_equal(many, single)
    np.testing.assert_array_equal(compare_many(probe, references[::-1]), single[::-1])
    assert compare_many(probe, []).shape == (0,)


def test_scores_are_the_same_on_every_isa(every_isa):
    references = [template(minutiae(seed, 45)) for seed in range(3)]
    references += [template(distorted(minutiae(1, 45), seed)) for seed in range(3)]
    probe = template(minutiae(1, 45))
    scores = []
    for isa in every_isa:
        native.use_isa(isa)
        scores.append(compare_many(probe, references))
    for other in scores[1:]:
        np.testing.assert_array_equal(scores[0], other)


def test_a_prepared_template_cannot_be_changed():
    prepared = prepare(template(minutiae(1)))
    for array in (prepared.packed.block, prepared.order):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_anything_else_is_refused():
    with pytest.raises(TypeError, match="not bytes"):
        compare(b"EKFT", template(minutiae(1)))


@pytest.mark.parametrize("turn", [0.0, 0.4])
def test_matched_minutiae_are_the_same_ones(turn):
    columns = minutiae(5)
    kept = np.arange(3, 37)
    whole, part = template(columns), template(columns, turn, (12.0, -7.0), kept)
    for pairs in (matched_minutiae(whole, part), matched_minutiae(part, whole)[:, ::-1]):
        assert len(pairs) > 25
        assert (kept[pairs[:, 1]] == pairs[:, 0]).mean() > 0.95


def test_nothing_is_matched_where_nothing_is():
    empty = FingerprintTemplate.from_minutiae([], [], [], width=SIDE, height=SIDE)
    assert matched_minutiae(empty, template(minutiae(1))).shape == (0, 2)
    assert matched_minutiae(template(minutiae(1)), empty).shape == (0, 2)


@pytest.mark.parametrize("count", [40, 80, 120, 200])
def test_strangers_crowded_with_minutiae_of_one_direction_do_not_look_alike(count):
    """As a smeared print or broken parallel lines give them: every minutia finds a partner."""
    random = np.random.default_rng(count)
    flow = RidgeFlow.from_fields(np.zeros((12, 12)), np.full((12, 12), 9.0))
    prints = [
        prepare(
            FingerprintTemplate.from_minutiae(
                *random.uniform(10, 370, (2, count)), random.normal(0, 0.12, count) % (2 * np.pi),
                width=380, height=380, flow=flow,
            )
        )
        for _ in range(16)
    ]  # fmt: skip
    scores = np.concatenate([compare_many(one, prints[k + 1 :]) for k, one in enumerate(prints)])
    assert scores.max() < 4.5
    assert np.median(scores) < 2.0
