# SPDX-License-Identifier: Apache-2.0
"""A synthetic person is whole, reproducible and nobody."""

import cv2
import numpy as np
import pytest

from ektp_hw.samples import Eye, FingerPosition
from ektp_hw.synthetic import SyntheticPerson


def test_the_same_seed_is_the_same_person():
    one, two = SyntheticPerson(5), SyntheticPerson(5)
    assert (one.name, one.id_number, one.sex) == (two.name, two.id_number, two.sex)
    assert one.card_photo() == two.card_photo()
    assert one.signature(2).x_mm.tobytes() == two.signature(2).x_mm.tobytes()


def test_numbers_have_the_shape_of_a_nik_that_no_registry_can_issue():
    people = [SyntheticPerson(seed) for seed in range(200)]
    numbers = {person.id_number for person in people}
    assert len(numbers) == 200
    for person in people:
        number = person.id_number
        assert len(number) == 16
        assert number.isdigit()
        assert number.startswith("99")
        day = int(number[6:8])
        assert 1 <= day - (40 if person.sex.value == "female" else 0) <= 28
        assert 1 <= int(number[8:10]) <= 12
    assert len({person.name for person in people}) > 100


def test_a_finger_is_kept_and_must_be_one_of_ten():
    person = SyntheticPerson(5)
    thumb = person.finger(FingerPosition.RIGHT_THUMB)
    assert person.finger(FingerPosition.RIGHT_THUMB) is thumb
    assert person.finger(FingerPosition.LEFT_THUMB) is not thumb
    for wrong in (FingerPosition.UNKNOWN, FingerPosition.RIGHT_FOUR):
        with pytest.raises(ValueError, match="not one finger"):
            person.finger(wrong)
    with pytest.raises(ValueError, match="a right and a left eye"):
        person.iris(Eye.UNKNOWN)


def test_two_fingers_of_one_person_are_two_fingers():
    person = SyntheticPerson(5)
    right = person.finger(FingerPosition.RIGHT_INDEX).master.relief
    left = person.finger(FingerPosition.LEFT_INDEX).master.relief
    assert np.corrcoef(right.ravel(), left.ravel())[0, 1] < 0.3


def test_the_card_picture_is_a_jpeg():
    encoded = SyntheticPerson(5).card_photo()
    assert encoded[:2] == b"\xff\xd8"
    picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (288, 216, 3)
    assert encoded != SyntheticPerson(6).card_photo()
