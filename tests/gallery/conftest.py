# SPDX-License-Identifier: Apache-2.0
"""Random templates, and a comparison as simple as can be: how many x coordinates agree."""

import numpy as np
import pytest

from ektp_hw.gallery import Gallery, Person
from ektp_hw.samples import FingerPosition
from ektp_hw.templates import FingerprintTemplate


class SharedCoordinates:
    """A stand-in with the interface of `ektp_hw.fingerprint.comparison`; scores 0 to 6."""

    @staticmethod
    def prepare(template):
        return np.array(template.x)

    @staticmethod
    def compare_many(probe, references):
        return np.array([6.0 * np.isin(probe, each).mean() for each in references])


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
