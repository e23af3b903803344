# SPDX-License-Identifier: Apache-2.0
"""The real comparison, which stops while a gate is shut: so a worker is killed in the middle."""

import os
import time
from pathlib import Path

from ektp_hw.fingerprint import comparison

FOLDER = "UNHURRIED_COMPARISON"
"""Environment variable with the folder where `gate` lies and each process leaves its number."""


class Unhurried:
    @staticmethod
    def prepare(template):
        return comparison.prepare(template)

    @staticmethod
    def compare_many(probe, references):
        folder = Path(os.environ[FOLDER])
        if (folder / "gate").exists():
            (folder / str(os.getpid())).touch()
            while (folder / "gate").exists():
                time.sleep(0.005)
        return comparison.compare_many(probe, references)
