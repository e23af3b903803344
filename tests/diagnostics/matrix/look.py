# SPDX-License-Identifier: Apache-2.0
"""The doctor as a program of its own: reads a request of `bench`, writes report and verdict."""

import os
import pickle
import sys
from pathlib import Path

from ektp_hw.diagnostics.examination import examine
from ektp_hw.diagnostics.probes import all_probes, causes_of_probes
from ektp_hw.diagnostics.surroundings import Surroundings


def main():
    """Break the desk, look, tell."""
    answer = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints is no answer
    profile, root, changes = pickle.load(sys.stdin.buffer)  # noqa: S301  # from our own parent
    kept = []
    if changes:
        from ektp_hw.virtual import station

        kept = [change(station()) for change in changes]
    around = Surroundings(profile, root=root or Path("/"), virtual=root is not None)
    examination = examine(around, all_probes(), causes_of_probes())
    with os.fdopen(answer, "wb") as told:
        told.write(pickle.dumps((examination.report, examination.verdict)))
    del kept
    os._exit(0)  # what a broken device still keeps busy is not waited for


if __name__ == "__main__":
    main()
