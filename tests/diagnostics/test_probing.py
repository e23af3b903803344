# SPDX-License-Identifier: Apache-2.0
import threading
import time
from dataclasses import dataclass, field

import pytest

from ektp_hw.diagnostics.findings import Finding, Outcome, message
from ektp_hw.diagnostics.probing import run_probes
from ektp_hw.diagnostics.surroundings import Surroundings


@dataclass
class Stub:
    name: str
    stands_on: tuple[str, ...] = ()
    seconds: float = 5.0
    does: object = None
    seen: list = field(default_factory=list)

    def run(self, around, before):
        assert around.root.is_absolute()
        self.seen.extend(before)
        if self.does:
            self.does()
        text = message("probe.checked", probe=self.name)
        return [Finding(self.name, text, text, Outcome.SOUND)]


def outcomes(report):
    return {each.probe: each.outcome for each in report.findings}


def test_probes_get_the_findings_they_stand_on():
    below, above = Stub("link.x"), Stub("link.y", stands_on=("link.x", "not.there"))
    report = run_probes([above, below], Surroundings())
    assert [each.probe for each in above.seen] == ["link.x"]
    assert [each.probe for each in report.findings] == ["link.y", "link.x"]


def test_what_a_probe_raises_is_a_finding():
    def fail():
        raise RuntimeError("nobody expected this")

    report = run_probes([Stub("a.b", does=fail), Stub("c.d")], Surroundings())
    assert outcomes(report) == {"a.b": Outcome.UNTESTED, "c.d": Outcome.SOUND}
    assert report.findings[0].evidence["error"] == "RuntimeError: nobody expected this"


@pytest.mark.parametrize("limits", [{"own": 0.1, "all": 30.0}, {"own": 30.0, "all": 0.1}])
def test_a_probe_that_hangs_costs_its_time_and_nothing_else(limits):
    rope = threading.Event()
    hanging = Stub("a.b", seconds=limits["own"], does=lambda: rope.wait(20))
    begun = time.monotonic()
    report = run_probes([hanging, Stub("c.d")], Surroundings(), limit=limits["all"])
    rope.set()
    assert time.monotonic() - begun < 5
    assert outcomes(report) == {"a.b": Outcome.UNTESTED, "c.d": Outcome.SOUND}


def test_probes_run_side_by_side():
    both = threading.Barrier(2, timeout=10)
    report = run_probes([Stub("a.b", does=both.wait), Stub("c.d", does=both.wait)], Surroundings())
    assert set(outcomes(report).values()) == {Outcome.SOUND}


def test_cancelling_ends_the_wait():
    rope, cancel = threading.Event(), threading.Event()
    cancel.set()
    report = run_probes([Stub("a.b", does=lambda: rope.wait(20))], Surroundings(), cancel=cancel)
    rope.set()
    assert outcomes(report) == {"a.b": Outcome.UNTESTED}


def test_a_circle_of_probes_still_ends():
    report = run_probes(
        [Stub("a.b", stands_on=("c.d",)), Stub("c.d", stands_on=("a.b",))], Surroundings()
    )
    assert set(outcomes(report)) == {"a.b", "c.d"}
