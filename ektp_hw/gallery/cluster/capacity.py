# SPDX-License-Identifier: Apache-2.0
"""How many machines, how much memory and how many hours a gallery of so many people takes.

Work is counted in comparisons of each stage, and each stage costs what was measured. What was not
measured is an assumption, a number with a name in `Assumptions`, and is said in a sentence with
every plan.

Growth: a stage keeps a fixed share of the people, since at a fixed share its loss of mates is
fixed. So a search grows with the people N, and deduplication with N (N - 1) / 2. Of several fingers
each hands on fewer (`CascadeParameters`), for it takes but one of them to find a person.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from ektp_hw import native
from ektp_hw.gallery.cascade_parameters import CascadeParameters
from ektp_hw.gallery.cluster.plan_in_words import assumptions, sentences

if TYPE_CHECKING:
    from ektp_hw.gallery.cluster.stage_rates import StageRates

__all__ = ["Assumptions", "Demand", "Plan", "plan"]

CODE_BYTES = 8 * native.CODE_WORDS
ROW_BYTES = 8 + 1 + 4 + 2 + 4
"""Beside the code and the sketch of a finger, mapped as they are: enrolment number, position, place
and size of the template; and a worker's own note of the row."""
REMOVAL_BYTES = 1
"""For each finger of a segment that somebody was removed from, at every worker."""
IRIS_BYTES = 512
"""A code of 2048 bits and its mask."""
IRIS_TURNS = 17
"""Turns at which two irises are compared, 8 to either side."""
SECONDS_A_DAY = 86_400


@dataclass(frozen=True)
class Demand:
    """What is wanted.

    Raises
    ------
    ValueError
        If a number cannot be.
    """

    people: float
    fingers: int = 10
    irises: int = 0
    daily: float = 0.0
    """People enrolled a day, each searched among all; a thousandth of the people if 0."""
    searches: float = 1.0
    """Searches a second besides, at the busiest time."""
    days: float = 30.0
    """Days in which the whole gallery is to be deduplicated."""

    def __post_init__(self) -> None:
        _check(
            self,
            people=(1, 1e11),
            fingers=(1, 10),
            irises=(0, 2),
            daily=(0, 1e11),
            searches=(0, 1e9),
            days=(1e-3, 1e5),
        )

    @property
    def newcomers(self) -> float:
        """People enrolled a day."""
        return self.daily or self.people / 1000


@dataclass(frozen=True)
class Assumptions:
    """What was not measured; every one of them is a sentence of the plan.

    Raises
    ------
    ValueError
        If a number cannot be.
    """

    cores: int = 64
    """Of one machine."""
    memory: float = 512e9
    """Bytes of one machine."""
    kept_at_first_sight: float = CascadeParameters.likely
    """Share of the people that stage (a) of a search for one finger leaves to stage (b)."""
    kept_by_sketches: float = CascadeParameters.alike
    """Share of the people that stage (b) of a search for one finger leaves to stage (c)."""
    paired_by_codes: float = 0.001
    """Share of the pairs of fingers that codes leave to the first sight in a deduplication of tens
    of millions; this and the next two are what `finger_sieve` keeps at least."""
    paired_at_first_sight: float = 3e-4
    """Share of the pairs of fingers that the first sight leaves to the sketches."""
    paired_by_sketches: float = 3e-6
    """Share of the pairs of fingers that sketches leave to the full comparison."""
    replicas: int = 2
    """Machines that hold each person."""
    busy: float = 0.7
    """Share of the cores' time that does useful work."""
    filled: float = 0.8
    """Share of the memory that holds people."""
    spare_disk: float = 1.25
    """Disk over data: room for compaction."""
    person_bytes: float = 400.0
    """On the disk for each person's name, number, state and audit."""
    hours: float = 8.0
    """Of a day in which the day's newcomers are searched."""

    def __post_init__(self) -> None:
        _check(
            self,
            cores=(1, 1e6),
            memory=(1e6, 1e16),
            kept_at_first_sight=(0, 1),
            kept_by_sketches=(0, 1),
            paired_by_codes=(0, 1),
            paired_at_first_sight=(0, 1),
            paired_by_sketches=(0, 1),
            replicas=(1, 100),
            busy=(0.01, 1),
            filled=(0.01, 1),
            spare_disk=(1, 10),
            person_bytes=(0, 1e6),
            hours=(0.01, 24),
        )


