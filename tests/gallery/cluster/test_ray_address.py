# SPDX-License-Identifier: Apache-2.0
"""What is said when there is no Ray, or not the one asked for."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from ektp_hw.errors import GalleryError
from ektp_hw.gallery import Gallery


def test_not_installed(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(GalleryError, match=r"install ektp_hw\[cluster\]"):
        Gallery.connect(f"ray://local?path={path}")
    with Gallery.open(path) as gallery:  # and nobody holds it
        assert len(gallery) == 0


@pytest.mark.parametrize("head", ["auto", "10.0.0.5:6379", "local"])
def test_not_there(path, monkeypatch, head):
    asked = []

    def init(**options):
        asked.append(options)
        raise ConnectionError("nobody listens")

    monkeypatch.setitem(
        sys.modules, "ray", SimpleNamespace(init=init, is_initialized=lambda: False)
    )
    with pytest.raises(GalleryError, match=r"nobody listens.*check the address"):
        Gallery.connect(f"ray://{head}?path={path}")
    (options,) = asked
    assert options["address"] == head
    assert options.get("include_dashboard", False) is False


def test_nothing_of_ours_needs_ray():
    script = (
        "import sys; sys.modules['ray'] = None; "
        "import ektp_hw, ektp_hw.gallery, ektp_hw.gallery.cluster, ektp_hw.cli.__main__"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    seen = "import sys, ektp_hw.gallery; print('ektp_hw.gallery.cluster' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", seen], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "False"
