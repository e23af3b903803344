# SPDX-License-Identifier: Apache-2.0
"""Every driver against everything its device can do wrong, as a Markdown table.

``python benchmarks/fault_table.py [DRIVER ...]``: what the caller gets, after how many seconds of
a capture limited to one second, and whether the same process can capture right after. The devices
are those of ``tests/rigs``.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from ektp_hw.devices import CaptureState
from ektp_hw.errors import EktpError
from rigs import rigs

LIMIT = 1.0
AMPLE = 20.0


def capture(bench, device):
    """Return what the caller gets, in words, and the seconds it took."""
    began = time.monotonic()
    try:
        told = "right sample" if bench.is_right(bench.capture(device, LIMIT)) else "WRONG SAMPLE"
    except EktpError as error:
        words = str(error).removeprefix(f"{device.info.uri}: ").replace("|", "/")
        told = f"`{type(error).__name__}` {words}"
    return told, time.monotonic() - began


def afterwards(bench, device):
    """Say whether the device captures again, and whether it had to be opened anew for that."""
    kept = device.state is CaptureState.READY
    if not kept:
        device.close()
        device = bench.device()
    try:
        with device.open():
            right = bench.is_right(bench.capture(device, AMPLE))
    except EktpError as error:
        return f"NO: {error}"
    return ("yes" if kept else "yes, opened again") if right else "WRONG SAMPLE"


def row(rig, fault):
    with rig.plug_in() as bench, bench.device() as device:
        bench.misbehave(fault)
        told, seconds = capture(bench, device)
        bench.behave()
        return f"| {rig.driver} | {fault} | {told} | {seconds:.2f} | {afterwards(bench, device)} |"


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("driver", nargs="*", help="only these")
    wanted = options.parse_args().driver
    print("| driver | fault | what the caller gets | s | usable again |")
    print("|---|---|---|---|---|")
    for rig in rigs():
        if wanted and rig.driver not in wanted:
            continue
        if rig.missing:
            print(f"| {rig.driver} | | not run here: {rig.missing} | | |")
            continue
        for fault in rig.faults:
            print(row(rig, fault), flush=True)


if __name__ == "__main__":
    main()
