# SPDX-License-Identifier: Apache-2.0
"""Nothing acknowledged is lost: killed writers, torn ends, full disks."""

import contextlib
import errno
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
import time

import pytest

from ektp_hw.errors import GalleryError, GalleryFull
from ektp_hw.gallery import Gallery, folder, segment_file

ENROL_FOREVER = """
import itertools, sys
import numpy as np
from ektp_hw.gallery import Gallery, Person
from ektp_hw.templates import FingerprintTemplate
rng = np.random.default_rng()
with Gallery.open(sys.argv[1]) as gallery:
    for i in itertools.count():
        n = int(rng.integers(0, 200))
        template = FingerprintTemplate.from_minutiae(
            *rng.uniform(0, 6, (3, n)), width=400, height=400)
        name = f"{sys.argv[2]}-{i}"
        gallery.enrol(Person(name, {2: template, 7: template}))
        print(name, flush=True)
        if i % 7 == 3:
            gallery.remove(name)
            print("-" + name, flush=True)
"""


def test_killed_at_any_moment(path, rng):
    acknowledged = set()
    for run in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", ENROL_FOREVER, str(path), str(run)], stdout=subprocess.PIPE
        ) as writer:
            said = [writer.stdout.readline()]
            time.sleep(rng.uniform(0, 0.06))
            writer.kill()
            said += writer.stdout.read().splitlines(keepends=True)
        words = [line.decode().strip() for line in said if line.endswith(b"\n")]
        acknowledged |= {word for word in words if not word.startswith("-")}
        asked_away = {word for word in acknowledged if int(word.split("-")[1]) % 7 == 3}
        with Gallery.open(path) as gallery:
            enrolled = set(gallery)
            # One more may have been committed without having been said, one removal as well.
            assert acknowledged - asked_away <= enrolled, run
            assert not enrolled & {word[1:] for word in words if word.startswith("-")}, run
            assert gallery.verify() == [], run
            for name in enrolled:
                assert gallery.get(name).id == name
    assert len(acknowledged) >= 6


def test_a_torn_end_is_wiped_by_the_next_writer(path, gallery, person):
    gallery.enrol(person("a"))
    gallery.close()
    file = next((path / folder.SEGMENTS).iterdir())
    whole = file.read_bytes()
    torn = bytearray(whole)
    torn[-100:-50] = b"x" * 50
    file.write_bytes(torn)
    (path / folder.SEGMENTS / "00000002.segment").write_bytes(b"half a segment")
    with Gallery.open(path, read_only=True) as reader:
        assert reader.verify() == []
    assert file.read_bytes() == torn
    with Gallery.open(path) as again:
        assert file.read_bytes() == whole
        assert list((path / folder.SEGMENTS).iterdir()) == [file]
        again.enrol(person("b"))
        assert again.verify() == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("call", ["write", "fsync"])
def test_no_room_for_templates(gallery, person, monkeypatch, code, call):
    gallery.enrol(person("before"))

    def fail(*_):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(segment_file.os, call, fail)
        with pytest.raises(GalleryFull, match="full"):
            gallery.enrol(person("lost"))
    assert list(gallery) == ["before"]
    gallery.enrol(person("behind"))
    assert list(gallery) == ["before", "behind"]
    assert gallery.verify() == []


