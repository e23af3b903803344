# SPDX-License-Identifier: Apache-2.0
"""What the store keeps, whom it lets in, and what it says about files that are none of its own."""

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from ektp_hw.errors import GalleryBusy, GalleryDamaged, GalleryError, OperationCancelled
from ektp_hw.gallery import Gallery, Person, folder
from ektp_hw.samples import FingerPosition


def test_kept_and_read_back(path, person):
    people = [person(f"person {i}") for i in range(5)]
    people.append(Person("named", people[0].fingers, name="Siti Nurhaliza"))
    with Gallery.open(path) as gallery:
        for each in people:
            gallery.enrol(each)
    with Gallery.open(path, create=False) as gallery:
        assert len(gallery) == 6
        assert list(gallery) == [each.id for each in people]
        assert [gallery.get(each.id) for each in people] == people
        assert gallery.get("named").name == "Siti Nurhaliza"
        assert "person 3" in gallery
        assert "person 9" not in gallery
        assert gallery.verify() == []
        info = gallery.info()
    assert (info.people, info.templates, info.version) == (6, 12, 2)
    assert info.bytes > 12 * 200


def test_iterates_over_more_than_one_batch(gallery, person):
    finger = person("x", FingerPosition.RIGHT_THUMB).fingers
    gallery.enrol_all(Person(str(i), finger) for i in range(1, 2101))
    assert list(gallery) == [str(i) for i in range(1, 2101)]


def test_nobody_twice(gallery, person):
    gallery.enrol(person("a"))
    with pytest.raises(ValueError, match="'a' is enrolled already"):
        gallery.enrol(person("a"))
    with pytest.raises(ValueError, match="'b' is enrolled already"):
        gallery.enrol_all([person("b"), person("b")])
    assert list(gallery) == ["a"]
    with pytest.raises(TypeError, match="Person"):
        gallery.enrol("b")


def test_removed(path, gallery, person):
    for name in "abc":
        gallery.enrol(person(name))
    gallery.remove("b")
    with pytest.raises(KeyError):
        gallery.remove("b")
    with pytest.raises(KeyError):
        gallery.get("b")
    gallery.enrol(person("b"))
    assert list(gallery) == ["a", "c", "b"]
    gallery.remove("b")
    assert gallery.verify() == []
    gallery.close()
    with Gallery.open(path) as again:
        assert list(again) == ["a", "c"]
        assert again.verify() == []


def test_closed(gallery, person):
    gallery.close()
    gallery.close()
    with pytest.raises(GalleryError, match="closed"):
        gallery.enrol(person("a"))
    with pytest.raises(GalleryError, match="closed"):
        len(gallery)


def test_second_writer_is_told_who_has_it(path, gallery):
    with pytest.raises(GalleryBusy, match=f"process {os.getpid()}") as caught:
        Gallery.open(path)
    assert str(path) in str(caught.value)
    gallery.close()
    Gallery.open(path).close()


def test_writer_in_another_process(path, person):
    script = (
        "import sys; from ektp_hw.gallery import Gallery\n"
        "with Gallery.open(sys.argv[1]): print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline().strip() == b"open"
        with pytest.raises(GalleryBusy, match=str(holder.pid)):
            Gallery.open(path)
        with Gallery.open(path, read_only=True) as reader:
            assert len(reader) == 0
        holder.communicate()
    with Gallery.open(path) as gallery:
        gallery.enrol(person("a"))


def test_reader_beside_the_writer(path, gallery, person):
    with Gallery.open(path, read_only=True) as reader:
        gallery.enrol(person("a"))
        assert list(reader) == ["a"]
        assert reader.get("a") == gallery.get("a")
        with pytest.raises(GalleryError, match="reading only"):
            reader.enrol(person("b"))
        with pytest.raises(GalleryError, match="reading only"):
            reader.remove("a")
        assert reader.verify() == []


def test_absent(path):
    with pytest.raises(GalleryError, match="holds no gallery"):
        Gallery.open(path, create=False)
    with pytest.raises(GalleryError, match="holds no gallery"):
        Gallery.open(path, read_only=True)
    assert not path.exists()


def test_places_that_are_no_gallery(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"something else")
    with pytest.raises(GalleryError, match="is a file"):
        Gallery.open(file)
    with pytest.raises(GalleryError, match="file"):
        Gallery.open(file / "below")
    with pytest.raises(GalleryError, match="other files"):
        Gallery.open(tmp_path)
    assert file.read_bytes() == b"something else"
    assert sorted(tmp_path.iterdir()) == [file]


def test_an_empty_folder_becomes_one(tmp_path):
    (tmp_path / "empty").mkdir()
    with Gallery.open(tmp_path / "empty") as gallery:
        assert len(gallery) == 0
    with Gallery.open(tmp_path / "deep" / "down") as gallery:
        assert len(gallery) == 0
    assert {each.name for each in tmp_path.iterdir()} == {"empty", "deep"}


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything"
)
def test_not_permitted(path, gallery):
    gallery.close()
    path.chmod(0)
    try:
        with pytest.raises(GalleryError, match="ermission"):
            Gallery.open(path)
    finally:
        path.chmod(0o700)


