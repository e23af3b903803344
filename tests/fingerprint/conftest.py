# SPDX-License-Identifier: Apache-2.0
"""Ridge patterns whose every orientation, frequency and minutia is known."""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest

Picture = npt.NDArray[np.uint8]


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


@pytest.fixture(scope="session")
def waves() -> Callable[..., Picture]:
    """Make ridges ``period`` pixels apart that run at ``angle`` (y downwards, radians)."""

    def make(angle: float, period: float, side: int = 240) -> Picture:
        y, x = np.mgrid[:side, :side].astype(np.float64)
        across = y * np.cos(angle) - x * np.sin(angle)
        return np.rint(128 - 90 * np.cos(2 * np.pi * across / period)).astype(np.uint8)

    return make


@pytest.fixture(scope="session")
def dislocation() -> Callable[..., Picture]:
    """Make straight ridges with one minutia in the middle that points to ``direction``.

    The phase of the wave turns once around the middle, so that one ridge more runs on that side
    (``forks`` false: it ends in the middle; true: a valley does, and its two ridges join).
    """

    def make(direction: float, *, forks: bool, period: float = 9.0, side: int = 241) -> Picture:
        y, x = np.mgrid[:side, :side].astype(np.float64) - side // 2
        along = x * np.cos(direction) - y * np.sin(direction)
        across = x * np.sin(direction) + y * np.cos(direction)
        phase = 2 * np.pi * across / period + np.arctan2(across, along) + np.pi * forks
        return np.rint(128 - 90 * np.cos(phase)).astype(np.uint8)

    return make