def test_half_a_write(gallery, person, monkeypatch):
    gallery.enrol(person("before"))
    write = os.write
    rest = [100]

    def fill(descriptor, data):
        if not rest[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = write(descriptor, data[: rest[0]])
        rest[0] -= taken
        return taken

    with monkeypatch.context() as patch:
        patch.setattr(segment_file.os, "write", fill)
        with pytest.raises(GalleryFull):
            gallery.enrol(person("lost"))
    assert rest == [0]
    assert gallery.verify() == []


def test_failing_disk_is_not_called_full(gallery, person, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(segment_file.os, "fsync", fail)
    with pytest.raises(GalleryError, match="Input/output") as caught:
        gallery.enrol(person("a"))
    assert not isinstance(caught.value, GalleryFull)


def test_no_room_for_the_table(path, gallery, person):
    gallery.enrol(person("before"))
    connection = gallery._ledger._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    acknowledged = ["before"]

    def fill():
        while True:
            newcomers = [person(f"{len(acknowledged)}.{i}") for i in range(9)]
            gallery.enrol_all(newcomers)
            acknowledged.extend(each.id for each in newcomers)

    with pytest.raises(GalleryFull, match=folder.LEDGER):
        fill()
    assert list(gallery) == acknowledged
    connection.execute("PRAGMA max_page_count = 1000000")
    gallery.enrol(person("behind"))
    gallery.close()
    with Gallery.open(path) as again:
        assert list(again) == [*acknowledged, "behind"]
        assert again.verify() == []


def test_rows_of_a_failed_commit_are_never_written_over(path, gallery, person):
    gallery.enrol(person("before"))
    gallery._ledger._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(GalleryError):
        gallery.enrol(person("lost"))
    file = path / folder.SEGMENTS / "00000001.segment"
    limbo = file.read_bytes()
    gallery._ledger._connection.execute("PRAGMA query_only = OFF")
    gallery.enrol(person("behind"))
    assert file.read_bytes() == limbo
    assert list(gallery) == ["before", "behind"]
    assert gallery.verify() == []


OPEN_WHEN_FULL = """
import contextlib, pathlib, sys
from ektp_hw.errors import GalleryFull
from ektp_hw.gallery import Gallery, Person
from ektp_hw.templates import FingerprintTemplate
finger = {2: FingerprintTemplate.from_minutiae([1], [1], [1], width=9, height=9)}
place = pathlib.Path(sys.argv[1], "people")
ballast = place.with_name("ballast")
with Gallery.open(place) as gallery:
    gallery.enrol(Person("kept", finger))
with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
    while file.write(bytes(1024)):
        pass
try:
    with Gallery.open(place) as gallery:
        gallery.enrol(Person("too many", finger))
except GalleryFull as error:
    print(error)
ballast.unlink()
with Gallery.open(place) as gallery:
    assert "kept" in gallery
    assert not gallery.verify()
"""


FILL = """
import pathlib, sys
import numpy as np
from ektp_hw.errors import GalleryFull
from ektp_hw.gallery import Gallery, Person
from ektp_hw.templates import FingerprintTemplate
place, size = pathlib.Path(sys.argv[1]), int(sys.argv[2])
rng = np.random.default_rng(1)
template = FingerprintTemplate.from_minutiae(*rng.uniform(0, 6, (3, 200)), width=400, height=400)
if size:  # files may grow no further
    import resource
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    def fill(): resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    def make_room(): resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
else:  # the disk itself is small
    ballast = place.with_name("ballast")
    def fill(): ballast.write_bytes(bytes(200_000))
    make_room = ballast.unlink
with Gallery.open(place) as gallery:
    fill()
    kept = []
    try:
        for i in range(3000):
            gallery.enrol(Person(str(i), {2: template}))
            kept.append(str(i))
    except GalleryFull as error:
        print(error)
    assert 0 < len(kept) < 3000, "it never became full, or was from the start"
    assert list(gallery) == kept
    assert gallery.verify() == []
    make_room()
    gallery.enrol(Person("behind", {2: template}))
with Gallery.open(place) as gallery:
    assert list(gallery) == [*kept, "behind"]
    assert gallery.verify() == []
"""
READ = """
import sys
from ektp_hw.errors import GalleryError
from ektp_hw.gallery import Gallery
with Gallery.open(sys.argv[1], read_only=True) as gallery:
    assert list(gallery) == ["a"] and gallery.verify() == []
try:
    Gallery.open(sys.argv[1])
except GalleryError as error:
    assert "Read-only" in str(error)
else:
    sys.exit("it was opened for writing")
"""


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limit here")
@pytest.mark.parametrize("size", [40_000, 100_000, 170_000])
def test_the_operating_system_refuses_to_let_files_grow(path, size):
    assert "full" in run(sys.executable, "-c", FILL, str(path), str(size))


@pytest.fixture
def with_mounts():
    """Return a runner of a mount command and then a script, seen by nobody else."""
    own = ["unshare", "--user", "--map-root-user", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*own, "true"], check=False).returncode:
        pytest.skip("mounting in a namespace of our own is not possible here")

    def runner(mount, script, *arguments):
        words = shlex.join([sys.executable, "-c", script, *arguments])
        return run(*own, "sh", "-c", f"{mount} && {words}")

    return runner


@pytest.mark.parametrize("kibibytes", [400, 600, 800])
def test_a_disk_that_is_full(with_mounts, tmp_path, kibibytes):
    mount = f"mount -t tmpfs -o size={kibibytes}k none {shlex.quote(str(tmp_path))}"
    assert "full" in with_mounts(mount, FILL, str(tmp_path / "people"), "0")


def test_a_disk_that_was_full_before_opening(with_mounts, tmp_path):
    mount = f"mount -t tmpfs -o size=160k none {shlex.quote(str(tmp_path))}"
    assert "full" in with_mounts(mount, OPEN_WHEN_FULL, str(tmp_path))


def test_a_read_only_medium(with_mounts, path, gallery, person):
    gallery.enrol(person("a"))
    gallery.close()
    folder_ = shlex.quote(str(path))
    mount = f"mount --bind {folder_} {folder_} && mount -o remount,bind,ro {folder_}"
    with_mounts(mount, READ, str(path))


def test_a_crash_while_creating_leaves_no_gallery(path, monkeypatch):
    def crash(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(folder, "create_ledger", crash)
        with pytest.raises(GalleryFull):
            Gallery.open(path)
    assert not path.exists()
    assert not list(path.parent.iterdir())
    with Gallery.open(path) as gallery:
        assert len(gallery) == 0


def test_two_create_at_once(path, monkeypatch):
    create = folder.create_ledger
    with contextlib.ExitStack() as stack:

        def faster(*arguments):
            monkeypatch.setattr(folder, "create_ledger", create)
            stack.enter_context(Gallery.open(path))
            create(*arguments)

        monkeypatch.setattr(folder, "create_ledger", faster)
        with pytest.raises(GalleryError, match="open for writing"):
            Gallery.open(path)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_commits_wait_for_the_disk(gallery):
    connection = gallery._ledger._connection
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert sqlite3.threadsafety == 3
