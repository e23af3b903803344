# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ektp_hw.diagnostics.findings import Outcome
from ektp_hw.diagnostics.probes import storage
from ektp_hw.diagnostics.surroundings import StationProfile, Surroundings
from ektp_hw.diagnostics.wording import LANGUAGES, worded

PROBES = {probe.name: probe for probe in storage.PROBES}


@pytest.fixture
def around(tmp_path):
    for name in (
        "tmp",
        "var",
        "home/petugas",
        "srv/waiting",
        "dev",
        "proc",
        "sys/block/sda/device",
    ):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "dev/kmsg").write_text("6,1,1,-;Linux version 6.1\n")
    (tmp_path / "proc/mounts").write_text("/dev/sda1 / ext4 rw,relatime 0 0\n")
    profile = StationProfile(waiting=Path("/srv/waiting"))
    return Surroundings(profile, tmp_path, {"HOME": "/home/petugas"})


def look(name, around):
    (found,) = PROBES[f"storage.{name}"].run(around, [])
    for language in LANGUAGES:
        assert all(worded(said, language) for said in (found.checked, found.seen))
        if found.advice:
            assert worded(found.advice, language)
    return found


def test_a_sound_disk(around):
    assert look("writing", around).seen.key == "storage.writes"
    places = {"/tmp", "/var", "~", "/srv/waiting"}  # noqa: S108
    evidence = look("writing", around).evidence
    assert set(evidence) == {f"write_seconds:{place}" for place in places}
    assert look("errors", around).outcome is Outcome.SOUND
    assert look("disks", around).outcome is Outcome.UNTESTED


def test_nothing_is_left_behind(around):
    look("writing", around)
    assert not list(around.root.rglob("*doctor*"))


@pytest.mark.parametrize(
    ("left", "files", "key"),
    [
        (0.5, 0.5, "storage.room"),
        (0.05, 0.5, "storage.low"),
        (0.0001, 0.5, "storage.full"),
        (0.5, 0.000001, "storage.no_inodes"),
    ],
)
def test_room(around, monkeypatch, left, files, key):
    blocks = 10_000_000
    disk = SimpleNamespace(f_frsize=1024, f_blocks=blocks, f_bavail=int(blocks * left),
                           f_files=blocks, f_favail=int(blocks * files))  # fmt: skip
    monkeypatch.setattr(storage.os, "statvfs", lambda _: disk)
    assert look("space", around).seen.key == key


def test_a_file_system_that_became_read_only(around):
    mounts = "/dev/sda1 / ext4 rw 0 0\n/dev/sda2 /srv ext4 ro,errors=remount-ro 0 0\n"
    (around.root / "proc/mounts").write_text(mounts)
    found = look("writing", around)
    assert found.seen.key == "storage.read_only"
    assert found.seen.values["place"] == "/srv/waiting"


FILL = """
from pathlib import Path
from ektp_hw.diagnostics.probes import storage
from ektp_hw.diagnostics.surroundings import Surroundings
import sys
from pathlib import Path
root = Path(sys.argv[1])
try:
    (root / "var/fill").write_bytes(b"x" * 2_000_000)
except OSError:
    pass
around = Surroundings(root=root, environment={})
for probe in storage.PROBES[2:]:
    print([found.seen.key for found in probe.run(around, [])])
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="mounting needs root")
def test_a_disk_that_is_really_full(around):
    mount = 'mount -t tmpfs -o size=512k none "$1/var" && exec "$0" -c "$2" "$1"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", mount, sys.executable, around.root, FILL],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "mount" in done.stderr:
        pytest.skip("mounting is forbidden here")
    assert done.stdout.split() == ["['storage.full']", "['storage.full']"], done.stderr


@pytest.mark.parametrize(
    ("line", "count", "key"),
    [
        ("blk_update_request: I/O error, dev sda, sector 99", 1, "storage.some_errors"),
        ("blk_update_request: I/O error, dev sr0, sector 99", 30, "storage.no_errors"),
        ("ata1.00: failed command: READ FPDMA QUEUED", 12, "storage.many_errors"),
        ("EXT4-fs (sda1): Remounting filesystem read-only", 1, "storage.many_errors"),
    ],
)
def test_errors_of_the_kernel(around, line, count, key):
    (around.root / "dev/kmsg").write_text(f"3,1,1,-;{line}\n" * count)
    assert look("errors", around).seen.key == key


def test_a_log_that_is_closed_is_untested(around):
    (around.root / "dev/kmsg").unlink()
    assert look("errors", around).outcome is Outcome.UNTESTED


@pytest.mark.parametrize(
    ("files", "key"),
    [
        ({"pre_eol_info": "0x01", "life_time": "0x01 0x02"}, "storage.disks_well"),
        ({"pre_eol_info": "0x02", "life_time": "0x08 0x02"}, "storage.disk_worn"),
        ({"pre_eol_info": "0x03", "life_time": "0x0b 0x0b"}, "storage.disk_fails"),
        ({"state": "offline"}, "storage.disk_gone"),
        ({}, "storage.disks_silent"),
    ],
)
def test_health_of_a_disk(around, files, key):
    for name, text in files.items():
        (around.root / "sys/block/sda/device" / name).write_text(text)
    assert look("disks", around).seen.key == key


def test_an_array_that_lost_a_disk(around):
    (around.root / "proc/mdstat").write_text("md0 : active raid1\n  100 blocks [2/1] [U_]\n")
    assert look("disks", around).seen.key == "storage.array_degraded"
