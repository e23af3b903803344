# SPDX-License-Identifier: Apache-2.0
import pytest

from ektp_hw.virtual import wishes


def test_defaults():
    assert wishes.person("card", {}) == 1
    assert wishes.number("signature", {}, "speed", 2.5) == 2.5


def test_wishes():
    wishes.check_names("card", {"seed": "3"}, {"seed"})
    assert wishes.person("card", {"seed": "30"}) == 30
    assert wishes.number("signature", {"speed": "4"}, "speed", 1) == 4.0


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "²"])
def test_seeds_that_are_none(text):
    with pytest.raises(ValueError, match="virtual:card: seed="):
        wishes.person("card", {"seed": text})


@pytest.mark.parametrize("text", ["", "x", "-1", "0", "inf", "nan"])
def test_numbers_that_are_not_positive(text):
    with pytest.raises(ValueError, match="positive"):
        wishes.number("signature", {"speed": text}, "speed", 1)


def test_unknown_names_are_told_with_the_known_ones():
    with pytest.raises(ValueError, match="'colour', only seed, speed"):
        wishes.check_names("signature", {"colour": "red"}, {"speed", "seed"})
