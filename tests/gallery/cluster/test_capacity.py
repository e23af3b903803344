# SPDX-License-Identifier: Apache-2.0
"""The capacity model: counted by hand here, and honest about what it stands on."""

import json
import math
from dataclasses import asdict, fields, replace

import pytest

from ektp_hw import native
from ektp_hw.gallery.cluster.capacity import Assumptions, Demand, plan
from ektp_hw.gallery.cluster.stage_rates import StageRates, measure
from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic import Population

RATES = StageRates(
    first_sights=3e8,
    codes=3e8,
    code_pairs=2e9,
    sketches=2e6,
    templates=25e3,
    template_bytes=400,
    cores=2,
    isa="x",
)
NATION = Demand(people=200e6, fingers=10, irises=0)


def test_counted_by_hand():
    """One finger, no sketches or templates kept: the work is first sights and nothing else."""
    assumed = Assumptions(
        cores=10,
        memory=1e9,
        kept_at_first_sight=0,
        kept_by_sketches=0,
        replicas=1,
        busy=0.5,
        filled=1,
        paired_by_codes=0,
        paired_at_first_sight=0,
        paired_by_sketches=0,
    )
    found = plan(Demand(people=3e6, fingers=1, days=0.5, daily=1000), RATES, assumed)
    assert found.search["core_seconds"] == pytest.approx(0.01)
    assert found.deduplication["pairs_of_people"] == 3e6 * (3e6 - 1) / 2
    assert found.deduplication["core_hours"] * 3600 == pytest.approx(4.5e12 / 2e9, rel=1e-5)
    assert found.daily["core_hours"] * 3600 == pytest.approx(1000 * 3e6 / 2e9, rel=1e-3)
    a_finger = 64 + native.SKETCH_BYTES + 19
    assert found.memory["bytes"] == 3e6 * a_finger
    assert found.disk["bytes"] == 3e6 * (a_finger + 400 + 400) * 1.25
    machines = math.ceil(3e6 * a_finger / 1e9)
    assert found.machines["for_memory"] == found.machines["needed"] == machines
    assert found.search["seconds"] == pytest.approx(0.01 / (machines * 5))
    assert found.search["per_second"] == pytest.approx(machines * 5 / 0.01)


def test_each_stage_costs_what_it_keeps():
    def cost(what, part, **kept):
        return getattr(plan(NATION, RATES, Assumptions(**kept)), what)[part]

    search = ("search", "core_seconds")
    more = cost(*search, kept_at_first_sight=0.3) - cost(*search, kept_at_first_sight=0.2)
    assert more == pytest.approx(0.1 * 200e6 / 2e6), "a tenth by each of ten"
    more = cost(*search, kept_by_sketches=2e-3) - cost(*search, kept_by_sketches=1e-3)
    found = 10 * 1e-3 / 10**2 * 200e6  # people, by each of ten fingers a hundredth
    assert more == pytest.approx(found * 10 / 25e3), "all fingers of those found"
    pairs = plan(NATION, RATES).deduplication["pairs_of_people"]
    dedup = ("deduplication", "core_hours")
    more = cost(*dedup, paired_by_codes=0.02) - cost(*dedup, paired_by_codes=0.01)
    assert more * 3600 == pytest.approx(0.01 * pairs * 10 / RATES.first_sights)
    more = cost(*dedup, paired_at_first_sight=2e-3) - cost(*dedup, paired_at_first_sight=1e-3)
    assert more * 3600 == pytest.approx(1e-3 * pairs * 10 / 2e6)
    more = cost(*dedup, paired_by_sketches=2e-5) - cost(*dedup, paired_by_sketches=1e-5)
    assert more * 3600 == pytest.approx(1e-5 * pairs * 10 / 25e3)
    exact = plan(NATION, RATES).search["core_seconds_exact"]
    assert exact == pytest.approx(200e6 * 10 / 25e3)


