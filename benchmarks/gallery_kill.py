# SPDX-License-Identifier: Apache-2.0
"""Kill -9 a gallery's writer at random moments, spoil its files at random places, and look.

    python benchmarks/gallery_kill.py --moments 200 [--spoiled 200] [--encrypted]

Each line of the table is one occupation of the writer. It says before each step what it is about
to do and after it what was acknowledged; it is killed at a moment drawn evenly over the time that
its work takes, and then the gallery is opened, verified and compared with what was acknowledged:
everybody is there with the very templates, nobody is who was removed, and no step is half done.
For `dedup` (everybody with everybody, going on by position) the pairs of all runs together must be
those of an undisturbed one, each once; for `sieved dedup` (through the stages, all cores, going on
by the journal) each run must hand out the undisturbed one's pairs in order, the last one all.
"""

import argparse
import contextlib
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from ektp_hw.gallery import Gallery, Person, folder, pair_sieve
from ektp_hw.gallery.cascade_parameters import CascadeParameters
from ektp_hw.gallery.layout import COLUMNS
from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic import Population
from ektp_hw.templates import FingerprintTemplate
from old_gallery import write_version_1


def person_of(name):
    """Return the one person who can have this name."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    fingers = {
        position: FingerprintTemplate.from_minutiae(
            *rng.uniform(0, 6, (3, int(rng.integers(5, 80)))), width=400, height=400
        )
        for position in (2, 7)
    }
    return Person(name, fingers)


class SharedCoordinates:
    """A comparison that costs little and is right about people who are the same."""

    @staticmethod
    def prepare(template):
        return np.array(template.x)

    @staticmethod
    def compare_many(probe, references):
        return np.array([6.0 * np.isin(probe, each).mean() for each in references])


def enrol(gallery, tell, run, _rng):
    for i in count():
        several = [f"{run}.{i}.{j}" for j in range(40 if i % 5 == 4 else 1)]
        tell("enrol?", *several)
        gallery.enrol_all(person_of(name) for name in several)
        tell("enrol", *several)


def delete(gallery, tell, run, rng):
    for i in count():
        several = [f"{run}.{i}.{j}" for j in range(8)]
        tell("enrol?", *several)
        gallery.enrol_all(person_of(name) for name in several)
        tell("enrol", *several)
        for name in rng.choice(list(gallery), 6, replace=False):
            erase = bool(rng.random() < 0.3)
            tell("remove?", name)
            gallery.remove(str(name), erase=erase)
            tell("erase" if erase else "remove", name)


def compact(gallery, tell, run, rng):
    for i in count():
        several = [f"{run}.{i}.{j}" for j in range(12)]
        tell("enrol?", *several)
        gallery.enrol_all(person_of(name) for name in several)
        tell("enrol", *several)
        name = str(rng.choice(list(gallery)))
        tell("remove?", name)
        gallery.remove(name)
        tell("remove", name)
        gallery.compact()
        tell("erase", name)


@dataclass
class Knowledge:
    """What was acknowledged, and what may or may not have been done besides."""

    there: set = field(default_factory=set)
    perhaps: set = field(default_factory=set)
    gone: set = field(default_factory=set)
    erased: set = field(default_factory=set)
    acknowledged: int = 0

    def hear(self, word, *names):
        if word == "enrol?":
            self.perhaps = set(names)
        elif word == "enrol":
            self.acknowledged += len(names)
            self.there |= set(names)
            self.perhaps = set()
        elif word == "remove?":
            self.there -= set(names)
            self.perhaps = set(names)
        elif word in {"remove", "erase"}:
            self.acknowledged += 1
            self.gone |= set(names)
            self.perhaps = set()
            if word == "erase":
                self.erased |= set(names)

    def settle(self, enrolled):
        """Take what was in the balance as it came out; a batch came out whole or not at all."""
        came = self.perhaps & enrolled
        assert came in (set(), self.perhaps), "half a batch was enrolled"
        self.there |= came
        self.gone |= self.perhaps - came
        self.perhaps = set()


def spawn(work):
    """Run ``work(tell)`` in a copy of this process; return its number and what it tells."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    os.close(reading)

    def tell(*words):
        os.write(writing, (" ".join(map(str, words)) + "\n").encode())

    try:
        work(tell)
    except BaseException as error:  # noqa: BLE001  # it is told and ends the copy
        tell("error", repr(error))
    os._exit(0)


def killed_after(work, seconds):
    """Kill the work after so long, counted from its first word; return its words."""
    child, reading = spawn(work)
    with os.fdopen(reading, "rb") as told:
        lines = [told.readline()]
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        lines += told.readlines()
    words = [line.decode().split() for line in lines if line.endswith(b"\n")]
    errors = [each for each in words if each[0] == "error"]
    assert not errors, errors
    return words


def reopened(path, secret):
    start = time.perf_counter()
    gallery = Gallery.open(path, **secret)
    gallery.segments()
    return gallery, time.perf_counter() - start


