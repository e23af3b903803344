# SPDX-License-Identifier: Apache-2.0
"""Every finding that our probes make in a test has a text for each of its readings."""

import sys
from pathlib import Path

import pytest

import ektp_hw
from diagnostics.readings import lacking
from ektp_hw.diagnostics.findings import Finding

OURS = str(Path(ektp_hw.__file__).parent)
FORMS = ("findings.py", "reply.py", "saying.py", "<string>", "conftest.py")
"""What stands between a probe and its finding."""


def maker():
    """Return the file whose code makes the finding."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.endswith(FORMS):
        frame = frame.f_back
    return frame.f_code.co_filename


@pytest.fixture(autouse=True)
def readings_have_texts(monkeypatch):
    """Look at each finding as it is made, but at those that a test makes up."""
    made, bare = Finding.__post_init__, set()

    def look(finding):
        made(finding)
        if maker().startswith(OURS):
            bare.update(f"{finding.probe}: {each}" for each in lacking(finding.evidence))

    monkeypatch.setattr(Finding, "__post_init__", look)
    yield
    assert not bare, "texts/*/reading.toml and value.toml lack these"
