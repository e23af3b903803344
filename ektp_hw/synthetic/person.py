# SPDX-License-Identifier: Apache-2.0
"""A citizen who does not exist: a name, a number no registry can issue, and a body to capture."""

from __future__ import annotations

from enum import Enum

from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic.finger import SyntheticFinger
from ektp_hw.synthetic.seeds import stream

__all__ = ["Sex", "SyntheticPerson"]

_IDENTITY, _FINGERS = range(2)
_MEN = [
    "Agus",
    "Bambang",
    "Cahyo",
    "Dedi",
    "Eko",
    "Fajar",
    "Gilang",
    "Hendra",
    "Irwan",
    "Joko",
    "Kurnia",
    "Lukman",
    "Made",
    "Nyoman",
]
_WOMEN = [
    "Ayu",
    "Bulan",
    "Citra",
    "Dewi",
    "Endah",
    "Fitri",
    "Gita",
    "Hesti",
    "Intan",
    "Kartika",
    "Lestari",
    "Mega",
    "Ningsih",
    "Putri",
]
_FAMILY = [
    "Angkasa",
    "Bahari",
    "Cendana",
    "Dahlia",
    "Embun",
    "Flamboyan",
    "Gunawan",
    "Harimau",
    "Jambu",
    "Kenanga",
    "Langit",
    "Melati",
    "Nusantara",
    "Pelangi",
    "Rimba",
    "Samudra",
    "Teratai",
    "Wijayakusuma",
]
"""Trees, flowers and weather: they sound right and are nobody's family."""


class Sex(Enum):
    """As the card states it."""

    MALE = "male"
    FEMALE = "female"


class SyntheticPerson:
    """One invented person; everything follows from the seed and is made when first asked for.

    Parameters
    ----------
    seed
        Any number from 0.
    """

    def __init__(self, seed: int) -> None:
        rng = stream(seed, _IDENTITY)
        self.seed = seed
        self.sex = Sex.FEMALE if rng.random() < 0.5 else Sex.MALE
        given = _WOMEN if self.sex is Sex.FEMALE else _MEN
        self.name = f"{given[rng.integers(len(given))]} {_FAMILY[rng.integers(len(_FAMILY))]}"
        day = int(rng.integers(1, 29)) + (40 if self.sex is Sex.FEMALE else 0)
        born = f"{day:02d}{rng.integers(1, 13):02d}{rng.integers(60, 100):02d}"
        self.id_number = f"99{rng.integers(10_000):04d}{born}{rng.integers(1, 10_000):04d}"
        """Shaped like a NIK, but no province has the code 99: it can be nobody's."""
        self._fingers: dict[FingerPosition, SyntheticFinger] = {}

    def __repr__(self) -> str:
        return f"SyntheticPerson({self.seed}, {self.name!r})"

    def finger(self, position: FingerPosition) -> SyntheticFinger:
        """Return one of the ten fingers.

        Raises
        ------
        ValueError
            If the position is not one single finger.
        """
        position = FingerPosition(position)
        if not FingerPosition.RIGHT_THUMB <= position <= FingerPosition.LEFT_LITTLE:
            raise ValueError(f"{position.name} is not one finger; ask for one of the ten")
        if position not in self._fingers:
            self._fingers[position] = SyntheticFinger(
                self.seed, position, path=(_FINGERS, int(position))
            )
        return self._fingers[position]
