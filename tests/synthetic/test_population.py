# SPDX-License-Identifier: Apache-2.0
"""Templates without pictures: each by itself, sound, as real ones are, and mates known as mates."""

from itertools import combinations

import numpy as np
import pytest

from ektp_hw import fingerprint
from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic import COMPETITION, COUNTER, Pattern, Population
from ektp_hw.synthetic.chances import keys_of, normals, uniforms
from ektp_hw.synthetic.geometry import Placement
from ektp_hw.synthetic.pressing import _to_master, _to_picture, _turned
from ektp_hw.synthetic.prints import orientation_at
from ektp_hw.synthetic.skin import draw_skins
from ektp_hw.synthetic.touch import draw_touches
from ektp_hw.templates import FingerprintTemplate

INDEX = FingerPosition.RIGHT_INDEX


def test_each_template_is_the_same_alone_and_among_others():
    population = Population(4)
    people, positions = np.arange(300), 1 + np.arange(300) % 10
    together = population.templates(people, positions, 2)
    for k in (0, 1, 150, 299):
        assert population.template(people[k], positions[k], 2) == together[k]
    assert Population(5).template(0, FingerPosition(1), 2) != together[0]


def test_streaming_gives_the_same_as_asking():
    population = Population(9)
    fingers = (INDEX, FingerPosition.LEFT_INDEX)
    seen = {}
    for people, made in population.stream(range(3, 10), fingers, 1, batch=3):
        assert len(people) == len(made) <= 3
        seen |= dict(zip(people, made, strict=True))
    assert list(seen) == list(range(3, 10))
    assert seen[8] == [population.template(8, finger, 1) for finger in fingers]


@pytest.mark.parametrize("difficulty", [COUNTER, COMPETITION])
def test_templates_are_sound_and_read_back(difficulty):
    for template in Population(1, difficulty).templates(range(40), INDEX, 3):
        assert (template.width, template.height) in difficulty.pictures
        assert template.flow is not None
        assert FingerprintTemplate.from_bytes(template.to_bytes()) == template
        assert set(template.kind) <= {1, 2}


def test_statistics_lie_where_real_templates_have_them():
    """Ranges over the sets of FVC2002 and FVC2004, as population_statistics.py prints them."""
    made = Population(2).templates(range(200), 1 + np.arange(200) % 10)
    counts = np.array([len(each) for each in made])
    assert 44 < counts.mean() < 58
    assert 10 < counts.std() < 20
    nearest = np.concatenate([_nearest(each) for each in made])
    assert 16 < np.median(nearest) < 21
    trust = np.concatenate([each.reliability for each in made])
    assert 0.92 < np.median(trust) < 0.98
    assert 0.65 < np.percentile(trust, 10) < 0.85
    periods = [np.nanmean(each.flow.period) for each in made]
    assert 8.4 < np.mean(periods) < 9.4
    assert 0.4 < np.std(periods) < 0.9


def _nearest(template):
    distance = np.hypot(template.x[:, None] - template.x, template.y[:, None] - template.y)
    np.fill_diagonal(distance, np.inf)
    return distance.min(axis=1)


def test_mates_score_and_strangers_do_not():
    touches = [
        [fingerprint.prepare(each) for each in Population(3).templates(person, INDEX, range(3))]
        for person in range(25)
    ]
    mated = [fingerprint.compare(*pair) for row in touches for pair in combinations(row, 2)]
    strangers = [fingerprint.compare(a[0], b[0]) for a, b in combinations(touches, 2)]
    assert 15 < np.median(mated) < 32
    assert np.percentile(mated, 5) > 4
    assert max(strangers) < 4.5
    assert np.mean(np.array(strangers) > 1) < 0.2


def test_a_competition_is_harder_than_a_counter():
    easy, hard = (
        np.mean(
            [
                fingerprint.compare(*Population(6, difficulty).templates(person, INDEX, (0, 1)))
                for person in range(40)
            ]
        )
        for difficulty in (COUNTER, COMPETITION)
    )
    assert hard < easy - 2


