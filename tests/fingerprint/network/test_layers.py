# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from ektp_hw.fingerprint.network.layers import (
    FIND,
    FLOW,
    LAYERS,
    PICTURE,
    Layer,
    checked,
    grain,
    halo,
)


def test_cells_and_reach_of_the_network_that_is_trained():
    assert checked(LAYERS) is LAYERS
    assert grain(LAYERS) == 8
    # e, f and g look 11 cells of 8 pixels, a to d and h to j the rest.
    assert halo(LAYERS) == 112


def test_reach_of_a_short_network():
    layers = (
        Layer("a", PICTURE),
        Layer("b", "a", step=2, dilation=3),
        Layer(FLOW, "b", side=1),
        Layer(FIND, "b", dilation=2),
    )
    # a: 2 pixels; b: 3 cells of 2; find: 2 cells of 4; a cell of 4 pixels then is a whole one.
    assert grain(layers) == 4
    assert halo(layers) == 16


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda layers: layers[1:], "source is not before it"),
        (lambda layers: layers + layers[:1], "is there twice"),
        (lambda layers: layers[:-1], "has the heads"),
        (lambda layers: (replace(layers[0], side=5), *layers[1:]), "that none has"),
        (lambda layers: (replace(layers[0], dilation=0), *layers[1:]), "that none has"),
        (lambda layers: (replace(layers[0], step=3), *layers[1:]), "that none has"),
        (lambda layers: (replace(layers[0], added="j"), *layers[1:]), "adds what has other cells"),
        (lambda layers: (replace(layers[0], added="picture", step=2), *layers[1:]), "other cells"),
        (lambda layers: (*layers[:-1], replace(layers[-1], repeat=2)), "neither add nor repeat"),
    ],
)
def test_what_makes_no_network_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        checked(change(LAYERS))
