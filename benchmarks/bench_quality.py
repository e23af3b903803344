# SPDX-License-Identifier: Apache-2.0
"""Assessing the quality of one print of 388 x 374 pixels."""

import cv2
import pytest

from ektp_hw.fingerprint import assess_quality
from ektp_hw.synthetic import SyntheticFinger


@pytest.fixture
def picture():
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield SyntheticFinger(1).impression(0).image.pixels[33:407]
    cv2.setNumThreads(threads)


def bench_assess_quality(benchmark, picture):
    assert picture.shape == (374, 388)
    assert benchmark(assess_quality, picture).score > 0
