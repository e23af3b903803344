# SPDX-License-Identifier: Apache-2.0
from itertools import permutations

import numpy as np
import pytest

from ektp_hw.gallery.best_assignment import best_assignment


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 5), (4, 4), (3, 5), (5, 3), (5, 5)])
def test_no_other_assignment_gains_more(rows, columns, whole):
    random = np.random.default_rng(rows * 10 + columns)
    for _ in range(40):
        gain = random.normal(size=(rows, columns))
        gain = np.round(gain) if whole else gain
        pairs = best_assignment(gain)
        assert len({row for row, _ in pairs}) == len({column for _, column in pairs})
        assert len(pairs) == min(rows, columns)
        small = gain if rows <= columns else gain.T
        best = max(
            sum(small[at, column] for at, column in enumerate(chosen))
            for chosen in permutations(range(small.shape[1]), small.shape[0])
        )
        assert sum(gain[pair] for pair in pairs) == pytest.approx(best)
