# SPDX-License-Identifier: Apache-2.0
"""The recorder and its journal from the command line."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from ektp_hw.diagnostics.journal import read_journal, verify
from simulated_station import five_months_at_cipocok_jaya


@pytest.fixture
def journal(tmp_path):
    return five_months_at_cipocok_jaya(tmp_path / "journal.ektp")


def test_one_look(ektp_hw, tmp_path):
    profile = tmp_path / "station.toml"
    profile.write_text('name = "Curug"\ndistrict = "Kota Serang"\n')
    path = tmp_path / "journal.ektp"
    answer = ektp_hw("watch", "--once", "--journal", path, "--profile", profile)
    assert answer.code in {0, 1}, answer
    assert "recorded" in answer.out
    assert read_journal(path).station == ("Curug", "Kota Serang", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_properly(tmp_path, number):
    path = tmp_path / "journal.ektp"
    command = [sys.executable, "-m", "ektp_hw.cli", "watch", "--every", "1", "--journal", str(path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert b"recording" in process.stderr.readline()
        end = time.monotonic() + 60
        while not path.with_name("journal.ektp.alive").exists() and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(number)
        assert process.wait(30) == 0
        assert process.stderr.read() == b""
    assert [each[0] for each in read_journal(path).records[-2:]] == ["E", "Z"]
    assert verify(path).is_whole


def test_history(ektp_hw, journal):
    answer = ektp_hw("journal", "history", "--journal", journal, "--lang", "id")
    assert answer.code == 1
    assert "Cipocok Jaya, Kota Serang, 36.73.05" in answer.out
    assert "bersamaan 15 kali" in answer.out
    plain = ektp_hw("journal", "history", "--journal", journal, "--last", "5m", "--json")
    assert plain.json["journal"]["whole"]
    assert len(plain.json["faults"]) == 2


def test_verify(ektp_hw, journal):
    key = ektp_hw("journal", "take-key", "--journal", journal).out.strip()
    assert ektp_hw("journal", "verify", "--journal", journal, "--key", key).code == 0
    content = bytearray(journal.read_bytes())
    content[3000] ^= 1
    journal.write_bytes(content)
    answer = ektp_hw("journal", "verify", "--journal", journal, "--lang", "en")
    assert answer.code == 1
    line = bytes(content[:3000]).count(b"\n") + 1
    assert f"line {line} is not what was written" in answer.out


def test_turned_away(ektp_hw, tmp_path):
    path = tmp_path / "journal.ektp"
    assert ektp_hw("journal", "turned-away", "device", "--count", 4, "--journal", path).code == 0
    ektp_hw("watch", "--once", "--journal", path)
    answer = ektp_hw("journal", "history", "--journal", path, "--json")
    assert answer.json["turned_away_by_reason"] == {"device": 4}


def test_the_unit(ektp_hw, tmp_path):
    answer = ektp_hw("watch", "--unit", "--user", "clerk")
    assert answer.code == 0
    for line in ("User=clerk", "NoNewPrivileges=yes", "ProtectSystem=strict", "KillSignal=SIGTERM"):
        assert line in answer.out.splitlines()
    assert "@user@" not in answer.out
    assert "@command@" not in answer.out
    if shutil.which("systemd-analyze"):
        unit = tmp_path / "ektp-hw-watch.service"
        text = answer.out.replace("User=clerk", f"User={_somebody()}")
        unit.write_text(text)
        checked = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(unit)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        about = [line for line in checked.stderr.splitlines() if "ektp-hw-watch" in line]
        assert about == []


def _somebody():
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def test_what_cannot_be_used_is_refused(refused, tmp_path):
    assert "no number of days" in refused("journal", "history", "--last", "soon")
    assert "cannot be read" in refused("journal", "verify", "--journal", tmp_path / "absent")
    assert "cannot be the name" in refused("watch", "--unit", "--user", "a b")
    assert "--user is for --unit" in refused("watch", "--user", "clerk")
    (tmp_path / "letter").write_text("no journal")
    assert "not a journal" in refused("watch", "--once", "--journal", tmp_path / "letter")
    assert "no journal" in refused("fleet", tmp_path)


def test_fleet(ektp_hw, journal, tmp_path):
    page = tmp_path / "page.html"
    answer = ektp_hw("fleet", journal.parent, "--html", page, "--lang", "id")
    assert answer.code == 0
    assert "1 tempat perekaman di 1 kabupaten/kota" in answer.out
    assert "Cipocok Jaya" in page.read_text("utf-8")
    assert ektp_hw("fleet", journal, "--json").json["stations"] == 1
