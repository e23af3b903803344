# SPDX-License-Identifier: Apache-2.0
"""The error-versus-discard curve against figures counted by hand, and on real prints."""

import numpy as np
import pytest

from ektp_hw.errors import EvaluationError
from ektp_hw.evaluation.discard import error_versus_discard, pair_quality
from ektp_hw.evaluation.protocol import pairs_of, samples_in
from ektp_hw.fingerprint import extract
from ektp_hw.fingerprint.comparison import compare_many, prepare
from ektp_hw.fingerprint.quality import assess_quality
from ektp_hw.records.picture import PICTURE_SUFFIXES, read_fingerprint_image


def test_counted_by_hand():
    curve = error_versus_discard([1, 9, 1, 9, 9], [10, 50, 20, 20, 90], threshold=4)
    assert curve.discarded == pytest.approx([0, 0.2, 0.6, 0.8])
    assert curve.fnmr == pytest.approx([2 / 5, 1 / 4, 0, 0])
    assert [curve.fnmr_at(share) for share in (0, 0.3, 0.99)] == pytest.approx([2 / 5, 1 / 4, 0])


def test_a_pair_is_as_good_as_its_worse_print():
    pairs = np.array([[0, 1], [1, 2]])
    assert pair_quality([30, 80, 60], pairs).tolist() == [30, 60]


@pytest.mark.parametrize(
    ("scores", "quality"), [([], []), ([1.0, 2.0], [3.0]), ([1.0], [float("nan")])]
)
def test_refused(scores, quality):
    with pytest.raises(EvaluationError):
        error_versus_discard(scores, quality, 4)


def test_worst_prints_cause_the_errors(real_data):
    """Pooled over every set, also those where the assessment does not help; one threshold."""
    missed, worth = [], []
    folders = sorted(real_data.glob("fvc*/DB*_B"))
    assert folders
    for folder in folders:
        files = samples_in(folder, PICTURE_SUFFIXES)[::2]
        images = [read_fingerprint_image(each) for each in files]
        prepared = [prepare(extract(image)) for image in images]
        pairs = pairs_of(files, "first")
        scores = np.array(
            [compare_many(prepared[i], [prepared[j]])[0] for i, j in pairs.mated.tolist()]
        )
        missed.append(scores < 4)
        worth.append(pair_quality([assess_quality(image).score for image in images], pairs.mated))
    curve = error_versus_discard(
        np.where(np.concatenate(missed), 0.0, 1.0), np.concatenate(worth), 0.5
    )
    assert curve.fnmr[0] > 0
    assert curve.fnmr_at(0.2) < 0.75 * curve.fnmr[0]
