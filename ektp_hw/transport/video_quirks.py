# SPDX-License-Identifier: Apache-2.0
"""What single models of camera need, by vendor and product.

An extension unit of one model is another's firmware update, so nothing is tried on a camera that
does not stand here. To add one, name where the bytes were found to work.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ORDINARY", "QUIRKS", "Emitter", "Quirk"]


@dataclass(frozen=True)
class Emitter:
    """The control of an extension unit that switches the infrared lamp, and its two values."""

    unit: int
    selector: int
    on: bytes
    off: bytes


@dataclass(frozen=True)
class Quirk:
    """What differs from an ordinary camera.

    Parameters
    ----------
    model
        Its name for people.
    emitter
        How its lamp is switched; None for cameras that light it themselves while they stream.
    bits
        How many bits of a 16-bit value carry the picture; None for 16.
    is_mirrored
        It shows people as a mirror does: their right eye on the right.
    """

    model: str = ""
    emitter: Emitter | None = None
    bits: int | None = None
    is_mirrored: bool = False


ORDINARY = Quirk()
QUIRKS: dict[tuple[int, int], Quirk] = {
    # github.com/PetePriority/chicony-ir-toggle, main.c and its udev rule.
    (0x04F2, 0xB67C): Quirk(
        "Chicony integrated infrared camera", Emitter(14, 14, b"\x02\x19", b"\x00\x00")
    ),
    # github.com/Aigusta-Labs/visage, contrib/hw: Microsoft's control for face authentication
    # (one entry, interface 3, mode), whose mode 1 is "off".
    (0x04F2, 0xB6D9): Quirk(
        "ASUS Zenbook 14 infrared camera",
        Emitter(14, 6, bytes((1, 3, 3, 0, 0, 0, 0, 0, 0)), bytes((1, 3, 1, 0, 0, 0, 0, 0, 0))),
    ),
}
