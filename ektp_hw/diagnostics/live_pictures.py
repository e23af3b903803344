# SPDX-License-Identifier: Apache-2.0
"""Live tests of fingerprint scanners and iris cameras, on whatever is before them.

Pictures are measured and thrown away: none is kept, sent or put into evidence.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from ektp_hw.devices.finger_presence import look_at
from ektp_hw.devices.picture_health import PictureHealth, edge_steepness, examine
from ektp_hw.devices.states import CaptureState
from ektp_hw.diagnostics.findings import Cause, Finding, Who, message
from ektp_hw.diagnostics.live_test import (
    Enough,
    Limit,
    blames_person,
    fault_of,
    is_overloaded,
)
from ektp_hw.errors import (
    CaptureCancelled,
    CaptureTimeout,
    DeviceError,
    DeviceRemoved,
    RetryCapture,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from ektp_hw.devices.base import Device
    from ektp_hw.diagnostics.reply import Readings, Reply

    Pixels = npt.NDArray[np.uint8]

__all__ = ["judge_camera", "judge_scanner"]

_LOOK_S = 2.5
"""Seconds for looking; scanners give 5 pictures a second and more, cameras 5 to 30."""
_SLIPS = 2
"""Pictures in a row that did not come whole, after which the next will not either."""
_SCANNER_FRAMES, _CAMERA_FRAMES = 6, 15
_MANY_LINES, _FEW_PIXELS, _MANY_PIXELS = 5, 20, 500
_TICK, _BEFORE_THE_END = 0.02, 0.3
"""Seconds between two looks at the capture's state, and before its end for the last of them."""
_AFTER_THE_LOOK = 0.5
"""Seconds that are left for judging."""
_ENDED = CaptureTimeout, CaptureCancelled
_FEWEST_FOR_FROZEN = 4
"""Noise makes each frame of a living camera differ from the one before."""
_SLOWEST, _SLOW_SHARE = 4.0, 0.4
"""Frames a second, and share of what the camera promises, below which too few arrive."""
_BLURRED = 0.11
"""`edge_steepness` below which nothing is in focus."""


class _Seen(NamedTuple):
    """What came in a look: pictures, their times, and whether a whole capture came about."""

    frames: list[Pixels]
    times: list[float]
    is_captured: bool
    is_slow: bool
    """Whether a finger was seen and its picture was still under way when the time was over."""
    failure: DeviceError | None


def judge_scanner(reply: Reply, device: Device, limit: Limit) -> list[Finding]:
    """Take pictures of the glass and say what is wrong with lamp, sensor and glass."""
    seen = _look(device, limit, _SCANNER_FRAMES)
    name, cause = device.info.name, Cause.FINGERPRINT
    if not seen.frames:
        if len(device.slips) >= _SLIPS and isinstance(seen.failure, _ENDED):
            return [fault_of(reply, device.info, device.slips[-1], cause)]
        if seen.is_slow:
            return [_too_slow(reply, name, device)]
        _raise_unless_person(seen, device)
        return [reply.sound(message("devices.answers_without_picture", name=name), {}, 0.7)]
    health = examine(seen.frames)
    evidence = _evidence(health, seen)
    if health.is_dark:
        what, advice = message("devices.lamp_dark", name=name), message("devices.repair_advice")
        return [reply.broken(what, cause, advice, Who.TECHNICIAN, evidence, 0.9)]
    _raise_unless_person(seen, device)
    found = _sensor(reply, name, cause, health, evidence)
    if not found:
        found = _glass(reply, name, health, seen, evidence)
    return found or [reply.sound(message("devices.scanner_sound", name=name), evidence, 0.9)]


def _too_slow(reply: Reply, name: str, device: Device) -> Finding:
    """Say of a picture that did not come in time whether it was damaged on its way, too."""
    if not device.slips:
        return reply.untested(message("devices.slow_picture", name=name))
    said: Readings = {"first_error": str(device.slips[0])}
    seen, advice = message("devices.damaged_picture", name=name), message("devices.cable_advice")
    return reply.suspect(seen, Cause.CABLE_OR_POWER, advice, Who.CLERK, said, 0.6)


