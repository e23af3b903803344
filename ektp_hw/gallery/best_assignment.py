# SPDX-License-Identifier: Apache-2.0
"""Who goes best with whom, each with one at most: H. W. Kuhn's Hungarian method."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["best_assignment"]


def best_assignment(gain: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return the (row, column) pairs of the largest total gain, as many as the lesser side has.

    Rows are taken up one by one; each time the cheapest path of exchanges is found by E. W.
    Dijkstra's method on costs that the potentials keep at 0 or above (J. Edmonds, R. M.
    Karp, 1972).

    Parameters
    ----------
    gain
        (rows, columns), finite.
    """
    if gain.shape[0] > gain.shape[1]:
        return sorted((row, column) for column, row in best_assignment(gain.T))
    rows, columns = gain.shape
    of_rows, of_columns = np.zeros(rows), np.zeros(columns)
    owner = np.full(columns, -1)
    for row in range(rows):
        cheapest = np.full(columns, np.inf)
        before = np.full(columns, -1)
        done = np.zeros(columns, bool)
        at, last, length = row, -1, 0.0
        while at >= 0:
            # What each column costs more, reached through the row that stands at the path's end.
            cost = length - gain[at] - of_rows[at] - of_columns
            nearer = ~done & (cost < cheapest)
            cheapest[nearer], before[nearer] = cost[nearer], last
            last = int(np.argmin(np.where(done, np.inf, cheapest)))
            length, at = float(cheapest[last]), int(owner[last])
            done[last] = True
        of_rows[row] += length
        for column in np.flatnonzero(done):
            if column != last and owner[column] >= 0:
                of_rows[owner[column]] += length - cheapest[column]
        of_columns[done] -= length - cheapest[done]
        while last >= 0:
            previous = int(before[last])
            owner[last] = row if previous < 0 else owner[previous]
            last = previous
    return sorted((int(owner[column]), int(column)) for column in np.flatnonzero(owner >= 0))
