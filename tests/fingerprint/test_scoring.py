# SPDX-License-Identifier: Apache-2.0
import numpy as np

from ektp_hw.fingerprint.comparison import CUES
from ektp_hw.fingerprint.scoring import weigh


def cues(**changed):
    usual = {"pairs": 12.0, "fit": 8.0, "likeness": 6.0, "common_a": 20.0, "common_b": 25.0}
    usual |= {"chance": 2.0}
    usual |= {"flow_cells": 60.0, "flow_agreement": 54.0, "period_gap": 3.0}
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
    assert weigh(np.zeros((1, len(CUES))))[0] == -np.inf
    assert weigh(np.zeros((0, len(CUES)))).shape == (0,)


def test_ridges_that_run_alike_weigh_for_and_unlike_against():
    assert weigh(cues(flow_agreement=58.0)) > weigh(cues())
    assert weigh(cues(flow_agreement=30.0)) < weigh(cues())
    assert weigh(cues(period_gap=6.0)) < weigh(cues())


def test_little_overlap_of_the_flow_tells_little():
    unlike = {"flow_agreement": 0.3, "period_gap": 0.2}
    none = weigh(cues(flow_cells=0.0, flow_agreement=0.0, period_gap=0.0))
    few = weigh(cues(flow_cells=1.0, **unlike))
    many = weigh(cues(flow_cells=60.0, **{name: 60 * value for name, value in unlike.items()}))
    assert none - few < 0.4 * (none - many)


def test_without_flow_minutiae_speak_alone():
    alone = weigh(cues(flow_cells=np.nan))
    assert np.isfinite(alone)
    assert abs(alone - weigh(cues(flow_cells=0.0, flow_agreement=0.0, period_gap=0.0))) < 1.0


def test_pairs_that_chance_explains_weigh_nothing_for():
    assert weigh(cues(chance=1.0)) > weigh(cues()) > weigh(cues(chance=8.0))
    assert weigh(cues(chance=12.0)) == weigh(cues(chance=50.0)) < weigh(cues(fit=0.1))