def disturb(work, path, moments, rng, secret):
    """Kill a writer that goes on where the last one stopped."""
    knowledge = Knowledge()
    slowest = 0.0
    for run in range(moments):

        def job(tell, run=run):
            own = np.random.default_rng([run, moments])
            with Gallery.open(path, **secret) as gallery:
                tell("open")
                work(gallery, tell, run, own)

        for words in killed_after(job, rng.uniform(0, 0.15)):
            knowledge.hear(*words)
        gallery, seconds = reopened(path, secret)
        slowest = max(slowest, seconds)
        with gallery:
            enrolled = set(gallery)
            knowledge.settle(enrolled)
            assert enrolled == knowledge.there, (knowledge.there ^ enrolled, run)
            assert gallery.verify() == [], run
            for name in rng.permutation(sorted(enrolled))[:40]:
                assert gallery.get(str(name)) == person_of(str(name)), (name, run)
        stored = b"".join(each.read_bytes() for each in (path / folder.SEGMENTS).iterdir())
        for name in list(knowledge.erased)[-5:]:
            for template in person_of(name).fingers.values():
                assert template.to_bytes() not in stored, f"{name} was erased and is there"
    assert knowledge.acknowledged, "killed before anything was done"
    return {"acknowledged": knowledge.acknowledged, "slowest": slowest}


def disturb_dedup(path, moments, rng, secret):
    """Kill deduplications that go on behind the last pair that was told."""
    names = [str(i) for i in range(120)]
    people = [person_of(name) for name in names]
    for twin, of in rng.integers(0, 120, (25, 2)):
        people[twin] = Person(str(twin), people[of].fingers)
    with Gallery.open(path, comparison=SharedCoordinates, **secret) as gallery:
        gallery.enrol_all(people)
        start = time.perf_counter()
        whole = [(each.a, each.b) for each in gallery.deduplicate()]
        long = time.perf_counter() - start
    assert whole
    found, position, finished, slowest = [], None, 0, 0.0
    for _ in range(moments):

        def job(tell, resume=position):
            with Gallery.open(
                path, read_only=True, comparison=SharedCoordinates, **secret
            ) as gallery:
                tell("open")
                run = gallery.deduplicate(resume=resume)
                for pair in run:
                    tell("pair", pair.a, pair.b, run.position)
                tell("finished")

        for word, *rest in killed_after(job, rng.uniform(0, long)):
            if word == "pair":
                found.append((rest[0], rest[1]))
                position = rest[2]
            elif word == "finished":
                assert found == whole
                found, position, finished = [], None, finished + 1
        assert found == whole[: len(found)]
        gallery, seconds = reopened(path, secret)
        slowest = max(slowest, seconds)
        gallery.close()
    with Gallery.open(path, read_only=True, comparison=SharedCoordinates, **secret) as gallery:
        found += [(each.a, each.b) for each in gallery.deduplicate(resume=position)]
    assert found == whole
    return {"acknowledged": len(whole) * (finished + 1), "slowest": slowest}


def disturb_sieved_dedup(path, moments, rng, secret):
    """Kill deduplications through the stages that are taken up again by their journal."""
    position, twice = FingerPosition.RIGHT_INDEX, 60
    population = Population(seed=3)
    fingers = population.templates(np.arange(600), position)
    fingers += population.templates(np.arange(twice), position, 1)
    pair_sieve.BLOCK = 48  # so that a run has many blocks; the children are forked from here
    with Gallery.open(path, **secret) as gallery:
        gallery.enrol_all(Person(str(i), {position: each}) for i, each in enumerate(fingers))

    def run(tell, journal):
        with Gallery.open(path, read_only=True, **secret) as gallery:
            gallery.cascade = CascadeParameters(everybody=0)
            tell("open")
            for pair in gallery.deduplicate(journal=journal):
                tell("pair", pair.a, pair.b)
            tell("finished")

    start = time.perf_counter()
    undisturbed = []
    run(lambda *words: undisturbed.append(words), None)
    long = time.perf_counter() - start
    whole = [words[1:] for words in undisturbed if words[0] == "pair"]
    assert len(whole) > 0.9 * twice, len(whole)
    journal, finished, slowest = path.with_name("journal"), 0, 0.0
    for _ in range(moments):
        words = killed_after(lambda tell: run(tell, journal), rng.uniform(0, long))
        told = [tuple(rest) for word, *rest in words if word == "pair"]
        assert told == whole[: len(told)]
        if words and words[-1][0] == "finished":
            assert told == whole
            journal.unlink()
            finished += 1
        gallery, seconds = reopened(path, secret)
        slowest = max(slowest, seconds)
        gallery.close()
    last = []
    run(lambda *words: last.append(words), journal)
    assert [words[1:] for words in last if words[0] == "pair"] == whole
    return {"acknowledged": len(whole) * (finished + 1), "slowest": slowest}


