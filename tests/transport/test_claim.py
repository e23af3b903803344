# SPDX-License-Identifier: Apache-2.0
"""Claims on device nodes: pseudo terminals stand for them, real processes for the holders."""

import os
import pty
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from ektp_hw.errors import DeviceBusy, DeviceError, DeviceNotFound, DeviceUnavailable
from ektp_hw.transport import claim as claims
from ektp_hw.transport.claim import claim, holder

HOLD = """
import sys
from ektp_hw.transport.claim import claim
held = claim(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def node():
    near, far = pty.openpty()
    name = os.ttyname(far)
    os.close(far)
    yield name
    os.close(near)


@contextmanager
def another_process(program, *arguments):
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"held\n"
        try:
            yield process
        finally:
            process.kill()


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_claim_is_given_up_by_closing_and_by_the_context(node):
    before = open_files()
    first = claim(node)
    assert first.fileno() >= 0
    first.close()
    first.close()
    assert first.fileno() == -1
    with claim(node):
        pass
    assert open_files() == before


def test_a_second_connection_of_this_program_is_refused(node):
    with claim(node), pytest.raises(DeviceBusy, match="another connection of this program"):
        claim(node)
    claim(node).close()


def test_a_link_leads_to_the_same_claim(node, tmp_path):
    link = tmp_path / "by-id"
    link.symlink_to(node)
    with claim(node), pytest.raises(DeviceBusy) as caught:
        claim(link, device="serial:desk")
    assert str(caught.value).startswith("serial:desk: ")


def test_another_process_is_named_and_its_crash_frees_the_node(node):
    with another_process(HOLD, node) as process:
        with pytest.raises(DeviceBusy, match=rf"\(process {process.pid}\) holds it; close it"):
            claim(node)
        process.kill()
        process.wait()
        claim(node).close()


def test_a_program_that_knows_no_claims_is_named_too(node):
    program = "import sys; f = open(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    with another_process(program, node) as process:
        assert f"(process {process.pid})" in holder(node)
        claim(node).close()


def test_an_open_descriptor_is_locked_and_stays_the_callers(node):
    fd = os.open(node, os.O_RDWR | os.O_NOCTTY)
    try:
        with claim(node, fd=fd) as held:
            assert held.fileno() == fd
            with pytest.raises(DeviceBusy):
                claim(node)
        os.fstat(fd)
        claim(node).close()
    finally:
        os.close(fd)


def test_no_node_no_claim(tmp_path):
    with pytest.raises(DeviceNotFound, match="no such device"):
        claim(tmp_path / "ttyUSB9")


@pytest.mark.parametrize(("mode", "advice"), [(0o660, "group 'tty'"), (0o600, "udev rule")])
def test_a_refusal_says_how_to_get_the_right(node, monkeypatch, mode, advice):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    of_the_group_tty = os.stat_result([mode, 0, 0, 1, 0, 5, 0, 0, 0, 0])
    monkeypatch.setattr(claims.os, "open", refuse)
    monkeypatch.setattr(claims.Path, "stat", lambda _: of_the_group_tty)
    with pytest.raises(DeviceUnavailable, match=advice):
        claim(node)


def test_an_unknown_failure_is_still_typed(node, monkeypatch):
    def fail(_):
        raise OSError(5000, "strange")

    before = open_files()
    monkeypatch.setattr(claims, "_lock", fail)
    with pytest.raises(DeviceError, match="strange"):
        claim(node)
    assert open_files() == before
