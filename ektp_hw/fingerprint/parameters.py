# SPDX-License-Identifier: Apache-2.0
"""Every constant of the extraction, with its unit and its reason.

Lengths are pixels at 500 ppi (19.7 a millimetre). Ridges of adults lie about 9 pixels apart,
those of children 6, of large thumbs 12.
"""

from __future__ import annotations

# --- resolution -----------------------------------------------------------------------------
PPI = 500
"""Pixels per inch of everything behind `resolution`; that of FAP 20 to 60 scanners."""
MAX_SIDE = 4095
"""Longest side a template can tell (`ektp_hw.templates`), 208 mm."""
RESAMPLE_TOLERANCE = 0.01
"""Relative; a picture this near to 500 ppi is taken as it is (4 px over 400)."""
CELL = 4
"""Side of a cell of the orientation and frequency fields: half a ridge period, so that the field
turns by less than 30 degrees from cell to cell even around a whorl's core."""
LEAST_CELLS = 4
"""Cells each way below which a picture is filled up; nothing so small has a minutia."""

# --- normalisation --------------------------------------------------------------------------
NORMALISE_SIGMA = 8.0
"""Standard deviation of the window for local mean and contrast: about a period each way."""
CONTRAST_FLOOR = 6.0
"""Grey levels; weaker contrast is sensor noise and is not raised further."""
FLAT_SIDE = 9
"""A ridge period: a square of that side without any ridge or noise was not seen by the sensor."""
FLAT_RANGE = 2.0
"""Grey levels within which a square is flat; compression may leave that much."""
NORMALISED_LIMIT = 2.5
"""Local standard deviations; what sticks out further is dirt or an edge, and is cut."""

# --- segmentation ---------------------------------------------------------------------------
BAND_FINE_SIGMA = 1.2
BAND_COARSE_SIGMA = 6.0
"""The difference of these two blurs passes periods of about 4 to 25 px: ridges of any finger."""
ENERGY_SIGMA = 8.0
"""Window of the local ridge energy: about two periods each way."""
ENERGY_FRACTION = 0.22
"""Of the picture's own strong ridges (95th percentile); weaker is ground or a latent trace."""
MIN_AMPLITUDE = 2.5
"""Grey levels, root mean square in the ridge band; below lies the noise of a blank scanner."""
MIN_COHERENCE = 0.2
"""Random noise has about 0.1 in the window of `ENERGY_SIGMA`, ridges 0.5 and more."""
MASK_CLOSE = 5
"""Cells; gaps up to 20 px (core, scar, dry spot) between foreground cells are closed."""
MASK_OPEN = 7
"""Cells; foreground narrower than 28 px (edge of the platen, dust) is dropped."""
MIN_REGION_AREA = 0.15
"""Of the largest region; smaller ones are dirt. Four fingers of a slap all stay."""
MIN_REGION_CELLS = 200
"""16 by 13 cells, about 2.6 by 3.3 mm: less cannot be compared with anything."""

# --- polarity -------------------------------------------------------------------------------
DARK_GROUND = 0.2
"""Of the way from the finger's darkest tenth to its lightest: a ground below it is that of white
ridges. Beside dark ridges it lay at 0.34 and above on every real picture looked at."""
POLARITY_MARGIN = 5
"""Cells; within two of the foreground's edge lies neither finger nor ground for sure."""
POLARITY_SAMPLES = 40
"""Of finger and of ground each; with fewer nothing is told."""

# --- orientation ----------------------------------------------------------------------------
GRADIENT_SIGMA = 1.0
"""Blur before the gradient, against pixel noise."""
ORIENTATION_SIGMA = 6.0
"""First window of the structure tensor: follows the field closely where ridges are clear."""
ORIENTATION_WIDE_SIGMA = 16.0
"""Second window: bridges scars and smudges where the first is incoherent."""
REFINED_SIGMA = 5.0
"""Window of the second look, at the enhanced picture, which needs less averaging."""

