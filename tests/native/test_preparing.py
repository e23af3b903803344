# SPDX-License-Identifier: Apache-2.0
"""Stored templates prepared in batches: what is damaged, where the bytes lie, what a batch is."""

import dataclasses
import pickle
import struct
import zlib

import numpy as np
import pytest

import oracles
import prints
from ektp_hw import native
from ektp_hw.errors import TemplateError
from ektp_hw.fingerprint.comparison import compare_many, cues_of, prepare, prepare_many
from ektp_hw.fingerprint.preparation_tables import preparation_tables
from ektp_hw.templates import FingerprintTemplate


@pytest.fixture(autouse=True, params=native.available_isas(), ids=lambda isa: isa.name.lower())
def isa(request):
    before = native.isa()
    native.use_isa(request.param)
    yield
    native.use_isa(before)


def readable(stored):
    try:
        return FingerprintTemplate.from_bytes(stored)
    except TemplateError:
        return None


def summed(body):
    """The bytes with a right checksum behind them, so that deeper checks are reached."""
    return bytes(body) + struct.pack("<I", zlib.crc32(bytes(body)))


def first_version(template):
    """The same minutiae as an older release stored them, in version 1."""
    body = bytearray(dataclasses.replace(template, flow=None).to_bytes()[:-4])
    body[4] = 1
    return summed(body)


def damaged(random, stored):
    """Bytes with one or two faults: bits turned, an end cut off, a field replaced, more behind."""
    body = bytearray(stored[:-4])
    for _ in range(random.integers(1, 3)):
        kind = random.integers(0, 5)
        if kind == 0:
            body[random.integers(0, len(body))] ^= 1 << int(random.integers(0, 8))
        elif kind == 1:
            body[random.integers(0, min(12, len(body)))] = int(random.integers(0, 256))
        elif kind == 2:
            del body[random.integers(0, len(body)) :]
            body = body or bytearray(b"E")
        elif kind == 3:
            body += random.bytes(random.integers(1, 9))
        else:
            at = random.integers(0, len(body))
            body[at : at + 2] = random.bytes(2)
    return summed(body) if random.random() < 0.8 else bytes(body) + stored[-4:]


def test_what_python_reads_the_core_prepares_and_nothing_else():
    random = np.random.default_rng(6)
    stored = [damaged(random, prints.template(seed).to_bytes()) for seed in range(1500)]
    templates = [readable(each) for each in stored]
    batch = prepare_many(stored, damaged="keep")
    np.testing.assert_array_equal(batch.sound, [each is not None for each in templates])
    assert 150 < batch.sound.sum() < 1350
    for at in np.flatnonzero(batch.sound)[::5]:
        np.testing.assert_array_equal(batch.one(at).block, oracles.prepare(templates[at]).block)


@pytest.mark.parametrize("size", [*range(20), 60])
def test_every_length_is_read_within_its_bounds(size):
    whole = prints.template(3).to_bytes()
    exactly = np.frombuffer(whole[:size], np.uint8).copy()
    batch = native.prepare(
        exactly, np.zeros(1, np.uint64), np.full(1, size, np.uint64), preparation_tables()
    )
    assert not batch.sound.any()


def test_the_first_version_is_prepared_as_it_is_read():
    for seed in range(20):
        stored = first_version(prints.template(seed))
        expected = oracles.prepare(FingerprintTemplate.from_bytes(stored))
        np.testing.assert_array_equal(prepare_many([stored]).one(0).block, expected.block)


def test_templates_lie_anywhere_among_other_bytes():
    whole = [prints.template(seed).to_bytes() for seed in range(12)]
    apart = b"".join(bytes(k % 5 + 1) + each for k, each in enumerate(whole))
    sizes = np.array([*map(len, whole)], np.uint64)
    offsets = np.cumsum(sizes + np.arange(12, dtype=np.uint64) % 5 + 1) - sizes
    order = np.random.default_rng(1).permutation(12)
    batch = native.prepare(
        np.frombuffer(apart, np.uint8), offsets[order], sizes[order], preparation_tables()
    )
    np.testing.assert_array_equal(batch[np.argsort(order)].addresses % 64, 0)
    for at, which in enumerate(order):
        expected = prepare_many([whole[which]]).one(0)
        np.testing.assert_array_equal(batch.one(at).block, expected.block)


@pytest.mark.parametrize(("offset", "size"), [(0, 101), (100, 1), (2**63, 8), (50, 2**64 - 1)])
def test_places_outside_the_bytes_are_refused(offset, size):
    where = np.array([offset], np.uint64), np.array([size], np.uint64)
    with pytest.raises(ValueError, match="outside the 100 bytes"):
        native.prepare(np.zeros(100, np.uint8), *where, preparation_tables())


def test_a_batch_is_compared_as_its_templates_are():
    probe = prints.template(1)
    templates = [prints.template(seed) for seed in range(40)]
    batch = prepare_many(templates)
    one_by_one = [prepare(each) for each in templates]
    np.testing.assert_array_equal(cues_of(probe, batch), cues_of(probe, one_by_one))
    np.testing.assert_array_equal(compare_many(probe, batch), compare_many(probe, templates))
    chosen = np.array([7, 3, 3, 21])
    np.testing.assert_array_equal(
        compare_many(probe, batch[chosen]), compare_many(probe, batch)[chosen]
    )
    assert len(batch[:5]) == 5
    again = pickle.loads(pickle.dumps(batch))  # noqa: S301  # our own bytes
    np.testing.assert_array_equal(compare_many(probe, again), compare_many(probe, batch))
    assert compare_many(probe, prepare_many([])).shape == (0,)


def test_what_was_damaged_is_named_and_never_compared():
    stored = [prints.template(1).to_bytes(), b"EKFT", prints.template(2).to_bytes()]
    with pytest.raises(TemplateError, match="4 bytes are too few"):
        prepare_many(stored)
    batch = prepare_many(stored, damaged="keep")
    assert batch.sound.tolist() == [True, False, True]
    with pytest.raises(ValueError, match="template 1 of the batch"):
        batch.one(1)
    with pytest.raises(ValueError, match="leave out what is not sound"):
        compare_many(prints.template(3), batch)
    assert compare_many(prints.template(3), batch[batch.sound]).shape == (2,)


def test_a_batch_cannot_be_changed_or_made_up():
    batch = prepare_many([prints.template(1)])
    for array in (batch.arena, batch.one(0).block):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    for place in (len(batch.arena), 8):
        with pytest.raises(ValueError, match="outside the arena"):
            native.PackedBatch(batch.arena, np.array([place], np.uint64))


@pytest.mark.parametrize(
    "change", [{"reach": 34.0}, {"radius": 0.0}, {"margin": 1e6}, {"threshold": -1.0}]
)
def test_numbers_that_cannot_be_are_refused(change):
    numbers = {
        "radius": 85.0, "reach": 27.0, "position_spread": 9.0, "direction_spread": 0.5,
        "threshold": 0.15, "most_trust": 1.5, "margin": 45.0,
    }  # fmt: skip
    tables = {
        name: np.zeros(shape, kind) for name, (kind, shape) in native.preparing._TABLES.items()
    }
    native.prepare_tables(tables, numbers)
    with pytest.raises(ValueError, match="must"):
        native.prepare_tables(tables, numbers | change)
