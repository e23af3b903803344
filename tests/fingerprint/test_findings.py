# SPDX-License-Identifier: Apache-2.0
"""What made-up answers of the network are read as."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ektp_hw.fingerprint.findings import findings, foreground_of, ridge_flow_of, template_of
from ektp_hw.fingerprint.network import Answer
from ektp_hw.templates import MinutiaKind, RidgeFlow

NOTHING = -8.0


def silent(rows=40, columns=30):
    find = np.zeros((rows, columns, 6), np.float32)
    find[..., 0] = NOTHING
    return find


def put(find, x, y, direction, *, score=3.0, fork=-1.0, reach=1):
    """Let the cells around a place say that a minutia is there, the nearest one loudest."""
    column, row = round((x - 1.5) / 4), round((y - 1.5) / 4)
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            here = row + down, column + right
            if not (0 <= here[0] < find.shape[0] and 0 <= here[1] < find.shape[1]):
                continue
            off = (x - 1.5) / 4 - here[1], (y - 1.5) / 4 - here[0]
            loud = score - 3 * (abs(down) + abs(right))
            if loud > find[here][0]:
                find[here] = loud, *off, np.cos(direction), np.sin(direction), fork
    return find


def flow_answer(rows=20, columns=15, angle=0.3, period=9.0, seen=5.0):
    flow = np.zeros((rows, columns, 4), np.float32)
    steepness = np.sin(2 * np.pi / period)
    tall = np.log(2 * np.pi / steepness / 9)
    flow[:] = np.cos(2 * angle), np.sin(2 * angle), tall, seen
    return Answer(silent(2 * rows, 2 * columns), flow)


@settings(deadline=None, max_examples=60)
@given(
    x=st.floats(0, 119),
    y=st.floats(0, 159),
    direction=st.floats(0, 6.28),
    fork=st.sampled_from([-1.0, 1.0]),
)
def test_one_minutia_is_found_where_its_cells_say(x, y, direction, fork):
    found = findings(put(silent(), x, y, direction, fork=fork))
    assert len(found.x) == 1
    assert (found.x[0], found.y[0]) == pytest.approx((x, y), abs=1e-3)
    assert np.cos(found.direction[0] - direction) > 1 - 1e-5
    assert 0 <= found.direction[0] < 2 * np.pi + 1e-6
    assert found.score[0] == 3
    assert found.forks[0] == (fork > 0)


def test_silence_is_no_minutia():
    assert len(findings(silent()).x) == 0
    assert len(findings(silent(1, 1)).x) == 0


def test_the_likeliest_come_first():
    find = put(put(silent(), 30, 40, 1.0, score=1.0), 80, 90, 2.0, score=4.0)
    np.testing.assert_allclose(findings(find).x, [80, 30], atol=1e-3)


def test_two_cells_that_mean_the_same_are_one_minutia():
    find = silent()
    for column, offset in ((10, 1.0), (12, -1.0)):
        find[10, column] = 3.0 - column / 100, offset, 0, 1, 0, 1
    found = findings(find)
    np.testing.assert_allclose(found.x, [11 * 4 + 1.5], atol=1e-3)


def test_equal_neighbours_are_one_minutia():
    find = silent()
    find[10, 10] = find[10, 11] = 3.0, 0, 0, 1, 0, 1
    found = findings(find)
    assert len(found.x) == 1


def test_many_findings_take_no_more_time_than_they_are_worth():
    find = silent(1024, 1024)
    find[::3, ::3, 0] = np.random.default_rng(1).uniform(0, 5, (342, 342))
    find[..., 3] = 1
    assert 500 < len(findings(find).x) <= 1024


def test_both_sides_of_a_break_stay():
    find = silent()
    find[10, 10] = 3.0, 0, 0, 1, 0, -1
    find[10, 12] = 2.0, -0.9, 0, -1, 0, -1
    found = findings(find)
    np.testing.assert_allclose(found.x, [41.5, 45.9], atol=1e-3)


def test_a_neighbour_that_means_another_minutia_has_no_say():
    find = silent()
    find[10, 10] = 3.0, 0, 0, 1, 0, -1
    find[10, 11] = 2.9, 1.4, 0, 0, 1, -1
    found = findings(find)
    assert (found.x[0], found.direction[0]) == pytest.approx((41.5, 0))


def test_no_cell_is_believed_about_far_places():
    find = silent()
    find[10, 10] = 3.0, 50, -50, 1, 0, -1
    found = findings(find)
    assert (found.x[0], found.y[0]) == pytest.approx((41.5 + 6, 41.5 - 6), abs=0.01)


def read(answer, width=120, height=160):
    mask = foreground_of(answer, width, height)
    flow = ridge_flow_of(answer, mask, width, height)
    return template_of(findings(answer.find), mask, flow, width, height)


def test_the_template_tells_all_of_it():
    answer = flow_answer()
    put(answer.find, 50.25, 60.5, 1.0, score=2.0, fork=1.0)
    put(answer.find, 90.0, 100.0, 4.0, score=0.5)
    template = read(answer)
    np.testing.assert_allclose(template.x, [50.25, 90], atol=0.04)
    np.testing.assert_allclose(template.y, [60.5, 100], atol=0.04)
    np.testing.assert_allclose(template.direction, [1, 4], atol=0.013)
    assert template.kind.tolist() == [MinutiaKind.BIFURCATION, MinutiaKind.ENDING]
    assert 1 >= template.reliability[0] > template.reliability[1] > 0
    assert (template.width, template.height) == (120, 160)


@pytest.mark.parametrize("place", [(1, 80), (118, 80), (60, 2), (60, 158)])
def test_nothing_is_found_at_the_edge_of_the_picture(place):
    answer = flow_answer()
    put(answer.find, *place, 1.0)
    assert len(read(answer)) == 0


def test_nothing_is_found_off_the_finger():
    answer = flow_answer()
    answer.flow[:, 8:, 3] = -5
    put(answer.find, 30, 80, 1.0)
    put(answer.find, 90, 80, 1.0)
    assert read(answer).x.tolist() == [30]


def test_a_picture_smaller_than_its_cells_keeps_its_minutiae_inside():
    answer = flow_answer()
    put(answer.find, 108, 80, 1.0)
    assert len(read(answer, 115, 155)) == 1
    assert len(read(answer, 107, 155)) == 0


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.5, 3.0])
def test_the_flow_is_that_of_its_cells(angle):
    flow = read(flow_answer(angle=angle, period=7.5)).flow
    assert isinstance(flow, RidgeFlow)
    assert flow.period.shape == (5, 4)
    seen = np.isfinite(flow.period)
    assert seen[:, :3].all()
    np.testing.assert_allclose(flow.period[seen], 7.5, atol=0.05)
    np.testing.assert_allclose(np.cos(2 * (flow.orientation[seen] - angle)), 1, atol=1e-3)


def test_opposite_orientations_of_one_cell_do_not_average_to_a_third():
    answer = flow_answer(angle=np.pi - 0.05)
    answer.flow[:, ::2, :2] = np.cos(0.1), np.sin(0.1)
    flow = read(answer).flow
    seen = np.isfinite(flow.period)
    assert np.abs(np.sin(flow.orientation[seen])).max() < 0.02


def test_cells_that_do_not_show_the_finger_have_no_flow():
    answer = flow_answer()
    answer.flow[10:, :, 3] = -5
    flow = read(answer).flow
    assert np.isfinite(flow.period[:2, :3]).all()
    assert np.isnan(flow.period[3:]).all()


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (7, 9), (33, 31)])
def test_any_size_has_its_flow(size):
    width, height = size
    answer = flow_answer(-(-height // 8), -(-width // 8))
    assert len(read(answer, width, height)) == 0
