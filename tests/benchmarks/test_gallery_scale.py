# SPDX-License-Identifier: Apache-2.0
"""The benchmarks of scale run and count right, on galleries of a hundred people."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "benchmarks" / "gallery_scale.py"


def run(command, folder, *arguments):
    told = folder.with_name(f"{folder.name}.{command}.json")
    subprocess.run(
        [sys.executable, BENCH, command, folder, *map(str, arguments), "--json", told],
        check=True,
        capture_output=True,
        timeout=300,
    )
    return json.loads(told.read_text(encoding="utf-8"))["figures"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("scale") / "gallery"
    run("build", path, "--people", 50, "--hand", "two", "--duplicate-every", 10)
    figures = run("build", path, "--people", 100, "--hand", "two", "--duplicate-every", 10)
    assert figures["planted duplicates"] == 10
    return path


def test_mates_are_found_first(folder):
    figures = run("loss", folder, "--probes", 10, "--exact", 2)
    assert figures["synthetic"]["rank 1"]["share"] == 1
    assert figures["synthetic"]["search, ms"]["median"] > 0


def test_strangers_score_below_mates(folder):
    figures = run("people", folder, "--mates", 10, "--strangers", 10)
    assert figures["best stranger"]["100 %"] < figures["mates"]["50 %"]
    at = figures["at"]["no stranger seen"]
    assert at["FPIR"]["count"] == 0
    assert at["FPIR"]["high"] == pytest.approx(1 - 0.05**0.1)


def test_planted_duplicates_are_found_and_nobody_else(folder):
    figures = run("dedup", folder)
    assert figures["planted found"]["count"] == figures["planted found"]["of"] == 10
    assert figures["false alarms"] == 0


def test_growth_has_a_row_a_size_and_a_plot(tmp_path):
    plot, folders = tmp_path / "growth.png", [tmp_path / "large", tmp_path / "small"]
    for folder, people in zip(folders, (80, 40), strict=True):
        run("build", folder, "--people", people)
    measured = run("dedup", folders[0])
    known = ("--known", tmp_path / "large.dedup.json")
    figures = run("growth", *folders, "--probes", 3, "--plot", plot, *known)
    assert [row["people"] for row in figures["sizes"]] == [40, 80]
    assert figures["sizes"][1]["dedup"] == measured
    assert set(figures["exponents"]) == {"search", "dedup"}
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_another_recipe_in_the_same_folder_is_refused(folder):
    with pytest.raises(subprocess.CalledProcessError) as refused:
        run("build", folder, "--people", 200, "--hand", "one")
    assert b"another recipe" in refused.value.stderr
