# SPDX-License-Identifier: Apache-2.0
"""Training: prints in, weights out; can be stopped and continued at any moment."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ektp_hw.training.batches import batches
from ektp_hw.training.losses import PARTS, losses
from ektp_hw.training.network import MinutiaNetwork

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Settings", "fit"]

_WEIGHTS = torch.tensor((1.0, 1.0, 2.0, 0.3, 1.0, 2.0, 0.5))
"""Of the `PARTS` of the loss: about equal shares of it after some training."""
_STEEPEST = 5.0
"""Norm to which gradients are cut."""
_TELL, _KEEP = 100, 500
"""Steps between two lines of the log, and between two states on the disk."""


@dataclass(frozen=True)
class Settings:
    """How a network is trained.

    Parameters
    ----------
    steps
        Batches in all.
    batch
        Prints in one.
    chunks
        Files of the pool that are learned from; those are made while training goes on.
    rate
        Greatest learning rate; it rises over `warm` steps and falls as a cosine to nothing.
    decay
        Weight decay.
    average
        Of the weights that are exported: share that each step keeps of their running mean.
    """

    steps: int = 5_000
    batch: int = 16
    chunks: int = 24
    rate: float = 2e-3
    warm: int = 300
    decay: float = 1e-4
    average: float = 0.998
    seed: int = 0


def fit(
    settings: Settings,
    pool: Path,
    folder: Path,
    *,
    device: str = "cpu",
    start: Path | None = None,
) -> None:
    """Train, writing ``state.pt``, ``weights.npz`` and a line of ``log.jsonl`` now and then.

    A run that has a ``state.pt`` is continued from there, with the same prints in the same order
    as if it had never been stopped.

    Parameters
    ----------
    settings
        How.
    pool
        Folder of the training prints; those that are not there are made.
    folder
        Of the run.
    device
        As PyTorch names it.
    start
        ``state.pt`` of an earlier run whose weights a new run begins with.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(settings, folder, device)
    if run.state.exists():
        run.load(run.state)
    else:
        if start is not None:
            run.begin_with(start)
        run.tell({"settings": asdict(settings), "torch": torch.__version__, "start": str(start)})
    source = batches(pool, settings.chunks, settings.batch, settings.seed, run.step)
    sums, since = torch.zeros(len(PARTS)), time.monotonic()
    while run.step < settings.steps:
        sums += run.learn(*next(source))
        if run.step % _TELL == 0:
            mean = {
                name: round(v, 4) for name, v in zip(PARTS, (sums / _TELL).tolist(), strict=True)
            }
            run.tell({"step": run.step, "seconds": round(time.monotonic() - since, 1), **mean})
            sums, since = torch.zeros(len(PARTS)), time.monotonic()
        if run.step % _KEEP == 0 or run.step == settings.steps:
            run.keep()


class _Run:
    """A network in training, and its files."""

    def __init__(self, settings: Settings, folder: Path, device: str) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.folder = folder
        self.device = device
        self.state = folder / "state.pt"
        self.step = 0
        self.network = MinutiaNetwork().to(device)
        self.average = MinutiaNetwork().to(device)
        self.average.load_state_dict(self.network.state_dict())
        self._optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=settings.rate, weight_decay=settings.decay
        )
        self._weights = _WEIGHTS.to(device)

    def load(self, state: Path) -> None:
        kept = torch.load(state, map_location=self.device, weights_only=True)
        self.network.load_state_dict(kept["network"])
        self.average.load_state_dict(kept["average"])
        self._optimiser.load_state_dict(kept["optimiser"])
        self.step = kept["step"]

    def begin_with(self, state: Path) -> None:
        kept = torch.load(state, map_location=self.device, weights_only=True)
        self.network.load_state_dict(kept["average"])
        self.average.load_state_dict(kept["average"])

    def learn(self, even: torch.Tensor, minutiae: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
        """Take one step and return the parts of the loss before it."""
        for group in self._optimiser.param_groups:
            group["lr"] = self._rate()
        pictures = even.to(self.device, memory_format=torch.channels_last)
        with torch.autocast(self.device.partition(":")[0], torch.bfloat16):
            find, seen = self.network(pictures)
        truth = (minutiae.to(self.device), flow.to(self.device))
        parts = losses(find.float(), seen.float(), *truth)
        self._optimiser.zero_grad()
        torch.autograd.backward((parts * self._weights).sum())
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), _STEEPEST)
        self._optimiser.step()
        self.step += 1
        self._follow()
        return parts.detach().cpu()

    def _rate(self) -> float:
        settings = self.settings
        if self.step < settings.warm:
            return settings.rate * (self.step + 1) / settings.warm
        done = (self.step - settings.warm) / max(1, settings.steps - settings.warm)
        return settings.rate * (0.5 + 0.5 * math.cos(math.pi * done)) + 1e-6

    def _follow(self) -> None:
        keep = min(self.settings.average, self.step / (self.step + 10))
        theirs = self.network.state_dict()
        with torch.no_grad():
            for name, ours in self.average.state_dict().items():
                if ours.is_floating_point():
                    ours.lerp_(theirs[name], 1 - keep)
                else:
                    ours.copy_(theirs[name])

    def keep(self) -> None:
        """Write the state and the weights as they are now."""
        draft = self.state.with_suffix(".part")
        torch.save(
            {
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimiser": self._optimiser.state_dict(),
                "step": self.step,
            },
            draft,
        )
        draft.rename(self.state)
        weights: dict[str, Any] = self.average.exported()
        np.savez(self.folder / "weights.npz", **weights)

    def tell(self, line: dict[str, Any]) -> None:
        """Add a line to the log."""
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