def _glass(
    reply: Reply, name: str, health: PictureHealth, seen: _Seen, evidence: Readings
) -> list[Finding]:
    """Say whether something lies on the glass that is no finger."""
    look = look_at(seen.frames[-1])
    if look.has_finger or seen.is_captured:
        evidence["finger_on_glass"] = True
        return []
    advice = message("devices.wipe_advice")
    for is_so, key in ((look.is_dirty, "dirty"), (health.has_latent_print, "latent")):
        if is_so:
            what = message(f"devices.{key}", name=name)
            return [reply.suspect(what, Cause.FINGERPRINT, advice, Who.CLERK, evidence, 0.8)]
    return []


def judge_camera(
    reply: Reply, device: Device, limit: Limit, cause: Cause = Cause.IRIS
) -> list[Finding]:
    """Take frames and say what is wrong with light, sensor, stream and focus."""
    seen = _look(device, limit, _CAMERA_FRAMES)
    name = device.info.name
    if not seen.frames:
        what, advice = message("devices.no_frame", name=name), message("devices.replug_advice")
        if seen.failure is not None and not isinstance(seen.failure, CaptureTimeout):
            raise seen.failure
        said = str(seen.failure or "")
        sure = 0.5 if is_overloaded(2.0) else 0.75
        return [reply.broken(what, cause, advice, Who.CLERK, {"frames": 0, "said": said}, sure)]
    health = examine(seen.frames)
    evidence = _evidence(health, seen)
    if health.is_dark:
        key = "emitter_dark" if cause is Cause.IRIS else "camera_black"
        what, advice = message(f"devices.{key}", name=name), message(f"devices.{key}_advice")
        return [reply.broken(what, cause, advice, Who.CLERK, evidence, 0.7)]
    if health.is_frozen and health.frames >= _FEWEST_FOR_FROZEN:
        what, advice = message("devices.frozen", name=name), message("devices.replug_advice")
        return [reply.broken(what, cause, advice, Who.CLERK, evidence, 0.85)]
    _raise_unless_person(seen, device)
    found = _sensor(reply, name, cause, health, evidence)
    found += _stream(reply, device, evidence)
    steepest = [each for frame in seen.frames[-3:] if (each := edge_steepness(frame)) is not None]
    if steepest:
        evidence["edge_steepness"] = round(max(steepest), 3)
        if max(steepest) < _BLURRED:
            what, advice = message("devices.blurred", name=name), message("devices.focus_advice")
            found.append(reply.suspect(what, cause, advice, Who.CLERK, evidence, 0.6))
    return found or [reply.sound(message("devices.camera_sound", name=name), evidence, 0.9)]


def _stream(reply: Reply, device: Device, evidence: Readings) -> list[Finding]:
    """Say whether too few frames arrive, which is the line's fault more often than the camera's.

    A computer with more to do than processors loses frames by itself: then nothing is said.
    """
    rate = evidence.get("frames_per_second")
    promised = getattr(getattr(device, "capabilities", None), "frames_per_second", None)
    if not isinstance(rate, float):
        return []
    if promised:
        evidence["frames_per_second_promised"] = round(float(promised), 1)
    if rate >= max(_SLOWEST, _SLOW_SHARE * (promised or 0)) or is_overloaded():
        return []
    seen = message("devices.slow_stream", name=device.info.name, rate=rate)
    advice = message("devices.cable_advice")
    return [reply.suspect(seen, Cause.CABLE_OR_POWER, advice, Who.CLERK, evidence, 0.6)]


