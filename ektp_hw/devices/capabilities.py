# SPDX-License-Identifier: Apache-2.0
"""What a device can do, as data: one frozen record for each kind.

A driver says before opening what its table of models tells, and after opening what the device
itself told; None stands for "not known". The unit of every number is in its description.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "Capabilities",
    "CardCapabilities",
    "Feature",
    "FingerprintCapabilities",
    "IrisCapabilities",
    "SignatureCapabilities",
]


class Feature(StrEnum):
    """Something that can be asked of a device beyond its sample."""

    LIGHT = "light"
    """Its illumination (lamp, prism light, infrared emitter) is switched by the host."""
    LAMP = "lamp"
    """It has signal lamps for the person in front of it."""
    BUZZER = "buzzer"
    """It can beep."""
    DISPLAY = "display"
    """It shows pictures or text."""
    PRESENCE = "presence"
    """It tells by itself that a finger, pen or card has come or gone."""
    PREVIEW = "preview"
    """It gives pictures on the way to the sample."""
    CLOCK = "clock"
    """It stamps what it sends with its own time."""
    SEQUENCE = "sequence"
    """It numbers what it sends, so that losses are noticed."""
    EXPOSURE = "exposure"
    """Its exposure time can be set."""
    GAIN = "gain"
    """Its gain can be set."""
    FOCUS = "focus"
    """Its focus can be set."""
    ENCRYPTION = "encryption"
    """It can encrypt what it sends."""
    BUTTON = "button"
    """It has a button, or keys on its screen, that it reports."""
    PIN_PAD = "pin pad"
    """A secret can be entered on it without passing through the host."""
    EXTENDED_COMMANDS = "extended commands"
    """It takes extended APDUs of ISO/IEC 7816-4, above 255 bytes of data."""
    COMPARISON = "comparison"
    """It can store templates and compare by itself."""


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What is common to all kinds.

    Parameters
    ----------
    features
        What can be asked of the device: ``Feature.BUZZER in device.capabilities.features``.
    formats
        What the wire carries, in the words of its standard or maker ("GREY", "Y8I"),
        the one that is used first.
    """

    features: frozenset[Feature] = frozenset()
    formats: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FingerprintCapabilities(Capabilities):
    """What a fingerprint scanner can do.

    Parameters
    ----------
    width, height
        Of its pictures, in pixels.
    ppi
        Pixels per inch, the same along both axes.
    bits
        Grey levels the sensor tells apart, as a power of two; samples always have 8.
    fingers
        How many fingers one picture can hold.
    """

    width: int | None = None
    height: int | None = None
    ppi: float | None = None
    bits: int = 8
    fingers: int = 1


@dataclass(frozen=True, kw_only=True)
class IrisCapabilities(Capabilities):
    """What an iris camera can do.

    Parameters
    ----------
    width, height
        Of its pictures, in pixels.
    bits
        Grey levels the sensor tells apart, as a power of two; samples always have 8.
    frames_per_second
        As the device announces them.
    eyes
        How many eyes one picture can hold.
    """

    width: int | None = None
    height: int | None = None
    bits: int = 8
    frames_per_second: float | None = None
    eyes: int = 1


@dataclass(frozen=True, kw_only=True)
class SignatureCapabilities(Capabilities):
    """What a signature pad can do.

    Parameters
    ----------
    width_mm, height_mm
        Of the area that feels the pen.
    per_mm
        Steps of a coordinate in a millimetre.
    pressure_levels
        Different values of pressure; 1 if the pad only knows touch.
    rate
        Reports a second while the pen is near.
    screen
        Width and height of its display in pixels, None without one.
    """

    width_mm: float | None = None
    height_mm: float | None = None
    per_mm: float | None = None
    pressure_levels: int | None = None
    rate: float | None = None
    screen: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class CardCapabilities(Capabilities):
    """What a card reader can do.

    Parameters
    ----------
    protocols
        Ways to a card it speaks, of "T=0", "T=1" (ISO/IEC 7816-3) and "T=CL" (ISO/IEC 14443-4);
        empty if it does not tell.
    longest_command
        Bytes of the longest APDU that it takes.
    slots
        How many cards it can hold at once.
    """

    protocols: tuple[str, ...] = ()
    longest_command: int | None = None
    slots: int = 1
