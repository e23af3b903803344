# SPDX-License-Identifier: Apache-2.0
"""What our layer costs, per driver, as a Markdown table.

``python benchmarks/driver_latency.py [--captures 50] [--cycles 1000] [DRIVER ...]``

* latency: from the last byte on the wire to the sample in the caller's hands, median and worst;
* previews a second: while a judge is never content, where a finger or an eye stays;
* cycles: openings with a capture and a closing, and by how much open files, threads and memory
  grew over them, the first tenth left out.

The devices are those of ``tests/rigs``; some run faster than real ones.
"""

import argparse
import gc
import os
import statistics
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from ektp_hw.devices import FingerprintScanner, IrisCamera
from ektp_hw.errors import EktpError
from rigs import rigs

AMPLE = 20.0
LOOK = 1.0
"""Seconds for which previews are counted."""


def latencies(bench, captures):
    """Return milliseconds from the last byte to the sample."""
    found = []
    with bench.device() as device:
        for _ in range(captures):
            sample = bench.capture(device, AMPLE)
            found.append(1000 * (time.monotonic() - bench.last_byte()))
            assert bench.is_right(sample)
    return found


def previews_a_second(bench):
    """Count previews; None where the kind of device gives none, or nobody stays."""
    seen = []
    with bench.device() as device:
        if not isinstance(device, FingerprintScanner | IrisCamera):
            return None
        try:
            device.capture(
                timeout=LOOK,
                judge=lambda _: 0.0,
                enough=1.0,
                on_preview=lambda _: seen.append(time.monotonic()),
            )
        except EktpError:
            return None
    return (len(seen) - 1) / (seen[-1] - seen[0]) if len(seen) > 2 else None


def footprint():
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    files = len(list(Path("/proc/self/fd").iterdir()))
    return files, threading.active_count(), pages * os.sysconf("SC_PAGE_SIZE")


def growth(bench, cycles):
    """Return by how much files, threads and bytes grew over the cycles."""
    warm = max(1, cycles // 10)
    before = footprint()
    for cycle in range(warm + cycles):
        with bench.device() as device:
            assert bench.is_right(bench.capture(device, AMPLE))
        if cycle == warm - 1:
            before = footprint()
    time.sleep(0.1)  # servers hang up a moment later
    return [after - was for was, after in zip(before, footprint(), strict=True)]


def row(rig, captures, cycles):
    with rig.plug_in() as bench:
        found = latencies(bench, captures)
    with rig.plug_in() as bench:
        rate = previews_a_second(bench)
    cells = [
        rig.driver,
        f"{statistics.median(found):.2f}",
        f"{max(found):.2f}",
        "-" if rate is None else f"{rate:.0f}",
    ]
    if cycles:
        with rig.plug_in() as bench:
            files, threads, memory = growth(bench, cycles)
        cells += [str(cycles), f"{files:+d}", f"{threads:+d}", f"{memory / 1024:+.0f} KiB"]
    return "| " + " | ".join(cells) + " |"


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("driver", nargs="*", help="only these")
    options.add_argument("--captures", type=int, default=50, help="for the latency")
    options.add_argument("--cycles", type=int, default=0, help="open, capture, close; 0: none")
    wishes = options.parse_args()
    head = ["driver", "latency, ms (median)", "(worst)", "previews/s"]
    if wishes.cycles:
        head += ["cycles", "files", "threads", "memory"]
    print("| " + " | ".join(head) + " |")
    print("|---" * len(head) + "|")
    for rig in rigs():
        if wishes.driver and rig.driver not in wishes.driver:
            continue
        if rig.missing:
            print(f"| {rig.driver} | not run here: {rig.missing} |" + " |" * (len(head) - 2))
        else:
            print(row(rig, wishes.captures, wishes.cycles), flush=True)


if __name__ == "__main__":
    main()
