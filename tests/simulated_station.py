# SPDX-License-Identifier: Apache-2.0
"""A station whose months pass in a moment: a clock that is set, and a journal written by it."""

from datetime import datetime, timedelta, timezone

from ektp_hw.diagnostics.journal import Writer
from ektp_hw.diagnostics.surroundings import StationProfile

WIB = timezone(timedelta(hours=7))
CIPOCOK_JAYA = StationProfile("Cipocok Jaya", "Kota Serang", "36.73.05")
SCANNER = "usb:1b55:0840@1-4"
SUBJECTS = [
    ("network.gateway", "", ["local_network"]),
    ("network.centre", "", ["provider", "central_service"]),
    ("usb.presence", SCANNER, ["cable_or_power"]),
    ("device.answer", "usb:056a:00a4@1-5", ["pad"]),
]
LINE, CENTRE, CABLE, PAD = 1, 2, 3, 4
HOUR, DAY = 3600, 86400


class SetClock:
    """Stands still until it is told to go on."""

    def __init__(self, when=datetime(2026, 1, 16, 0, 0, tzinfo=WIB), steady=1000.0, boot="boot 1"):
        self.at = when.timestamp()
        self.since_boot = steady
        self.run = boot

    def wall(self):
        return self.at

    def steady(self):
        return self.since_boot

    def boot(self):
        return self.run

    def wait(self, seconds, wake):
        del wake
        self.go_on(seconds)

    def go_on(self, seconds):
        self.at += seconds
        self.since_boot += seconds

    def jump(self, seconds):
        self.at += seconds

    def power_on(self, boot):
        self.since_boot, self.run = 5.0, boot


def begin(writer):
    """Name the subjects, all of them sound."""
    for probe, device, causes in SUBJECTS:
        writer.subject(probe, device, causes)
    now = writer.now()
    writer.append(*(["L", now, number, "S"] for number in range(1, len(SUBJECTS) + 1)))


def pass_days(writer, clock, days, faults, notes=None):
    """Let days pass.

    `faults`: (begin, seconds, subject, cause), begin in seconds from now.
    `notes`: for a day, counting from 0, the counts of captures and of citizens turned away.
    """
    start = int(clock.wall())
    for day in range(days):
        events = [["T", start + day * DAY + hour * HOUR, HOUR, 60, []] for hour in range(1, 25)]
        for at, seconds, subject, cause in faults:
            if at // DAY == day:
                events.append(["L", start + at, subject, "B", cause, 95])
            if (at + seconds) // DAY == day:
                events.append(["L", start + at + seconds, subject, "S"])
        if notes and day in notes:
            events.append(["N", start + day * DAY + 9 * HOUR, f"batch{day}", *notes[day]])
        writer.append(*sorted(events, key=lambda each: each[1]))
        clock.go_on(DAY)
        if days < 10 or day % 10 == 9:  # each seal waits for the disk
            writer.tidy()


def five_months_at_cipocok_jaya(path):
    """First the line fails now and then, then the scanner's cable, then both; 150 days."""
    clock = SetClock()
    line = [(day * DAY + 9 * HOUR + day * 60, 2 * HOUR, LINE, "local_network")
            for day in (*range(5, 50, 4), *range(105, 150, 3))]  # fmt: skip
    cable = [(day * DAY + 8 * HOUR, 7 * HOUR, CABLE, "cable_or_power") for day in range(60, 150)]
    away = {day: ({"fingerprint": [30, 10, 20]}, {"device": 6}) for day in range(60, 150)}
    away |= {day: ({}, {"network": 2}) for day in range(5, 50, 4)}
    with Writer(path, CIPOCOK_JAYA, clock) as writer:
        begin(writer)
        pass_days(writer, clock, 150, line + cable, away)
    return path
