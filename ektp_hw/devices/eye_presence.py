# SPDX-License-Identifier: Apache-2.0
"""Is there an eye, open, sharp and looking here? Judged from one near-infrared picture.

The pupil is the darkest round thing with something lighter around it: found as the square whose
mean lies farthest below that of its surroundings (as Swirski, Bulling and Dodgson begin, "Robust
real-time pupil tracking in highly off-axis images", 2012). Around it the picture is read along
rays: the iris ends where it gets lighter to the left and right; how much of its disc is no lighter
than that tells how far the lids are open; a pupil that is no circle looks elsewhere or is cut by a
lid. Focus is the power that an 8 x 8 band-pass kernel leaves (Daugman, "How iris recognition
works", 2004), measured on the eye.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ektp_hw.errors import RetryAdvice

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]
    Grey = npt.NDArray[np.float32]

__all__ = ["Look", "Pupil", "crop_around", "look_at", "looks_at_both"]

_DARKEST, _BRIGHTEST, _LEAST_SPREAD = 20.0, 235.0, 10.0
"""Mean and standard deviation in grey values: outside, the lamp is off or nobody is there."""
_NEIGHBOURS = 0.3
"""Correlation of neighbouring pixels: above 0.9 in any picture, 0 in noise."""
_NOISE_SPREAD = 30.0
"""Standard deviation from which a picture without neighbours alike is no dark room."""
_WIDTH = 160
"""Columns of the small picture in which the pupil is looked for."""
_RADII = (3, 4, 5, 6, 8, 10, 13, 17, 21)
"""Pupils looked for, in pixels of the small picture: 2 to 13 % of its width."""
_PUPIL_SHARE = 0.35
"""How far above the darkest spot, on the way to the mean, a pupil may lie; irises lie above."""
_CONTRAST = 0.45
"""Share of that depth by which a pupil is darker than what surrounds it; lashes reach less."""
_RIM = 0.75
"""Share of the directions in which it gets lighter where the pupil ends."""
_VGA = (480, 640)
"""Rows and columns of an iris picture in ISO/IEC 19794-6."""
_FLAT = 0.15
"""Share of its height that a pupil's edge may have climbed at 0.6 of the radius."""
_FEWEST = 10
"""Dark pixels, of every second line and column, that make a shape."""
_PASSES = 4
"""Times a pupil is measured again around where it was found; an oval one is not whole at first."""
_RAYS = 64
_REACH = 6.5
"""How far out the rays go, in pupil radii: the smallest pupils are a fifth of the iris."""
_ROUND = 0.75
"""Shorter over longer axis: a circle seen 40 degrees from aside."""
_OPEN = 0.6
"""Share of the iris that is to be seen."""
_SHARP = 20.0
"""Focus of a sharp VGA picture after a Gaussian blur of about 2.5 pixels."""
_HALF_FOCUS = 0.004
"""Power of the band-pass in units of the eye's own variance that counts as a focus of 50."""


