# SPDX-License-Identifier: Apache-2.0
"""Return codes of PC/SC, and the error of this package that each stands for (PC/SC part 5)."""

from __future__ import annotations

from ektp_hw.errors import (
    CaptureCancelled,
    CardError,
    CardRemoved,
    DeviceBusy,
    DeviceError,
    DeviceNotFound,
    DeviceRemoved,
    DeviceUnavailable,
    ProtocolError,
    UnavailableReason,
)

__all__ = ["NO_READERS", "TIMED_OUT", "check", "failure_of", "number"]

NO_READERS, TIMED_OUT, _CANCELLED = 0x8010002E, 0x8010000A, 0x80100002
_NOT_STARTED = "the PC/SC service is not running; start it (on Linux: systemctl start pcscd.socket)"
_SERVICE_RESTARTED = "the PC/SC service was restarted; open the reader again"
_FAILURES: dict[int, tuple[type[DeviceError], str]] = {
    _CANCELLED: (CaptureCancelled, "the wait for a card was cancelled"),
    0x80100009: (DeviceNotFound, "no reader has this name; plug it in or list the readers again"),
    0x8010000B: (DeviceBusy, "another program holds the card; close it and try again"),
    0x8010000C: (CardError, "no card is in the reader; put one on it"),
    0x8010000F: (CardError, "the card speaks none of the protocols asked for; try another card"),
    0x80100010: (DeviceBusy, "the reader is not ready; wait a moment and try again"),
    0x80100016: (CardError, "the card stopped answering; take it off and put it back"),
    0x80100017: (DeviceRemoved, "the reader is gone; plug it in again"),
    0x8010002F: (ProtocolError, "the reader's answer was damaged; check the cable"),
    0x80100066: (CardError, "the card does not answer; turn it or try another card"),
    0x80100067: (CardError, "the card lost power; put it back on the reader"),
    0x80100068: (CardError, "the card was reset by another program; read it again"),
    0x80100069: (CardRemoved, "the card was taken away; put it back on the reader"),
}
_SERVICE_MISSING = {0x80100013, 0x8010001D, 0x8010001E}  # no answer, not there, stopped
_RESTARTED = {0x80100003}  # the handle is none that this service gave
_NOT_PERMITTED = {0x80100027, 0x8010006A}


def failure_of(code: int, reader: str | None = None, *, opening: bool = False) -> DeviceError:
    """Return the error that a PC/SC return code stands for, ready to be raised."""
    value, device = number(code), f"pcsc:{reader}" if reader else None
    shown = f"[PC/SC 0x{value:08X}]"
    if value in _NOT_PERMITTED:
        return DeviceUnavailable(
            f"the PC/SC service refuses this user; allow it in the system's polkit rules {shown}",
            reason=UnavailableReason.NOT_PERMITTED,
            device=device,
        )
    if value in _SERVICE_MISSING or value in _RESTARTED or opening:
        sentence = _SERVICE_RESTARTED if value in _RESTARTED else _NOT_STARTED
        return DeviceUnavailable(
            f"{sentence} {shown}", reason=UnavailableReason.SERVICE_MISSING, device=device
        )
    kind, sentence = _FAILURES.get(
        value, (DeviceError, "the PC/SC service reports a failure; take the card off and retry")
    )
    return kind(f"{sentence} {shown}", device=device)


def check(code: int, reader: str | None = None) -> None:
    """Raise what a return code stands for, unless it says that all is well."""
    if number(code):
        raise failure_of(code, reader)


def number(code: int) -> int:
    """Return a code as PC/SC writes it, whatever width the platform gives it."""
    return int(code) & 0xFFFFFFFF