def test_growth_is_the_one_that_is_stated():
    small, large = (plan(Demand(people=people), RATES) for people in (1e6, 1e8))
    for what, part in (("search", "core_seconds"), ("deduplication", "core_hours")):
        ratio = getattr(large, what)[part] / getattr(small, what)[part]
        assert math.log(ratio, 100) == pytest.approx(small.growth[what], abs=1e-4)
    assert large.memory["bytes"] == pytest.approx(100 * small.memory["bytes"])


def test_the_machines_needed_are_enough():
    for demand in (
        NATION,
        Demand(people=200e6, days=3),
        Demand(people=1e6, daily=1e6),
        Demand(people=1e7, searches=1e4),
        Demand(people=100),
    ):
        found = plan(demand, RATES)
        assert found.deduplication["hours"] <= demand.days * 24
        assert found.daily["hours"] <= found.assumed["hours"]
        assert found.search["per_second"] >= demand.searches
        room = found.machines["needed"] * found.assumed["memory"] * found.assumed["filled"]
        assert found.memory["bytes"] <= room
        assert found.machines["needed"] >= found.assumed["replicas"]


def test_machines_given():
    needed = plan(NATION, RATES)
    found = plan(NATION, RATES, machines=2 * needed.machines["needed"])
    assert found.machines["given"] == 2 * needed.machines["needed"]
    assert found.deduplication["hours"] == pytest.approx(needed.deduplication["hours"] / 2)
    assert "asked for" in found.sentences[0]


@pytest.mark.parametrize("name", [each.name for each in fields(Assumptions)])
def test_every_assumption_is_said(name):
    """A number that is changed changes a sentence."""
    usual = Assumptions()
    changed = (
        replace(usual, **{name: {"busy": 0.6, "filled": 0.6}.get(name, 0)})
        if (name in {"busy", "filled"})
        else replace(usual, **{name: type(getattr(usual, name))(getattr(usual, name) * 2)})
    )
    assert plan(NATION, RATES, changed).assumptions != plan(NATION, RATES, usual).assumptions


def test_irises_are_counted_and_said_not_to_be_measured():
    without, found = plan(NATION, RATES), plan(replace(NATION, irises=2), RATES)
    assert found.memory["bytes"] - without.memory["bytes"] == 200e6 * 2 * 512 * 2
    assert found.search["core_seconds"] > without.search["core_seconds"]
    assert any("Irises were not measured" in each for each in found.assumptions)
    assert not any("Irises" in each for each in without.assumptions)


def test_written_is_json():
    told = json.loads(json.dumps(plan(NATION, RATES).written(), allow_nan=False))
    assert StageRates.read(told["measured"]) == RATES
    assert told["demand"]["daily"] == 200e3


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Demand, {"people": 0}),
        (Demand, {"people": math.nan}),
        (Demand, {"people": 1e6, "fingers": 11}),
        (Demand, {"people": 1e6, "irises": 3}),
        (Demand, {"people": 1e6, "days": 0}),
        (Assumptions, {"busy": 1.5}),
        (Assumptions, {"kept_at_first_sight": -0.1}),
        (Assumptions, {"cores": 0}),
    ],
)
def test_numbers_that_cannot_be(kind, wrong):
    with pytest.raises(ValueError, match=f"{list(wrong)[-1]} must be"):
        kind(**wrong)


@pytest.mark.parametrize("wrong", [{"codes": 0}, {"sketches": "fast"}, {"templates": math.inf}])
def test_rates_that_cannot_be(wrong):
    with pytest.raises(ValueError, match="measured"):
        StageRates.read({**asdict(RATES), **wrong})
    with pytest.raises(ValueError, match="no measured rates"):
        StageRates.read({"codes": 1.0})


def test_measured_here():
    templates = Population().templates(range(8), int(FingerPosition.RIGHT_INDEX))
    rates = measure(templates, 0.2, cpu="this one")
    assert StageRates.read(rates.written()) == rates
    assert rates.code_pairs > 1e6
    assert rates.codes > rates.first_sights > rates.sketches > rates.templates > 10
    assert 100 < rates.template_bytes < 2000
    with pytest.raises(ValueError, match="at least two"):
        measure(templates[:1])
