# SPDX-License-Identifier: Apache-2.0
"""A comparison, codes, sketches and a sieve as simple as can be, for tests of the gallery."""

import numpy as np


class SharedCoordinates:
    """A stand-in with the interface of `ektp_hw.fingerprint.comparison`; scores 0 to 6."""

    @staticmethod
    def prepare(template):
        return np.array(template.x)

    @staticmethod
    def compare_many(probe, references):
        return np.array([6.0 * np.isin(probe, each).mean() for each in references])


class SumOfCoordinates:
    """Codes that depend on the whole set of minutiae, so that equal templates have equal ones."""

    version = 9
    sketch_bytes = 64

    @staticmethod
    def codes(templates):
        rows = [
            np.random.default_rng(int(each.x.sum() * 16)).integers(0, 2**64, 8, np.uint64)
            for each in templates
        ]
        return np.array(rows, np.uint64).reshape(-1, 8)

    def sketches(self, templates):
        return self.codes(templates).view(np.uint8)


class Near:
    """Codes of strangers differ in 200 bits and more; a tenth of these still comes through."""

    code_distance = 240
    least_finger_score = 2.0

    @staticmethod
    def keep(probes, sketches, rows, pairs):
        differ = sketches[rows[pairs[:, 0]]] ^ probes[pairs[:, 1]]
        return np.bitwise_count(differ).sum(axis=1) < 235
