# SPDX-License-Identifier: Apache-2.0
"""A citizen who does not exist: a name, a number no registry can issue, and a body to capture."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from ektp_hw.samples import Eye, FingerPosition, IrisImage, SignatureTrace
from ektp_hw.synthetic.finger import SyntheticFinger
from ektp_hw.synthetic.iris import SyntheticEye
from ektp_hw.synthetic.portrait import draw_portrait
from ektp_hw.synthetic.seeds import stream
from ektp_hw.synthetic.signature import sign

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Sex", "SyntheticPerson"]

_IDENTITY, _FINGERS, _EYES, _HAND, _SIGNING, _FACE = range(6)
_MEN = "Agus Bambang Cahyo Dedi Eko Fajar Gilang Hendra Irwan Joko Kurnia Lukman Made Nyoman"
_WOMEN = "Ayu Bulan Citra Dewi Endah Fitri Gita Hesti Intan Kartika Lestari Mega Ningsih Putri"
_SECOND = (
    "Angkasa Belimbing Cendana Dahlia Embun Flamboyan Gerimis Harimau Jambu Kenanga Langit Melati "
    "Nusantara Pelangi Rimba Samudra Teratai Wijayakusuma"
)
"""Trees, flowers and weather: they sound right and are hardly anybody's."""


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

    Attributes
    ----------
    name, sex
        Invented.
    id_number
        16 digits shaped like a NIK, but no province has the code 99: it can be nobody's.
    """

    def __init__(self, seed: int) -> None:
        rng = stream(seed, _IDENTITY)
        self.seed = seed
        self.sex = Sex.FEMALE if rng.random() < 0.5 else Sex.MALE
        given = _pick(_WOMEN if self.sex is Sex.FEMALE else _MEN, rng)
        self.name = f"{given} {_pick(_SECOND, rng)}"
        day = int(rng.integers(1, 29)) + (40 if self.sex is Sex.FEMALE else 0)
        born = f"{day:02d}{rng.integers(1, 13):02d}{rng.integers(60, 100):02d}"
        self.id_number = f"99{rng.integers(10_000):04d}{born}{rng.integers(1, 10_000):04d}"
        self._fingers: dict[FingerPosition, SyntheticFinger] = {}
        self._eyes: dict[Eye, SyntheticEye] = {}

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

    def iris(self, eye: Eye) -> SyntheticEye:
        """Return one of the two eyes, to take pictures under conditions of your choice.

        Raises
        ------
        ValueError
            If it is neither the right nor the left one.
        """
        eye = Eye(eye)
        if eye is Eye.UNKNOWN:
            raise ValueError("a person has a right and a left eye; ask for one of them")
        if eye not in self._eyes:
            self._eyes[eye] = SyntheticEye(self.seed, eye, path=(_EYES, int(eye)))
        return self._eyes[eye]

    def eye(self, eye: Eye, number: int = 0) -> IrisImage:
        """Take an ordinary picture of one eye; another number is another picture of it."""
        return self.iris(eye).capture(number).image

    def signature(self, number: int = 0) -> SignatureTrace:
        """Sign once; another number is another signing by the same hand."""
        return sign(stream(self.seed, _HAND), stream(self.seed, _SIGNING, number))

    def card_photo(self) -> bytes:
        """Return the picture for a card: a drawn face as JPEG, 216 by 288 pixels."""
        return draw_portrait(stream(self.seed, _FACE))


def _pick(words: str, rng: np.random.Generator) -> str:
    choices = words.split()
    return choices[int(rng.integers(len(choices)))]
