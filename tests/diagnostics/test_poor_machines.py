# SPDX-License-Identifier: Apache-2.0
"""`ektp-hw doctor` on machines that lack what it would like to have: it answers all the same.

Each is a program of its own in namespaces of its own, where what it lacks is really not there.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from diagnostics.laboratory import why_not
from ordinary_user import as_nobody, opened_way

pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")
_DOCTOR = [sys.executable, "-m", "ektp_hw.cli", "doctor", "--json", "--lang", "en"]
_NO_PCSC = """
for file in $(find /usr/lib /usr/local/lib -name 'libpcsclite.so.1*' -type f)
do mount --bind /dev/null "$file"; done
"""
_NO_DEVICE = """
for place in /sys/bus/usb /sys/class/video4linux
do [ ! -d $place ] || mount -t tmpfs none $place; done
"""
_CLOSED = """
for place in /sys /dev/bus
do [ ! -d $place ] || mount -t tmpfs -o mode=700 none $place; done
"""


@pytest.fixture
def folder():
    """Give a folder that everybody may enter."""
    with tempfile.TemporaryDirectory(prefix="ektp-poor-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def look(folder):
    """Run the doctor after some commands; return its document."""

    def look_at(*commands, user=False, network=True, profile="", **environment):
        home = folder / "home"
        home.mkdir()
        home.chmod(0o777)
        station = folder / "station.toml"
        station.write_text(profile)
        given = {"HOME": str(home), "PATH": os.environ.get("PATH", os.defpath), **environment}
        told = [*_DOCTOR, "--profile", str(station)]
        doctor = ["env", "-i", *(f"{key}={value}" for key, value in given.items()), *told]
        way = opened_way(folder / "way") if user else []
        script = "\n".join(["set -e", *way, *commands, 'exec "$@"'])
        begun = time.monotonic()
        done = subprocess.run(
            ["unshare", "-m", *([] if network else ["-n"]), "sh", "-c", script, "sh",
             *(as_nobody(*doctor) if user else doctor)],
            capture_output=True, text=True, timeout=100, check=False, cwd="/",
        )  # fmt: skip
        assert time.monotonic() - begun < 60
        assert done.returncode in {0, 1}, done.stderr
        assert "Traceback" not in done.stderr
        document = json.loads(done.stdout)
        assert document["verdict"]["sentence"]
        assert len(document["findings"]) > 20, "most checks were made, or say why not"
        return document

    return look_at


def causes(document):
    """Return what is said for sure."""
    return {fault["cause"] for fault in document["faults"] if fault["decided"]}


def outcomes(document, area):
    """Return the outcomes of the probes of an area."""
    found = document["findings"]
    return {each["outcome"] for each in found if each["probe"].startswith(f"{area}.")}


def test_without_any_device(look):
    document = look(_NO_DEVICE)
    assert "broken" not in outcomes(document, "usb") | outcomes(document, "devices")
    assert "driver" not in causes(document)


def test_without_any_device_where_one_is_needed(look):
    document = look(_NO_DEVICE, profile='expects = ["fingerprint"]\n')
    assert causes(document) & {"cable_or_power", "computer"}


def test_without_network(look):
    document = look(network=False, profile='centre = "https://pusat.contoh.test/"\nexpects = []\n')
    assert causes(document) == {"local_network"}


def test_without_libpcsclite(look):
    document = look(_NO_PCSC)
    (found,) = [one for one in document["findings"] if one["probe"] == "libraries.card_library"]
    assert found["outcome"] == "untested"
    assert "driver" not in causes(document)


def test_without_permission_to_see_anything(look):
    document = look(_CLOSED, user=True)
    assert "untested" in outcomes(document, "usb")


@pytest.mark.parametrize(
    ("module", "cause"),
    [("numpy", "computer"), ("libusb_package", "driver")],
)
def test_with_a_half_installed_package(look, folder, module, cause):
    half = folder / "half" / module
    half.mkdir(parents=True)
    (half / "__init__.py").write_text("raise ImportError('the rest is missing')\n")
    document = look(PYTHONPATH=str(folder / "half"))
    assert causes(document) == {cause}


def test_with_a_full_disk(look, folder):
    full = folder / "home"
    document = look(
        f"mount -t tmpfs -o size=256k,mode=1777 none {full}",
        f"dd if=/dev/zero of={full}/fill bs=64k 2>/dev/null || true",
        f"mount --bind {full} /var",
        TMPDIR=str(full),
    )
    assert "storage" in causes(document)


def test_as_an_ordinary_user(look):
    document = look(user=True)
    assert not causes(document) & {"computer", "storage", "permission"}


def test_with_all_of_it_at_once(look, folder):
    half = folder / "half" / "cv2"
    half.mkdir(parents=True)
    (half / "__init__.py").write_text("raise ImportError('the rest is missing')\n")
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    document = look(
        _NO_PCSC, _CLOSED, user=True, network=False, PYTHONPATH=str(folder / "half"),
        HOME=str(closed),
    )  # fmt: skip
    assert "computer" in causes(document)
