# SPDX-License-Identifier: Apache-2.0
"""Every constant of the quality assessment, with its unit and its reason.

The weights of the score come from ``benchmarks/fit_quality.py``. Bounds of the reasons were set on
synthetic impressions whose moisture, pressure, blur and place are known, after looking at prints of
FVC2002 and FVC2004 set B too (most of all for dirt and wetness): no labelled truth for reasons
exists, so how often they are right on real prints is not measured.
"""

from __future__ import annotations

# --- score ----------------------------------------------------------------------------------
AREA_WEIGHT = 41.2
"""Points for each e-fold of the print's area: twice the area is 29 points."""
CLARITY_WEIGHT = 54.2
"""Points for each e-fold of the mean coherence."""
VARIETY_WEIGHT = 41.3
"""Points between ridges that all run one way and ridges that run every way."""
OFFSET = -151.3
"""Points; what is expected to score 0 against a good impression has 0, an excellent one 100."""

# --- measuring ------------------------------------------------------------------------------
FINE_SIGMA = 0.6
BAND_SIGMA = 3.0
"""Half-resolution pixels; between the two blurs lie the ridges, as in the segmentation."""
SHARP_SIGMA = 0.7
"""Half-resolution pixels; the difference to this blur holds what makes an edge sharp."""
ENERGY_CELLS = 2.0
"""Cells; window of the ridge amplitude, about two periods."""
INNER_SIDE = 5
"""Cells; the rim of the print, half of that wide, tells little about the ink within."""
FAR_SIDE = 13
"""Cells; dirt is looked for 24 px away from the print, beyond its own fading rim."""
SMEAR_DOUBT = 0.05
"""Added to the variance of the directions; a whole fingertip has about 0.4 each way."""
TAIL = 3.0
"""Standard deviations to which grey levels are cut before their skewness is taken."""
GROUND_PERCENTILE = 98.0
"""Of the picture's grey levels: the bare platen, or the lightest valley where there is none."""

# --- reasons --------------------------------------------------------------------------------
LEAST_CLARITY = 0.32
"""Mean coherence; real prints start at about 0.34, noise blurred over 2 to 3 pixels has 0.28.
Coarser noise (blurred over 4 pixels and more) reaches 0.34 to 0.42 and passes for a finger."""
SMALL_AREA = 110.0
"""Square millimetres, 10 by 11: less shows fewer than about 20 minutiae."""
DRY_INK = 0.5
"""Skewness of darkness: few dark spots on light skin."""
WET_INK = -0.15
WET_MODULATION = 0.36
"""Skewness and modulation: few light spots on dark skin, and valleys filled to a third."""
BLURRED_SHARPNESS = 0.47
BLURRED_MODULATION = 0.22
"""Sharpness and modulation both below: ridges have no edges and hardly stand out."""
SMEARED = 0.45
"""Amplitude lost by the ridges that cross the direction of the slide, against the mean."""
CUT = 4.0
"""Millimetres that are cut off at one side while as many lie bare at the other one."""
DIRT_AMPLITUDE = 0.12
"""Of the print's median amplitude, from which marks beside the finger can disturb it."""
DIRT_FLOOR = 2.5
"""Grey levels, root mean square; below lies sensor noise, as in the segmentation."""
DIRT_AREA = 15.0
"""Square millimetres of such marks, a patch of 4 by 4: dust and single drops do not count."""