@dataclass(frozen=True)
class Pupil:
    """Centre and radius in pixels, y downwards."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Look:
    """What a glance at a picture tells.

    Parameters
    ----------
    level, spread
        Mean and standard deviation in grey values.
    is_noise
        Neighbouring pixels have nothing in common: no camera's picture.
    focus
        0 to 100, of the eye where there is one, else of the middle.
    pupil
        Where it is, None if nothing looks like one.
    iris_radius
        In pixels, 0 without a pupil.
    opening
        Share of the iris that no lid covers, 0 to 1.
    roundness
        Shorter over longer axis of the pupil, 1 for an eye that looks into the camera.
    is_inside
        The whole width of the iris is in the picture.
    """

    level: float
    spread: float
    is_noise: bool
    focus: float
    pupil: Pupil | None = None
    iris_radius: float = 0.0
    opening: float = 0.0
    roundness: float = 0.0
    is_inside: bool = False

    @property
    def is_lit(self) -> bool:
        """Whether light fell on something: not dark, not dazzled, no blank wall."""
        return _DARKEST < self.level < _BRIGHTEST and self.spread > _LEAST_SPREAD

    @property
    def is_dark(self) -> bool:
        """Whether the lamp seems to be off."""
        return self.level <= _DARKEST

    @property
    def has_eye(self) -> bool:
        """Whether an open eye looks this way, sharp or not, its iris inside the picture."""
        return (
            self.is_lit
            and self.pupil is not None
            and self.opening >= _OPEN
            and self.roundness >= _ROUND
            and self.is_inside
        )

    @property
    def is_sharp(self) -> bool:
        """Whether the picture is sharp enough for the iris to be encoded."""
        return self.focus >= _SHARP

    @property
    def advice(self) -> RetryAdvice | None:
        """What the person can do better; None if nothing, or if nobody is there."""
        if not self.is_lit or self.is_noise:
            return None
        if not self.has_eye:
            return RetryAdvice.OPEN_EYE
        return None if self.is_sharp else RetryAdvice.HOLD_STILL

    @property
    def merit(self) -> float:
        """A number to choose the best of several pictures by; above 0 with an open eye."""
        return self.focus * self.opening * self.roundness if self.has_eye else 0.0


def look_at(pixels: Pixels) -> Look:
    """Judge a picture of shape (height, width), at least 64 pixels each way; about 2 ms for VGA."""
    import numpy as np

    step = max(1, pixels.shape[1] // _WIDTH)
    small = _shrunk(pixels, step)
    level, spread = float(small.mean()), float(small.std())
    is_noise = _is_noise(pixels)
    found = None if is_noise or not _DARKEST < level < _BRIGHTEST else _darkest_disc(small)
    if found is None:
        height, width = pixels.shape
        middle = pixels[height // 4 : -height // 4, width // 4 : -width // 4]
        return Look(level, spread, is_noise, _focus(middle.astype(np.float32)))
    x, y, radius = ((one + 0.5) * step for one in found)
    return _look_closer(pixels, Pupil(x, y, radius), (level, spread))


def looks_at_both(pixels: Pixels) -> tuple[Look, Look]:
    """Judge the left and the right half of a picture that shows two eyes, each by itself."""
    middle = pixels.shape[1] // 2
    return look_at(pixels[:, :middle]), look_at(pixels[:, middle:])


def crop_around(pixels: Pixels, look: Look) -> Pixels:
    """Return 640 x 480 pixels with the pupil in the middle, or all where the picture is smaller."""
    if look.pupil is None:
        return pixels
    (height, width), (rows, columns) = pixels.shape, _VGA
    top = min(max(0, round(look.pupil.y) - rows // 2), max(0, height - rows))
    left = min(max(0, round(look.pupil.x) - columns // 2), max(0, width - columns))
    return pixels[top : top + rows, left : left + columns]


def _shrunk(pixels: Pixels, step: int) -> Grey:
    import numpy as np

    rows, columns = pixels.shape[0] // step, pixels.shape[1] // step
    blocks = pixels[: rows * step, : columns * step].reshape(rows, step, columns, step)
    total = blocks[:, 0, :, :].astype(np.uint32)
    for line in range(1, step):
        total += blocks[:, line, :, :]
    return np.asarray(total.sum(axis=2) / (step * step), np.float32)


def _is_noise(pixels: Pixels) -> bool:
    import numpy as np

    grey = pixels[::7].astype(np.float32)
    grey -= grey.mean()
    power = float((grey * grey).mean())
    if power < _NOISE_SPREAD**2:
        return False
    return float((grey[:, :-1] * grey[:, 1:]).mean()) < _NEIGHBOURS * power


def _darkest_disc(small: Grey) -> tuple[float, float, float] | None:
    """Return centre and radius, in pixels of the small picture, of what is most like a pupil."""
    import numpy as np

    darkest = _means(_sums(small), 1, 1).min()
    depth = _PUPIL_SHARE * (small.mean() - darkest)
    # Only the darkest counts: an iris, skin and mirrored lamps all become one background.
    sums = _sums(np.minimum(small, darkest + depth))
    best = (_CONTRAST * depth, 0, 0, 0)
    for radius in _RADII:
        inner, gap, outer = max(1, round(0.7 * radius)), radius + 1, 2 * radius
        if min(small.shape) <= 2 * outer + 1:
            break
        within, reach = (_means(sums, half, outer) for half in (inner, outer))
        hole = _means(sums, gap, outer)
        areas = [(2 * half + 1) ** 2 for half in (outer, gap)]
        around = (reach * areas[0] - hole * areas[1]) / (areas[0] - areas[1])
        contrast = around - within
        at = int(contrast.argmax())
        row, column = divmod(at, contrast.shape[1])
        if contrast[row, column] > best[0]:
            best = (float(contrast[row, column]), column + outer, row + outer, radius)
    return None if not best[3] else best[1:]


def _sums(grey: Grey) -> npt.NDArray[np.float64]:
    """Return the sums of everything above and to the left, with a row and a column of zeros."""
    import numpy as np

    sums = np.zeros((grey.shape[0] + 1, grey.shape[1] + 1), np.float64)
    np.cumsum(grey, axis=0, out=sums[1:, 1:])
    np.cumsum(sums[1:, 1:], axis=1, out=sums[1:, 1:])
    return sums


def _means(sums: npt.NDArray[np.float64], half: int, margin: int) -> npt.NDArray[np.float64]:
    """Return the means of squares around every pixel at least `margin` inside the picture."""
    low, size = margin - half, 2 * half + 1
    rows, columns = (length - 1 - 2 * margin for length in sums.shape)
    corners = [
        sums[low + a : low + a + rows, low + b : low + b + columns]
        for a, b in ((0, 0), (0, size), (size, 0), (size, size))
    ]
    return (corners[0] - corners[1] - corners[2] + corners[3]) / size**2


def _look_closer(pixels: Pixels, about: Pupil, general: tuple[float, float]) -> Look:
    pupil, roundness = _measured(pixels, about)
    for _ in range(_PASSES):
        before = pupil
        pupil, roundness = _measured(pixels, before)
        if abs(pupil.radius - before.radius) + abs(pupil.y - before.y) < 1:
            break
    rays = _along_rays(pixels, pupil)
    if not _is_disc(rays):
        roundness = 0.0
    iris = _iris_radius(rays, pupil)
    inside = iris <= pupil.x <= pixels.shape[1] - iris
    opening = _opening(rays, pupil, iris)
    focus = _focus_of_eye(pixels, pupil, iris)
    return Look(*general, False, focus, pupil, iris, opening, roundness, inside)


def _measured(pixels: Pixels, about: Pupil) -> tuple[Pupil, float]:
    """Return centre and radius of the dark region there, and how round it is."""
    import numpy as np

    reach = 1.6 * about.radius
    left, top = max(0, round(about.x - reach)), max(0, round(about.y - reach))
    window = pixels[top : round(about.y + reach) + 1 : 2, left : round(about.x + reach) + 1 : 2]
    y, x = np.mgrid[: window.shape[0], : window.shape[1]].astype(np.float32)
    x, y = left + 2 * x, top + 2 * y
    away = np.hypot(x - about.x, y - about.y)
    within = window[away < 0.7 * about.radius]
    around = window[(away > 1.25 * about.radius) & (away < 1.5 * about.radius)]
    if not (within.size and around.size):
        return about, 0.0
    inner, outer = float(np.median(within)), float(np.median(around))
    dark = (window < inner + 0.5 * (outer - inner)) & (away < reach)
    count = int(dark.sum())
    if count < _FEWEST:
        return about, 0.0
    x, y = x[dark], y[dark]
    cx, cy = float(x.mean()), float(y.mean())
    cxx, cyy = float(((x - cx) ** 2).mean()), float(((y - cy) ** 2).mean())
    cxy = float(((x - cx) * (y - cy)).mean())
    middle, half = (cxx + cyy) / 2, float(np.hypot((cxx - cyy) / 2, cxy))
    roundness = float(np.sqrt(max(0.0, middle - half) / (middle + half)))
    return Pupil(cx, cy, float(np.sqrt(4 * count / np.pi))), roundness


def _along_rays(pixels: Pixels, pupil: Pupil) -> Grey:
    """Return grey values along rays, shape (rays, steps of a tenth of the pupil's radius)."""
    import numpy as np

    angle = np.arange(_RAYS, dtype=np.float32)[:, None] * np.float32(2 * np.pi / _RAYS)
    out = np.arange(0, _REACH, 0.1, dtype=np.float32)[None, :] * np.float32(pupil.radius)
    x, y = pupil.x + out * np.cos(angle), pupil.y + out * np.sin(angle)
    height, width = pixels.shape
    columns = np.clip(np.rint(x), 0, width - 1).astype(np.intp)
    rows = np.clip(np.rint(y), 0, height - 1).astype(np.intp)
    return np.asarray(pixels[rows, columns], np.float32)


def _is_disc(rays: Grey) -> bool:
    """Tell an even disc with an edge all around from a dark spot that fades."""
    import numpy as np

    deep = float(np.percentile(rays[:, 1:4], 25))  # the lower values, as a lamp may shine there
    beyond = rays[:, 12:15].mean(axis=1)
    height = float(np.median(beyond)) - deep
    rise = float(np.median(rays[:, 6])) - deep
    edge = float((beyond > deep + height / 2).mean())
    return edge >= _RIM and rise < _FLAT * height


def _iris_radius(rays: Grey, pupil: Pupil) -> float:
    """Return where it gets lighter most, to the left and the right, in pixels."""
    import numpy as np

    eighth = _RAYS // 10
    sides = [np.r_[-eighth : eighth + 1], _RAYS // 2 + np.r_[-eighth : eighth + 1]]
    profile = np.mean([np.median(rays[side], axis=0) for side in sides], axis=0)
    # What is darker than the iris beside the pupil is the pupil's own soft edge.
    profile = np.maximum(profile, np.sort(profile[12:18])[1])
    width = 4
    sums = np.concatenate(([0.0], np.cumsum(profile)))
    means = (sums[width:] - sums[:-width]) / width
    rise = means[width:] - means[:-width]  # from the `width` values before to those after
    first = 14 - width  # no iris is narrower than 0.4 of its pupil's radius
    return float((int(rise[first:].argmax()) + first + width) * 0.1 * pupil.radius)


def _opening(rays: Grey, pupil: Pupil, iris: float) -> float:
    """Return the share of the iris' ring that is no lighter than halfway to the white."""
    import numpy as np

    last = round(iris / pupil.radius * 10)
    ring = slice(12, max(13, last - 1))
    eighth = _RAYS // 10
    level = [
        float(np.median(np.concatenate([rays[-eighth:, part], rays[: eighth + 1, part]])))
        for part in (ring, slice(last + 1, last + 6))
    ]
    weight = np.arange(rays.shape[1])[ring]
    seen = rays[:, ring] < (level[0] + level[1]) / 2
    return float((seen * weight).sum() / (weight.sum() * _RAYS))


def _focus_of_eye(pixels: Pixels, pupil: Pupil, iris: float) -> float:
    """Return the focus between the pupil's edge and that of the iris; lamps shine in the pupil."""
    import numpy as np

    left, top = max(0, round(pupil.x - iris)), max(0, round(pupil.y - iris))
    eye = pixels[top : round(pupil.y + iris) + 1, left : round(pupil.x + iris) + 1]
    y, x = np.ogrid[: eye.shape[0], : eye.shape[1]]
    away = (x + (left - pupil.x)) ** 2 + (y + (top - pupil.y)) ** 2
    ring = (away > (0.85 * pupil.radius) ** 2) & (away < (0.95 * iris) ** 2)
    return _focus(eye.astype(np.float32), ring)


def _focus(grey: Grey, where: npt.NDArray[np.bool_] | None = None) -> float:
    """Return 0 to 100 from the mean power behind the kernel +3 (inner 4 x 4) and -1 (8 x 8)."""
    import numpy as np

    if min(grey.shape) < 16:
        return 0.0
    dimmed = np.minimum(grey, grey.mean() + 2 * grey.std())  # mirrored lamps are always sharp
    sums = _sums(dimmed)
    outer = sums[8:, 8:] - sums[:-8, 8:] - sums[8:, :-8] + sums[:-8, :-8]
    inner = sums[4:, 4:] - sums[:-4, 4:] - sums[4:, :-4] + sums[:-4, :-4]
    band = (4 * inner[2:-2, 2:-2] - outer) / 64
    here = slice(None) if where is None else where[4:-3, 4:-3]
    power = float((band[here] ** 2).mean()) / max(float(dimmed.var()), 1.0)
    return 100 * power / (power + _HALF_FOCUS)
