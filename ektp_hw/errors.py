# SPDX-License-Identifier: Apache-2.0
"""Everything that can go wrong, sorted by who can mend it.

::

    EktpError
     +-- DeviceError                 the device or the way to it; the technician can act
     |    +-- DeviceNotFound         nothing there under that address
     |    +-- DeviceBusy             somebody else holds it
     |    +-- DeviceRemoved          it was there and is gone (cable pulled, power lost)
     |    +-- DeviceUnavailable      there, but cannot be used: see ``reason``
     |    +-- CaptureTimeout         nothing usable came in time (also a builtin TimeoutError)
     |    +-- CaptureCancelled       the caller's cancel event was set
     |    +-- ProtocolError          the device answered what its protocol does not allow
     |    +-- CardError              the card refused: see ``status_word``
     |         +-- CardRemoved       it was taken away in the middle
     |         +-- WrongCard         it is another kind of card
     |         +-- SamRefused        the security module refused, or is another's
     |    +-- VendorKitFailed        a maker's closed library crashed or hung in its own process
     +-- RetryCapture                the citizen can act: see ``advice`` (move, press, wipe)
     +-- SampleError                 a picture or trace that cannot be one (also a ValueError)
     +-- TemplateError               bytes that are no template (also a ValueError)
     +-- GalleryError                the store of enrolled people
     |    +-- GalleryBusy            another process writes to it
     |    +-- GalleryDamaged         truncated, foreign or corrupted files
     |    +-- GalleryFull            no space left to write; nothing acknowledged is lost
     |    +-- GalleryIncomplete      not everybody could be searched in time: see ``people``
     |    +-- GalleryLocked          encrypted, and the passphrase is missing or another's
     |    +-- WorkerLost             a process that held a part of the people ended
     +-- ExtractorUnavailable        registered, but its package is broken or incomplete
     +-- EvaluationError             a folder that cannot be evaluated (also a ValueError)
     +-- StationError                a station's profile, journal or report that cannot be used
     +-- OperationCancelled          the caller's cancel event stopped a long computation

Every message is one sentence that names the device or file, says what happened and what to do
next. Arguments of the wrong type stay ``TypeError``; a wrong number of the caller's stays
``ValueError`` where no class above fits.
"""

from enum import Enum

__all__ = [
    "CaptureCancelled",
    "CaptureTimeout",
    "CardError",
    "CardRemoved",
    "DeviceBusy",
    "DeviceError",
    "DeviceNotFound",
    "DeviceRemoved",
    "DeviceUnavailable",
    "EktpError",
    "EvaluationError",
    "ExtractorUnavailable",
    "GalleryBusy",
    "GalleryDamaged",
    "GalleryError",
    "GalleryFull",
    "GalleryIncomplete",
    "GalleryLocked",
    "OperationCancelled",
    "ProtocolError",
    "RetryAdvice",
    "RetryCapture",
    "SamRefused",
    "SampleError",
    "StationError",
    "TemplateError",
    "UnavailableReason",
    "VendorKitFailed",
    "WorkerLost",
    "WrongCard",
]


class EktpError(Exception):
    """Root of every error this package raises on purpose."""


class DeviceError(EktpError):
    """A capture device, or the way to it, failed.

    Parameters
    ----------
    message
        What happened and what to do next, in one sentence.
    device
        The device's URI or path; put in front of the message.
    """

    def __init__(self, message: str, *, device: str | None = None) -> None:
        super().__init__(f"{device}: {message}" if device else message)
        self.device = device


class DeviceNotFound(DeviceError):
    """No device answers to that address: wrong URI, unplugged, or no driver knows it."""


class DeviceBusy(DeviceError):
    """The device is held by another program or by another thread of this one."""


class DeviceRemoved(DeviceError):
    """The device went away while it was in use."""


class UnavailableReason(Enum):
    """Why a device that is present cannot be used."""

    NOT_PERMITTED = "not permitted"
    LIBRARY_MISSING = "library missing"
    SERVICE_MISSING = "service missing"
    POWERED_OFF = "powered off"
    UNSUPPORTED = "unsupported"


