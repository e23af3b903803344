# SPDX-License-Identifier: Apache-2.0
"""An emulated ePadLink ePad on which somebody signs, from the moment the host listens.

Report layout and descriptor: CaptainCodeAU/epad-signature-pad-hid-driver, docs/HARDWARE_NOTES.md,
where they were read off a unit.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.virtual import wishes
from ektp_hw.virtual.signing import Counts, Misbehaviour, Scale, SignedOn, Signing
from ektp_hw.virtual.usb_function import INTERRUPT, Endpoint, Interface, Stall, UsbFunction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ektp_hw.samples import SignatureTrace
    from ektp_hw.virtual.usb_function import Setup

__all__ = ["SCALE", "VirtualEpad"]

_PEN = 0x81
_TOUCH = 0x20
_TOUCHES = 3
"""Reports after which somebody who only touches takes the pen away."""
SCALE = Scale(2896 / (8.960 * 25.4), 1370 / (5.120 * 25.4), 2896, 1370, 127, 52.0)
"""Measures as the descriptor declares them, and the rate that was observed."""

_REPORT_DESCRIPTOR = bytes.fromhex(
    "0600ff09ffa101150025010509090175019501810209028102050d0939a1020600ff1901290315012503950175"
    "038100c0050d093315002501750195018102093581027501810105010930350046002326500b651355fd751081"
    "020931460014265a058102050d0930457f257f6500550075078112750125018101c0"
)
_HID = struct.pack("<BBHBBBH", 9, 0x21, 0x0110, 0, 1, 0x22, len(_REPORT_DESCRIPTOR))


class VirtualEpad(SignedOn, UsbFunction):
    """A pad; somebody begins to sign when the host begins to listen, or when `sign` is called.

    Parameters
    ----------
    trace
        What is signed; by default nobody is there.
    speed
        How many times faster than real the signing goes; the reports stay the same.
    """

    vendor_id: ClassVar[int] = 0x04DF
    product_id: ClassVar[int] = 0x0012
    release: ClassVar[int] = 0x0200
    manufacturer: ClassVar[str] = "ePadLink"
    product: ClassVar[str] = "ePadLink USB ePad (emulated)"
    interfaces: ClassVar[tuple[Interface, ...]] = (
        Interface((Endpoint(_PEN, INTERRUPT, 8, 8),), (3, 0, 0), _HID),
    )

    def __init__(
        self,
        trace: SignatureTrace | None = None,
        *,
        speed: float = 1.0,
        serial: str = "VIRTUALEPAD1",
    ) -> None:
        super().__init__(serial)
        self.signing = Signing(SCALE, speed)
        self._halted = False
        self._signings = 0
        self.present(trace)

    def script(self, options: Mapping[str, str]) -> None:
        """Do what a ``virtual:epad`` URI asks for; options as those of ``virtual:signature``.

        Raises
        ------
        ValueError
            If an option is unknown, or no number.
        """
        wishes.check_names("epad", options, {"seed", "speed"})
        seed = wishes.person("epad", options)
        self.signing.speed = wishes.number("epad", options, "speed", self.signing.speed)
        if self.signing.counts and "seed" not in options:
            return
        from ektp_hw.synthetic import SyntheticPerson

        self.present(SyntheticPerson(seed).signature(self._signings))
        self._signings += 1

    def on_configured(self) -> None:
        """Begin afresh."""
        self._halted = False
        self.signing.restart()

    def on_clear_halt(self, endpoint: int) -> None:
        """Work again."""
        if endpoint == _PEN:
            self._halted = False

    def on_control(self, setup: Setup, data: bytes) -> bytes:
        """Give the report descriptor; the pad has no feature reports."""
        if (setup.request_type, setup.request, setup.value >> 8) == (0x81, 6, 0x22):
            return _REPORT_DESCRIPTOR
        return super().on_control(setup, data)

    def on_in(self, endpoint: int, length: int) -> bytes | None:
        """Give the next report once it is due."""
        if endpoint != _PEN or self._halted:
            raise Stall
        self.signing.heard()
        if not self.signing.is_due:
            return None
        if self._fault is Misbehaviour.LIFTED and self.signing.given >= _TOUCHES:
            self.signing.given = len(self.signing.counts)
        elif self._fault and self.signing.is_half_way:
            return self._strike(self._fault, length)
        return self._next()[:length]

    def _next(self) -> bytes:
        counts = self.signing.take()
        if counts is None:
            self.signing.end()
            return struct.pack("<BHHB", 0, 0, 0, 0)  # the pen has gone
        return _packed(counts)

    def _strike(self, fault: Misbehaviour, length: int) -> bytes | None:
        if fault is Misbehaviour.GARBAGE:
            return b"\xff" * min(6, length)
        if fault is Misbehaviour.ENDLESS:
            self.signing.given += 1
            return _packed(Counts(400, 300, 60))
        if fault is Misbehaviour.SHORT:
            self._fault = None
            return self._next()[:3]
        self.signing.end()
        if fault is Misbehaviour.UNPLUG:
            self.unplug()
        if fault is Misbehaviour.STALL:
            self._fault, self._halted = None, True
            raise Stall
        return None


def _packed(counts: Counts) -> bytes:
    """Pack a report; a pen that is lifted has no position."""
    if not counts.force:
        return struct.pack("<BHHB", 0, 0, 0, 0)
    return struct.pack("<BHHB", _TOUCH | 0x40, counts.x, counts.y, counts.force)
