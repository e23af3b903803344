# SPDX-License-Identifier: Apache-2.0
"""Every command as documented: exit codes, JSON keys, nothing but JSON where JSON is asked for."""

import json
import re
import subprocess
import sys

import click
import numpy as np
import pytest
from PIL import Image

from ektp_hw import __version__, native
from ektp_hw.cli.__main__ import commands
from ektp_hw.templates import FingerprintTemplate


def every_command(group=commands, path=()):
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))


@pytest.mark.parametrize(("path", "command"), list(every_command()), ids=str)
def test_help_teaches(ektp_hw, path, command):
    outcome = ektp_hw(*path, "--help")
    assert outcome.code == 0
    assert re.search(r"Examples?(, without hardware)?:\n +(\S+=\S+ )?ektp-hw ", outcome.out)
    if not isinstance(command, click.Group) and path[0] != "bench":
        assert "Exit codes: 0" in outcome.out


def test_version(ektp_hw):
    assert ektp_hw("--version").out == f"ektp-hw {__version__}\n"


def test_no_arguments_shows_help(ektp_hw):
    assert ektp_hw().out.startswith("Usage: ektp-hw")
    assert ektp_hw("gallery").out.startswith("Usage: ektp-hw gallery")


def test_starts_without_anything_heavy():
    script = (
        "import sys; from ektp_hw.cli.__main__ import run; run(['--help']);"
        "print(*{'numpy', 'numba', 'cv2', 'rich', 'jinja2', 'PIL'} & set(sys.modules))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert finished.stdout.splitlines()[-1] == ""


def test_reader_of_our_output_may_go_away():
    script = f"{sys.executable} -m ektp_hw.cli --help | true"
    finished = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert "Traceback" not in finished.stderr


def test_our_own_mistake_is_one_sentence_too(ektp_hw, monkeypatch, prints):
    def broken(*_):
        raise RuntimeError("a slip\nand more")

    monkeypatch.setattr("ektp_hw.fingerprint.compare", broken)
    outcome = ektp_hw("compare", prints / "1_1.png", prints / "1_2.png")
    assert outcome.code == 70
    assert outcome.err.count("\n") == 1
    assert "RuntimeError: a slip" in outcome.err
    with pytest.raises(RuntimeError):
        ektp_hw("--debug", "compare", prints / "1_1.png", prints / "1_2.png")


def test_interrupted(ektp_hw, monkeypatch, prints):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("ektp_hw.fingerprint.compare", interrupt)
    outcome = ektp_hw("compare", prints / "1_1.png", prints / "1_2.png")
    assert (outcome.code, outcome.err.strip()) == (130, "ektp-hw: interrupted")


def test_extract(ektp_hw, prints, tmp_path):
    files = sorted(prints.glob("*.png"))
    rows = ektp_hw(
        "extract", *files, "--out", tmp_path / "t", "--trace", tmp_path / "s", "--json"
    ).json
    assert [row["file"] for row in rows] == [str(path) for path in files]
    for row, path in zip(rows, files, strict=True):
        stored = (tmp_path / "t" / f"{path.stem}.ekft").read_bytes()
        assert len(FingerprintTemplate.from_bytes(stored)) == row["minutiae"] > 10
    steps = {path.name.split(".")[1] for path in (tmp_path / "s").glob("1_1.*.png")}
    assert {"orientation", "evened", "scores"} <= steps
    classical = ("--method", "classical", "--trace", tmp_path / "c")
    ektp_hw("extract", files[0], *classical)
    steps = {path.name.split(".")[1] for path in (tmp_path / "c").glob("1_1.*.png")}
    assert {"orientation", "enhanced", "skeleton"} <= steps
    assert "1_1.png" in ektp_hw("extract", files[0]).out


def test_compare(ektp_hw, prints, tmp_path):
    same = ektp_hw("compare", prints / "1_1.png", prints / "1_2.png", "--json")
    assert same.code == 0
    assert same.json["match"]
    assert same.json["score"] >= same.json["threshold"]
    strangers = ektp_hw("compare", prints / "1_1.png", prints / "2_1.png")
    assert strangers.code == 1
    assert strangers.out.startswith("not shown to be one finger")
    ektp_hw("extract", prints / "1_1.png", "--out", tmp_path)
    stored = ektp_hw("compare", tmp_path / "1_1.ekft", prints / "1_2.png", "--json")
    assert stored.json["score"] == same.json["score"]
    strict = ektp_hw("compare", prints / "1_1.png", prints / "1_2.png", "--threshold", "99")
    assert strict.code == 1


def test_evaluate(ektp_hw, prints):
    figures = ektp_hw("evaluate", "fingerprint", prints, "--impostors", "all", "--json").json
    assert {"images": 6, "failures": 0, "mated": 3, "nonmated": 12, "threads": 1}.items() <= (
        figures.items()
    )
    rates = {"eer", "fmr100", "fmr1000", "fmr10000", "zero_fmr"}
    assert all(0 <= figures[rate] <= 1 for rate in rates)
    assert figures["extract_ms_median"] > 0
    assert figures["compare_us_median"] > 0
    assert "eer" in ektp_hw("evaluate", "fingerprint", prints).out


def test_gallery(ektp_hw, prints, tmp_path):
    people = tmp_path / "people"
    firsts = sorted(prints.glob("*_1.png"))
    assert ektp_hw("gallery", "enrol", people, *firsts, "--json").json["people"] == 3

    none = ektp_hw("gallery", "dedup", people, "--json")
    assert (none.code, none.json["duplicates"], none.json["pairs_compared"]) == (0, [], 3)

    found = ektp_hw("gallery", "search", people, prints / "2_2.png", "--json")
    assert found.code == 0
    assert found.json["candidates"][0]["id"] == "2_1"
    assert found.json["outcome"] == "duplicate"
    assert found.json["false_alarm"] < 1e-4

    again = ("gallery", "enrol", people, "--id", "again", f"right-index={prints / '2_2.png'}")
    assert ektp_hw(*again, "--name", "A Name").out.endswith("1 enrolled, 4 people now\n")
    twice = ektp_hw("gallery", "dedup", people, "--json")
    assert twice.code == 1
    assert [(pair["a"], pair["b"]) for pair in twice.json["duplicates"]] == [("2_1", "again")]
    assert "again" in ektp_hw("gallery", "dedup", people).out
    resumed = ektp_hw("gallery", "dedup", people, "--resume", twice.json["position"], "--json")
    assert (resumed.code, resumed.json["duplicates"]) == (0, [])
    journal = tmp_path / "night.journal"
    for _ in range(2):
        kept = ektp_hw("gallery", "dedup", people, "--exact", "--journal", journal, "--json")
        assert kept.json["duplicates"] == twice.json["duplicates"]
    many = f"local://?path={people}&workers=2"
    shared = ektp_hw("gallery", "search", many, prints / "2_2.png", "--exact", "--json")
    assert shared.json["candidates"][0]["id"] in {"2_1", "again"}
    pairs = ektp_hw("gallery", "dedup", many, "--json").json["duplicates"]
    assert pairs == twice.json["duplicates"]
    wrong = ektp_hw("gallery", "dedup", "local://?workers=2")
    assert (wrong.code, "path" in wrong.err) == (2, True)
    other = ektp_hw("gallery", "dedup", people, "--tolerant", "--journal", journal)
    assert (other.code, "another deduplication" in other.err) == (2, True)

    assert ektp_hw("gallery", "info", people, "--json").json["people"] == 4
    verified = ektp_hw("gallery", "verify", people, "--json")
    assert (verified.code, verified.json) == (0, {"findings": [], "damage": []})


def test_swapped_hands_are_found_and_said(ektp_hw, prints, tmp_path):
    people = tmp_path / "people"
    right, left = (prints / f"{finger}_1.png" for finger in (1, 2))
    ektp_hw("gallery", "enrol", people, "--id", "1", f"right-index={right}", f"left-index={left}")
    swapped = f"right-index={left}", f"left-index={right}"
    assert ektp_hw("gallery", "search", people, *swapped).code == 1
    found = ektp_hw("gallery", "search", people, *swapped, "--tolerant")
    assert (found.code, "left and right were swapped" in found.out) == (0, True)


def test_removed_compacted_and_told(ektp_hw, prints, tmp_path):
    people = tmp_path / "people"
    ektp_hw("gallery", "enrol", people, *sorted(prints.glob("*_1.png")))
    gone = ektp_hw("gallery", "remove", people, "2_1")
    assert gone.out == f"{people}: 1 removed, 2 people now\n"
    assert ektp_hw("gallery", "remove", people, "2_1").code == 2
    ektp_hw("gallery", "enrol", people, prints / "2_1.png")
    assert "1 removed" in ektp_hw("gallery", "remove", people, "2_1", "--erase").out
    done = ektp_hw("gallery", "compact", people, "--json")
    assert done.json.keys() >= {"rows_dropped", "segments_after"}
    assert "dropped" in ektp_hw("gallery", "compact", people).out
    trail = ektp_hw("gallery", "audit", people, "--json").json
    told = [(each["action"], each["id"]) for each in trail if each["action"] != "compact"]
    assert told[2:] == [("enrol", "3_1"), ("remove", "2_1"), ("enrol", "2_1"), ("erase", "2_1")]
    assert all(each["actor"] and each["at"] for each in trail)
    assert "erase" in ektp_hw("gallery", "audit", people).out


def test_damage_is_located(ektp_hw, prints, tmp_path):
    people = tmp_path / "people"
    ektp_hw("gallery", "enrol", people, *sorted(prints.glob("*_1.png")))
    (segment,) = (people / "segments").iterdir()
    stored = bytearray(segment.read_bytes())
    stored[100] ^= 1  # in the first finger's code
    segment.write_bytes(stored)
    told = ektp_hw("gallery", "verify", people, "--json")
    (damage,) = told.json["damage"]
    assert told.code == 1
    assert told.json["findings"] == [damage["sentence"]]
    assert (damage["segment"], damage["block"], damage["rows"]) == (1, 0, [0, 3])
    assert (damage["columns"], damage["people"]) == (["codes"], ["1_1", "2_1", "3_1"])
    assert "block 0" in ektp_hw("gallery", "verify", people).out
    ektp_hw("gallery", "compact", people)
    assert ektp_hw("gallery", "verify", people).code == 0


def test_encrypted(ektp_hw, prints, tmp_path, monkeypatch):
    people, key = tmp_path / "people", tmp_path / "key"
    key.write_text("a passphrase\n")
    ektp_hw("gallery", "enrol", people, prints / "2_1.png", "--key-file", key)
    assert ektp_hw("gallery", "info", people).code == 2
    told = ektp_hw("gallery", "info", people, "--json", "--key-file", key).json
    assert (told["people"], told["encrypted"]) == (1, True)
    monkeypatch.setenv("EKTP_HW_GALLERY_KEY_FILE", str(key))
    assert ektp_hw("gallery", "search", people, prints / "2_2.png").code == 0
    assert ektp_hw("gallery", "verify", people).code == 0
    assert ektp_hw("gallery", "dedup", people).code == 0
    assert ektp_hw("gallery", "remove", people, "2_1", "--erase").code == 0
    assert ektp_hw("gallery", "compact", people).code == 0
    key.write_text("another")
    assert ektp_hw("gallery", "audit", people).code == 2


def test_search_that_finds_nobody(ektp_hw, prints, tmp_path):
    ektp_hw("gallery", "enrol", tmp_path / "people", prints / "1_1.png")
    outcome = ektp_hw("gallery", "search", tmp_path / "people", prints / "2_1.png")
    assert outcome.code == 1
    assert "nobody" in outcome.out


@pytest.mark.parametrize(
    ("kind", "unit"),
    [("extract", "images/s"), ("compare", "comparisons/s"), ("search", "fingers/s")],
)
def test_bench(ektp_hw, prints, kind, unit):
    size = ("--gallery", "50") if kind == "search" else ()
    answer = ektp_hw("bench", kind, *size, "--images", prints, "--seconds", "0.1", "--json").json
    assert answer["rate"] > 0
    assert answer["unit"] == unit
    assert answer["threads"] == 1
    assert answer["isa"] == native.isa().name.lower()
    assert answer["gallery"] == (50 if kind == "search" else None)
    assert {"cpu", "numpy", "numba"} <= answer.keys()
    if kind != "extract":
        assert answer["minutiae_median"] > 10


def test_bench_extract_of_a_road_by_its_name(ektp_hw, prints):
    answer = ektp_hw(
        "bench", "extract", "--method", "learned", "--images", prints, "--seconds", "0.1", "--json"
    ).json
    assert answer["method"] == "learned"
    assert answer["rate"] > 0


def test_bench_scan(ektp_hw):
    answer = ektp_hw("bench", "scan", "--gallery", "3000", "--seconds", "0.1", "--json").json
    assert answer["unit"] == "codes/s"
    assert answer["gallery"] == 3000
    assert answer["bytes_per_second"] == 64 * answer["rate"]
    assert answer["nearest_kept"] == 1000
    assert min(answer["rate"], answer["nearest_rate"], answer["pairs_rate"]) > 0


def test_bench_search_among_synthetic_people(ektp_hw, tmp_path):
    command = ("bench", "search", "--gallery", "30", "--fingers", "2", "--seconds", "0.1", "--json")
    answer = ektp_hw(*command, "--at", tmp_path / "people").json
    assert answer["first"] > 0.9
    assert answer["search_ms"] == pytest.approx(60_000 / answer["rate"])
    again = ektp_hw(*command, "--at", tmp_path / "people").json
    assert (again["minutiae_median"], again["first"]) == (answer["minutiae_median"], 1.0)
    others = ektp_hw("bench", "search", "--gallery", "20", "--at", tmp_path / "people")
    assert others.code == 2
    assert "30 people with 60 fingers" in others.err


def test_bench_dedup_finds_what_it_planted(ektp_hw, tmp_path):
    command = ("bench", "dedup", "--gallery", "40", "--json", "--at", tmp_path / "people")
    answer = ektp_hw(*command, "--duplicates", "4").json
    assert answer["unit"] == "pairs/s"
    assert answer["duplicates"] == 4
    assert answer["found"] >= 0.75
    assert answer["false_pairs"] == 0
    assert ektp_hw(*command, "--duplicates", "3").code == 2


def test_devices(ektp_hw):
    uris = [row["uri"] for row in ektp_hw("devices", "--json").json]
    assert "virtual:fingerprint" in uris
    kinds = {row["kind"] for row in ektp_hw("devices", "--kind", "fingerprint", "--json").json}
    assert kinds == {"fingerprint"}
    assert "virtual:fingerprint" in ektp_hw("devices").out


def test_supported_devices(ektp_hw):
    rows = ektp_hw("devices", "--supported", "--json").json
    zk4500 = next(row for row in rows if row["driver"] == "zk4500")
    assert "1b55:0840" in [each["id"] for each in zk4500["usb_ids"]]
    assert "zk4500" in ektp_hw("devices", "--supported").out


def test_capture_of_every_other_kind(ektp_hw, tmp_path):
    for kind, suffix in (("iris", ".png"), ("signature", ".csv"), ("card", ".json")):
        outcome = ektp_hw("capture", kind, "--device", f"virtual:{kind}", "--out", tmp_path)
        path = tmp_path / f"{kind}-1{suffix}"
        assert outcome.out.startswith(f"{path}: captured")
        assert path.stat().st_size > 100
    assert "answer_to_reset" in json.loads((tmp_path / "card-1.json").read_text())


def test_capture(ektp_hw, tmp_path):
    call = (
        "capture",
        "fingerprint",
        "--device",
        "virtual:fingerprint",
        "--out",
        tmp_path,
        "--json",
    )
    paths = [ektp_hw(*call).json["file"] for _ in range(2)]
    assert len(set(paths)) == 2
    with Image.open(paths[0]) as picture:
        assert np.asarray(picture).std() > 10
        assert picture.info["dpi"][0] == pytest.approx(500, abs=0.1)