class DeviceUnavailable(DeviceError):
    """The device is present but cannot be used; ``reason`` says why."""

    def __init__(
        self, message: str, *, reason: UnavailableReason, device: str | None = None
    ) -> None:
        super().__init__(message, device=device)
        self.reason = reason


class CaptureTimeout(DeviceError, TimeoutError):
    """Nothing usable was captured within the time given."""


class CaptureCancelled(DeviceError):
    """The caller's cancel event was set before anything was captured."""


class ProtocolError(DeviceError):
    """The device sent something that its protocol does not allow."""


class CardError(DeviceError):
    """A card answered with an error status.

    Parameters
    ----------
    status_word
        SW1 SW2 of ISO/IEC 7816-4 as one number, or None when no answer came at all.
    """

    def __init__(
        self, message: str, *, status_word: int | None = None, device: str | None = None
    ) -> None:
        if status_word is not None:
            message = f"{message} (status {status_word:04X})"
        super().__init__(message, device=device)
        self.status_word = status_word


class CardRemoved(CardError):
    """The card was taken off the reader before everything was read."""


class WrongCard(CardError):
    """The card answers, but it is not of the kind that was asked for."""


class SamRefused(CardError):
    """The security module (SAM) does not do its part: see ``status_word``."""


class VendorKitFailed(DeviceError):
    """A maker's closed library crashed, hung or ended in its own process; this one is unharmed."""


class RetryAdvice(Enum):
    """What the person in front of the device should do before the next attempt."""

    PLACE_FINGER = "place the finger on the scanner"
    CENTRE_FINGER = "put the finger in the middle of the scanner"
    PRESS_HARDER = "press a little harder"
    PRESS_LIGHTER = "press a little less"
    REMOVE_FINGER = "lift the finger and place it again"
    HOLD_STILL = "hold still"
    SWIPE_AGAIN = "draw the whole finger over the sensor once more, slowly"
    WIPE_SCANNER = "wipe the scanner's glass"
    OPEN_EYE = "open the eye wide and look into the camera"
    SIGN_AGAIN = "sign once more"


class RetryCapture(EktpError):
    """The device works; the person can mend the capture by following ``advice``."""

    def __init__(self, advice: RetryAdvice, *, device: str | None = None) -> None:
        sentence = f"nothing usable was captured: please {advice.value}"
        super().__init__(f"{device}: {sentence}" if device else sentence)
        self.advice = advice
        self.device = device


class SampleError(EktpError, ValueError):
    """A picture or trace that no device of that kind can have produced."""


class TemplateError(EktpError, ValueError):
    """Bytes or columns that are no template of this package."""


class GalleryError(EktpError):
    """The store of enrolled people could not do what was asked."""


class GalleryBusy(GalleryError):
    """Another process has the gallery open for writing."""


class GalleryDamaged(GalleryError):
    """Files of the gallery are truncated, corrupted or not of this package."""


class GalleryFull(GalleryError):
    """The disk has no room; what was acknowledged before is kept."""


class GalleryLocked(GalleryError):
    """The gallery is encrypted, and no passphrase or key file was given, or a wrong one."""


class GalleryIncomplete(GalleryError):
    """A search could look at ``people`` of the ``enrolled`` people only."""

    def __init__(self, message: str, *, people: int = 0, enrolled: int = 0) -> None:
        super().__init__(message)
        self.people = people
        self.enrolled = enrolled


class WorkerLost(GalleryError):
    """A worker of a cluster ended, or does not answer any more."""


class ExtractorUnavailable(EktpError):
    """A registered extractor of fingerprints cannot be imported: something it needs is missing."""


class EvaluationError(EktpError, ValueError):
    """A folder or a request that no error rates can be computed from."""


class StationError(EktpError):
    """A station's profile, journal or report cannot be read or written."""


class OperationCancelled(EktpError):
    """The caller's cancel event was set; a long computation stopped without an answer."""
