# SPDX-License-Identifier: Apache-2.0
"""Extraction by our own network, on one page (``method="learned"``).

`evening` makes the picture alike everywhere, `network` tells of every cell whether a minutia lies
there and how the ridges run, `findings` reads that. Its weights come with the package; how they
were trained says `ektp_hw.training`.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.fingerprint.evening import evened
from ektp_hw.fingerprint.findings import (
    findings,
    foreground_of,
    period_of,
    ridge_flow_of,
    template_of,
)
from ektp_hw.fingerprint.network import Network, read_network
from ektp_hw.fingerprint.normalisation import on_whole_cells
from ektp_hw.fingerprint.polarity import ridges_are_white
from ektp_hw.fingerprint.resolution import at_500_ppi

if TYPE_CHECKING:
    import numpy.typing as npt

    from ektp_hw.fingerprint.network import Answer
    from ektp_hw.fingerprint.network.floating import FloatNetwork
    from ektp_hw.samples import FingerprintImage
    from ektp_hw.templates import FingerprintTemplate
    from ektp_hw.tracing import Trace

__all__ = ["WEIGHTS", "evened_in_bands", "extract_learned", "extract_with", "network"]

BAND_ROWS = 1024
"""Of a picture that are evened at once: it takes twenty bytes a pixel."""
OVERLAP = 192
"""Rows on each side of a band that what is evened in it depends on, and some more."""
WEIGHTS = Path(__file__).parent / "network" / "minutiae.weights"


@functools.cache
def network() -> Network:
    """Return the network of this package.

    Raises
    ------
    ExtractorUnavailable
        If its weights are missing or damaged.
    """
    return read_network(WEIGHTS)


def extract_learned(sample: FingerprintImage, trace: Trace) -> FingerprintTemplate:
    """Return the minutiae that the network finds; ``learned``.

    Raises
    ------
    SampleError
        If a side is longer than 4095 pixels at 500 ppi.
    ExtractorUnavailable
        If the weights are missing or damaged.
    """
    return extract_with(network(), sample, trace)


def extract_with(
    asked: Network | FloatNetwork, sample: FingerprintImage, trace: Trace
) -> FingerprintTemplate:
    """Return the minutiae that any network finds; otherwise as `extract_learned`."""
    picture = at_500_ppi(sample.pixels, sample.ppi, sample.source)
    trace("picture", picture)
    height, width = picture.shape
    canvas = on_whole_cells(picture).astype(np.uint8)
    answer = _answer(asked, canvas, trace)
    mask = foreground_of(answer, width, height)
    if ridges_are_white(canvas, mask):
        canvas = 255 - canvas
        trace("inverted", canvas)
        answer = _answer(asked, canvas, trace)
        mask = foreground_of(answer, width, height)
    trace("clear-foreground", mask)
    flow = ridge_flow_of(answer, mask, width, height)
    found = findings(answer.find)
    trace("minutiae", np.stack((found.x, found.y, found.direction, found.score)))
    return template_of(found, mask, flow, width, height)


def _answer(asked: Network | FloatNetwork, canvas: npt.NDArray[np.uint8], trace: Trace) -> Answer:
    """Return the network's answer about a picture, after showing both."""
    even = evened_in_bands(canvas)
    trace("evened", even)
    answer = asked.run(even)
    trace("scores", answer.find[..., 0])
    cosine, sine, period, foreground = answer.flow.transpose(2, 0, 1)
    # As the classical road's: y downwards.
    trace("orientation", 0.5 * np.arctan2(-sine, cosine))
    trace("frequency", 1 / period_of(period))
    trace("foreground", foreground > 0)
    return answer


def evened_in_bands(canvas: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the same as `evened`, of a large picture with less memory; whole cells of 4 pixels."""
    rows = len(canvas)
    if rows <= BAND_ROWS + 2 * OVERLAP:
        return evened(canvas)
    even = np.empty_like(canvas)
    for first in range(0, rows, BAND_ROWS):
        last, top = min(first + BAND_ROWS, rows), max(first - OVERLAP, 0)
        band = evened(canvas[top : last + OVERLAP])
        even[first:last] = band[first - top : last - top]
    return even
