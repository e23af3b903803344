# SPDX-License-Identifier: Apache-2.0
"""Real prints give the same templates and scores on every instruction set.

``benchmarks/isa_agreement.py`` asks more: all pictures, and the libraries held down as well.
"""

import numpy as np

from ektp_hw import fingerprint, native
from ektp_hw.fingerprint.comparison import compare_many
from ektp_hw.records.picture import read_fingerprint_image


def test_real_prints(real_data, every_isa):
    pictures = [
        folder / f"{finger}_{number}.png"
        for folder in sorted(real_data.glob("fvc*/DB*_B"))
        for finger, number in ((101, 1), (101, 2), (105, 3))
    ]
    assert len(pictures) >= 24
    images = [read_fingerprint_image(each) for each in pictures]
    found = []
    for isa in every_isa:
        native.use_isa(isa)
        templates = [fingerprint.extract(each) for each in images]
        prepared = [fingerprint.prepare(each) for each in templates]
        scores = np.array([compare_many(each, prepared) for each in prepared])
        found.append((templates, scores))
    for templates, scores in found[1:]:
        assert templates == found[0][0]
        np.testing.assert_array_equal(scores, found[0][1])
