# SPDX-License-Identifier: Apache-2.0
"""The command ``python -m ektp_hw.training``."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np

from ektp_hw.training.pool import chunk


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m ektp_hw.training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    _add_fit(commands.add_parser("fit", help="train, or go on with a run that was stopped"))
    make = commands.add_parser("prints", help="make training prints beforehand, beside a run")
    make.add_argument("--pool", type=Path, required=True, help="folder of the training prints")
    make.add_argument("--seed", type=int, default=0)
    make.add_argument("first", type=int)
    make.add_argument("last", type=int)
    show = commands.add_parser("pictures", help="look at what is learned from")
    show.add_argument("--pool", type=Path, required=True)
    show.add_argument("picture", type=Path)
    given = parser.parse_args(arguments)
    if given.command == "fit":
        return _fit(given)
    if given.command == "prints":
        for number in range(given.first, given.last + 1):
            chunk(given.pool, number, given.seed)
        return 0
    return _pictures(given)


def _add_fit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pool", type=Path, required=True, help="folder of the training prints")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--chunks", type=int)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--start", type=Path, help="state.pt of an earlier run to begin with")


def _fit(given: argparse.Namespace) -> int:
    try:
        from ektp_hw.training.fit import Settings, fit
    except ImportError as error:
        sys.stderr.write(f"training needs PyTorch ({error}); pip install 'ektp_hw[train]'\n")
        return 2
    names = {field.name for field in fields(Settings)} & set(vars(given))
    chosen = {name: vars(given)[name] for name in names if vars(given)[name] is not None}
    fit(Settings(**chosen), given.pool, given.run, device=given.device, start=given.start)
    return 0


def _pictures(given: argparse.Namespace) -> int:
    import cv2

    prints = chunk(given.pool, 0).even[:40]
    rows = [np.hstack(list(prints[first : first + 8])) for first in range(0, 40, 8)]
    cv2.imwrite(str(given.picture), np.vstack(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
