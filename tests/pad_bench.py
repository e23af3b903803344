# SPDX-License-Identifier: Apache-2.0
"""A signature whose every sample survives the wire, and a bench for pads on a USB/IP bus."""

import time

import numpy as np

from ektp_hw.samples import SignatureTrace
from usb_bench import UsbBench, on_a_bus

REST = 0.3
"""Seconds without the tip after which a signing on the bench ends."""


def signature(scale, seconds=0.4):
    """Write a stroke, a hop and a stroke in the pad's own counts; no two samples are alike.

    The tip is down half way, where mishaps strike.
    """
    count = round(seconds * scale.rate)
    step = np.arange(count)
    x = 400 + step * 3
    y = np.rint(300 + 60 * np.sin(step / 7)).astype(int)
    force = np.clip(20 + step % 90, 1, scale.max_force)
    force[count // 5 : count // 4] = 0
    return SignatureTrace(
        step / scale.rate, x / scale.x_per_mm, y / scale.y_per_mm, force / scale.max_force
    )


def strokes(trace):
    """Return position and pressure of every sample with the tip down, shape (n, 3)."""
    rows = np.stack([trace.x_mm, trace.y_mm, trace.pressure], axis=1)
    return rows[rows[:, 2] > 0]


def are_same(sample, truth):
    """Whether all samples with the tip down are there, but for those reported as dropped."""
    got = [tuple(row) for row in strokes(sample)]
    wanted = [tuple(row) for row in strokes(truth)]
    rest = iter(wanted)
    in_order = all(one in rest for one in got)
    lost = len(wanted) - len(got)
    return in_order and (lost == 0 or (0 < sample.dropped <= lost + 1 and lost <= 6))


class Signer:
    """The half of a pad's bench that signs: stands before the half that knows the pad's road."""

    def capture(self, device, timeout):
        self._model.sign()
        return device.capture(timeout=timeout, rest=REST)

    def is_right(self, sample):
        return are_same(sample, self._truth)

    def misbehave(self, fault):
        self._model.misbehave(self._asked[fault])

    def behave(self):
        self._model.behave()

    def last_byte(self):
        """Return when the signing was over: the pen had rested since its last report."""
        return self._model.signing.last_byte + REST


class UsbPadBench(Signer, UsbBench):
    """A pad's model on a bus of its own, and the person in front of it."""

    def __init__(self, server, driver, model, truth, asked):
        self._truth = truth
        model.present(truth)
        super().__init__(server, driver, model, asked)

    def behave(self):
        super().behave()
        self.plug()


def usb_pad(driver, model, truth, asked):
    """Yield the bench of a fresh pad."""
    return on_a_bus(lambda server: UsbPadBench(server, driver, model, truth, asked))


def within(seconds, run):
    """Run something and check that it does not take longer."""
    began = time.monotonic()
    try:
        return run()
    finally:
        assert time.monotonic() - began < seconds
