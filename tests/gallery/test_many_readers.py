# SPDX-License-Identifier: Apache-2.0
"""Readers in other processes see whole people only, whatever the writer is doing meanwhile."""

import json
import subprocess
import sys

import pytest

from ektp_hw.gallery import Gallery, Person
from ektp_hw.templates import FingerprintTemplate

READ = """
import json, sys, logging
import numpy as np
from ektp_hw.gallery import Gallery
from ektp_hw.gallery.catalogue import finger_of

complaints = []
class Hearing(logging.Handler):
    def emit(self, record):
        complaints.append(record.getMessage())
logging.getLogger("ektp_hw").addHandler(Hearing())

def expected(name):  # each person's number of minutiae says who it is
    return 10 + int(name) % 40

rounds, largest = 0, 0
secret = sys.argv[2] or None
with Gallery.open(sys.argv[1], read_only=True, secret=secret) as gallery:
    print("open", flush=True)
    while "last" not in gallery:
        segments = gallery.segments()
        people = np.concatenate([each.people[each.alive] for each in segments])
        assert (np.diff(people) >= 0).all()
        assert (np.unique(people, return_counts=True)[1] == 2).all()
        largest = max(largest, len(people))
        for segment in segments:
            for row in np.flatnonzero(segment.alive)[::7]:
                name = gallery.identifiers([int(segment.people[row])])
                found = len(finger_of(segment, int(row))[1])
                assert all(found == expected(one) for one in name.values() if one != "last")
        for name in [one for one in gallery if one != "last"][::5]:
            try:
                assert len(gallery.get(name).fingers[2]) == expected(name)
            except KeyError:  # removed in between
                pass
        if rounds % 5 == 0:
            assert gallery.verify() == []
        rounds += 1
print(json.dumps({"rounds": rounds, "largest": largest, "complaints": complaints}))
"""


def person_of(name, rng):
    finger = FingerprintTemplate.from_minutiae(
        *rng.uniform(0, 6, (3, 10 + int(name) % 40)), width=9, height=9
    )
    return Person(name, {2: finger, 7: finger})


@pytest.mark.parametrize("secret", ["", "a passphrase"])
def test_readers_beside_a_busy_writer(path, rng, secret):
    if secret:
        pytest.importorskip("cryptography")
    with Gallery.open(path, secret=secret or None) as gallery:
        gallery.enrol_all(person_of(str(i), rng) for i in range(50))
        readers = [
            subprocess.Popen(
                [sys.executable, "-c", READ, str(path), secret], stdout=subprocess.PIPE
            )
            for _ in range(1 if secret else 2)
        ]
        for reader in readers:
            assert reader.stdout.readline() == b"open\n"
        for i in range(50, 75):
            gallery.enrol(person_of(str(i), rng))
            gallery.remove(str(i - 40), erase=i % 7 == 0)
            if i % 12 == 0:
                gallery.compact()
        gallery.enrol(Person("last", person_of("0", rng).fingers))
        assert gallery.verify() == []
    for reader in readers:
        told = json.loads(reader.communicate(timeout=120)[0])
        assert reader.returncode == 0
        assert told["rounds"] > 0
        assert told["complaints"] == []
