# SPDX-License-Identifier: Apache-2.0
"""Removed people leave the disk, the others stay, and readers notice nothing."""

import numpy as np
import pytest

from ektp_hw.errors import GalleryFull, OperationCancelled
from ektp_hw.gallery import Gallery, Person, compaction, folder, shelves
from ektp_hw.gallery.columns import Undescribed
from ektp_hw.samples import FingerPosition


class Described:
    """Codes and sketches that say which template they are of."""

    version = 1001
    sketch_bytes = 32

    @staticmethod
    def codes(templates):
        return np.array([[round(float(each.x.sum()))] * 8 for each in templates], np.uint64)

    @staticmethod
    def sketches(templates):
        return np.array([[len(each)] * 32 for each in templates], np.uint8).reshape(-1, 32)


def on_disk(path):
    return b"".join(each.read_bytes() for each in path.rglob("*") if each.is_file())


def everybody(gallery):
    return [gallery.get(each) for each in gallery]


def test_compaction_drops_the_dead_and_joins_the_rest(path, gallery, person):
    people = [person(str(i)) for i in range(60)]
    for each in people:
        gallery.enrol(each)
    assert gallery.info().segments > 2
    for name in ("3", "17", "58"):
        gallery.remove(name)
    gone = [people[3], people[17], people[58]]
    left = [each for each in people if each not in gone]
    assert gallery.info().removed == 6
    done = gallery.compact()
    assert (done.segments_after, done.rows_dropped, done.rows_kept) == (1, 6, 114)
    info = gallery.info()
    assert (info.segments, info.removed, info.people, info.templates) == (1, 0, 57, 114)
    assert everybody(gallery) == left
    assert gallery.verify() == []
    stored = on_disk(path)
    for each in gone:
        for template in each.fingers.values():
            assert template.to_bytes() not in stored
    assert gallery.compact() == compaction.Compaction()
    gallery.enrol(gone[0])
    assert gallery.info().segments == 1
    gallery.close()
    with Gallery.open(path) as again:
        assert everybody(again) == [*left, gone[0]]
        assert again.verify() == []


def test_many_removed_are_compacted_without_being_asked(path, gallery, person):
    people = [person(str(i)) for i in range(16)]
    gallery.enrol_all(people)
    for each in people[:4]:
        gallery.remove(each.id)
    assert gallery.info().removed == 8
    gallery.remove("4")
    info = gallery.info()
    assert (info.removed, info.templates) == (0, 22)
    assert everybody(gallery) == people[5:]
    for each in people[5:]:
        gallery.remove(each.id)
    assert gallery.info().segments == 0
    assert list((path / folder.SEGMENTS).iterdir()) == []
    gallery.enrol(people[0])
    assert everybody(gallery) == people[:1]


def test_erased_at_once(path, gallery, person):
    people = [person(str(i)) for i in range(20)]
    gallery.enrol_all(people)
    gallery.remove("7", erase=True)
    stored = on_disk(path)
    assert not [each for each in people[7].fingers.values() if each.to_bytes() in stored]
    assert all(each.to_bytes() in stored for each in people[8].fingers.values())
    trail = [(each.action, each.id) for each in gallery.audit_trail()]
    assert trail == [*(("enrol", str(i)) for i in range(20)), ("erase", "7"), ("compact", "")]
    assert gallery.verify() == []


def test_readers_go_on(path, gallery, person, comparison):
    people = [person(str(i)) for i in range(30)]
    gallery.enrol_all(people)
    with Gallery.open(path, read_only=True, comparison=comparison) as reader:
        before = reader.segments()
        gallery.remove("5", erase=True)
        assert bytes(before[0].template_bytes(10)) == people[5].fingers[2].to_bytes()
        after = reader.segments()
        assert [len(each) for each in after] == [58]
        assert reader.get("6") == people[6]
        assert "5" not in {each.id for each in reader.search(people[5], 100)}
        assert reader.segments() is after


def test_a_reader_that_is_overtaken_looks_again(path, gallery, person, monkeypatch):
    people = [person(str(i)) for i in range(30)]
    gallery.enrol_all(people)
    with Gallery.open(path, read_only=True) as reader:
        opened = shelves.SegmentFile
        overtaken = []

        def overtake(*arguments, **named):
            if not overtaken:
                monkeypatch.setattr(shelves, "SegmentFile", opened)
                overtaken.append(gallery.remove("5", erase=True))
            return opened(*arguments, **named)

        monkeypatch.setattr(shelves, "SegmentFile", overtake)
        assert len(reader.segments()[0]) == 58
        assert overtaken
        assert reader.get("6") == people[6]
        assert reader.verify() == []


