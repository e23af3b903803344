# SPDX-License-Identifier: Apache-2.0
"""A station whose probes say what a test wants, and a journal of 150 days in which it breaks."""

import random
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone

from ektp_hw.diagnostics.chronicle import Lane, Outage
from ektp_hw.diagnostics.examination import examine
from ektp_hw.diagnostics.findings import Cause, Finding, Outcome, Who, message
from ektp_hw.diagnostics.letter_history import LetterHistory, LetterPhase
from ektp_hw.diagnostics.surroundings import StationProfile, Surroundings

PROFILE = StationProfile("Cipocok Jaya", "Kota Serang", "36.73.05")
SCANNER = "usb:1b55:0840@1-4"
CAUSES = {
    "stub.cable": (Cause.CABLE_OR_POWER,),
    "stub.capture": (Cause.FINGERPRINT,),
    "stub.iris": (Cause.IRIS,),
    "stub.provider": (Cause.PROVIDER,),
}
STANDS_ON = {"stub.capture": ("stub.cable",)}
ADVICE = {"stub.cable": "stub-advice-cable", "stub.provider": "stub-advice-provider"}


@dataclass
class Probe:
    finding: Finding
    seconds: float = 5.0

    @property
    def name(self):
        return self.finding.probe

    @property
    def stands_on(self):
        return STANDS_ON.get(self.name, ())

    def run(self, _around, _before):
        return [self.finding]


def finding(name, outcome=Outcome.SOUND, *, certainty=0.9, evidence=None):
    sound = outcome in {Outcome.SOUND, Outcome.UNTESTED}
    who = Who.PROVIDER if name == "stub.provider" else Who.TECHNICIAN
    return Finding(
        name,
        message("probe.checked", probe=name),
        message("probe.silent", seconds=1.5),
        outcome,
        None if sound else CAUSES[name][0],
        certainty,
        evidence=evidence or {},
        advice=None if sound else message("probe.checked", probe=ADVICE.get(name, name)),
        who=None if sound else who,
        device=SCANNER if name in {"stub.cable", "stub.capture"} else "",
    )


def probes(**outcomes):
    """Return all probes, sound but those named: ``cable=Outcome.BROKEN``."""
    return [
        Probe(finding(name, outcomes.get(name.partition(".")[2], Outcome.SOUND))) for name in CAUSES
    ]


def examination(*, history=None, around=None, **outcomes):
    around = around or Surroundings(PROFILE)
    return examine(around, probes(**outcomes), CAUSES, history=history)


def five_months():
    """Return a journal: first the line fails now and then, then the scanner's cable, then both."""
    dice = random.Random(7)  # noqa: S311  # the same journal every time
    first, days = date(2026, 1, 20), 150
    zone = timezone(timedelta(hours=7))

    def lane(cause, chance, watched_but=()):
        watched, working, outages = [], [], []
        for at in range(days):
            seconds = 0.0 if at in watched_but else 32400.0
            lost = seconds * dice.uniform(0.05, 1) if dice.random() < chance(at) else 0.0
            watched.append(seconds)
            working.append(seconds - lost)
            if lost:
                began = datetime.combine(first + timedelta(at), time(8, 15), zone)
                outages.append(Outage(began, lost, ended=at < days - 1))
        return Lane(cause, tuple(watched), tuple(working), tuple(outages))

    return LetterHistory(
        first,
        days,
        (
            lane(Cause.FINGERPRINT, lambda at: 0.0 if at < 70 else 0.6, range(40, 46)),
            lane(Cause.IRIS, lambda _: 0.0, range(40, 46)),
            lane(Cause.LOCAL_NETWORK, lambda _: 0.0),
            lane(Cause.PROVIDER, lambda at: 0.3 if at < 70 or at > 110 else 0.0),
            lane(Cause.CARD_READER, lambda _: 0.0, range(days)),
        ),
        turned_away=212,
        phases=(
            LetterPhase(first, 70, (Cause.PROVIDER,), steady=False),
            LetterPhase(first + timedelta(70), 41, (Cause.FINGERPRINT,), steady=True),
            LetterPhase(
                first + timedelta(111), 39, (Cause.FINGERPRINT, Cause.PROVIDER), steady=True
            ),
        ),
    )
