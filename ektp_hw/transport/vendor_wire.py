# SPDX-License-Identifier: Apache-2.0
"""What crosses between the station and a maker's library in its own process: small JSON messages.

A question is ``{"call": name, "with": [...]}``, an answer ``{"gives": value}`` or ``{"fails":
error's class, "says": sentence, ...}``. Values are what JSON knows; nothing that the other side
sends is ever run, and nothing larger than `LONGEST` is looked at. Pictures go another way
(`ektp_hw.transport.vendor_process`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ektp_hw.errors import (
    CaptureCancelled,
    CaptureTimeout,
    CardError,
    DeviceBusy,
    DeviceError,
    DeviceNotFound,
    DeviceRemoved,
    DeviceUnavailable,
    ProtocolError,
    RetryAdvice,
    RetryCapture,
    UnavailableReason,
)

if TYPE_CHECKING:
    from ektp_hw.errors import EktpError

__all__ = ["LONGEST", "error_of", "failure", "pack", "unpack"]

LONGEST = 65536
"""Bytes of the longest message."""
_PLAIN: dict[str, type[DeviceError]] = {
    kind.__name__: kind
    for kind in (
        DeviceError,
        DeviceNotFound,
        DeviceBusy,
        DeviceRemoved,
        CaptureTimeout,
        CaptureCancelled,
        ProtocolError,
        CardError,
    )
}


def pack(message: dict[str, Any]) -> bytes:
    """Return the bytes of a message.

    Raises
    ------
    TypeError, ValueError
        If it holds what cannot cross: objects, numbers that are none, more than `LONGEST` bytes.
    """
    raw = json.dumps(message, allow_nan=False).encode("ascii")
    if len(raw) > LONGEST:
        raise ValueError(f"a message of {len(raw)} bytes; at most {LONGEST} cross")
    return raw


def unpack(raw: bytes) -> dict[str, Any]:
    """Return the message of these bytes; ValueError if they are none."""
    try:
        message = json.loads(raw)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(message, dict):
        raise ValueError("no message")  # noqa: TRY004  # the sender is at fault, not the caller
    return message


def failure(error: Exception) -> dict[str, Any]:
    """Return the answer that tells of an error; its class is the nearest that can cross."""
    says = str(error)
    match error:
        case RetryCapture():
            return {"fails": "RetryCapture", "says": error.advice.name}
        case DeviceUnavailable():
            return {"fails": "DeviceUnavailable", "says": says, "reason": error.reason.name}
        case CardError():
            return {"fails": "CardError", "says": says, "status": error.status_word}
        case DeviceError():
            names = [kind.__name__ for kind in type(error).__mro__]
            return {"fails": next(name for name in names if name in _PLAIN), "says": says}
    says = f"the driver's part beside the maker's library failed ({type(error).__name__}: {says})"
    return {"fails": "DeviceError", "says": f"{says}; please report it to the driver's author"}


def error_of(answer: dict[str, Any], device: str) -> EktpError:
    """Return the error that an answer tells of.

    Raises
    ------
    KeyError
        If it tells of none that is known here.
    """
    name, says = answer["fails"], str(answer["says"])
    if name == "RetryCapture":
        return RetryCapture(RetryAdvice[says], device=device)
    if name == "DeviceUnavailable":
        reason = UnavailableReason[answer["reason"]]
        return DeviceUnavailable(says, reason=reason, device=device)
    error = _PLAIN[name](says, device=device)
    if isinstance(error, CardError):
        error.status_word = answer["status"]
    return error
