# SPDX-License-Identifier: Apache-2.0
"""Galleries of version 1 become the present version, whatever happens meanwhile."""

import os
import shutil
import subprocess
import sys

import pytest

from ektp_hw.errors import GalleryDamaged, GalleryError
from ektp_hw.gallery import Gallery, version1
from old_gallery import write_version_1


@pytest.fixture
def people(person):
    return [person(str(i)) for i in range(20)]


def names(path):
    return {each.name for each in path.iterdir()}


def test_migrated(path, people, comparison):
    write_version_1(path, people, removed=["3", "19"])
    left = [each for each in people if each.id not in {"3", "19"}]
    with Gallery.open(path, comparison=comparison) as gallery:
        assert [gallery.get(each) for each in gallery] == left
        info = gallery.info()
        assert (info.version, info.created, info.templates) == (2, "2026-01-01", 36)
        assert gallery.verify() == []
        assert gallery.search(people[4], 1)[0].id == "4"
        assert [each.action for each in gallery.audit_trail()] == ["migrate"]
        gallery.enrol(people[3])
        assert gallery._ledger.find("3").seq == 21  # the last one's number is not given again
        assert gallery._ledger.find("4").seq == 5
    assert not names(path) & set(version1.FILES)
    with Gallery.open(path, read_only=True) as again:
        assert len(again) == 19


def test_not_by_a_reader(path, people):
    write_version_1(path, people)
    with pytest.raises(GalleryError, match="for writing"):
        Gallery.open(path, read_only=True)
    assert names(path) >= {version1.PACK, version1.TABLE}


def test_nobody_to_migrate(path):
    write_version_1(path, [])
    with Gallery.open(path) as gallery:
        assert len(gallery) == 0
        assert gallery.verify() == []


@pytest.mark.parametrize("name", [version1.PACK, version1.TABLE])
def test_files_that_are_not_its_own(path, people, name):
    write_version_1(path, people)
    (path / name).write_bytes(b"something else " * 500)
    with pytest.raises(GalleryDamaged, match=name):
        Gallery.open(path)
    (path / name).unlink()
    with pytest.raises(GalleryDamaged, match=name):
        Gallery.open(path)


def test_damaged_templates_cost_themselves_and_the_old_files_stay(path, people, caplog):
    write_version_1(path, people)
    pack = bytearray((path / version1.PACK).read_bytes())
    for at in (pack.index(people[2].fingers[2].to_bytes()) + 30, len(pack) - 9):
        pack[at] ^= 1
    (path / version1.PACK).write_bytes(pack)
    for _ in range(2):
        with Gallery.open(path) as gallery:
            assert len(gallery) == 20
            assert dict(gallery.get("2").fingers) == {7: people[2].fingers[7]}
            assert dict(gallery.get("19").fingers) == {2: people[19].fingers[2]}
            assert gallery.get("3") == people[3]
            assert gallery.verify() == []
        assert names(path) >= {version1.PACK, version1.TABLE}
    assert "2: " in caplog.text
    assert "19: " in caplog.text


MIGRATE = """
import os, sys
from ektp_hw.gallery import Gallery

def crash_before(name):
    function = getattr(os, name)
    def wrapped(*arguments, **named):
        global calls
        calls -= "__pycache__" not in str(arguments[0])  # what numba keeps is no gallery
        if calls < 0:
            os._exit(9)
        return function(*arguments, **named)
    setattr(os, name, wrapped)

Gallery.open(sys.argv[1]).close()  # what it loads the copies need not load again
for calls, path in enumerate(sys.argv[2:]):
    if not os.fork():
        for name in ("fsync", "unlink", "replace", "rename", "ftruncate", "mkdir"):
            crash_before(name)
        Gallery.open(path).close()
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no way here to end a copy of the process")
def test_crashed_before_each_step(tmp_path, people):
    """Ended before its first, second, ... call that touches the disk; then simply opened."""
    paths, undisturbed = [tmp_path / str(i) for i in range(25)], tmp_path / "undisturbed"
    write_version_1(tmp_path / "old", people)
    for path in [*paths, undisturbed]:
        shutil.copytree(tmp_path / "old", path)
    command = [sys.executable, "-c", MIGRATE, undisturbed, *paths]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60, text=True)
    codes = done.stdout.split()
    assert "0" in codes, done.stdout + done.stderr
    crashes = codes.index("0")
    assert crashes > 5
    assert set(codes[:crashes]) == {"9"}
    assert set(codes[crashes:]) == {"0"}
    for path in paths[: crashes + 1]:
        with Gallery.open(path) as gallery:
            assert [gallery.get(each) for each in gallery] == people
            assert gallery.verify() == []
        assert not names(path) & set(version1.FILES)
