# SPDX-License-Identifier: Apache-2.0
"""The network in PyTorch, as it is trained; `ektp_hw.fingerprint.network` runs it without PyTorch.

Fully convolutional; most of its work is done at an eighth of the picture's resolution, where a
ridge period is about one cell and dilated filters see eight periods to each side; minutiae are
found at a quarter of the resolution.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["FIND", "FLOW", "MinutiaNetwork"]

FIND = ("score", "right", "down", "cosine", "sine", "fork")
"""Channels of the head that finds minutiae."""
FLOW = ("cosine", "sine", "period", "foreground")
"""Channels of the head that tells how the ridges run."""


_SELDOM = -4.0
"""Logit with which every cell begins: few hold a minutia."""


class Filtered(nn.Module):
    """A convolution and what makes it trainable; exported as one convolution."""

    def __init__(
        self, given: int, made: int, *, side: int = 3, stride: int = 1, dilation: int = 1
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(
            given, made, side, stride, (side // 2) * dilation, dilation, bias=False
        )
        self.norm = nn.BatchNorm2d(made)

    def forward(self, x: Tensor) -> Tensor:
        """Return the filtered channels, before ReLU."""
        made: Tensor = self.norm(self.convolution(x))
        return made

    def folded(self) -> tuple[Tensor, Tensor]:
        """Return weight and bias of the one convolution that does the same when evaluating."""
        kept = dict(self.norm.named_buffers())
        scale = self.norm.weight / torch.sqrt(kept["running_var"] + self.norm.eps)
        weight = self.convolution.weight * scale[:, None, None, None]
        return weight, self.norm.bias - kept["running_mean"] * scale


class MinutiaNetwork(nn.Module):
    """From evened pictures (n, 1, rows, columns), 0 to 1, to both heads."""

    def __init__(self) -> None:
        super().__init__()
        self.a = Filtered(4, 16)
        self.b = Filtered(16, 32, stride=2)
        self.c = Filtered(32, 32)
        self.d = Filtered(32, 64, stride=2)
        self.e1, self.e2 = Filtered(64, 64), Filtered(64, 64, dilation=2)
        self.f1, self.f2 = Filtered(64, 64, dilation=4), Filtered(64, 64)
        self.g1, self.g2 = Filtered(64, 64, dilation=2), Filtered(64, 64)
        self.h = Filtered(64, 32, side=1)
        self.i, self.j = Filtered(32, 32), Filtered(32, 32)
        self.flow = nn.Conv2d(64, len(FLOW), 1)
        self.find = nn.Conv2d(32, len(FIND), 1)
        with torch.no_grad():
            dict(self.find.named_parameters())["bias"][0] = _SELDOM

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Return minutiae (n, 6, rows / 4, columns / 4) and flow (n, 4, rows / 8, columns / 8)."""
        relu = functional.relu
        x = relu(self.a(functional.pixel_unshuffle(picture, 2)))
        skip = relu(self.c(relu(self.b(x))))
        x = relu(self.d(skip))
        for first, second in ((self.e1, self.e2), (self.f1, self.f2), (self.g1, self.g2)):
            x = relu(x + second(relu(first(x))))
        up = functional.interpolate(self.h(x), scale_factor=2, mode="nearest")
        near = relu(self.j(relu(self.i(relu(skip + up)))))
        return self.find(near), self.flow(x)

    def exported(self) -> dict[str, npt.NDArray[np.float32]]:
        """Return ``<layer>.weight`` (out, in, rows, columns) and ``<layer>.bias`` (out,)."""
        tensors: dict[str, Tensor] = {}
        for name, layer in self.named_children():
            if isinstance(layer, Filtered):
                tensors[f"{name}.weight"], tensors[f"{name}.bias"] = layer.folded()
            else:
                tensors |= {f"{name}.{part}": each for part, each in layer.named_parameters()}
        return {name: tensor.detach().float().numpy() for name, tensor in tensors.items()}
