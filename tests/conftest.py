# SPDX-License-Identifier: Apache-2.0
"""What every test may ask for: the folder of real images, and every instruction set in turn."""

import os
from pathlib import Path

import pytest

collect_ignore = ["strangers_driver"]  # another package's tests; test_strangers_driver runs them


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real images, or skip and say how to give it."""
    folder = os.environ.get("EKTP_HW_TEST_DATA")
    if not folder:
        pytest.skip("needs real images: set EKTP_HW_TEST_DATA to the folder that holds fvc2002/")
    path = Path(folder)
    if not (path / "fvc2002").is_dir():
        pytest.fail(f"EKTP_HW_TEST_DATA={folder} holds no fvc2002/; give the right folder")
    return path


@pytest.fixture
def every_isa():
    """Yield the instruction sets of this machine; the one in use before is restored after."""
    from ektp_hw import native

    before = native.isa()
    yield native.available_isas()
    native.use_isa(before)
