# SPDX-License-Identifier: Apache-2.0
"""An encrypted gallery shows nothing without its secret, and an erased person to nobody."""

import sys

import numpy as np
import pytest

from ektp_hw.errors import GalleryDamaged, GalleryError, GalleryLocked
from ektp_hw.gallery import Gallery, Person, ciphers, folder, keyring
from ektp_hw.gallery.seal import context_of

pytest.importorskip("cryptography")
SECRET = "correct horse, battery; stapleé"  # noqa: S105  # of galleries that live for one test
SEGMENT = "segments/00000001.segment"


class Told:
    """Codes and sketches that are easy to recognise."""

    version = 1
    sketch_bytes = 64

    @staticmethod
    def codes(templates):
        return np.array([[len(each) + 7_000_000] * 8 for each in templates], np.uint64)

    @staticmethod
    def sketches(templates):
        return np.array([[len(each)] * 64 for each in templates], np.uint8).reshape(-1, 64)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(keyring, "_LOG_N", 8)


@pytest.fixture
def opened(path, comparison):
    def open_it(**named):
        return Gallery.open(
            path, **({"secret": SECRET, "comparison": comparison, "description": Told()} | named)
        )

    return open_it


def on_disk(path):
    return b"".join(each.read_bytes() for each in path.rglob("*") if each.is_file())


def test_the_same_gallery_and_nothing_to_see(path, opened, person):
    people = [person(str(i)) for i in range(40)]
    people.append(Person("named", people[0].fingers, name="Siti Nurhaliza"))
    with opened() as gallery:
        gallery.enrol_all(people[:30])
        for each in people[30:]:
            gallery.enrol(each)
        assert [gallery.get(each.id) for each in people] == people
        assert gallery.info().encrypted
        assert gallery.verify() == []
    stored = on_disk(path)
    for each in people:
        for template in each.fingers.values():
            assert template.to_bytes()[20:60] not in stored
    assert Told.codes([people[0].fingers[2]])[0].tobytes() not in stored
    assert b"Siti" not in stored
    with opened(read_only=True) as reader:
        assert [reader.get(each.id) for each in people] == people
        assert reader.search(people[5], 1)[0].id == "5"
        assert reader.verify() == []
        for segment in reader.segments():
            fingers = [
                finger
                for seq in np.unique(segment.people)
                for finger in reader.get(reader.identifiers([seq])[seq]).fingers.values()
            ]
            assert (segment.codes == Told.codes(fingers)).all()
            assert (segment.sketches == Told.sketches(fingers)).all()
            assert segment.codes.ctypes.data % 64 == 0


def test_a_reader_follows_the_writer(opened, person):
    people = [person(str(i)) for i in range(60)]
    with opened() as gallery:
        gallery.enrol(people[0])
        with opened(read_only=True) as reader:
            for each in people[1:]:
                gallery.enrol(each)
                assert reader.search(each, 1)[0].id == each.id
            held = reader.segments()
            gallery.remove("3", erase=True)
            assert bytes(held[0].template_bytes(6)) == people[3].fingers[2].to_bytes()
            assert reader.get("4") == people[4]
            assert sum(len(each) for each in reader.segments()) == 118


@pytest.mark.parametrize("secret", [None, "wrong", b"wrong", SECRET.upper()])
def test_the_wrong_secret(path, opened, person, secret):
    with opened() as gallery:
        gallery.enrol(person("a"))
    with pytest.raises(GalleryLocked, match=str(path)):
        opened(secret=secret)
    with pytest.raises(GalleryLocked):
        opened(secret=secret, read_only=True)


def test_secrets_are_text_or_bytes(path, opened, person):
    with opened() as gallery:
        gallery.enrol(person("a"))
    with opened(secret=SECRET.encode()) as again:
        assert "a" in again
    with opened(secret=SECRET.replace("é", "e\u0301")) as again:  # as another keyboard writes it
        assert "a" in again
    with pytest.raises(GalleryError, match="empty"):
        Gallery.open(path.with_name("other"), secret="")


def test_a_secret_for_a_gallery_without(path, person):
    with Gallery.open(path) as gallery:
        gallery.enrol(person("a"))
    with pytest.raises(GalleryError, match="not encrypted"):
        Gallery.open(path, secret=SECRET)


def test_erasing_destroys_the_key(path, opened, person):
    people = [person(str(i), *range(1, 4)) for i in range(12)]
    with opened() as gallery:
        gallery.enrol_all(people)
        identity = gallery._manifest.identity
        segment = (path / SEGMENT).read_bytes()  # the copy that somebody kept
        slots_before = (path / keyring.KEYS).read_bytes()[128:]
        gallery.remove("5", erase=True)
        assert gallery.verify() == []
    slots = (path / keyring.KEYS).read_bytes()[128:]
    assert slots_before[:64].count(0) < 20
    assert slots_before[:64] not in slots
    (path / SEGMENT).write_bytes(segment)
    keys = keyring.Keyring(path / keyring.KEYS, identity, SECRET)
    assert not keys.of(1).holds(context_of(1, 0, 0), bytes(28), b"")
    with opened() as gallery:
        assert sorted(gallery, key=int) == [str(i) for i in range(12) if i != 5]
        assert not (path / SEGMENT).exists()