@pytest.mark.parametrize("wrong", [(-1, 2, 0), (0, 11, 0), (0, -1, 0), (0, 2, -1)])
def test_what_is_no_finger_is_refused(wrong):
    with pytest.raises(ValueError, match=r"from 0|ten fingers"):
        Population(1).templates(*wrong)


def test_fields_turn_half_around_each_core_and_delta():
    skins = draw_skins(7, np.arange(60), 1 + np.arange(60) % 10)
    assert {*skins.pattern} >= {Pattern.LEFT_LOOP, Pattern.RIGHT_LOOP, Pattern.WHORL}
    round_about = np.linspace(0, 2 * np.pi, 65)[None]
    for k in range(4):
        x = skins.points[:, k, 1, None] + 4 * np.cos(round_about)
        y = skins.points[:, k, 2, None] - 4 * np.sin(round_about)
        angle = orientation_at(skins, x.astype(np.float32), y.astype(np.float32))
        steps = np.diff(angle, axis=1)
        turn = ((steps + np.pi / 2) % np.pi - np.pi / 2).sum(axis=1) / np.pi
        there = skins.points[:, k, 0] != 0
        assert there.any()
        assert np.allclose(turn[there], skins.points[there, k, 0], atol=0.01)


def test_classes_come_as_in_nature_and_run_in_a_person():
    people, positions = np.repeat(np.arange(3000), 2), np.tile((2, 7), 3000)
    drawn = draw_skins(1, people, positions).pattern
    whorls = (drawn == Pattern.WHORL).reshape(-1, 2)
    assert 0.25 < whorls.mean() < 0.31
    assert 0.05 < (drawn <= Pattern.TENTED_ARCH).mean() < 0.085
    assert 0.45 < whorls[whorls[:, 0], 1].mean() < 0.65
    right = drawn[::2]
    assert 0.88 < (right == Pattern.RIGHT_LOOP).sum() / np.isin(right, (2, 3)).sum() < 0.98


def test_touches_are_placed_as_in_pictures():
    people, fingers = np.arange(5), np.full(5, 2)
    skins = draw_skins(3, people, fingers)
    touches = draw_touches(skins, 3, people, fingers, np.zeros(5, int), COMPETITION)
    rng = np.random.default_rng(0)
    for row in touches.placements:
        placement = Placement(
            turn=np.arctan2(row[1], row[0]),
            picture_centre=(row[2], row[3]),
            skin_centre=(row[4], row[5]),
            sticking=(row[6], row[7]),
            drag=(row[8], row[9]),
            twist=np.arctan2(row[11], row[10] + 1),
            softness=row[12],
        )
        x, y, angle = rng.uniform(50, 300, 20), rng.uniform(50, 300, 20), rng.uniform(0, 6, 20)
        u, v = placement.to_master(x, y)
        assert np.allclose([_to_master(row, *at) for at in zip(x, y, strict=True)], np.c_[u, v])
        back = np.array([_to_picture(row, *at) for at in zip(u, v, strict=True)])
        assert np.abs(back - np.c_[x, y]).max() < 0.1
        turned = [_turned(row, *at) for at in zip(x, y, angle, strict=True)]
        apart = np.angle(np.exp(1j * (turned - placement.turn_direction(x, y, angle))))
        assert np.abs(apart).max() < 0.02


def test_random_numbers_are_even_normal_and_unrelated():
    keys = keys_of(3, np.arange(20_000), 5)
    assert len(np.unique(keys)) == len(keys)
    even, normal = uniforms(keys, 7), normals(keys, 7)
    assert abs(even.mean() - 0.5) < 0.005
    assert abs(even.std() - 12**-0.5) < 0.005
    assert abs(normal.mean()) < 0.01
    assert abs(normal.std() - 1) < 0.01
    for table in (even, normal):
        assert np.abs(np.corrcoef(table.T) - np.eye(7)).max() < 0.03
        assert abs(np.corrcoef(table[1:, 0], table[:-1, 0])[0, 1]) < 0.03
    assert np.array_equal(uniforms(keys, 3), even[:, :3])
    with pytest.raises(ValueError, match="zero or more"):
        keys_of(-1, 2)
