# SPDX-License-Identifier: Apache-2.0
"""How long a page of many stations takes: reading, checking every link, summing up, drawing.

    python benchmarks/fleet_speed.py [--stations 500] [--days 150] [--workers N]

The journals are as the recorder writes them with four subjects: an hourly tally, a seal four times
a day, a failure of two hours on every fourth day of every third station, each file linked anew.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from ektp_hw.diagnostics.fleet import Health, read_fleet
from ektp_hw.diagnostics.fleet_page import FleetWords, render
from ektp_hw.diagnostics.journal.line import FIRST_LINK, line_of

BEGIN = 1_768_496_400
DAY, HOUR = 86400, 3600
SUBJECTS = (
    ("network.gateway", "", "local_network"),
    ("network.centre", "", "central_service"),
    ("usb.presence", "usb:1b55:0840@1-4", "cable_or_power"),
    ("device.answer", "usb:056a:00a4@1-5", "pad"),
)


def records(station, days):
    """Return what a recorder would have written; seals carry no real code here."""
    yield ["H", 1, f"{station:016x}", BEGIN, f"S{station}", f"District {station % 12}", "36.73.05"]
    yield ["B", BEGIN, 100, "boot", 0]
    for number, (probe, device, cause) in enumerate(SUBJECTS, 1):
        yield ["S", number, probe, device, [cause]]
        yield ["L", BEGIN, number, "S"]
    subject = station % 4 + 1
    for day in range(days):
        begin = BEGIN + day * DAY
        ails = station % 3 == 0 and day % 4 == 0
        for hour in range(1, 25):
            when = begin + hour * HOUR
            yield ["T", when, HOUR, 60, []]
            if ails and hour == 9:
                yield ["L", when, subject, "B", SUBJECTS[subject - 1][2], 90]
            if ails and hour == 11 and (day < days - 4 or station % 2):
                yield ["L", when, subject, "S"]
            if hour % 6 == 0:
                yield ["Z", when, day * 4 + hour // 6, day * 28 + hour, "0" * 24, "0" * 32]


def write(folder, stations, days):
    for station in range(stations):
        text, link = [], FIRST_LINK
        for record in records(station, days):
            line, link = line_of(record, link)
            text.append(line)
        (folder / f"{station:04}.ektp").write_bytes(b"".join(text))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--stations", type=int, default=500)
    parser.add_argument("--days", type=int, default=150)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), asked.stations, asked.days)
        files = sorted(Path(folder).iterdir())
        size = sum(file.stat().st_size for file in files)
        begun, used = time.perf_counter(), time.process_time()
        fleet = read_fleet(files, days=asked.days, workers=asked.workers)
        read = time.perf_counter() - begun
        page = render(fleet, FleetWords(fleet, "id"))
        whole = time.perf_counter() - begun
    assert len(fleet.stations) == asked.stations
    assert not fleet.unusable
    print(f"{asked.stations} stations, {asked.days} days, {size / 1e6:.1f} MB of journals")
    print(f"read, checked and summed up  {read:.2f} s")
    print(f"with the page                {whole:.2f} s, {len(page) / 1e3:.0f} kB")
    print(f"processor, this process      {time.process_time() - used:.2f} s")
    print(f"down {fleet.count(Health.DOWN)}, working {fleet.count(Health.WORKS)}")


if __name__ == "__main__":
    main()
