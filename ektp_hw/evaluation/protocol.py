# SPDX-License-Identifier: Apache-2.0
"""Which samples of a folder are compared: who is who by the files' names, and the pairs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from ektp_hw.errors import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["Impostors", "Pairs", "identity_of", "pairs_of", "samples_in"]

Impostors = Literal["first", "all"]
"""``first``: first sample of each identity against the first of each other one, as in the
Fingerprint Verification Competitions. ``all``: every pair of samples of different identities."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Indices of the samples compared, shape (n, 2), the lower one first; every pair once."""

    mated: npt.NDArray[np.int64]
    nonmated: npt.NDArray[np.int64]


def identity_of(path: Path) -> str:
    """Return whose sample a file is: its stem up to the last underscore, or the whole stem."""
    return path.stem.rpartition("_")[0] or path.stem


def samples_in(directory: Path, suffixes: Collection[str]) -> list[Path]:
    """Return the files with these endings by identity and number (``_2`` before ``_10``).

    Raises
    ------
    EvaluationError
        If it is no folder, cannot be read, has no such file, or two files of one stem.
    """
    try:
        files = [each for each in directory.iterdir() if each.suffix.lower() in suffixes]
        files = sorted((each for each in files if each.is_file()), key=_natural)
    except NotADirectoryError:
        raise EvaluationError(f"{directory} is no folder; give the folder of samples") from None
    except OSError as error:
        raise EvaluationError(
            f"{directory} cannot be read ({error.strerror or error}); give the folder of samples"
        ) from None
    if not files:
        raise EvaluationError(
            f"{directory} holds no {', '.join(sorted(suffixes))} files; give the folder of samples"
        )
    for one, other in pairwise(files):
        if one.stem == other.stem:
            raise EvaluationError(
                f"{directory}: {one.name} and {other.name} are named as the same sample; "
                "keep one of them"
            )
    return files


def pairs_of(files: Sequence[Path], impostors: Impostors) -> Pairs:
    """Return the mated pairs, each once, and the non-mated pairs that ``impostors`` asks for.

    Raises
    ------
    EvaluationError
        If there are no mated pairs, or no non-mated ones.
    ValueError
        If ``impostors`` is neither ``first`` nor ``all``.
    """
    if impostors not in get_args(Impostors):
        raise ValueError(f"impostors is {impostors!r}; it can be 'first' or 'all'")
    names = [identity_of(each) for each in files]
    firsts = {name: index for index, name in reversed(list(enumerate(names)))}
    mated = [(i, j) for i, j in combinations(range(len(names)), 2) if names[i] == names[j]]
    among = sorted(firsts.values()) if impostors == "first" else range(len(names))
    nonmated = [(i, j) for i, j in combinations(among, 2) if names[i] != names[j]]
    for kind, pairs, need in (
        ("mated", mated, "two samples of an identity, such as 101_1 and 101_2"),
        ("non-mated", nonmated, "samples of two identities, such as 101_1 and 102_1"),
    ):
        if not pairs:
            raise EvaluationError(
                f"{files[0].parent if files else 'the folder'} holds no {kind} pair; "
                f"it needs {need}"
            )
    return Pairs(np.array(mated, np.int64), np.array(nonmated, np.int64))


def _natural(path: Path) -> tuple[str, list[tuple[int, str]], str]:
    words = re.findall(r"\d+|\D+", path.stem)
    order = [(int(word), "") if word.isdecimal() else (-1, word) for word in words]
    return identity_of(path), order, path.name
