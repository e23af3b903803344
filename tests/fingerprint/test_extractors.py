# SPDX-License-Identifier: Apache-2.0
"""Extractors of others come in by entry point; a broken one troubles only who asks for it."""

import importlib.metadata
import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from ektp_hw import fingerprint
from ektp_hw.cli.__main__ import run
from ektp_hw.errors import ExtractorUnavailable
from ektp_hw.evaluation import evaluate_fingerprints
from ektp_hw.fingerprint.extractors import GROUP, extractor, extractors
from ektp_hw.templates import FingerprintTemplate

PICTURE = np.full((120, 100), 255, np.uint8)


def two_corners(sample, trace):
    """Two minutiae in the corners of the picture, wherever it comes from."""
    trace("looked-at", sample.pixels)
    return FingerprintTemplate.from_minutiae(
        [0, sample.width], [0, sample.height], [0.0, 1.0], width=sample.width, height=sample.height
    )


@pytest.fixture(autouse=True)
def _loaded_afresh():
    extractor.cache_clear()
    yield
    extractor.cache_clear()


@pytest.fixture
def installed(monkeypatch):
    """Register extractors beside our own, as installing a package would: name -> value."""
    real = importlib.metadata.entry_points

    def install(**values):
        others = [EntryPoint(name, value, GROUP) for name, value in values.items()]

        def entry_points(**wanted):
            found = real(**wanted)
            if wanted.get("group") != GROUP:
                return found
            return importlib.metadata.EntryPoints([*others, *found])

        monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)

    package = ModuleType("somebodys_package")
    package.two_corners = two_corners
    monkeypatch.setitem(sys.modules, "somebodys_package", package)
    return install


def test_ours_is_registered_and_the_best():
    assert extractors()[:2] == ("learned", "classical")
    assert extractor(None) is extractor("learned")
    assert fingerprint.extractors is extractors


def test_an_extractor_of_others_is_called_by_its_name(installed):
    installed(corners="somebodys_package:two_corners")
    assert extractors()[0] == "learned"
    assert "corners" in extractors()
    seen = {}
    template = fingerprint.extract(PICTURE, method="corners", trace=seen.__setitem__)
    assert template.x.tolist() == [0, 100]
    assert list(seen) == ["looked-at"]


def test_the_command_line_reaches_it(installed, tmp_path):
    installed(corners="somebodys_package:two_corners")
    for name in ("1_1", "1_2", "2_1", "2_2"):
        Image.fromarray(PICTURE).save(tmp_path / f"{name}.png")
    assert run(["extract", "--method", "corners", str(tmp_path / "1_1.png")]) == 0
    assert run(["evaluate", "fingerprint", "--method", "corners", str(tmp_path)]) == 0


def test_an_unknown_one_is_refused_by_naming_the_known(installed):
    installed(corners="somebodys_package:two_corners")
    with pytest.raises(
        ValueError, match=r"'magic' is unknown; choose one of learned, classical, corners"
    ):
        fingerprint.extract(PICTURE, method="magic")


def test_a_broken_one_costs_nothing_until_it_is_asked_for(installed, tmp_path):
    installed(broken="no_such_module_at_all:extract", lacking="somebodys_package:nothing")
    assert {"broken", "lacking"} <= set(extractors())
    assert len(fingerprint.extract(PICTURE)) == 0
    with pytest.raises(ExtractorUnavailable, match=r"'broken' \(no_such_module_at_all:extract\)"):
        fingerprint.extract(PICTURE, method="broken")
    with pytest.raises(ExtractorUnavailable, match="no attribute 'nothing'"):
        fingerprint.extract(PICTURE, method="lacking")
    with pytest.raises(ExtractorUnavailable, match="'broken'"):
        evaluate_fingerprints(tmp_path, method="broken")


def test_our_name_cannot_be_taken(installed):
    installed(classical="somebodys_package:two_corners")
    assert extractor("classical") is not two_corners
    assert extractors().count("classical") == 1
