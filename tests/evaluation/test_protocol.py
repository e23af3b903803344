# SPDX-License-Identifier: Apache-2.0
"""Who is who in a folder, and which pairs are compared."""

from itertools import combinations
from pathlib import Path

import pytest

from ektp_hw.errors import EvaluationError
from ektp_hw.evaluation.protocol import identity_of, pairs_of, samples_in


@pytest.fixture
def folder(tmp_path):
    for finger in (101, 102, 103):
        for number in (1, 2, 10):
            (tmp_path / f"{finger}_{number}.png").touch()
    (tmp_path / "README.txt").touch()
    (tmp_path / "sub_1.png").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "identity"),
    [("101_3.tif", "101"), ("a_b_7.png", "a_b"), ("alone.png", "alone"), ("_1.png", "_1")],
)
def test_identity(name, identity):
    assert identity_of(Path("folder_9") / name) == identity


def test_samples_in_order(folder):
    names = [each.name for each in samples_in(folder, {".png"})]
    assert names == [
        f"{finger}_{number}.png" for finger in (101, 102, 103) for number in (1, 2, 10)
    ]


def test_fvc_numbers():
    files = [Path(f"{finger}_{number}.tif") for finger in range(101, 111) for number in range(1, 9)]
    first, everything = pairs_of(files, "first"), pairs_of(files, "all")
    assert len(first.mated) == len(everything.mated) == 280
    assert len(first.nonmated) == 45
    assert len(everything.nonmated) == 2880


@pytest.mark.parametrize("impostors", ["first", "all"])
def test_pairs_by_the_definition(folder, impostors):
    files = samples_in(folder, {".png"})
    pairs = pairs_of(files, impostors)
    every = {frozenset(pair) for pair in combinations(files, 2)}
    mated = {pair for pair in every if len({identity_of(each) for each in pair}) == 1}
    nonmated = every - mated
    if impostors == "first":
        nonmated = {pair for pair in nonmated if all(each.stem.endswith("_1") for each in pair)}
    for found, expected in ((pairs.mated, mated), (pairs.nonmated, nonmated)):
        assert len(found) == len(expected)
        assert {frozenset((files[i], files[j])) for i, j in found} == expected
        assert (found[:, 0] < found[:, 1]).all()


def test_unknown_impostors(folder):
    with pytest.raises(ValueError, match="'first' or 'all'"):
        pairs_of(samples_in(folder, {".png"}), "some")


def test_folders_that_cannot_be_evaluated(folder, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    for place, words in (
        (empty, "holds no .png"),
        (tmp_path / "absent", "cannot be read"),
        (folder / "101_1.png", "is no folder"),
    ):
        with pytest.raises(EvaluationError, match=words) as caught:
            samples_in(place, {".png"})
        assert str(place) in str(caught.value)


def test_no_pairs():
    with pytest.raises(EvaluationError, match="no mated pair"):
        pairs_of([Path("x/1_1.png"), Path("x/2_1.png")], "all")
    with pytest.raises(EvaluationError, match="no non-mated pair"):
        pairs_of([Path("x/1_1.png"), Path("x/1_2.png")], "all")


def test_one_sample_in_two_files(folder):
    (folder / "102_2.bmp").touch()
    with pytest.raises(EvaluationError, match=r"102_2\.bmp and 102_2\.png"):
        samples_in(folder, {".png", ".bmp"})
