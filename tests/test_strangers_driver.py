# SPDX-License-Identifier: Apache-2.0
"""A driver in somebody else's package, installed with pip: found and used with no change here.

``python tests/test_strangers_driver.py`` records its transcript anew.
"""

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from ektp_hw.virtual.usb_function import Endpoint, Interface, Stall, UsbFunction
from ektp_hw.virtual.usbip_server import UsbipServer

PACKAGE = Path(__file__).with_name("strangers_driver")
GUIDE = Path(__file__).parents[1] / "ektp_hw" / "drivers" / "GUIDE.md"
PICTURE = bytes((x * 3 + y) & 0xFF for y in range(288) for x in range(256))


class AcmeModel(UsbFunction):
    """The scanner; a finger comes at the third time of asking."""

    vendor_id: ClassVar[int] = 0x1209
    product_id: ClassVar[int] = 0x0002
    interfaces: ClassVar = (Interface((Endpoint(0x81),)),)
    asked = 0
    left = b""

    def on_control(self, setup, data):
        if (setup.request_type, setup.request) == (0xC0, 1):
            self.asked += 1
            return b"\1" if self.asked >= 3 else b"\0"
        if (setup.request_type, setup.request) == (0x40, 2):
            self.left = PICTURE
            return b""
        return super().on_control(setup, data)

    def on_in(self, endpoint, length):
        if endpoint != 0x81:
            raise Stall
        part, self.left = self.left[:length], self.left[length:]
        return part or None


@contextmanager
def plugged_in():
    server = UsbipServer()
    try:
        yield f"usbip:{server.host}:{server.port}/{server.plug(AcmeModel('S1'))}"
    finally:
        server.close()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Install the package with pip, offline, where a fresh process finds it beside ours."""
    folder = tmp_path_factory.mktemp("stranger")
    source = shutil.copytree(PACKAGE, folder / "source")
    options = [
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
        "--disable-pip-version-check",
        "-q",
    ]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", folder / "site", source],
        check=True,
        timeout=120,
    )
    return folder / "site"


def run(installed, *command, **environment):
    finished = subprocess.run(
        [sys.executable, *command],
        env=os.environ | {"PYTHONPATH": str(installed)} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert finished.returncode == 0, finished.stderr + finished.stdout
    return finished.stdout


def test_it_is_listed_with_its_ids_and_its_udev_rule(installed):
    listed = run(installed, "-m", "ektp_hw.cli", "devices", "--supported")
    assert re.search(r"acme_touch .* 1209:0002", listed)
    assert 'ATTR{idProduct}=="0002"' in run(installed, "-m", "ektp_hw.cli", "udev")


def test_it_captures(installed):
    script = (
        "import sys, ektp_hw as hw\n"
        "with hw.open_device(sys.argv[1]) as scanner:\n"
        "    image = scanner.capture(timeout=30)\n"
        "print(scanner.info.name, image.ppi, (255 - image.pixels).tobytes().hex())"
    )
    with plugged_in() as address:
        said = run(installed, "-c", script, address).split()
    assert said == ["Acme", "Touch", "1", "500.0", PICTURE.hex()]


def test_its_devices_are_discovered_on_the_bus(installed):
    mock_kernel = pytest.importorskip("mock_kernel", exc_type=ImportError)  # not outside Linux
    if lack := mock_kernel.missing():
        pytest.skip(lack)
    script = (
        "import ektp_hw as hw\n"
        "found = [info for info in hw.discover() if info.uri.startswith('usb:')]\n"
        "print([(info.uri, info.name, info.serial, info.driver) for info in found])\n"
        "with hw.open_device(found[0]) as scanner:\n"
        "    image = scanner.capture(timeout=30)\n"
        "print((255 - image.pixels).tobytes().hex())"
    )
    with mock_kernel.Machine() as machine:
        machine.plug(mock_kernel.UsbDevice(AcmeModel("S1")))
        listed, picture = run(installed, "-c", script, **machine.environment).splitlines()
    assert listed == "[('usb:1209:0002@1-1', 'Acme Touch 1', 'S1', 'acme_touch')]"
    assert picture == PICTURE.hex()


def test_its_transcript_test_passes(installed):
    said = run(installed, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull,
               str(PACKAGE / "test_acme_scanner.py"))  # fmt: skip
    assert "1 passed" in said


# The guide shows these very files.


def test_the_guide_s_blocks_are_the_files_that_are_tested():
    block = re.compile(r"<!-- file: (\S+) -->\n```\w*\n(.*?)```\n", re.DOTALL)
    shown = dict(block.findall(GUIDE.read_text(encoding="utf-8")))
    tests = PACKAGE.parent
    for name, text in shown.items():
        assert text == (tests.parent / name).read_text(encoding="utf-8"), name
    files = {path for path in PACKAGE.iterdir() if path.suffix in {".py", ".toml"}}
    files.add(tests / "vendor_kit" / "acme.py")
    assert {tests.parent / name for name in shown} == files


def test_a_driver_is_shorter_than_a_hundred_lines():
    for path in (PACKAGE / "acme_scanner.py", PACKAGE.parent / "vendor_kit" / "acme.py"):
        assert path.read_text(encoding="utf-8").count("\n") < 100


def record(path):
    """Record the transcript from the model, as 'ektp-hw record' would from a scanner."""
    sys.path.insert(0, str(PACKAGE))
    from acme_scanner import AcmeTouch

    from ektp_hw.transport.transcript import Notes, Recorder

    notes = Notes(path, AcmeTouch.redaction)
    with plugged_in() as address:
        scanner = AcmeTouch(AcmeTouch.locate(address))
        scanner.tap(lambda link: Recorder(link, notes))
        with scanner:
            scanner.capture()


if __name__ == "__main__":
    record(PACKAGE / "one_finger.jsonl")
