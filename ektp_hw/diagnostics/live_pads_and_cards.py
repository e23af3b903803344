# SPDX-License-Identifier: Apache-2.0
"""Live tests of signature pads and card readers; nothing that is signed or on a card is kept."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from ektp_hw.diagnostics.findings import Cause, Finding, Who, message
from ektp_hw.diagnostics.live_test import Enough, Limit, blames_person
from ektp_hw.errors import CaptureCancelled, CaptureTimeout, CardError, CardRemoved, RetryCapture

if TYPE_CHECKING:
    from ektp_hw.devices.base import Device
    from ektp_hw.diagnostics.reply import Readings, Reply
    from ektp_hw.samples import SignatureTrace

__all__ = ["judge_pad", "judge_reader"]

_NOBODY_S = 1.5
"""Seconds in which a pen must touch; without anybody there that shows a stuck one at once."""
_SIGNING_S, _ENOUGH_S = 5.5, 4.5
_STILL_S, _STILL_MM = 1.0, 0.3
"""A hand that signs never rests so long with the tip on the pad."""
_FEWEST = 50
"""Reports of which rate and pressure can be told."""
_FEWEST_STILL = 20
"""Reports in that time by which a resting tip is told from reports that come late."""
_SLOW_SHARE = 0.5
_SELECT_MAIN = bytes.fromhex("00 A4 00 00 02 3F 00")
"""SELECT of the main directory, ISO/IEC 7816-4."""


def judge_pad(reply: Reply, device: Device, limit: Limit) -> list[Finding]:
    """Ask for a signature nobody need give: stuck pen, rate and pressure show by themselves."""
    trace, began = _signing(device, limit)
    name = device.info.name
    if trace is None:
        return [reply.sound(message("devices.pad_answers", name=name), _measures(device), 0.75)]
    evidence: Readings = {**_measures(device), "reports": len(trace), "dropped": trace.dropped}
    if _rests(trace):
        evidence["seconds_to_first_touch"] = round(began, 2)
        seen, advice = message("devices.stuck_pen", name=name), message("devices.pen_advice")
        return [reply.broken(seen, Cause.PAD, advice, Who.CLERK, evidence, 0.75)]
    return _pen(reply, name, trace, evidence)


def _signing(device: Any, limit: Limit) -> tuple[SignatureTrace | None, float]:  # noqa: ANN401
    """Return what the pen did, and after how many seconds it touched; None where no pen came."""
    begun = time.monotonic()
    latest: list[SignatureTrace] = []
    touched: list[float] = []
    nobody = threading.Event()
    patience = threading.Timer(_NOBODY_S, nobody.set)

    def keep(trace: SignatureTrace) -> None:
        patience.cancel()
        latest[:] = [trace]
        touched.append(time.monotonic() - begun)
        if limit.cancel.is_set() or _rests(trace) or _seconds(trace) >= _ENOUGH_S:
            raise Enough

    patience.start()
    try:
        latest[:] = [device.capture(min(_SIGNING_S, limit.left), nobody, keep, rest=0.3)]
    except (Enough, RetryCapture, CaptureCancelled):
        pass
    except CaptureTimeout as over:
        if not latest and not blames_person(device, over):
            raise
    finally:
        patience.cancel()
        patience.join()
    return (latest[0] if latest else None), (touched[0] if touched else 0.0)


def _seconds(trace: SignatureTrace) -> float:
    return float(trace.seconds[-1] - trace.seconds[0]) if len(trace) else 0.0


def _rests(trace: SignatureTrace) -> bool:
    """Tell whether the tip has been pressed on one spot, always equally hard, for a while."""
    import numpy as np

    if _seconds(trace) < _STILL_S:
        return False
    last = trace.seconds >= trace.seconds[-1] - _STILL_S
    if last.sum() < _FEWEST_STILL:  # reports that came late tell nothing of a hand
        return False
    x, y, pressure = trace.x_mm[last], trace.y_mm[last], trace.pressure[last]
    still = max(np.ptp(x), np.ptp(y)) < _STILL_MM
    return bool(still and pressure.min() > 0 and np.ptp(pressure) < 1e-3)


def _pen(reply: Reply, name: str, trace: SignatureTrace, evidence: Readings) -> list[Finding]:
    """Judge rate and pressure of a signature that came about."""
    import numpy as np

    down = trace.pressure[trace.pressure > 0]
    rate = (len(trace) - 1) / _seconds(trace) if _seconds(trace) else 0.0
    levels = len(np.unique(down))
    evidence |= {
        "reports_per_second": round(rate),
        "pressure_levels_seen": levels,
        "greatest_pressure": round(float(trace.pressure.max(initial=0.0)), 2),
    }
    found = []
    promised = evidence.get("reports_per_second_promised")
    if promised and len(trace) >= _FEWEST and rate < _SLOW_SHARE * float(promised):
        seen = message("devices.slow_pen", name=name, rate=round(rate))
        advice = message("devices.cable_advice")
        cause = Cause.CABLE_OR_POWER
        found.append(reply.suspect(seen, cause, advice, Who.CLERK, evidence, 0.6))
    if len(down) >= _FEWEST and levels <= 2:
        seen = message("devices.flat_pressure", name=name)
        advice = message("devices.pen_advice")
        found.append(reply.suspect(seen, Cause.PAD, advice, Who.CLERK, evidence, 0.7))
    return found or [reply.sound(message("devices.pad_sound", name=name), evidence, 0.9)]


def _measures(device: Any) -> Readings:  # noqa: ANN401
    """Return what the pad says of itself, where its driver tells."""
    told = getattr(device, "capability", None)
    rate, levels = getattr(told, "rate", 0), getattr(told, "max_pressure", 0)
    measures: Readings = {}
    if rate:
        measures["reports_per_second_promised"] = rate
    if levels:
        measures["pressure_levels"] = levels + 1
    return measures


def judge_reader(reply: Reply, device: Device, limit: Limit) -> list[Finding]:
    """Ask every slot for its card's answer to reset; no card needs to be there."""
    reader: Any = device
    name = device.info.name
    evidence: Readings = {"slots": reader.slots}
    mute = 0
    for slot in range(reader.slots):
        if limit.cancel.is_set():
            break
        state, atr = _slot(reader, slot)
        mute += state == "mute"
        evidence[f"slot:{slot}"] = state
        if atr:
            evidence[f"slot_atr:{slot}"] = atr
    if mute:
        seen, advice = message("devices.mute_card", name=name), message("devices.card_advice")
        return [reply.suspect(seen, Cause.CARD_READER, advice, Who.CLERK, evidence, 0.5)]
    there = any(evidence.get(f"slot:{slot}") == "card" for slot in range(reader.slots))
    key = "reader_with_card" if there else "reader_without_card"
    return [reply.sound(message(f"devices.{key}", name=name), evidence, 0.9 if there else 0.8)]


def _slot(reader: Any, slot: int) -> tuple[str, str]:  # noqa: ANN401
    """Return ``card``, ``empty`` or ``mute``, and the answer to reset, which says the card's type.

    The one command asks for the card's main directory; nothing of the person is read.
    """
    try:
        with reader.transaction(slot) as card:
            card.transmit(_SELECT_MAIN)  # whatever the status: the card answers
            return "card", bytes(card.answer_to_reset).hex(" ").upper()
    except CardRemoved:
        return "empty", ""
    except CardError:
        return "mute", ""
