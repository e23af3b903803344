# SPDX-License-Identifier: Apache-2.0
"""What the store of a gallery costs: enrolling, reopening, verifying, compacting, erasing.

    python benchmarks/gallery_storage.py --fingers 1000000 [--each 10] [--encrypted] [--json]

Codes and sketches are random bytes, templates a thousand random ones of 40 minutiae with ridge
flow: the store does not care what they say. Every time is one run; `reopen` is `Gallery.open` and
`segments()`, which checks every block of the columns that searching reads, by a process that did
not write them. `cold` reads the files from the disk, dropped from memory before.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import fields
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from ektp_hw.gallery import Gallery, Person
from ektp_hw.gallery.columns import SKETCH_BYTES
from ektp_hw.templates import FingerprintTemplate, RidgeFlow

BATCH = 2000


class RandomColumns:
    """Codes and sketches that cannot be compressed and are not zero."""

    version = 1
    sketch_bytes = SKETCH_BYTES
    _rng = np.random.default_rng(1)

    def codes(self, templates):
        return self._rng.integers(0, 1 << 63, (len(templates), 8), np.uint64)

    def sketches(self, templates):
        return self._rng.integers(0, 256, (len(templates), SKETCH_BYTES), np.uint8)


class WithBytes(FingerprintTemplate):
    """A template that knows its stored form: writing that is not what is measured here."""

    def to_bytes(self):
        return STORED[id(self)]


STORED = {}


def templates(n=1000):
    rng = np.random.default_rng(2)
    flow = RidgeFlow.from_fields(rng.uniform(0, 3.1, (12, 12)), rng.uniform(7, 12, (12, 12)))
    found = []
    for _ in range(n):
        template = FingerprintTemplate.from_minutiae(
            *rng.uniform(0, 6, (3, 40)), width=384, height=384, flow=flow
        )
        columns = {each.name: getattr(template, each.name) for each in fields(template)}
        found.append(WithBytes(**columns))
        STORED[id(found[-1])] = template.to_bytes()
    return found


def timed(work):
    start = time.perf_counter()
    answer = work()
    return time.perf_counter() - start, answer


def resident():
    """Return the process's own memory, not shared with any file, in bytes."""
    words = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return (int(words[1]) - int(words[2])) * os.sysconf("SC_PAGESIZE")


def reopen(path, named):
    before, start = resident(), time.process_time()
    gallery = Gallery.open(path, read_only=True, description=RandomColumns(), **named)
    seconds, segments = timed(gallery.segments)
    processor = time.process_time() - start
    rows = sum(int(each.alive.sum()) for each in segments)
    return rows, seconds, processor, resident() - before


def in_a_new_process(path, named):
    """Return (seconds from asking to the segments, what `reopen` says)."""
    with get_context("spawn").Pool(1) as pool:
        pool.apply(int)  # it has started and imported
        return timed(lambda: pool.apply(reopen, (path, named)))


def forget(path):
    for file in path.rglob("*"):
        if file.is_file():
            descriptor = os.open(file, os.O_RDONLY)
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def measure(path, fingers, each, secret):
    named = {} if secret is None else {"secret": secret}
    pool = templates()
    people = fingers // each

    def person(i):
        chosen = {
            position: pool[(i * each + position) % len(pool)] for position in range(1, each + 1)
        }
        return Person(f"{i:09}", chosen)

    answer = {"fingers": people * each, "fingers a person": each, "encrypted": secret is not None}
    with Gallery.open(path, description=RandomColumns(), **named) as gallery:
        fill = 0.0
        for start in range(0, people - 100, BATCH):
            batch = [person(i) for i in range(start, min(start + BATCH, people - 100))]
            fill += timed(lambda batch=batch: gallery.enrol_all(batch))[0]
        answer["enrol_all, people/s"] = (people - 100) / fill
        singles = [
            timed(lambda i=i: gallery.enrol(person(i)))[0] for i in range(people - 100, people)
        ]
        answer["enrol, ms (median)"] = 1000 * float(np.median(singles))
        answer["segments"] = gallery.info().segments
        answer["bytes a finger on disk"] = gallery.info().bytes / (people * each)
    warm, (rows, checked, processor, private) = in_a_new_process(path, named)
    assert rows == people * each
    answer["reopen, s"] = warm
    answer["of which segments(), s"] = checked
    answer["processor time of it, s"] = processor
    answer["own memory a finger, bytes"] = private / rows
    forget(path)
    answer["reopen cold, s"] = in_a_new_process(path, named)[0]
    with Gallery.open(path, description=RandomColumns(), **named) as gallery:
        answer["verify, s"], found = timed(gallery.verify)
        assert found == []
        answer["remove, ms (median of 20)"] = 1000 * float(
            np.median([timed(lambda i=i: gallery.remove(f"{i:09}"))[0] for i in range(20)])
        )
        answer["erase, s"] = timed(lambda: gallery.remove(f"{people // 2:09}", erase=True))[0]
        answer["compact, s"] = timed(gallery.compact)[0]
        assert gallery.verify() == []
        assert len(gallery) == people - 21
    return answer


def main():
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--fingers", type=int, default=20_000)
    asked.add_argument("--each", type=int, default=10, help="fingers a person")
    asked.add_argument("--encrypted", action="store_true")
    asked.add_argument("--json", action="store_true")
    told = asked.parse_args()
    with tempfile.TemporaryDirectory() as place:
        secret = "of a benchmark" if told.encrypted else None
        answer = measure(Path(place) / "people", told.fingers, told.each, secret)
    if told.json:
        print(json.dumps(answer))
        return
    for what, value in answer.items():
        print(f"{what:28} {value:12.3f}" if isinstance(value, float) else f"{what:28} {value:>12}")


if __name__ == "__main__":
    sys.exit(main())