def test_order_of_enrolment_is_kept(path, person):
    with Gallery.open(path, description=Described()) as gallery:
        for i in range(40):
            gallery.enrol(person(str(i), *list(FingerPosition)[: i % 3 + 1]))
        gallery.remove("1", erase=True)
        for i in range(40, 50):
            gallery.enrol(person(str(i)))
        segments = gallery.segments()
        assert len(segments) > 1
        people = np.concatenate([each.people for each in segments])
        assert (np.diff(people) >= 0).all()
        assert [each.first for each in segments] == [
            sum(len(before) for before in segments[:i]) for i in range(len(segments))
        ]
        assert list(gallery.identifiers(np.unique(people)).values()) == list(gallery)


def test_columns_of_another_description_are_made_anew(path, person):
    people = [person(str(i)) for i in range(12)]
    with Gallery.open(path, description=Undescribed()) as gallery:
        gallery.enrol_all(people)
        assert not gallery.segments()[0].described
    with Gallery.open(path, description=Described()) as gallery:
        gallery.enrol(Person("new", people[0].fingers))
        assert [each.described for each in gallery.segments()] == [False, True]
        gallery.compact()
        (segment,) = gallery.segments()
        assert segment.described
        fingers = [each for one in [*people, people[0]] for each in one.fingers.values()]
        assert (segment.codes == Described.codes(fingers)).all()
        assert (segment.sketches == Described.sketches(fingers)).all()
        assert segment.codes.ctypes.data % 64 == 0
        assert gallery.verify() == []


@pytest.mark.parametrize("column", ["codes", "sketches"])
def test_damaged_columns_are_mended(path, person, caplog, column):
    people = [person(str(i)) for i in range(300)]
    with Gallery.open(path, description=Described()) as gallery:
        gallery.enrol_all(people)
        sound = np.array(getattr(gallery.segments()[0], column))
        file = gallery._shelves._readers[1].file
        at = file.place(column, 300, 0)
    stored = bytearray(file.path.read_bytes())
    stored[at] ^= 8
    file.path.write_bytes(stored)
    with Gallery.open(path, description=Described()) as gallery:
        (damage,) = gallery.verify()
        assert (damage.block, damage.rows, damage.columns) == (1, (256, 512), (column,))
        assert damage.people == tuple(str(i) for i in range(128, 256))
        assert "compact" in str(damage)
        (segment,) = gallery.segments()
        assert not segment.alive[256:512].any()
        assert segment.alive[:256].all()
        assert segment.alive[512:].all()
        assert "block 1" in caplog.text
        assert gallery.get("150") == people[150]
        gallery.compact()
        assert gallery.verify() == []
        (segment,) = gallery.segments()
        assert segment.alive.all()
        assert (getattr(segment, column) == sound).all()
        assert everybody(gallery) == people


def test_damaged_templates_are_never_blessed(gallery, person, caplog):
    people = [person(str(i)) for i in range(300)]
    gallery.enrol_all(people)
    gallery.segments()
    file = gallery._shelves._readers[1].file
    at = file.path.read_bytes().index(people[130].fingers[2].to_bytes())
    with file.path.open("r+b") as stored:
        stored.seek(at + 20)
        stored.write(b"\xff\xff\xff")
    (damage,) = gallery.verify()
    assert (damage.rows, damage.columns) == ((256, 512), ("templates",))
    gallery.remove("0")
    gallery.compact()
    assert "not compacted" in caplog.text
    assert gallery.info().removed == 2
    for name in damage.people:
        gallery.remove(name)
    assert gallery.verify() == []
    assert everybody(gallery) == people[1:128] + people[256:]


def test_no_room_to_compact(gallery, person, monkeypatch, caplog):
    people = [person(str(i)) for i in range(16)]
    gallery.enrol_all(people)

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("ektp_hw.gallery.segment_file.os.ftruncate", fail)
        with pytest.raises(GalleryFull):
            gallery.remove("0", erase=True)
        for i in range(1, 5):
            gallery.remove(str(i))
    assert "waits for a compaction" in caplog.text
    assert everybody(gallery) == people[5:]
    gallery.compact()
    assert gallery.info().removed == 0
    assert everybody(gallery) == people[5:]


def test_watched_and_cancelled(gallery, person):
    import threading

    gallery.enrol_all(person(str(i)) for i in range(20))
    gallery.remove("3")
    seen = []
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(OperationCancelled):
        gallery.compact(progress=lambda *step: seen.append(step), cancel=cancel)
    assert seen == [(40, 40)]
    assert gallery.verify() == []


def test_dedup_goes_on_behind_a_compaction(gallery, person):
    people = [person(str(i)) for i in range(12)]
    people[7] = Person("7", people[2].fingers)
    people[9] = Person("9", people[2].fingers)
    gallery.enrol_all(people)
    run = gallery.deduplicate()
    assert next(run).b == "7"
    gallery.remove("4", erase=True)
    assert [(each.a, each.b) for each in gallery.deduplicate(resume=run.position)] == [
        ("2", "9"),
        ("7", "9"),
    ]
