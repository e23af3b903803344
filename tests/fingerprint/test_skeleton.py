# SPDX-License-Identifier: Apache-2.0
"""Each false structure goes; each true one stays and is read right."""

import cv2
import numpy as np
import pytest

from ektp_hw.fingerprint.orientation import OrientationField
from ektp_hw.fingerprint.skeleton import cleaned, ends_and_forks


@pytest.fixture
def level():
    """Return ridges that all run along x."""
    shape = (20, 40)
    ones, zeros = np.ones(shape, np.float32), np.zeros(shape, np.float32)
    return OrientationField(ones, zeros, ones)


@pytest.fixture
def ridge():
    skeleton = np.zeros((80, 160), np.uint8)
    skeleton[40, 20:140] = 1
    return skeleton


def same_lines(skeleton, expected):
    """Tell whether the ends and forks are the same and no pixel lies more than one step off."""
    near = cv2.dilate(expected, np.ones((3, 3), np.uint8))
    return (skeleton <= near).all() and (
        ends_and_forks(skeleton).tolist() == ends_and_forks(expected).tolist()
    )


def test_a_plain_ridge_is_left_alone_and_has_two_ends(ridge, level):
    assert (cleaned(ridge, level) == ridge).all()
    assert ends_and_forks(ridge).tolist() == [[40, 20, 0, 1, 1], [40, 139, 0, -1, 1]]


def test_a_spur_goes(ridge, level):
    spurred = ridge.copy()
    spurred[34:40, 80] = 1
    assert same_lines(cleaned(spurred, level), ridge)


def test_an_island_goes(ridge, level):
    dotted = ridge.copy()
    dotted[60, 50:60] = 1
    dotted[20, 70] = 1
    assert (cleaned(dotted, level) == ridge).all()


def test_a_broken_ridge_is_joined(ridge, level):
    broken = ridge.copy()
    broken[40, 76:84] = 0
    assert (cleaned(broken, level) == ridge).all()


def test_ends_that_do_not_face_each_other_are_not_joined(ridge, level):
    apart = ridge.copy()
    apart[40, 80:] = 0
    apart[48, 82:140] = 1
    assert (cleaned(apart, level) == apart).all()


def test_a_bridge_across_a_valley_goes(ridge, level):
    two = ridge.copy()
    two[49, 20:140] = 1
    bridged = two.copy()
    bridged[41:49, 80] = 1
    assert same_lines(cleaned(bridged, level), two)


def test_a_fork_stays_and_points_between_its_branches(level):
    fork = np.zeros((80, 160), np.uint8)
    fork[40, 20:80] = 1
    for step in range(60):
        fork[40 - min(step, 5), 80 + step] = 1
        fork[40 + min(step, 5), 80 + step] = 1
    found = ends_and_forks(cleaned(fork, level))
    forks = found[found[:, 4] == 3]
    assert len(forks) == 1
    y, x, down, right, _ = forks[0]
    assert (abs(y - 40) <= 1, abs(x - 80) <= 2) == (True, True)
    assert right > 0.95
    assert abs(down) < 0.2


def test_an_empty_skeleton_has_nothing(level):
    empty = np.zeros((80, 160), np.uint8)
    assert not cleaned(empty, level).any()
    assert ends_and_forks(empty).shape == (0, 5)
