# SPDX-License-Identifier: Apache-2.0
"""One device, opened and tried through its real driver, in a time limit, and closed again."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from ektp_hw.devices.base import DeviceKind
from ektp_hw.diagnostics.findings import Cause, Finding, Outcome, Who, message
from ektp_hw.errors import (
    CaptureTimeout,
    DeviceBusy,
    DeviceError,
    DeviceNotFound,
    DeviceRemoved,
    DeviceUnavailable,
    EktpError,
    ProtocolError,
    UnavailableReason,
    VendorKitFailed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ektp_hw.devices.base import Device, DeviceInfo
    from ektp_hw.diagnostics.reply import Readings, Reply

    Judge = Callable[[Reply, Device, "Limit"], list[Finding]]

__all__ = [
    "CAUSE_OF",
    "Enough",
    "Limit",
    "blames_person",
    "fault_of",
    "is_overloaded",
    "try_device",
]

CAUSE_OF = {
    DeviceKind.FINGERPRINT: Cause.FINGERPRINT,
    DeviceKind.IRIS: Cause.IRIS,
    DeviceKind.SIGNATURE: Cause.PAD,
    DeviceKind.CARD: Cause.CARD_READER,
}
_FOR_A_SECOND_TRY = 3.0
"""Seconds that must be left for it."""


class Enough(Exception):
    """Ends a capture from its callback."""


class Limit:
    """How long a test may still take, and the event that ends its captures.

    Parameters
    ----------
    seconds
        From now on.
    spare
        Further seconds that a test may take while it sees its device at work.
    """

    def __init__(self, seconds: float, spare: float = 0.0) -> None:
        self._end = time.monotonic() + seconds
        self._spare = spare
        self.cancel = threading.Event()

    def take_spare(self) -> float:
        """Put the end off by the spare seconds and return them; the second time there are none."""
        spare, self._spare = self._spare, 0.0
        self._end += spare
        return spare

    @property
    def left(self) -> float:
        """Seconds until the end, not below 0."""
        return max(0.0, self._end - time.monotonic())


def blames_person(device: Device, over: CaptureTimeout) -> bool:
    """Tell whether a capture ran out of time only because nobody came."""
    return device._missing in str(over)  # noqa: SLF001  # the words each kind says it with


def try_device(
    reply: Reply,
    info: DeviceInfo,
    judge: Judge,
    seconds: float,
    cause: Cause,
    spare: float = 0.0,
) -> list[Finding]:
    """Open the device, judge it and close it; whatever happens is a finding, after the limit too.

    A protocol error is tried once more, as its message advises: a single damaged transfer is a
    remark about the cable, not a fault. ``cause`` is what a fault of the device itself points to.
    ``spare`` seconds more are there for whatever is seen to be under way: a picture on a slow line.
    """
    begun, limit = time.monotonic(), Limit(seconds, spare)
    findings: list[Finding] = []
    done = threading.Event()

    def work() -> None:
        try:
            findings.extend(_try_twice(reply, info, judge, limit, cause))
        finally:
            done.set()

    name = f"ektp_hw test {info.uri}"
    threading.Thread(target=work, name=name, daemon=True).start()
    while limit.left and not done.wait(limit.left):
        if is_overloaded(2.0):  # nobody can be in time here
            limit.take_spare()
    if not done.is_set():
        limit.cancel.set()
        done.wait(0.5)
    took = time.monotonic() - begun
    answer = list(findings) or [_hangs(reply, info, round(took), cause)]
    return [replace(each, seconds=took) for each in answer]


def _try_twice(
    reply: Reply, info: DeviceInfo, judge: Judge, limit: Limit, cause: Cause
) -> list[Finding]:
    first: EktpError | None = None
    while True:
        try:
            findings, slips = _try_once(reply, info, judge, limit)
        except ProtocolError as error:
            if first is None and limit.left > _FOR_A_SECOND_TRY:
                first = error
                continue
            return [fault_of(reply, info, error, cause)]
        except EktpError as error:
            return [fault_of(reply, info, error, cause)]
        except Exception as error:  # noqa: BLE001  # a stranger's driver may raise anything
            why = type(error).__name__
            evidence: Readings = {"error": f"{why}: {error}"}
            return [reply.untested(message("probe.failed", error=why), evidence)]
        first = first or next(iter(slips), None)
        works = any(each.outcome in {Outcome.SOUND, Outcome.SUSPECT} for each in findings)
        if (
            first is not None
            and works
            and all("first_error" not in one.evidence for one in findings)
        ):
            seen = message("devices.second_try", name=info.name)
            advice = message("devices.cable_advice")
            evidence = {"first_error": str(first)}
            line = Cause.CABLE_OR_POWER
            findings.append(reply.suspect(seen, line, advice, Who.CLERK, evidence, 0.6))
        return findings


def _try_once(
    reply: Reply, info: DeviceInfo, judge: Judge, limit: Limit
) -> tuple[list[Finding], tuple[EktpError, ...]]:
    """Return what the judge found, and what the driver had to do again until it came about."""
    from ektp_hw.registry import open_device

    with open_device(info) as device:
        return judge(reply, device, limit), device.slips


def is_overloaded(times: float = 1.0) -> bool:
    """Tell whether the computer has more to do than processors: what is late proves less then.

    ``times`` is how much more: twice as much keeps even the drivers from asking in time.
    """
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return load > times * (os.cpu_count() or 1)


def _hangs(reply: Reply, info: DeviceInfo, seconds: float, cause: Cause) -> Finding:
    seen = message("devices.hangs", name=info.name, seconds=seconds)
    advice = message("devices.replug_advice")
    sure = 0.5 if is_overloaded() else 0.65
    return reply.broken(seen, cause, advice, Who.CLERK, {"seconds": seconds}, sure)


_BY_REASON = {
    UnavailableReason.NOT_PERMITTED: (Cause.PERMISSION, Who.TECHNICIAN, "not_permitted", 0.95),
    UnavailableReason.LIBRARY_MISSING: (Cause.DRIVER, Who.TECHNICIAN, "library_missing", 0.9),
    UnavailableReason.SERVICE_MISSING: (Cause.DRIVER, Who.TECHNICIAN, "service_missing", 0.9),
    UnavailableReason.POWERED_OFF: (Cause.CABLE_OR_POWER, Who.CLERK, "powered_off", 0.55),
    UnavailableReason.UNSUPPORTED: (Cause.DRIVER, Who.TECHNICIAN, "unsupported", 0.7),
}


def fault_of(reply: Reply, info: DeviceInfo, error: EktpError, own: Cause) -> Finding:
    """Say what an error of the driver means; its own sentence is the evidence."""
    cause, who, key, certainty = _meaning(own, error)
    if isinstance(error, CaptureTimeout) and is_overloaded(2.0):
        certainty = min(certainty, 0.5)
    said = str(error).removeprefix(f"{info.uri}: ")
    return reply.broken(
        message(f"devices.{key}", name=info.name),
        cause,
        message(f"devices.{key}_advice"),
        who,
        {"error": type(error).__name__, "said": said},
        certainty,
    )


_BY_CLASS: tuple[tuple[type[EktpError], Cause | None, Who, str, float], ...] = (
    (DeviceBusy, Cause.DRIVER, Who.CLERK, "busy", 0.85),
    (DeviceRemoved, Cause.CABLE_OR_POWER, Who.CLERK, "went_away", 0.85),
    (DeviceNotFound, Cause.CABLE_OR_POWER, Who.CLERK, "not_there", 0.8),
    (VendorKitFailed, Cause.DRIVER, Who.TECHNICIAN, "kit_failed", 0.7),
    (CaptureTimeout, None, Who.TECHNICIAN, "silent", 0.7),
    (ProtocolError, None, Who.TECHNICIAN, "confused", 0.65),
    (DeviceError, None, Who.TECHNICIAN, "failed", 0.7),
    (EktpError, None, Who.TECHNICIAN, "failed", 0.4),
)
"""Class of error -> cause (None: the device itself), who can act, the text's key, certainty."""


def _meaning(own: Cause, error: EktpError) -> tuple[Cause, Who, str, float]:
    if isinstance(error, DeviceUnavailable):
        return _BY_REASON[error.reason]
    row = next(row for row in _BY_CLASS if isinstance(error, row[0]))
    return row[1] or own, *row[2:]
