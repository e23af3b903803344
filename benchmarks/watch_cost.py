# SPDX-License-Identifier: Apache-2.0
"""What the recorder costs: memory, and share of one core over a day.

    python benchmarks/watch_cost.py [--looks 1440] [--idle 20] [--json]

The day is simulated: 1440 looks with every cheap probe there is, the clock set forward a minute
after each, into a journal on a real disk with its seals and tallies; meanwhile and for some seconds
afterwards the monitor for hot-plug events runs in real time. The share of a core is the processor
time of the looks over 86 400 s, plus what the idle monitor and the waiting recorder take a second.
Must be: at most 60 MB and 0.5 %.
"""

import argparse
import json
import resource
import tempfile
import threading
import time
from pathlib import Path

from ektp_hw.diagnostics.journal import Writer
from ektp_hw.diagnostics.journal.clock import MachineClock
from ektp_hw.diagnostics.probes import all_probes, causes_of_probes
from ektp_hw.diagnostics.recorder import Recorder, cheap
from ektp_hw.diagnostics.surroundings import Surroundings, read_profile
from ektp_hw.hotplug import DeviceMonitor
from ektp_hw.registry import discover

DAY = 86400.0


class FastClock(MachineClock):
    """The machine's clock, which can be set forward."""

    ahead = 0.0

    def wall(self):
        return super().wall() + self.ahead

    def steady(self):
        return super().steady() + self.ahead


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measured(looks, idle, folder):
    around = Surroundings(read_profile())
    probes = cheap(all_probes())
    clock = FastClock()
    path = Path(folder) / "journal.ektp"
    with Writer(path, around.profile, clock) as writer:
        recorder = Recorder(writer, around, probes, causes_of_probes())
        recorder.note_present(info.uri for info in discover())
        recorder.look()  # imports are paid once, not every minute
        with DeviceMonitor(interval=60.0):
            time.sleep(2.0)
            begun, used, start = time.monotonic(), processor_seconds(), path.stat().st_size
            for _ in range(looks):
                recorder.look()
                clock.ahead += 60.0
            looking, wall = processor_seconds() - used, time.monotonic() - begun
            grown = path.stat().st_size - start
            stop = threading.Event()
            waiting = threading.Thread(target=recorder.run, args=(stop,))
            waiting.start()
            time.sleep(2.0)  # its first look
            used = processor_seconds()
            time.sleep(idle)
            idling = (processor_seconds() - used) / idle
            stop.set()
            waiting.join()
    size = path.stat().st_size
    return {
        "probes": len(probes),
        "looks": looks,
        "seconds_for_all_looks": round(wall, 1),
        "ms_of_processor_per_look": round(1000 * looking / looks, 3),
        "percent_of_a_core": round(100 * (looking / looks * DAY / 60 / DAY + idling), 3),
        "of_that_idle": round(100 * idling, 3),
        "peak_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "journal_bytes": size,
        "journal_megabytes_a_year": round(grown / looks * 1440 * 365 / 1e6, 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--looks", type=int, default=1440)
    parser.add_argument("--idle", type=float, default=20.0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measured(asked.looks, asked.idle, folder)
    if asked.json:
        print(json.dumps(figures, indent=2))
    else:
        for name, figure in figures.items():
            print(f"{name.replace('_', ' '):28} {figure}")


if __name__ == "__main__":
    main()
