# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw gallery plan``."""

import json

import pytest

PLAN = ("gallery", "plan", "--people", "200e6")


@pytest.fixture
def measured(tmp_path):
    path = tmp_path / "measured.json"
    rates = {"first_sights": 3e7, "codes": 3e8, "code_pairs": 2e9, "sketches": 2e6}
    rates |= {"templates": 25e3}
    told = {**rates, "template_bytes": 400.0, "cores": 2, "isa": "avx2", "cpu": "a big one"}
    path.write_text(json.dumps({"measured": told}))
    return path


def test_a_nation(ektp_hw, measured):
    outcome = ektp_hw(*PLAN, "--irises", "2", "--measured", measured)
    assert outcome.code == 0
    first = outcome.out.splitlines()[0]
    assert first.startswith("200 million people with 10 fingers and 2 irises each: ")
    assert "\nAssumed:\n- Measured" in outcome.out
    assert "a big one" in outcome.out
    assert outcome.err == ""


def test_json(ektp_hw, measured):
    told = ektp_hw(*PLAN, "--measured", measured, "--json").json
    assert {"machines", "memory", "disk", "deduplication", "daily", "search"} <= told.keys()
    assert told["growth"] == {"search": 1.0, "deduplication": 2.0}
    assert told["assumptions"]
    assert told["machines"]["needed"] > 1
    more = ektp_hw(*PLAN, "--measured", measured, "--json", "--pair-codes", "0.5").json
    assert more["deduplication"]["core_hours"] > told["deduplication"]["core_hours"]


def test_measures_and_carries_on(ektp_hw, tmp_path):
    outcome = ektp_hw("gallery", "plan", "--people", "1e6", "--seconds", "0.2", "--json")
    assert outcome.code == 0
    assert outcome.json["measured"]["cores"] >= 1
    (tmp_path / "here.json").write_text(outcome.out)
    again = ektp_hw(
        "gallery", "plan", "--people", "1e6", "--measured", tmp_path / "here.json", "--json"
    )
    assert again.json == outcome.json


def test_refused(refused, tmp_path, measured):
    assert "people must be" in refused("gallery", "plan", "--people", "0", "--measured", measured)
    assert "fingers must be" in refused(*PLAN, "--fingers", "11", "--measured", measured)
    (tmp_path / "other.json").write_text("{}")
    assert "no measurement" in refused(*PLAN, "--measured", tmp_path / "other.json")
    assert "--people" in refused("gallery", "plan")
