# SPDX-License-Identifier: Apache-2.0
import json
import sys
import zipfile
from pathlib import Path

import pytest

import stub_station
from ektp_hw.cli.doctor import language_of
from ektp_hw.diagnostics import letter_history, probes
from stub_station import Outcome, five_months


@pytest.fixture(autouse=True)
def _own_home(monkeypatch, tmp_path):
    """Keep the station's key and profile out of the home of whoever runs the tests."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture
def station(monkeypatch):
    """Let the doctor find what is named: ``station(cable=Outcome.BROKEN)``."""

    def finds(**outcomes):
        monkeypatch.setattr(probes, "all_probes", lambda: stub_station.probes(**outcomes))
        monkeypatch.setattr(probes, "causes_of_probes", lambda: stub_station.CAUSES)

    finds()
    return finds


def test_a_healthy_station_is_healthy(ektp_hw, station):
    del station
    outcome = ektp_hw("doctor")
    assert outcome.code == 0
    assert outcome.out.startswith("Everything works.\n")


def test_the_verdict_comes_first_then_why_and_what_to_do(ektp_hw, station):
    station(cable=Outcome.BROKEN, capture=Outcome.BROKEN, iris=Outcome.UNTESTED)
    outcome = ektp_hw("doctor", "--lang", "id")
    assert outcome.code == 1
    lines = outcome.out.splitlines()
    assert lines[0].startswith("Yang terganggu adalah kabel atau catu daya:")
    parts = ["Bukti", "Sudah diperiksa dan berfungsi", "Tidak dapat diperiksa",
             "Tindakan yang dimohon"]  # fmt: skip
    assert [line for line in lines if line in parts] == parts
    assert "Teknisi" in outcome.out
    assert "penyedia jaringan" in outcome.out
    assert max(map(len, lines)) <= 96


def test_json_has_everything_that_is_promised(ektp_hw, station):
    station(cable=Outcome.BROKEN, capture=Outcome.BROKEN)
    outcome = ektp_hw("doctor", "--json")
    assert outcome.code == 1
    answer = outcome.json
    assert answer["verdict"]["cause"] == "cable_or_power"
    assert answer["verdict"]["decided"] is True
    assert answer["verdict"]["certainty"] == 0.9
    assert [each["probe"] for each in answer["faults"][0]["chain"]] == ["stub.capture"]
    assert {each["probe"] for each in answer["findings"]} == set(stub_station.CAUSES)
    assert all("evidence" in each for each in answer["findings"])
    assert {each["cause"] for each in answer["ruled_out"]} == {"iris", "provider"}
    assert answer["untested"] == []
    assert answer["seconds"] >= 0
    assert answer["version"]
    assert set(answer["station"]) == {"name", "district", "code"}
    assert len(answer["hash"]) == 64


def test_nothing_to_check_is_undecided_and_not_healthy(ektp_hw, monkeypatch):
    monkeypatch.setattr(probes, "all_probes", list)
    monkeypatch.setattr(probes, "causes_of_probes", dict)
    outcome = ektp_hw("doctor", "--json")
    assert outcome.code == 1
    verdict = outcome.json["verdict"]
    assert (verdict["cause"], verdict["decided"], verdict["healthy"]) == (None, False, False)


def test_the_profile_names_the_station(ektp_hw, station, tmp_path, refused):
    del station
    profile = tmp_path / "station.toml"
    profile.write_text('name = "Cipocok Jaya"\ncode = "36.73.05"\n')
    assert ektp_hw("doctor", "--profile", profile, "--json").json["station"]["code"] == "36.73.05"
    assert "nowhere.toml" in refused("doctor", "--profile", tmp_path / "nowhere.toml")


def test_letters_are_written_checked_and_found_out(ektp_hw, station, tmp_path):
    station(provider=Outcome.BROKEN)
    page, pdf, plain = (tmp_path / f"surat.{each}" for each in ("html", "pdf", "json"))
    outcome = ektp_hw(
        "doctor", "--lang", "id", "--report", page, "--report", pdf, "--report", plain
    )
    assert outcome.code == 1
    assert pdf.read_bytes().startswith(b"%PDF-")
    hashed = json.loads(plain.read_text())["hash"]
    assert hashed in page.read_text()
    assert f"SHA-256: {hashed}" in outcome.out
    for file in (page, plain):
        checked = ektp_hw("doctor", "--check", file)
        assert checked.code == 0
        assert "signed with the key" in checked.out
        file.write_text(file.read_text().replace("penyedia jaringan", "layanan pusat"))
        checked = ektp_hw("doctor", "--check", file, "--json")
        assert checked.code == 1
        assert checked.json["mark"] == "altered"


def test_what_cannot_be_written_is_said_before_anything_is_checked(refused, monkeypatch, tmp_path):
    monkeypatch.setattr(probes, "all_probes", pytest.fail)
    assert ".docx" in refused("doctor", "--report", "surat.docx")
    assert "nowhere" in refused("doctor", "--report", tmp_path / "nowhere" / "surat.html")
    assert ".zip" in refused("doctor", "--bundle", "x.tar")
    assert "--yes" in refused("doctor", "--bundle", "x.zip", "--json")
    assert "alone" in refused("doctor", "--live", "--json")
    assert "terminal" in refused("doctor", "--live")
    assert "150d" in refused("doctor", "--history", "long")
    assert "pip install" in _without_reportlab(refused, monkeypatch, tmp_path)


def _without_reportlab(refused, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "reportlab", None)
    return refused("doctor", "--report", tmp_path / "surat.pdf")


def test_many_days_are_told_from_the_journal(ektp_hw, station, monkeypatch, tmp_path):
    station(cable=Outcome.BROKEN)
    asked = []

    def journal(days):
        asked.append(days)
        return five_months()

    monkeypatch.setattr(letter_history, "history_for_letter", journal)
    outcome = ektp_hw("doctor", "--history", "150d")
    assert asked == [150]
    assert "20 January 2026 to 18 June 2026 (150 days)" in " ".join(outcome.out.split())
    page = tmp_path / "surat.html"
    ektp_hw("doctor", "--report", page)
    assert "150 days" in page.read_text(), "a letter tells of the journal unasked"
    lanes = ektp_hw("doctor", "--history", "150d", "--json").json["history"]["lanes"]
    assert {lane["cause"] for lane in lanes} >= {"fingerprint", "provider"}


def test_a_bundle_is_shown_before_it_is_written(ektp_hw, station, tmp_path, monkeypatch):
    del station
    bundle = tmp_path / "bundle.zip"
    monkeypatch.setattr("sys.stdin", __import__("io").StringIO("n\n"))
    outcome = ektp_hw("doctor", "--bundle", bundle)
    assert "findings.json" in outcome.out
    assert not bundle.exists()
    outcome = ektp_hw("doctor", "--bundle", bundle, "--yes")
    assert outcome.code == 0
    with zipfile.ZipFile(bundle) as archive:
        assert archive.testzip() is None
        assert {"findings.json", "letter.html", "contents.txt"} <= set(archive.namelist())
        assert all(name in outcome.out for name in archive.namelist())


def test_a_half_installed_package_is_examined_all_the_same(ektp_hw, station, monkeypatch):
    station(cable=Outcome.BROKEN)
    for name in ("rich", "jinja2", "reportlab"):
        monkeypatch.setitem(sys.modules, name, None)
    assert ektp_hw("doctor", "--json").json["verdict"]["cause"] == "cable_or_power"
    assert "is broken" in ektp_hw("doctor").out
    assert "'jinja2'" in ektp_hw("doctor", "--report", "surat.html").err


def test_whatever_a_probe_reads_is_told(ektp_hw, monkeypatch):
    evidence = {"rate": float("nan"), "place": Path("/x"), "count": 5, "share": 0.5}
    probe = stub_station.Probe(stub_station.finding("stub.iris", evidence=evidence))
    monkeypatch.setattr(probes, "all_probes", lambda: [probe])
    monkeypatch.setattr(probes, "causes_of_probes", lambda: stub_station.CAUSES)
    told = ektp_hw("doctor", "--json").json["findings"][0]["evidence"]
    assert told == {"rate": None, "place": "/x", "count": 5, "share": 0.5}


@pytest.mark.parametrize(
    ("environment", "language"),
    [({"LANG": "id_ID.UTF-8"}, "id"), ({"LANG": "en_GB"}, "en"), ({}, "en"), ({"LANG": "id"}, "id"),
     ({"LANG": "id_ID", "LC_ALL": "C"}, "en"), ({"LANG": "idx"}, "en")],
)  # fmt: skip
def test_the_language_is_the_locale_s(environment, language):
    assert language_of(environment) == language