def test_the_same_place_is_never_enciphered_twice(path, opened, person, monkeypatch):
    with opened() as gallery:
        gallery.enrol(person("a"))
        for failing in ("fsync", "write"):
            with monkeypatch.context() as patch:
                patch.setattr(f"ektp_hw.gallery.segment_file.os.{failing}", fail)
                with pytest.raises(GalleryError):
                    gallery.enrol(person("lost"))
        torn = (path / SEGMENT).read_bytes()
        gallery.enrol(person("b"))
        assert (path / SEGMENT).read_bytes() == torn
    with opened() as again:
        again.enrol(person("c"))
        assert list(again) == ["a", "b", "c"]
        assert (path / SEGMENT).read_bytes() == torn
        again.compact()
        assert again.info().segments == 1
        assert again.verify() == []


def fail(*_):
    raise OSError(5, "Input/output error")


def test_a_writer_that_died_leaves_a_place_alone(path, opened, person):
    with opened() as gallery:
        gallery.enrol(person("a"))
    stored = bytearray((path / SEGMENT).read_bytes())
    stored[-9] = 1
    (path / SEGMENT).write_bytes(stored)
    with opened() as gallery:
        gallery.enrol(person("b"))
        assert (path / SEGMENT).read_bytes() == stored
        assert gallery.verify() == []
        gallery.compact()
        assert list(gallery) == ["a", "b"]


def test_forged_templates_are_refused(opened, person):
    """Whoever can write the file flips bits of an enciphered template, checksum included."""
    people = [person(str(i)) for i in range(4)]
    with opened() as gallery:
        gallery.enrol_all(people)
        gallery.segments()
        file = gallery._shelves._readers[1].file
    at = file.layout.offset("templates")
    stored = bytearray(file.path.read_bytes())
    true = people[0].fingers[2].to_bytes()
    false = people[1].fingers[2].to_bytes()
    assert len(true) == len(false)
    stored[at : at + len(true)] = bytes(
        one ^ two ^ three
        for one, two, three in zip(stored[at : at + len(true)], true, false, strict=True)
    )
    file.path.write_bytes(stored)
    with opened(read_only=True) as gallery:
        with pytest.raises(GalleryDamaged, match="damaged in its templates"):
            gallery.get("0")
        assert gallery.verify()[0].columns == ("templates",)
        assert gallery.search(people[0]) == []


@pytest.mark.parametrize("harm", ["missing", "truncated", "flipped", "foreign"])
def test_a_damaged_keyring(path, opened, person, harm):
    with opened() as gallery:
        gallery.enrol(person("a"))
    keys = path / keyring.KEYS
    stored = bytearray(keys.read_bytes())
    if harm == "missing":
        keys.unlink()
    elif harm == "foreign":
        Gallery.open(path.with_name("other"), secret=SECRET).close()
        keys.write_bytes((path.with_name("other") / keyring.KEYS).read_bytes())
    else:
        stored[60] ^= 1
        keys.write_bytes(stored[:70] if harm == "truncated" else stored)
    with pytest.raises(GalleryDamaged, match=keyring.KEYS):
        opened()


def test_a_damaged_slot_costs_its_segment(path, opened, person, caplog):
    with opened() as gallery:
        gallery.enrol(person("a"))
    keys = path / keyring.KEYS
    stored = bytearray(keys.read_bytes())
    stored[150] ^= 1
    keys.write_bytes(stored)
    with opened() as gallery:
        found = gallery.verify()
        assert found[0].people == ("a",)
        assert gallery.search(person("?")) == []
        assert "left out" in caplog.text
        with pytest.raises(GalleryDamaged):
            gallery.get("a")
        new = person("new")
        gallery.enrol(new)
        assert gallery.search(new)[0].id == "new"


def test_removed_names_and_compaction(opened, person):
    fingers = person("x").fingers
    with opened() as gallery:
        gallery.enrol_all(Person(str(i), fingers, name=f"name {i}") for i in range(20))
        gallery.remove("4", erase=True)
        assert [gallery.get(each).name for each in gallery] == [
            f"name {i}" for i in range(20) if i != 4
        ]


def test_without_the_package(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)
    ciphers._cryptography.cache_clear()
    with pytest.raises(GalleryError, match="cryptography"):
        Gallery.open(path, secret=SECRET)
    assert not path.exists()


def test_manifest_says_so(path, opened):
    opened().close()
    assert folder.read_manifest(path).encrypted