@dataclass(frozen=True)
class Plan:
    """The answer; hours are of all machines together, core hours of one core.

    Parameters
    ----------
    demand, measured, assumed, bytes_in_memory, growth
        What it was counted from; ``growth`` is the power of the people that the work grows with.
    machines
        How many for each need, and ``needed``, the most of them.
    memory, disk
        Bytes of the whole gallery, replicas counted.
    deduplication, daily, search
        What each takes: ``core_hours`` or ``core_seconds``, and ``hours`` or ``seconds`` on the
        machines needed.
    sentences, assumptions
        All of it for people to read.
    """

    demand: dict[str, float]
    measured: dict[str, Any]
    assumed: dict[str, float]
    bytes_in_memory: dict[str, int]
    growth: dict[str, float]
    machines: dict[str, int]
    memory: dict[str, float]
    disk: dict[str, float]
    deduplication: dict[str, float]
    daily: dict[str, float]
    search: dict[str, float]
    sentences: tuple[str, ...]
    assumptions: tuple[str, ...]

    def written(self) -> dict[str, Any]:
        """Return the plan as plain numbers and text."""
        return asdict(self)


def plan(
    demand: Demand,
    rates: StageRates,
    assumed: Assumptions | None = None,
    *,
    machines: int | None = None,
) -> Plan:
    """Return what the demand takes.

    Parameters
    ----------
    rates
        Measured.
    machines
        Count with so many instead of as many as are needed.
    """
    assumed = assumed or Assumptions()
    people, usable = demand.people, assumed.cores * assumed.busy
    search = people * (
        demand.fingers / rates.first_sights
        + assumed.kept_at_first_sight * (1 / rates.sketches + _irises(demand, rates))
        # Each of k fingers hands on a k-th of a k-th, and all k fingers of those are compared.
        + min(assumed.kept_by_sketches, 1.0) / rates.templates
    )
    pair = demand.fingers * (
        1 / rates.code_pairs
        + assumed.paired_by_codes / rates.first_sights
        + assumed.paired_at_first_sight * (1 / rates.sketches + _irises(demand, rates))
        + assumed.paired_by_sketches / rates.templates
    )
    dedup = pair * people * (people - 1) / 2
    newcomers = demand.newcomers
    day = pair * newcomers * (people + (newcomers - 1) / 2)
    memory, disk = _bytes(demand, assumed, rates)
    need = {
        "for_memory": memory / (assumed.memory * assumed.filled),
        "for_deduplication": dedup / (demand.days * SECONDS_A_DAY * usable),
        "for_the_day": day / (assumed.hours * 3600 * usable),
        "for_searches": search * demand.searches / usable,
    }
    count = {name: max(math.ceil(number), 1) for name, number in need.items()}
    count["needed"] = max(*count.values(), assumed.replicas)
    cores = usable * (machines or count["needed"])
    found = Plan(
        demand=asdict(demand) | {"daily": newcomers},
        measured=rates.written(),
        assumed=asdict(assumed),
        bytes_in_memory={
            "code": CODE_BYTES,
            "sketch": native.SKETCH_BYTES,
            "row": ROW_BYTES,
            "removal": REMOVAL_BYTES,
            "iris": IRIS_BYTES,
        },
        growth={"search": 1.0, "deduplication": 2.0},
        machines=count | ({"given": machines} if machines else {}),
        memory={"bytes": memory, "bytes_a_person": memory / people / assumed.replicas},
        disk={"bytes": disk, "bytes_a_person": disk / people / assumed.replicas},
        deduplication={
            "pairs_of_people": people * (people - 1) / 2,
            "core_hours": dedup / 3600,
            "hours": dedup / cores / 3600,
        },
        daily={"people": newcomers, "core_hours": day / 3600, "hours": day / cores / 3600},
        search={
            "core_seconds": search,
            "core_seconds_exact": people * demand.fingers / rates.templates,
            "seconds": search / cores,
            "per_second": cores / search,
        },
        sentences=(),
        assumptions=(),
    )
    return replace(found, sentences=sentences(found), assumptions=assumptions(found))


def _irises(demand: Demand, rates: StageRates) -> float:
    """Return core seconds of holding all irises of one person against those of another."""
    return demand.irises * IRIS_TURNS * IRIS_BYTES / CODE_BYTES / rates.codes


def _bytes(demand: Demand, assumed: Assumptions, rates: StageRates) -> tuple[float, float]:
    """Return memory and disk of the whole gallery."""
    row = CODE_BYTES + native.SKETCH_BYTES + ROW_BYTES
    person = demand.fingers * row + demand.irises * IRIS_BYTES
    stored = person + demand.fingers * rates.template_bytes + assumed.person_bytes
    copies = demand.people * assumed.replicas
    return person * copies, stored * copies * assumed.spare_disk


def _check(numbers: Demand | Assumptions, **limits: tuple[float, float]) -> None:
    for each in fields(numbers):
        low, high = limits[each.name]
        value = getattr(numbers, each.name)
        if not low <= value <= high:
            raise ValueError(f"{each.name} must be {low:g} to {high:g}, not {value:g}")
