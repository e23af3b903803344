# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ektp_hw.samples import FingerprintImage
from ektp_hw.virtual import platen
from ektp_hw.virtual.visitor import Visitor


@pytest.fixture
def visitor():
    return Visitor("sensor", (180, 256), 385.0)


def test_a_presented_finger_is_seen_at_the_sensors_size(visitor):
    image = FingerprintImage(np.full((400, 400), 90, np.uint8), ppi=770)
    visitor.present(image)
    assert visitor.glass.shape == (180, 256)
    assert np.array_equal(visitor.glass, platen.lay(image, (180, 256), 385.0))
    visitor.present(None)
    assert visitor.glass is None


def test_a_synthetic_finger_comes_in_new_impressions(visitor):
    visitor.come({"seed": "4", "position": "7"})
    first = visitor.glass
    visitor.come({"seed": "4", "position": "7"})
    assert first.std() > 20
    assert not np.array_equal(first, visitor.glass)


def test_what_a_script_presents_stays_unless_a_person_is_named(visitor):
    visitor.present(None)
    visitor.come({})
    assert visitor.glass is None
    visitor.come({"seed": "2"})
    assert visitor.glass is not None


@pytest.mark.parametrize("options", [{"position": "0"}, {"position": "11"}, {"seed": "-1"}])
def test_nobody_of_that_kind(visitor, options):
    with pytest.raises(ValueError, match="virtual:sensor"):
        visitor.come(options)


def test_only_pictures_of_fingers_are_presented(visitor):
    with pytest.raises(TypeError, match="FingerprintImage or None"):
        visitor.present(np.zeros((180, 256), np.uint8))