# --- frequency ------------------------------------------------------------------------------
FREQUENCY_STEP = 3
"""Cells from one measured signature to the next: ridge distance changes slowly."""
SIGNATURE_LENGTH = 48
"""Samples across the ridges: five periods."""
SIGNATURE_WIDTH = 17
"""Pixels along the ridges that each sample averages (every second one is read)."""
MIN_PERIOD = 4.5
MAX_PERIOD = 18.0
"""Pixels; outside lie noise and creases, not ridges (infants' are about 5)."""
FREQUENCY_BINS = 36
"""Frequencies tried between the two periods, evenly spaced: about a fifth of the signature's own
resolution, refined by a parabola through the peak."""
USUAL_PERIOD = 9.0
"""Assumed where nothing could be measured at all."""
FREQUENCY_SIGMA = 2.0
"""Measured blocks; window over which the frequency is averaged, by confidence."""

# --- enhancement ----------------------------------------------------------------------------
GABOR_ORIENTATIONS = 32
"""Steps of 5.6 degrees over half a turn; the filter itself accepts about 15."""
GABOR_PERIODS = 14
"""Filters between `MIN_PERIOD` and `MAX_PERIOD`, each a tenth longer than the one before."""
GABOR_ACROSS = 0.42
"""Standard deviation across the ridges, in periods: bandwidth of about one octave."""
GABOR_ALONG = 0.55
"""Standard deviation along the ridges, in periods: closes pores and breaks, keeps minutiae."""
GABOR_REACH = 2.2
"""Support in standard deviations; 2.4 per cent of a Gaussian's weight lie outside."""
CLARITY_SIGMA = 6.0
"""Window in which the enhanced is set against the plain picture."""
MIN_CLARITY = 0.35
"""A sinusoid keeps about 1 of its contrast through the filter, noise 0.25."""

# --- binarisation and thinning --------------------------------------------------------------
MAX_HOLE = 24
"""Pixels; a smaller light spot within a ridge is a sweat pore."""
MAX_SPECK = 40
"""Pixels; a smaller dark spot between ridges is dirt or an incipient ridge's fragment."""

# --- skeleton -------------------------------------------------------------------------------
MAX_SPUR = 10
"""Steps; a shorter side branch comes from a rough ridge edge."""
MAX_ISLAND = 16
"""Steps; a shorter free-standing ridge is dirt."""
MAX_BRIDGE = 12
"""Steps; a shorter link across the valley (against the orientation) is a smear."""
BRIDGE_ANGLE = 0.7
"""Radians between a link and the ridge orientation above which it is a bridge (40 degrees)."""
MAX_GAP = 12.0
"""Pixels between two facing ends of one broken ridge."""
GAP_ANGLE = 0.55
"""Radians by which the gap may turn away from either end's ridge (32 degrees)."""

# --- ridge flow -----------------------------------------------------------------------------
FLOW_SHARE = 0.5
"""Share of a flow cell that must show the finger for its flow to be told."""

# --- minutiae -------------------------------------------------------------------------------
TRACE_STEPS = 16
"""Steps walked along a ridge to tell its direction: nearly two periods."""
MIN_TRACE = 6
"""Steps; a branch that ends or forks earlier tells no direction."""
BORDER = 10.0
"""Pixels from the edge of the foreground within which every ridge seems to end."""
OUTWARD_BORDER = 20.0
"""Pixels beyond a ridge's end within which no foreground must stop: it leaves the print there."""
CLOSE_PAIR = 4.5
"""Pixels, half a ridge period; two minutiae nearer than that are one smear, and both go."""
FULL_BORDER = 40.0
"""Pixels from the edge of the foreground at which the edge no longer lowers the reliability."""
RELIABILITY_SLOPE = 6.7
RELIABILITY_OFFSET = -1.66
"""Log-odds that a minutia is true: slope times how clear its surroundings are (0 to 1), and offset;
by ``benchmarks/fit_reliability.py``."""
