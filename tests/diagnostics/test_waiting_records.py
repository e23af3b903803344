# SPDX-License-Identifier: Apache-2.0
import os
import time
from pathlib import Path

import pytest

from ektp_hw.diagnostics.findings import Cause, Outcome, Who
from ektp_hw.diagnostics.probes.records import PROBES
from ektp_hw.diagnostics.probes.saying import broken
from ektp_hw.diagnostics.surroundings import StationProfile, Surroundings
from ektp_hw.diagnostics.wording import LANGUAGES, worded

DAY = 86400


@pytest.fixture
def around(tmp_path):
    (tmp_path / "waiting").mkdir()
    return Surroundings(StationProfile(waiting=Path("/waiting")), tmp_path, {})


def put(around, *days):
    for index, age in enumerate(days):
        path = around.root / "waiting" / f"3673051234567{index:03}-BUDI.sealed"
        path.write_bytes(b"x")
        os.utime(path, (time.time() - age * DAY,) * 2)


def look(around, before=()):
    (found,) = PROBES[0].run(around, before)
    texts = [worded(said, language) for language in LANGUAGES
             for said in (found.checked, found.seen, found.advice) if said]  # fmt: skip
    assert "BUDI" not in f"{texts} {found}", "nothing personal is said"
    assert "3673" not in f"{texts} {found}"
    return found


@pytest.mark.parametrize(
    ("ages", "key"),
    [
        ((), "records.none_wait"),
        ((0.1, 1.5), "records.few_wait"),
        ((0.1, 2, 40), "records.pile_up"),
        ((5, 40), "records.stand_still"),
    ],
)
def test_how_many_and_how_old(around, ages, key):
    put(around, *ages)
    found = look(around)
    assert found.seen.key == key
    assert found.evidence["records"] == len(ages)


def test_the_cause_is_what_the_network_says(around):
    put(around, 40)
    cut = broken("network.provider", "network.line_cut", Cause.PROVIDER, Who.PROVIDER, 0.8)
    assert look(around, [cut]).cause is Cause.PROVIDER
    assert look(around).certainty < 0.6


def test_half_written_files_do_not_wait(around):
    (around.root / "waiting/.new").write_bytes(b"x")
    assert look(around).seen.key == "records.none_wait"


def test_a_folder_that_is_gone(around):
    (around.root / "waiting").rmdir()
    found = look(around)
    assert found.outcome is Outcome.BROKEN
    assert found.cause is Cause.STORAGE


def test_a_folder_that_is_closed(around, monkeypatch):
    (around.root / "waiting").chmod(0o500)
    if os.geteuid() == 0:  # who may write everywhere
        monkeypatch.setattr(os, "access", lambda *_: False)
    assert look(around).cause is Cause.PERMISSION


def test_no_folder_named(tmp_path):
    assert look(Surroundings(StationProfile(), tmp_path, {})).outcome is Outcome.UNTESTED
