# SPDX-License-Identifier: Apache-2.0
import numpy as np

from ektp_hw.fingerprint.pairing import CUES
from ektp_hw.fingerprint.scoring import weigh


def cues(**changed):
    usual = {"pairs": 12.0, "fit": 8.0, "likeness": 6.0, "common_a": 20.0, "common_b": 25.0}
    return np.array([[(usual | changed)[name] for name in CUES]])


def test_more_that_fits_weighs_more():
    assert weigh(cues(fit=9.0)) > weigh(cues())
    assert weigh(cues(likeness=7.0)) > weigh(cues())


def test_minutiae_without_partner_weigh_against():
    assert weigh(cues(common_a=30.0)) < weigh(cues())
    assert weigh(cues(common_b=40.0)) < weigh(cues())


def test_the_two_impressions_weigh_the_same():
    assert weigh(cues()) == weigh(cues(common_a=25.0, common_b=20.0))


def test_nothing_paired_is_minus_infinity():
    assert weigh(np.zeros((1, 5)))[0] == -np.inf
    assert weigh(np.zeros((0, 5))).shape == (0,)
