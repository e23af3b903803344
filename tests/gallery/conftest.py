# SPDX-License-Identifier: Apache-2.0
"""Random templates and people, and a gallery with a comparison as simple as can be."""

import numpy as np
import pytest

from ektp_hw.gallery import Gallery, Person
from ektp_hw.samples import FingerPosition
from ektp_hw.templates import FingerprintTemplate
from stand_in_cascade import SharedCoordinates


@pytest.fixture
def rng():
    return np.random.default_rng(2)


@pytest.fixture
def template(rng):
    def make(n=30):
        return FingerprintTemplate.from_minutiae(
            rng.uniform(0, 400, n),
            rng.uniform(0, 400, n),
            rng.uniform(0, 6, n),
            width=400,
            height=400,
        )

    return make


@pytest.fixture
def person(template):
    def make(identifier, *positions):
        wanted = positions or (FingerPosition.RIGHT_INDEX, FingerPosition.LEFT_INDEX)
        return Person(identifier, {position: template() for position in wanted})

    return make


@pytest.fixture
def comparison():
    return SharedCoordinates


@pytest.fixture
def path(tmp_path):
    return tmp_path / "people"


@pytest.fixture
def gallery(path):
    with Gallery.open(path, comparison=SharedCoordinates) as opened:
        yield opened
