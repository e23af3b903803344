# SPDX-License-Identifier: Apache-2.0
"""Step 5: how far apart the ridges lie, one frequency a cell, in ridges per pixel.

A strip across the ridges is averaged along them into a signature (the x-signature of Hong, Wan
and Jain 1998); the peak of its spectrum, refined by a parabola, is the frequency, and the peak's
share of the power the confidence with which the neighbourhood listens to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ektp_hw.fingerprint.normalisation import blurred
from ektp_hw.fingerprint.parameters import (
    CELL,
    FREQUENCY_BINS,
    FREQUENCY_SIGMA,
    FREQUENCY_STEP,
    MAX_PERIOD,
    MIN_PERIOD,
    SIGNATURE_LENGTH,
    SIGNATURE_WIDTH,
    USUAL_PERIOD,
)
from ektp_hw.jit import kernel

if TYPE_CHECKING:
    import numpy.typing as npt

    from ektp_hw.fingerprint.orientation import OrientationField

__all__ = ["ridge_frequency", "signature_spectra"]


def ridge_frequency(
    picture: npt.NDArray[np.float32], field: OrientationField, mask: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Return the ridge frequency of every cell, smooth and without gaps."""
    step = FREQUENCY_STEP
    start = step // 2
    tried = np.linspace(1 / MAX_PERIOD, 1 / MIN_PERIOD, FREQUENCY_BINS)
    measured, confidence = _peaks(
        signature_spectra(
            picture,
            # Whole copies: numba would compile once more for slices so small that they are whole.
            np.ascontiguousarray(field.angle[start::step, start::step]),
            np.ascontiguousarray(mask[start::step, start::step]),
            start * CELL + CELL // 2,
            step * CELL,
            _probes(tried),
            SIGNATURE_WIDTH,
        ),
        tried,
    )
    weight = blurred(confidence, FREQUENCY_SIGMA)
    total = float(confidence.sum())
    overall = float((confidence * measured).sum()) / total if total > 0 else 1 / USUAL_PERIOD
    # A whisper of the picture's mean fills what no measured block reaches.
    whisper = 1e-3
    heard = blurred(confidence * measured, FREQUENCY_SIGMA) + whisper * overall
    smooth = np.asarray(heard / (weight + whisper), np.float32)
    height, width = mask.shape
    across = (np.arange(width, dtype=np.float32) - start) / step
    down = (np.arange(height, dtype=np.float32) - start) / step
    between = cv2.remap(
        smooth, *np.meshgrid(across, down), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(between, np.float32)


def _probes(tried: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return cosine and sine under a Hann window, shape (2, samples, frequencies)."""
    at = np.arange(SIGNATURE_LENGTH) - (SIGNATURE_LENGTH - 1) / 2
    window = 0.5 + 0.5 * np.cos(2 * np.pi * at / SIGNATURE_LENGTH)
    phase = 2 * np.pi * tried[:, None] * at
    waves = np.stack((np.cos(phase), np.sin(phase)), axis=1) * (window / window.sum())
    # Without its mean under the window, no probe answers to a constant.
    waves -= waves.sum(axis=2, keepdims=True) * (window / window.sum())
    return np.ascontiguousarray(waves.transpose(1, 2, 0), np.float32)


def _peaks(
    power: npt.NDArray[np.float32], tried: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return frequency and confidence of each block; 0 confidence where no inner peak stands."""
    last = power.shape[2] - 1
    top = np.clip(power[:, :, 1:last].argmax(axis=2) + 1, 1, last - 1)
    rows, columns = np.indices(top.shape)
    before, at, after = (power[rows, columns, top + shift] for shift in (-1, 0, 1))
    bend = before - 2 * at + after
    inner = (at > before) & (at >= after) & (bend < 0)
    shift = np.where(inner, 0.5 * (before - after) / np.where(inner, bend, 1), 0)
    total = power.sum(axis=2)
    share = np.where(inner, at / np.maximum(total, np.float32(1e-12)), 0)
    measured = tried[top] + shift * (tried[1] - tried[0])
    return measured.astype(np.float32), np.square(share).astype(np.float32)


@kernel
def signature_spectra(
    picture: npt.NDArray[np.float32],
    angle: npt.NDArray[np.float32],
    mask: npt.NDArray[np.bool_],
    first: int,
    step: int,
    probes: npt.NDArray[np.float32],
    width: int,
) -> npt.NDArray[np.float32]:
    """Return the power of each block's signature at each probed frequency; 0 off the mask.

    Block (r, c) is centred at pixel (first + r step, first + c step). Samples are the nearest
    pixels; outside the picture its border is repeated.
    """
    rows, columns = angle.shape
    _, length, tried = probes.shape
    height, breadth = picture.shape
    power = np.zeros((rows, columns, tried), np.float32)
    even = np.empty(tried, np.float32)
    odd = np.empty(tried, np.float32)
    half = width // 2
    for r in range(rows):
        for c in range(columns):
            if not mask[r, c]:
                continue
            dx, dy = np.cos(angle[r, c]), np.sin(angle[r, c])
            even[:] = 0
            odd[:] = 0
            for i in range(length):
                across = i - (length - 1) / 2
                x0 = first + c * step - across * dy
                y0 = first + r * step + across * dx
                total = np.float32(0)
                for along in range(-half, half + 1, 2):
                    x = min(max(int(x0 + along * dx + 0.5), 0), breadth - 1)
                    y = min(max(int(y0 + along * dy + 0.5), 0), height - 1)
                    total += picture[np.uint64(y), np.uint64(x)]
                # All frequencies side by side, which the compiler turns into vectors.
                for f in range(tried):
                    even[f] += probes[0, i, f] * total
                    odd[f] += probes[1, i, f] * total
            for f in range(tried):
                power[r, c, f] = even[f] * even[f] + odd[f] * odd[f]
    return power
