# SPDX-License-Identifier: Apache-2.0
"""Whatever is done in whatever order, the gallery is what a dictionary would be."""

import numpy as np
import pytest

from ektp_hw.gallery import Gallery, Person, compaction, damage, keyring, layout, open_segment
from ektp_hw.gallery import shelves as shelves_module
from ektp_hw.gallery.columns import SKETCH_BYTES
from ektp_hw.samples import FingerPosition
from ektp_hw.templates import FingerprintTemplate

SHARES = {"one": 0.4, "many": 0.1, "remove": 0.3, "erase": 0.1, "compact": 0.05, "reopen": 0.05}
POSITIONS = list(FingerPosition)[:11]


class Sums:
    """Codes and sketches that a row's template must have."""

    version = 3
    sketch_bytes = SKETCH_BYTES

    @staticmethod
    def codes(templates):
        return np.array([[sum(each.to_bytes())] * 8 for each in templates], np.uint64)

    @staticmethod
    def sketches(templates):
        ones = [[sum(each.to_bytes()) % 251] * SKETCH_BYTES for each in templates]
        return np.array(ones, np.uint8).reshape(-1, SKETCH_BYTES)


@pytest.fixture
def narrow(monkeypatch):
    """Blocks of 8 rows and segments of at most 32, so that every border is met."""
    for module in (layout, open_segment, shelves_module, damage):
        monkeypatch.setattr(module, "BLOCK_ROWS", 8)
    for module in (layout, compaction):
        monkeypatch.setattr(module, "MOST_ROWS", 32)
    monkeypatch.setattr(keyring, "_LOG_N", 4)


def anybody(name, rng):
    chosen = rng.choice(len(POSITIONS), rng.integers(1, 12), replace=False)
    fingers = {
        POSITIONS[i]: FingerprintTemplate.from_minutiae(
            *rng.uniform(0, 6, (3, int(rng.integers(0, 30)))), width=300, height=300
        )
        for i in chosen
    }
    return Person(name, fingers, name="" if rng.random() < 0.5 else f"called {name}")


def agree(gallery, model):
    assert list(gallery) == list(model)
    assert len(gallery) == len(model)
    segments = gallery.segments()
    rows = [
        (int(segment.people[row]), int(segment.positions[row]), bytes(segment.template_bytes(row)))
        for segment in segments
        for row in np.flatnonzero(segment.alive)
    ]
    names = gallery.identifiers({seq for seq, _, _ in rows})
    expected = [
        (one.id, int(position), template.to_bytes())
        for one in model.values()
        for position, template in one.fingers.items()
    ]
    assert [(names[seq], position, stored) for seq, position, stored in rows] == expected
    first = 0
    for segment in segments:
        assert segment.first == first
        first += len(segment)
        sums = [sum(segment.template_bytes(row)) for row in range(len(segment))]
        assert (segment.codes == np.array(sums, np.uint64)[:, None]).all()
        assert (segment.sketches == np.array(sums, np.uint64)[:, None] % 251).all()
        assert segment.codes.ctypes.data % 64 == 0
        assert segment.codes.flags.c_contiguous
        assert not segment.codes.flags.writeable


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("secret", [None, "a passphrase"])
@pytest.mark.parametrize("seed", range(3))
def test_as_a_dictionary(path, secret, seed):
    if secret:
        pytest.importorskip("cryptography")
    rng = np.random.default_rng([seed, secret is None])
    model = {}
    named = {"secret": secret, "description": Sums()}
    gallery = Gallery.open(path, **named)
    reader = Gallery.open(path, read_only=True, **named)
    for step in range(60):
        what = rng.choice(list(SHARES), p=list(SHARES.values()))
        if what in {"one", "many"}:
            several = [
                anybody(f"{step}.{i}", rng) for i in range(1 if what == "one" else rng.integers(20))
            ]
            gallery.enrol_all(several)
            model |= {each.id: each for each in several}
        elif what in {"remove", "erase"} and model:
            name = str(rng.choice(list(model)))
            gallery.remove(name, erase=what == "erase")
            del model[name]
        elif what == "compact":
            gallery.compact()
            assert gallery.info().removed == 0
        elif what == "reopen":
            gallery.close()
            gallery = Gallery.open(path, **named)
        if step % 4 == 0:
            agree(reader, model)
        if step % 15 == 0:
            assert gallery.verify() == []
    agree(gallery, model)
    assert len(gallery.segments()) > 2
    assert {name: gallery.get(name) for name in model} == model
    assert gallery.verify() == []
    trail = [each for each in gallery.audit_trail() if each.action == "enrol"]
    assert len(trail) >= len(model)
    reader.close()
    gallery.close()


def test_on_the_disk_before_it_is_acknowledged(path, person, monkeypatch):
    """File, then its name, then the ledger that speaks of both."""
    order = []
    with Gallery.open(path) as gallery:
        for module, name in (
            (shelves_module.SegmentFile, "sync"),
            (shelves_module, "sync_folder"),
            (type(gallery._ledger), "add"),
        ):
            called = getattr(module, name)

            def told(*arguments, _called=called, _name=name):
                order.append(_name)
                return _called(*arguments)

            monkeypatch.setattr(module, name, told)
        gallery.enrol(person("a"))
        assert order == ["sync_folder", "sync", "add"]
        order.clear()
        gallery.enrol(person("b"))
        assert order == ["sync", "add"]
