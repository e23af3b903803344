# SPDX-License-Identifier: Apache-2.0
"""How wrong the network is about a batch of prints whose truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PARTS", "losses", "targets"]

PARTS = ("score", "place", "direction", "fork", "orientation", "period", "foreground")
"""Of the loss, in the order in which `losses` returns them."""
_CELL = 4
_REACH = 0.8
"""Standard deviation in cells within which a cell may answer for a minutia."""
_ANSWERS = 0.25
"""Least closeness at which a cell learns a minutia's place, direction and kind."""


def targets(minutiae: Tensor, rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """Return for each cell how close the nearest minutia is (0 to 1), and that minutia.

    Parameters
    ----------
    minutiae
        x, y, direction, fork; (n, m, 4), NaN where there is none.

    Returns
    -------
    closeness
        (n, rows, columns); 1 in the cell that holds a minutia.
    nearest
        Right and down in cells from the cell's middle, direction, fork; (n, 4, rows, columns).
    """
    n = len(minutiae)
    device = minutiae.device
    closeness = torch.zeros(n, rows * columns, device=device)
    nearest = torch.zeros(n, 4, rows * columns, device=device)
    at_x, at_y = ((minutiae[..., k] - 1.5) / _CELL for k in (0, 1))
    which, index = torch.nonzero(torch.isfinite(at_x), as_tuple=True)
    at_x, at_y = at_x[which, index], at_y[which, index]
    other = minutiae[which, index, 2:]
    home_x, home_y = at_x.round(), at_y.round()
    steps = [(right, down) for right in (-2, -1, 0, 1, 2) for down in (-2, -1, 0, 1, 2)]
    # The farthest first, so that a nearer minutia overwrites what a farther one has said.
    for right, down in sorted(steps, key=lambda step: -(step[0] ** 2 + step[1] ** 2)):
        column, row = home_x + right, home_y + down
        off_x, off_y = at_x - column, at_y - row
        close = torch.exp(-(off_x**2 + off_y**2) / (2 * _REACH**2))
        if right == down == 0:
            close = torch.ones_like(close)
        inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        cell = (row * columns + column).long()
        better = inside & (close >= closeness[which, cell.clamp(0, rows * columns - 1)])
        chosen, cell = which[better], cell[better]
        closeness[chosen, cell] = close[better]
        said = torch.stack((off_x, off_y, other[:, 0], other[:, 1]), dim=1)[better]
        nearest[chosen, :, cell] = said
    return closeness.view(n, rows, columns), nearest.view(n, 4, rows, columns)


def losses(find: Tensor, flow: Tensor, minutiae: Tensor, true_flow: Tensor) -> Tensor:
    """Return the `PARTS` of the loss of a batch, each a mean over prints; (7,).

    The score is learned by the focal loss with softened negatives near minutiae (X. Zhou, D. Wang,
    P. Kraehenbuehl, "Objects as points", 2019).
    """
    closeness, nearest = targets(minutiae, find.shape[2], find.shape[3])
    score = find[:, 0]
    chance = torch.sigmoid(score)
    positive = (closeness == 1).float()
    found = positive * (1 - chance) ** 2 * functional.softplus(-score)
    false = (1 - positive) * (1 - closeness) ** 4 * chance**2 * functional.softplus(score)
    count = positive.sum().clamp(min=1)

    weight = closeness * (closeness >= _ANSWERS)
    total = weight.sum().clamp(min=1)
    place = functional.smooth_l1_loss(find[:, 1:3], nearest[:, :2], reduction="none", beta=0.1)
    heading = torch.stack((torch.cos(nearest[:, 2]), torch.sin(nearest[:, 2])), dim=1)
    turned = functional.smooth_l1_loss(find[:, 3:5], heading, reduction="none", beta=0.2)
    fork = functional.binary_cross_entropy_with_logits(find[:, 5], nearest[:, 3], reduction="none")

    seen = true_flow[:, 3]
    cells = seen.sum().clamp(min=1)
    way = functional.smooth_l1_loss(flow[:, :2], true_flow[:, :2], reduction="none", beta=0.2)
    tall = functional.smooth_l1_loss(flow[:, 2], true_flow[:, 2], reduction="none", beta=0.1)
    ground = functional.binary_cross_entropy_with_logits(flow[:, 3], seen)
    return torch.stack(
        (
            (found.sum() + false.sum()) / count,
            (place.sum(1) * weight).sum() / total,
            (turned.sum(1) * weight).sum() / total,
            (fork * weight).sum() / total,
            (way.sum(1) * seen).sum() / cells,
            (tall * seen).sum() / cells,
            ground,
        )
    )
