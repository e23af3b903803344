# SPDX-License-Identifier: Apache-2.0
"""A capacity plan for people to read: what it takes, and what was assumed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ektp_hw.gallery.cluster.capacity import Plan

__all__ = ["assumptions", "sentences"]


def sentences(plan: Plan) -> tuple[str, ...]:
    """Return what the gallery takes."""
    dedup, daily, search = plan.deduplication, plan.daily, plan.search
    return (
        _machines(plan),
        (
            f"Memory {_bytes(plan.memory['bytes'])} and disk {_bytes(plan.disk['bytes'])} in all, "
            "replicas counted; a person and replica take "
            f"{plan.memory['bytes_a_person']:,.0f} and {plan.disk['bytes_a_person']:,.0f} bytes."
            ""
        ),
        (
            f"Everybody against everybody: {_number(dedup['pairs_of_people'])} pairs of people, "
            f"{_number(dedup['core_hours'])} core hours, {_hours(dedup['hours'])}."
        ),
        (
            f"A day's {_number(daily['people'])} newcomers against all and each other: "
            f"{_number(daily['core_hours'])} core hours, {_hours(daily['hours'])}."
        ),
        (
            f"One search among all: {_number(search['core_seconds'])} core seconds, "
            f"{1000 * search['seconds']:,.3g} ms over all machines, at most "
            f"{_number(search['per_second'])} a second; without stages (a) and (b) it would be "
            f"{_number(search['core_seconds_exact'] / 3600)} core hours."
        ),
    )


def assumptions(plan: Plan) -> tuple[str, ...]:
    """Return what was measured, and every assumption that the plan stands on."""
    assumed, demand, held = plan.assumed, plan.demand, plan.bytes_in_memory
    said = [
        _measured(plan),
        (
            f"A machine has {assumed['cores']} cores as fast as this one's, also when all of them "
            f"scan, and {_bytes(assumed['memory'])} of memory; {assumed['busy']:.0%} of the cores' "
            f"time and {assumed['filled']:.0%} of the memory are used."
        ),
        (
            "In a search for one finger stage (a) leaves "
            f"{assumed['kept_at_first_sight']:.3g} of the people to look at closer and stage (b) "
            f"{assumed['kept_by_sketches']:.3g}, and each of several fingers as many times fewer "
            "at (a) as there are, the square of that at (b), all fingers of those found being "
            "compared; in a "
            f"deduplication codes leave {assumed['paired_by_codes']:.3g} of the pairs of fingers, "
            f"the first sight {assumed['paired_at_first_sight']:.3g} and sketches "
            f"{assumed['paired_by_sketches']:.3g}. However many people there are, for "
            "at a share the loss of mates is fixed; so a search grows with N, and deduplication "
            "with N (N - 1) / 2."
        ),
        (
            "Each finger is held against the finger of the same position; for mislabelled ones, "
            "each against every other, stage (a) takes as many times more as there are fingers."
        ),
        (
            f"Codes ({held['code']} bytes), sketches ({held['sketch']}) and {held['row']} bytes "
            "more a finger stay in memory, templates on the disk; each person is on "
            f"{assumed['replicas']} machines. Every machine sees the gallery's folder and maps "
            "what its workers, one a core, look at; the gallery is not encrypted, for workers "
            "decipher all of it, each for itself."
        ),
        (
            f"On the disk {assumed['person_bytes']:.0f} bytes hold what else is known of a person, "
            f"and there is {assumed['spare_disk']:.3g} times the room of all data, for compaction."
        ),
        (
            "The day's newcomers are held against all by a deduplication that goes on, in "
            f"{assumed['hours']:g} hours, the nation is "
            f"deduplicated in {demand['days']:g} days, and at the busiest time "
            f"{demand['searches']:g} searches a second come; the three are not added up."
        ),
        (
            "Not counted: sending questions and collecting answers, three times a search, some "
            "milliseconds; reading templates for stage (c), a block of the disk for each finger "
            "kept; at each worker a byte for every finger of those segments that somebody was "
            "removed from since they were compacted, at most "
            f"{_bytes(_removals(plan))} a machine."
        ),
    ]
    if demand["irises"]:
        said.append(
            f"Irises were not measured: {held['iris']} bytes each, compared after stage (a) at 17 "
            "turns, as many bytes a second as codes."
        )
    return tuple(said)


def _removals(plan: Plan) -> float:
    everybody = plan.demand["people"] * plan.demand["fingers"]
    return everybody * plan.bytes_in_memory["removal"] * plan.assumed["cores"]


def _machines(plan: Plan) -> str:
    demand, need = plan.demand, plan.machines
    given = f"{need['given']} machines were asked for; " if "given" in need else ""
    return (
        f"{_number(demand['people'])} people with {demand['fingers']} fingers and "
        f"{demand['irises']} irises each: {given}{need['needed']} machines are needed, the most of "
        f"{need['for_memory']} for memory, {need['for_deduplication']} for deduplication, "
        f"{need['for_the_day']} for the day's newcomers, {need['for_searches']} for searches and "
        f"{plan.assumed['replicas']} for replicas."
    )


def _measured(plan: Plan) -> str:
    rates = plan.measured
    return (
        f"Measured in seconds of a core, {rates['cores']} at work "
        f"({rates['cpu'] or 'a machine without a name'}, {rates['isa']}): "
        f"{_number(rates['first_sights'])} sketches at first sight, "
        f"{_number(rates['codes'])} codes, {_number(rates['code_pairs'])} pairs of codes, "
        f"{_number(rates['sketches'])} sketches, {_number(rates['templates'])} fingerprints; "
        f"{rates['template_bytes']:.0f} bytes a template. Codes and "
        "sketches were random, templates synthetic. The rest is assumed."
    )


def _number(number: float) -> str:
    for size, word in ((1e15, "quadrillion"), (1e12, "trillion"), (1e9, "billion")):
        if number >= size:
            return f"{number / size:,.3g} {word}"
    if number >= 1e6:
        return f"{number / 1e6:,.4g} million"
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _bytes(number: float) -> str:
    for size, word in ((1e15, "PB"), (1e12, "TB"), (1e9, "GB")):
        if number >= size:
            return f"{number / size:,.3g} {word}"
    return f"{number / 1e6:,.3g} MB"


def _hours(hours: float) -> str:
    if hours >= 48:
        return f"{hours / 24:,.1f} days"
    return f"{hours:,.1f} hours" if hours >= 1 else f"{60 * hours:,.3g} minutes"