def disturb_migration(path, moments, rng, _secret):
    """Kill the bringing up of old galleries, which are never encrypted, to the present version."""
    people = [person_of(str(i)) for i in range(60)]
    write_version_1(path.with_name("old"), people)
    slowest = 0.0
    for _ in range(moments):
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(path.with_name("old"), path)

        def job(tell):
            tell("open")
            Gallery.open(path).close()

        killed_after(job, rng.uniform(0, 0.15))
        gallery, seconds = reopened(path, {})
        slowest = max(slowest, seconds)
        with gallery:
            assert [gallery.get(each) for each in gallery] == people
            assert gallery.verify() == []
            assert gallery.info().version == folder.VERSION
    return {"acknowledged": len(people) * moments, "slowest": slowest}


def spoil(path, places, rng, secret):
    """Flip a bit or cut a file at random places; count what is found, located, and still there."""
    with Gallery.open(path, **secret) as gallery:
        for i in range(20):
            gallery.enrol(person_of(str(i)))
        gallery.enrol_all(person_of(str(i)) for i in range(20, 730))
        rows = gallery._ledger.segments()  # noqa: SLF001
        files = [gallery._shelves.reader(row).file for row in rows]  # noqa: SLF001
        blocks = {row.number: gallery._ledger.blocks(row.number) for row in rows}  # noqa: SLF001
    tally = {"spoiled": places, "found": 0, "located": 0, "rest usable": 0}
    for _ in range(places):
        row, file = [*zip(rows, files, strict=True)][rng.integers(len(rows))]
        whole = file.path.read_bytes()
        block, known = [*blocks[row.number].items()][rng.integers(len(blocks[row.number]))]
        column = str(rng.choice(COLUMNS))
        at = int(rng.integers(
            file.place(column, block * 256, known.template_start),
            file.place(column, block * 256 + known.rows, known.template_stop),
        ))  # fmt: skip
        spoilt = bytearray(whole)
        spoilt[at] ^= 1 << int(rng.integers(8))
        cut = rng.random() < 0.3
        file.path.write_bytes(whole[:at] if cut else spoilt)
        with Gallery.open(path, read_only=True, **secret) as gallery:
            found = gallery.verify()
            told = {each.block: each for each in found if each.block is not None}
            tally["found"] += bool(found)
            here = told.get(block)
            tally["located"] += bool(
                (cut and found[0].segment == row.number and set(told) <= set(blocks[row.number]))
                or (here and list(told) == [block] and here.columns == (column,))
            )
            hurt = {name for each in found for name in each.people}
            sound = [name for name in map(str, range(730)) if name not in hurt]
            tally["rest usable"] += bool(sound) and all(
                gallery.get(name) == person_of(name) for name in rng.choice(sound, 5)
            )
        file.path.write_bytes(whole)
    return tally


JOBS = {"enrol": enrol, "delete": delete, "compact": compact}
OTHERS = {
    "dedup": disturb_dedup,
    "sieved dedup": disturb_sieved_dedup,
    "migrate": disturb_migration,
}


def main():
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--moments", type=int, default=200, help="kills for each occupation")
    asked.add_argument("--spoiled", type=int, default=200, help="places to spoil")
    asked.add_argument("--seed", type=int, default=None)
    asked.add_argument("--only", choices=[*JOBS, *OTHERS, "spoil"], action="append")
    asked.add_argument("--encrypted", action="store_true", help="galleries with a passphrase")
    asked.add_argument("--json", action="store_true")
    told = asked.parse_args()
    seed = int.from_bytes(os.urandom(4)) if told.seed is None else told.seed
    only = told.only or [*JOBS, *OTHERS, "spoil"]
    rng = np.random.default_rng(seed)
    logging.disable(logging.WARNING)  # of damage that was done on purpose
    answer = {"seed": seed, "encrypted": told.encrypted}
    secret = {"secret": "of a benchmark"} if told.encrypted else {}
    with tempfile.TemporaryDirectory() as place:
        with Gallery.open(Path(place) / "first") as first:
            first.enrol(person_of("first"))  # what this loads, the copies need not load again
        for name in only:
            path = Path(place) / name / "people"
            path.parent.mkdir()
            start = time.perf_counter()
            if name == "spoil":
                answer[name] = spoil(path, told.spoiled, rng, secret)
            elif name in JOBS:
                answer[name] = disturb(JOBS[name], path, told.moments, rng, secret)
            else:
                answer[name] = OTHERS[name](path, told.moments, rng, secret)
            if name != "spoil":
                answer[name] |= {"kills": told.moments, "lost": 0, "brought back": 0}
            answer[name]["seconds"] = round(time.perf_counter() - start, 1)
    if told.json:
        print(json.dumps(answer))
        return
    print(f"seed {seed}")
    print(
        "| writer was busy with | kills | acknowledged | lost | brought back | slowest reopening |"
    )
    print("|---|---|---|---|---|---|")
    for name, one in answer.items():
        if isinstance(one, dict) and "kills" in one:
            print(
                f"| {name} | {one['kills']} | {one['acknowledged']} | {one['lost']} | "
                f"{one['brought back']} | {1000 * one['slowest']:.0f} ms |"
            )
    if "spoil" in answer:
        print(json.dumps(answer["spoil"]))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
