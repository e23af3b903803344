# SPDX-License-Identifier: Apache-2.0
"""Fingerprints, eyes and signatures of people who do not exist.

For demonstrations, tests and measurements that must not touch anyone's biometrics. Everything is
reproducible from a seed, mated impressions differ as real touches do, and the truth about each
fingerprint's minutiae comes with it::

    person = SyntheticPerson(7)
    finger = person.finger(FingerPosition.RIGHT_INDEX)
    first, second = finger.impression(0), finger.impression(1, moisture=-0.6)
    first.image, first.truth         # a FingerprintImage and its true FingerprintTemplate

A finger: `pattern` draws the flow of its ridges, `growth` grows them, `master` knows the minutiae,
`impression` presses it on a scanner under `conditions`. `iris`,
`signature` and `portrait` make the rest of a person.

For measurements that need millions, `Population` makes templates without pictures.
"""

from ektp_hw.synthetic.conditions import Conditions
from ektp_hw.synthetic.finger import SyntheticFinger
from ektp_hw.synthetic.impression import SyntheticImpression
from ektp_hw.synthetic.iris import SyntheticEye, SyntheticEyeCapture
from ektp_hw.synthetic.pattern import Pattern
from ektp_hw.synthetic.person import Sex, SyntheticPerson
from ektp_hw.synthetic.population import Population
from ektp_hw.synthetic.touch import COMPETITION, COUNTER, Difficulty

__all__ = [
    "COMPETITION",
    "COUNTER",
    "Conditions",
    "Difficulty",
    "Pattern",
    "Population",
    "Sex",
    "SyntheticEye",
    "SyntheticEyeCapture",
    "SyntheticFinger",
    "SyntheticImpression",
    "SyntheticPerson",
]