def _sensor(
    reply: Reply, name: str, cause: Cause, health: PictureHealth, evidence: Readings
) -> list[Finding]:
    """Say whether lines or pixels of the sensor are dead."""
    if not health.dead_lines and health.dead_pixels < _FEW_PIXELS:
        return []
    seen = message(
        "devices.dead_sensor", name=name, lines=health.dead_lines, pixels=health.dead_pixels
    )
    advice = message("devices.repair_advice")
    if health.dead_lines >= _MANY_LINES or health.dead_pixels >= _MANY_PIXELS:
        return [reply.broken(seen, cause, advice, Who.TECHNICIAN, evidence, 0.85)]
    return [reply.suspect(seen, cause, advice, Who.TECHNICIAN, evidence, 0.8)]


def _look(device: Any, limit: Limit, most: int) -> _Seen:  # noqa: ANN401  # scanner or camera
    frames: list[Pixels] = []
    times: list[float] = []

    def keep(image: Any) -> None:  # noqa: ANN401
        if len(frames) < most:
            frames.append(image.pixels)
            times.append(time.monotonic())
        # Of a picture without anything in it the driver may know more when its time is over.
        if len(frames) == most and image.pixels.min() < image.pixels.max():
            raise Enough

    failure: DeviceError | None = None
    is_captured = False
    look = min(_LOOK_S, limit.left)
    watcher = _Watcher(device, look, limit, frames)
    watcher.start()
    try:
        last = device.capture(look, limit.cancel, keep)
        is_captured = True
        if not frames:
            frames.append(last.pixels)
            times.append(time.monotonic())
    except Enough:
        pass
    except RetryCapture:
        is_captured = not frames  # what only a person could mend: the device did its part
    except DeviceRemoved:
        raise
    except DeviceError as error:
        failure = error
    finally:
        watcher.end()
    shape = frames[-1].shape if frames else ()
    same = [one for one in frames if one.shape == shape]
    is_slow = isinstance(failure, CaptureTimeout) and watcher.saw_acquiring
    return _Seen(same, times, is_captured, is_slow, failure)


class _Watcher(threading.Thread):
    """Sees whether a capture is getting its picture, and gives one that comes slowly its time.

    Parameters
    ----------
    device
        Which captures.
    look
        The capture's seconds.
    limit
        Has spare seconds, which the first picture gets if it is under way when the look is over.
    frames
        What has come so far.
    """

    def __init__(self, device: Device, look: float, limit: Limit, frames: Sequence[Pixels]) -> None:
        super().__init__(name="ektp_hw watcher", daemon=True)
        self.saw_acquiring = False
        self._device = device
        self._nearly_over = time.monotonic() + look - _BEFORE_THE_END
        self._limit = limit
        self._frames = frames
        self._stays = False
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(_TICK):
            state = self._device.state
            if state in {CaptureState.WAITING, CaptureState.ACQUIRING}:
                self.saw_acquiring = state is CaptureState.ACQUIRING
            if self.saw_acquiring and time.monotonic() > self._nearly_over and not self._frames:
                self._stay()

    def _stay(self) -> None:
        """Give the capture what is left of the time, and end it when it fails over and over."""
        if not self._stays:
            self._stays = True
            self._limit.take_spare()
            self._device.extend_capture(self._limit.left - _BEFORE_THE_END - _AFTER_THE_LOOK)
        if len(self._device.slips) >= _SLIPS:
            self._limit.cancel.set()

    def end(self) -> None:
        """Stop watching."""
        self._ended.set()
        self.join()


def _raise_unless_person(seen: _Seen, device: Device) -> None:
    """Let a failure out that is not only an empty desk."""
    failure = seen.failure
    if failure is None or (isinstance(failure, CaptureTimeout) and blames_person(device, failure)):
        return
    raise failure


def _evidence(health: PictureHealth, seen: _Seen) -> Readings:
    evidence: Readings = {
        "frames": health.frames,
        "mean_grey": round(health.level, 1),
        "brightest_grey": round(health.brightest),
        "dead_lines": health.dead_lines,
        "dead_pixels": health.dead_pixels,
    }
    if len(seen.times) >= 4:
        span = seen.times[-1] - seen.times[0]
        evidence["frames_per_second"] = round((len(seen.times) - 1) / max(span, 1e-3), 1)
    return evidence
