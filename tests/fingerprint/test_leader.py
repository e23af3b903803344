# SPDX-License-Identifier: Apache-2.0
"""LEADER's minutiae in our terms, with a stand-in for the package that finds them."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from ektp_hw import fingerprint
from ektp_hw.errors import ExtractorUnavailable
from ektp_hw.fingerprint.extractors import extractor
from ektp_hw.samples import FingerprintImage
from ektp_hw.templates import MinutiaKind

PICTURE = np.full((400, 200), 255, np.uint8)


def minutia(x, y, direction, kind, quality):
    return SimpleNamespace(x=x, y=y, direction=direction, type=kind, quality=quality)


@pytest.fixture
def pyfing(monkeypatch):
    """Stand in for the package; set ``finds`` to what its network shall find."""
    package = ModuleType("pyfing")
    package.finds = []
    package.asked = []

    def minutiae_extraction(pixels, dpi):
        package.asked.append((pixels.shape, dpi))
        return package.finds

    package.minutiae_extraction = minutiae_extraction
    monkeypatch.setitem(sys.modules, "pyfing", package)
    monkeypatch.delitem(sys.modules, "ektp_hw.fingerprint.leader", raising=False)
    extractor.cache_clear()
    yield package
    sys.modules.pop("ektp_hw.fingerprint.leader", None)
    extractor.cache_clear()


def test_minutiae_come_to_500_ppi(pyfing):
    pyfing.finds = [
        minutia(100, 50, 1.5, "E", 0.9),
        minutia(199, 399, 6.0, "B", 0.6),
        minutia(0, 0, 0.0, "O", 1.0),
    ]
    template = fingerprint.extract(FingerprintImage(PICTURE, 1000.0), method="leader")
    assert pyfing.asked == [((400, 200), 1000.0)]
    assert (template.width, template.height) == (100, 200)
    np.testing.assert_allclose(template.x, [50, 99.5, 0], atol=0.04)
    np.testing.assert_allclose(template.y, [25, 199.5, 0], atol=0.04)
    np.testing.assert_allclose(template.direction, [1.5, 6.0, 0.0], atol=0.013)
    np.testing.assert_allclose(template.reliability, [0.9, 0.6, 1.0], atol=0.01)
    assert template.kind.tolist() == [
        MinutiaKind.ENDING,
        MinutiaKind.BIFURCATION,
        MinutiaKind.OTHER,
    ]


@pytest.mark.usefixtures("pyfing")
def test_a_picture_without_minutiae():
    seen = {}
    template = fingerprint.extract(PICTURE, method="leader", trace=seen.__setitem__)
    assert len(template) == 0
    assert seen["minutiae"].shape == (4, 0)


@pytest.mark.usefixtures("pyfing")
def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyfing", None)
    with pytest.raises(ExtractorUnavailable, match=r"pip install 'ektp_hw\[leader\]'"):
        fingerprint.extract(PICTURE, method="leader")
    assert len(fingerprint.extract(PICTURE)) == 0
