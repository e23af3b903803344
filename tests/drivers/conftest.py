# SPDX-License-Identifier: Apache-2.0
"""Makes the stand-ins of emulated.py available as a fixture (importlib mode knows no siblings)."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def emulated():
    path = Path(__file__).with_name("emulated.py")
    spec = importlib.util.spec_from_file_location("emulated", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