@pytest.mark.parametrize("name", [folder.MANIFEST, folder.LEDGER])
@pytest.mark.parametrize("harm", ["truncated", "emptied", "foreign", "missing", "exchanged"])
@pytest.mark.parametrize("read_only", [False, True])
def test_damaged_files_are_named(tmp_path, path, person, name, harm, read_only):
    spoil(tmp_path, path, person, path / name, harm)
    if name == folder.LEDGER and harm == "truncated":  # SQLite notices where it looks
        with pytest.raises(GalleryDamaged, match=name):
            read_through(path, read_only=read_only)
        return
    with pytest.raises(GalleryDamaged) as caught:
        Gallery.open(path, read_only=read_only)
    assert str(path) in str(caught.value)
    assert name in str(caught.value) or harm == "exchanged"


def spoil(tmp_path, path, person, file, harm):
    for place in (path, tmp_path / "other"):
        with Gallery.open(place) as gallery:
            gallery.enrol_all(person(str(i)) for i in range(20))
    whole = file.read_bytes()
    if harm == "missing":
        file.unlink()
    else:
        other = (tmp_path / "other" / file.relative_to(path)).read_bytes()
        file.write_bytes(
            {
                "truncated": whole[: len(whole) // 2],
                "emptied": b"",
                "foreign": b"%PDF-1.7 " * 300,
                "exchanged": other,
            }[harm]
        )


def read_through(path, *, read_only):
    with Gallery.open(path, read_only=read_only) as gallery:
        found = gallery.verify()
        assert found
        raise GalleryDamaged(str(found[0]))


@pytest.mark.parametrize("harm", ["truncated", "emptied", "foreign", "missing", "exchanged"])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_damaged_segment_costs_its_people_and_nobody_else(
    tmp_path, path, person, comparison, caplog, harm, read_only
):
    file = path / folder.SEGMENTS / "00000001.segment"
    spoil(tmp_path, path, person, file, harm)
    with Gallery.open(path, read_only=read_only, comparison=comparison) as gallery:
        found = gallery.verify()
        assert str(file) in str(found[0])
        blocks = [each for each in found if each.block is not None]
        assert [(each.segment, each.block, each.rows) for each in blocks] == [(1, 0, (0, 40))]
        assert blocks[0].people == tuple(map(str, range(20)))
        assert gallery.search(person("?")) == []
        assert "left out of searches" in caplog.text
        assert len(gallery) == 20
        with pytest.raises(GalleryDamaged, match="00000001"):
            gallery.get("3")
        if not read_only:
            behind = person("behind")
            gallery.enrol(behind)
            assert gallery.get("behind") == behind
            assert [each.id for each in gallery.search(behind)] == ["behind"]


def test_newer_version(path, gallery):
    gallery.close()
    manifest = json.loads((path / folder.MANIFEST).read_text())
    (path / folder.MANIFEST).write_text(json.dumps(manifest | {"version": 3}))
    with pytest.raises(GalleryError, match="version 3"):
        Gallery.open(path)


@pytest.mark.parametrize("name", [folder.MANIFEST, folder.LEDGER, "segments/00000001.segment"])
def test_random_damage_is_survived_or_named(path, gallery, person, rng, caplog, name):
    gallery.enrol_all(person(str(i)) for i in range(30))
    gallery.close()
    whole = {each: each.read_bytes() for each in path.rglob("*") if each.is_file()}
    named = []
    for _ in range(60):
        for each in path.rglob("*.segment"):
            each.unlink()
        for each, stored in whole.items():
            each.write_bytes(stored)
        damaged = np.frombuffer(whole[path / name], np.uint8).copy()
        damaged[rng.integers(0, len(damaged), rng.integers(1, 6))] = rng.integers(0, 256)
        keep = rng.integers(0, len(damaged)) if rng.random() < 0.3 else len(damaged)
        (path / name).write_bytes(damaged[:keep].tobytes())
        caplog.clear()
        try:
            with Gallery.open(path, comparison=gallery.comparison) as opened:
                opened.search(person("?"))
                opened.verify()
                opened.enrol(person("new"))
        except GalleryError as error:
            named.append(str(error))
        else:
            named += caplog.messages[:1]
    assert len(named) > 10
    assert all(str(path) in each for each in named)


def test_a_segment_truncated_under_an_open_reader(path, gallery, person):
    gallery.enrol_all(person(str(i)) for i in range(50))
    with Gallery.open(path, read_only=True) as reader:
        assert reader.get("0").id == "0"
        os.truncate(path / folder.SEGMENTS / "00000001.segment", 5000)
        with pytest.raises(GalleryDamaged, match="truncated"):
            reader.get("49")


def test_verify_can_be_watched_and_cancelled(gallery, person):
    for i in range(5):
        gallery.enrol(person(str(i)))
    seen = []
    assert gallery.verify(progress=lambda *step: seen.append(step)) == []
    assert seen == [(10, 10)]
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(OperationCancelled):
        gallery.verify(cancel=cancel)


def test_several_threads(gallery, person):
    people = [person(str(i)) for i in range(40)]

    def enrol(some):
        for each in some:
            gallery.enrol(each)
            gallery.search(each, 1)

    threads = [threading.Thread(target=enrol, args=(people[i::4],)) for i in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(gallery, key=int) == [each.id for each in people]
    assert gallery.verify() == []
