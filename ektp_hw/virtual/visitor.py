# SPDX-License-Identifier: Apache-2.0
"""The person in front of a virtual fingerprint device, as a script or a URI's options ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ektp_hw.samples import FingerPosition, FingerprintImage
from ektp_hw.virtual import platen, wishes

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Visitor"]


class Visitor:
    """Somebody whose finger lies on the device, or not.

    Parameters
    ----------
    device
        The device's name behind ``virtual:``, for messages.
    shape, ppi
        The picture that the device takes: (height, width) and resolution.

    Attributes
    ----------
    glass
        What the device sees, uint8 of that shape; None while no finger is there.
    """

    def __init__(self, device: str, shape: tuple[int, int], ppi: float) -> None:
        self.shape = shape
        self.ppi = ppi
        self.glass: platen.Pixels | None = None
        self._device = device
        self._scripted = False
        self._impressions = 0

    def present(self, image: FingerprintImage | None) -> None:
        """Lay a finger on; None takes it off.

        Raises
        ------
        TypeError
            If it is neither a `FingerprintImage` nor None.
        """
        if not isinstance(image, FingerprintImage | None):
            raise TypeError(f"a finger is a FingerprintImage or None, not {type(image).__name__}")
        self._scripted = True
        self.glass = None if image is None else platen.lay(image, self.shape, self.ppi)

    def come(self, options: Mapping[str, str]) -> None:
        """Lay on the finger of a synthetic person, in a new impression at every call.

        ``seed`` and ``position`` name the finger. Without either, what a script presented stays;
        without a script person 1 lays the right index finger on.

        Raises
        ------
        ValueError
            If the seed is no number from 0 on, or the position none from 1 to 10.
        """
        seed = wishes.person(self._device, options)
        position = options.get("position", "2")
        if position not in {str(number) for number in range(1, 11)}:
            raise ValueError(f"virtual:{self._device}: position={position} is none from 1 to 10")
        if self._scripted and not {"seed", "position"} & set(options):
            return
        from ektp_hw.synthetic import SyntheticPerson

        finger = SyntheticPerson(seed).finger(FingerPosition(int(position)))
        impression, self._impressions = self._impressions, self._impressions + 1
        self.glass = platen.lay(finger.impression(impression).image, self.shape, self.ppi)
