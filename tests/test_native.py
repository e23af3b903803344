# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
import prints
from ektp_hw import native
from ektp_hw.fingerprint.comparison_parameters import AlignmentParameters, PairingParameters
from ektp_hw.fingerprint.prepared import prepare_many

CONSTANTS = AlignmentParameters(), PairingParameters()
PARAMETERS = native.match_parameters(*CONSTANTS)


@pytest.fixture(autouse=True)
def _isa_restored():
    before = native.isa()
    yield
    native.use_isa(before)


def rows(seed, count, density):
    """Codes within masks, from nearly empty to nearly full."""
    random = np.random.default_rng(seed)
    mask = random.random((count, 512)) < 1 - density / 4
    code = mask & (random.random((count, 512)) < density)
    return tuple(np.packbits(bits, axis=1).view(np.uint64) for bits in (code, mask))


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    probes=st.integers(0, 5),
    references=st.integers(0, 35),
    density=st.sampled_from([0.0, 0.02, 0.1, 0.5, 1.0]),
    prior=st.sampled_from([1, 24, 65535]),
)
def test_cylinders_equals_its_oracle_on_every_isa(seed, probes, references, density, prior):
    probe, reference = rows(seed, probes, density), rows(seed + 1, references, density)
    expected = oracles.cylinders(*probe, *reference, prior)
    for isa in native.available_isas():
        native.use_isa(isa)
        np.testing.assert_array_equal(
            native.cylinders(*probe, *reference, prior), expected, err_msg=isa.name
        )


def test_cylinders_spans_its_whole_range():
    full = np.full((9, 8), 2**64 - 1, np.uint64)
    empty = np.zeros((9, 8), np.uint64)
    for isa in native.available_isas():
        native.use_isa(isa)
        assert native.cylinders(full, full, full, full, 1).min() == 510 * 512 // 1025
        assert native.cylinders(full, full, empty, full, 1).max() == 0


def test_cylinders_reads_unaligned_rows_and_writes_where_told():
    probe, reference = rows(1, 4, 0.2), rows(2, 17, 0.2)
    moved = []
    for array in (*probe, *reference):
        space = np.zeros(array.nbytes + 8, np.uint8)
        shifted = space[3 : 3 + array.nbytes]
        shifted[:] = array.view(np.uint8).ravel()
        moved.append(shifted.view(np.uint64).reshape(array.shape))
    for isa in native.available_isas():
        native.use_isa(isa)
        out = np.zeros((4, 17), np.uint8)
        assert native.cylinders(*moved, 24, out=out) is out
        np.testing.assert_array_equal(out, oracles.cylinders(*probe, *reference, 24))


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a | {"probe_codes": a["probe_codes"].astype(np.int64)},
        lambda a: a | {"probe_masks": a["probe_masks"][:1]},
        lambda a: a | {"reference_codes": a["reference_codes"][:, :7]},
        lambda a: a | {"reference_masks": a["reference_masks"].ravel()},
        lambda a: a | {"reference_codes": np.asfortranarray(a["reference_codes"])},
        lambda a: a | {"prior": 0},
        lambda a: a | {"prior": 65536},
        lambda a: a | {"out": np.empty((2, 4), np.uint8)},
        lambda a: a | {"out": np.empty((2, 3), np.int8)},
        lambda a: a | {"out": np.empty((2, 6), np.uint8)[:, ::2]},
    ],
)
def test_cylinders_refuses_arrays_it_cannot_read(change):
    codes, masks = rows(1, 2, 0.1)
    others, seen = rows(2, 3, 0.1)
    arguments = {
        "probe_codes": codes,
        "probe_masks": masks,
        "reference_codes": others,
        "reference_masks": seen,
        "prior": 24,
    }
    with pytest.raises(ValueError, match=r"must be|one each"):
        native.cylinders(**change(arguments))


def cells(seed, rows, columns, filters, largest):
    random = np.random.default_rng(seed)
    first = np.cumsum(random.integers(0, 9, filters + 1), dtype=np.uint32)
    first -= first[0]
    taps = int(first[-1])
    down, across = (random.integers(0, 9, taps, np.uint8) for _ in range(2))
    height = 4 * rows + int(down.max(initial=0)) - 3
    width = 4 * columns + int(across.max(initial=0)) + 4
    extremes = [-largest - 1, largest]
    picture = random.integers(*extremes, (max(height, 0), width), np.int16, endpoint=True)
    weights = random.choice(np.array(extremes, np.int16), (taps, 4, 2))
    weights[::2] = random.integers(*extremes, weights[::2].shape, np.int16, endpoint=True)
    chosen = random.integers(-1, filters, (rows, columns), np.int32)
    return {
        "picture": picture,
        "chosen": chosen,
        "down": down,
        "across": across,
        "weights": weights,
        "first": first,
        "scale": 1e-6,
    }


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(0, 3),
    columns=st.integers(0, 4),
    filters=st.integers(1, 4),
    largest=st.sampled_from([0, 100, 32767]),
)
def test_filter_cells_equals_its_oracle_on_every_isa(seed, rows, columns, filters, largest):
    given_all = cells(seed, rows, columns, filters, largest)
    expected = oracles.filter_cells(**given_all)
    for isa in native.available_isas():
        native.use_isa(isa)
        np.testing.assert_array_equal(native.filter_cells(**given_all), expected, err_msg=isa.name)


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a | {"picture": a["picture"].astype(np.float32)},
        lambda a: a | {"picture": a["picture"][:-1]},
        lambda a: a | {"picture": np.ascontiguousarray(a["picture"][:, :-1])},
        lambda a: a | {"picture": np.asfortranarray(a["picture"])},
        lambda a: a | {"chosen": a["chosen"].astype(np.int64)},
        lambda a: a | {"chosen": np.full_like(a["chosen"], 3)},
        lambda a: a | {"chosen": a["chosen"].ravel()},
        lambda a: a | {"down": a["down"].astype(np.int64)},
        lambda a: a | {"across": a["across"][:-1]},
        lambda a: a | {"weights": a["weights"].reshape(-1, 8)},
        lambda a: a | {"first": a["first"] + np.uint32(1)},
        lambda a: a | {"first": a["first"][::-1].copy()},
        lambda a: a | {"first": a["first"][:0]},
    ],
)
def test_filter_cells_refuses_arrays_it_cannot_read(change):
    sound = cells(1, 3, 4, 3, 100)
    assert native.filter_cells(**sound).shape == (12, 16)
    with pytest.raises(ValueError, match=r"must (be|rise|name)"):
        native.filter_cells(**change(sound))


class Layer:
    """A layer of random weights and a picture for it, with something in its margin too."""

    def __init__(self, seed, *, rows=5, columns=9, inputs=8, outputs=16, side=3, step=1, dilation=1,
                 largest=127):  # fmt: skip
        random = np.random.default_rng(seed)
        self.step, self.dilation = step, dilation
        self.reach = side // 2 * dilation
        margin = self.reach + int(random.integers(0, 3))
        self.source = native.Plane(rows, columns, inputs, margin)
        self.source.padded[:] = random.integers(0, 256, self.source.padded.shape)
        shape = (outputs, inputs, side, side)
        self.weights = random.integers(-largest, largest, shape, np.int8, endpoint=True)
        if largest == 127:
            self.source.padded[:] |= random.choice(np.array([0, 255], np.uint8))
            self.weights[::3] = -128
        taps = inputs * side * side
        self.scale = random.uniform(0.5, 2, outputs).astype(np.float32) / np.float32(
            100 * max(largest, 1) * taps**0.5
        )
        self.shift = random.normal(100, 60, outputs).astype(np.float32)
        self.packed = native.pack_convolution(self.weights, self.scale, self.shift)
        self.rows, self.columns = -(-rows // step), -(-columns // step)

    def values(self):
        skipped = self.source.margin - self.reach
        return oracles.convolve(
            self.source.padded[skipped:, skipped:],
            self.weights,
            self.scale,
            self.shift,
            step=self.step,
            dilation=self.dilation,
            rows=self.rows,
            columns=self.columns,
        )

    def run(self, out, **more):
        native.convolve(
            self.source, self.packed, out, step=self.step, dilation=self.dilation, **more
        )
        return out


layers = st.fixed_dictionaries(
    {
        "rows": st.integers(1, 9),
        "columns": st.integers(1, 50),
        "inputs": st.sampled_from([4, 8, 12, 32, 64]),
        "side": st.sampled_from([1, 3]),
        "step": st.integers(1, 2),
        "dilation": st.integers(1, 4),
        "largest": st.sampled_from([0, 3, 127]),
    }
)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    chosen=layers,
    outputs=st.sampled_from([16, 32, 48, 64, 80, 128]),
    repeat=st.integers(1, 2),
    how=st.sampled_from(["alone", "added", "in place"]),
)
def test_convolve_equals_its_oracle_on_every_isa(seed, chosen, outputs, repeat, how):
    layer = Layer(seed, outputs=outputs, **chosen)
    shape = (layer.rows * repeat, layer.columns * repeat, outputs)
    random = np.random.default_rng(seed + 1)
    before = random.integers(0, 256, shape, np.uint8)
    scale = float(random.uniform(0, 2))
    added = None if how == "alone" else before
    expected = oracles.in_bytes(layer.values(), added, scale, repeat)
    for isa in native.available_isas():
        native.use_isa(isa)
        out = native.Plane(*shape, margin=2)
        other = out if how == "in place" else native.Plane(*shape, margin=1)
        other.inside[:] = before
        layer.run(out, repeat=repeat, added=other if how != "alone" else None, added_scale=scale)
        np.testing.assert_array_equal(out.inside, expected, err_msg=isa.name)
        out.inside[:] = 0
        assert not out.padded.any(), "nothing is written to the margin"


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), chosen=layers, outputs=st.integers(1, 34))
def test_convolve_gives_numbers_equal_to_the_oracle_on_every_isa(seed, chosen, outputs):
    layer = Layer(seed, outputs=outputs, **chosen)
    expected = layer.values()
    for isa in native.available_isas():
        native.use_isa(isa)
        numbers = layer.run(np.empty(expected.shape, np.float32))
        np.testing.assert_array_equal(
            numbers.view(np.uint32), expected.view(np.uint32), err_msg=isa.name
        )


@pytest.mark.parametrize("sign", [1, -1])
def test_convolve_holds_the_largest_sums(sign):
    source = native.Plane(3, 7, 256, 1)
    source.padded[:] = 255
    weights = np.full((16, 256, 3, 3), 127 if sign > 0 else -128, np.int8)
    one, none = np.ones(16, np.float32), np.zeros(16, np.float32)
    packed = native.pack_convolution(weights, one, none)
    for isa in native.available_isas():
        native.use_isa(isa)
        out = np.empty((3, 7, 16), np.float32)
        native.convolve(source, packed, out)
        assert (out == np.float32(255 * 2304 * int(weights[0, 0, 0, 0]))).all()


def test_convolve_rounds_halves_to_even_and_cuts():
    wanted = [(0.5, 0), (1.5, 2), (2.5, 2), (254.5, 254), (-1e30, 0), (1e30, 255), (-0.0, 0)]
    values, rounded = (np.array(each) for each in zip(*wanted, strict=True))
    weights, none = np.zeros((len(values), 4, 1, 1), np.int8), np.zeros(len(values), np.float32)
    packed = native.pack_convolution(weights, none, values.astype(np.float32))
    for isa in native.available_isas():
        native.use_isa(isa)
        out = native.Plane(1, 1, 16)
        native.convolve(native.Plane(1, 1, 4), packed, out)
        assert out.inside[0, 0, : len(rounded)].tolist() == rounded.tolist()
        assert not out.inside[0, 0, len(rounded) :].any()


@pytest.mark.parametrize(
    "refused",
    [
        lambda layer: layer.run(native.Plane(5, 8, 16)),
        lambda layer: layer.run(native.Plane(5, 9, 32)),
        lambda layer: layer.run(native.Plane(5, 9, 16), added=native.Plane(5, 9, 32)),
        lambda layer: layer.run(native.Plane(5, 9, 16), repeat=2),
        lambda layer: layer.run(np.empty((5, 9, 15), np.float32)),
        lambda layer: layer.run(np.empty((5, 9, 16))),
        lambda layer: layer.run(np.empty((5, 9, 16), np.float32), repeat=2),
        lambda layer: layer.run(np.empty((5, 9, 16), np.float32), added=native.Plane(5, 9, 16)),
        lambda layer: native.convolve(layer.source, layer.packed, native.Plane(5, 9, 16), step=0),
        lambda layer: native.convolve(
            layer.source, layer.packed, native.Plane(5, 9, 16), dilation=0
        ),
        lambda layer: native.convolve(
            layer.source, layer.packed, native.Plane(5, 9, 16), dilation=5
        ),
        lambda layer: native.convolve(
            native.Plane(5, 9, 12, 3), layer.packed, native.Plane(5, 9, 16)
        ),
        lambda layer: native.convolve(
            native.Plane(5, 9, 8, 0), layer.packed, native.Plane(5, 9, 16)
        ),
    ],
)
def test_convolve_refuses_what_does_not_fit(refused):
    with pytest.raises(ValueError, match=r"must (be|have)"):
        refused(Layer(1))


def test_convolve_does_not_write_into_what_it_reads():
    layer = Layer(1, inputs=16)
    with pytest.raises(ValueError, match="another plane"):
        layer.run(layer.source)


@pytest.mark.parametrize(
    "change",
    [
        lambda w, s, b: (w.astype(np.int16), s, b),
        lambda w, s, b: (w[:, :6].copy(), s, b),
        lambda w, s, b: (w[:, :0].copy(), s, b),
        lambda w, s, b: (w.repeat(33, 1).copy(), s, b),
        lambda w, s, b: (w[:, :, :2].copy(), s, b),
        lambda w, s, b: (np.tile(w, (1, 1, 2, 2))[:, :, :5, :5].copy(), s, b),
        lambda w, s, b: (w[:0], s[:0], b[:0]),
        lambda w, s, b: (w, s[:3], b),
        lambda w, s, b: (w, s, b.astype(np.float64)),
        lambda w, s, b: (w, s * np.float32(np.inf), b),
        lambda w, s, b: (w, s, b * np.float32(np.nan)),
    ],
)
def test_pack_convolution_refuses_weights_that_cannot_be(change):
    layer = Layer(1)
    with pytest.raises(ValueError, match="must"):
        native.pack_convolution(*change(layer.weights, layer.scale, layer.shift))


def match_on_every_isa(probe, references, constants=CONSTANTS):
    """Hold `native.match` of prints to its oracle, bit for bit; return the cues."""
    expected, its_partners = oracles.match(probe, references, *constants)
    parameters = native.match_parameters(*constants)
    packed = [native.pack(**each) for each in references]
    for isa in native.available_isas():
        native.use_isa(isa)
        partners = np.full(256, -2, np.int32)
        cues = native.match(native.pack(**probe), packed, parameters, partners)
        np.testing.assert_array_equal(
            cues.view(np.uint32), expected.view(np.uint32), err_msg=isa.name
        )
        np.testing.assert_array_equal(partners[: len(its_partners)], its_partners)
        assert (partners[len(its_partners) :] == -2).all(), "nothing is written beyond"
    return cues


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.sampled_from([0, 1, 2, 3, 7, 8, 9, 30, 47, 48]),
    others=st.integers(0, 50),
    extent=st.sampled_from([0.0, 1.0, 120.0, 2000.0, 65000.0]),
    flow=st.sampled_from([(0, 0), (1, 1), (9, 11)]),
)
def test_match_of_strangers_equals_its_oracle_on_every_isa(seed, count, others, extent, flow):
    probe = prints.scatter(seed, count, extent=extent, flow=flow)
    match_on_every_isa(probe, [prints.scatter(seed + 1, others, extent=extent), probe])


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.sampled_from([1, 2, 3, 4, 12, 40, 64]),
    turn=st.floats(0, 2 * np.pi),
    shift=st.tuples(st.floats(-300, 300), st.floats(-300, 300)),
    bend=st.sampled_from([0.0, 8.0]),
    noise=st.sampled_from([0.0, 1.0, 4.0]),
    lost=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_match_of_mates_equals_its_oracle_on_every_isa(seed, count, turn, shift, bend, noise, lost):
    finger = prints.scatter(seed, count)
    other = prints.again(finger, seed, turn=turn, shift=shift, bend=bend, noise=noise, lost=lost)
    match_on_every_isa(finger, [other])


@pytest.mark.parametrize("seed", range(8))
def test_match_equals_its_oracle_on_ties_and_places_that_round(seed):
    """Whole numbers, equal trust, directions and codes: most of what may be equal is."""
    finger = prints.scatter(seed, 40, extent=30.0)
    finger["columns"][:2] = np.rint(finger["columns"][:2])
    finger["columns"][2:] = np.array([[1], [0], [1]])
    finger["steps"][:] = 0
    for name in ("codes", "masks"):
        finger[name][1:] = finger[name][0]
    other = {name: each.copy() for name, each in finger.items() if name != "digest"}
    other["columns"][1] += 13.0
    match_on_every_isa(finger, [other | {"digest": bytes(16)}])


@pytest.mark.parametrize("seed", range(6))
def test_match_equals_its_oracle_where_minutiae_crowd(seed):
    finger = prints.scatter(seed, 120, extent=40.0)
    match_on_every_isa(finger, [prints.scatter(seed + 50, 120, extent=40.0)])


@pytest.mark.parametrize("extent", [0.0, 65000.0])
def test_match_holds_the_fullest_prints(extent):
    finger, stranger = (prints.scatter(seed, 255, extent=extent) for seed in (1, 2))
    assert np.isfinite(match_on_every_isa(finger, [stranger, finger])).all()
    few = [prints.scatter(seed, 8, flow=(128, 128)) for seed in (3, 4)]
    assert np.isfinite(match_on_every_isa(few[0], few)).all()


@pytest.mark.parametrize("counts", [(30, 30), (12, 40), (1, 255), (0, 5), (255, 255)])
def test_match_does_not_mind_which_is_the_probe(counts):
    pairs = [[prints.scatter(9 * k + side, counts[side]) for side in (0, 1)] for k in range(6)]
    pairs += [[one, prints.again(one, 3, turn=2.0, noise=1.0)] for one, _ in pairs[:3]]
    for one, other in ((native.pack(**each) for each in pair) for pair in pairs):
        np.testing.assert_array_equal(
            native.match(one, [other], PARAMETERS), native.match(other, [one], PARAMETERS)
        )


def test_match_one_says_who_was_laid_over_whom():
    many = prints.scatter(1, 40)
    few = prints.again(many, 2, lost=0.4)
    for swapped, (probe, reference) in enumerate([(few, many), (many, few)]):
        cues, partners, told = native.match_one(
            native.pack(**probe), native.pack(**reference), PARAMETERS
        )
        assert told is bool(swapped)
        assert cues[0] == pytest.approx(few["columns"][4].sum(), rel=1e-3)
        mates = partners[: len(few["steps"])]
        np.testing.assert_array_equal(many["columns"][:2, mates], few["columns"][:2])
        assert (partners[len(few["steps"]) :] == -1).all()


def test_match_of_many_is_match_one_by_one_in_threads_side_by_side():
    packed = [native.pack(**prints.scatter(seed, 8 * seed)) for seed in range(12)]
    alone = [[native.match(one, [other], PARAMETERS)[0] for other in packed] for one in packed]
    with ThreadPoolExecutor(6) as threads:
        for _ in range(10):
            found = threads.map(lambda one: native.match(one, packed, PARAMETERS), packed)
            np.testing.assert_array_equal(list(found), alone)
    assert native.match(packed[0], [], PARAMETERS).shape == (0, native.MATCH_CUES)


@pytest.mark.parametrize(
    "constants",
    [
        (
            AlignmentParameters(votes=256, proposals=64, finalists=8, angle=3.0, prior=1),
            PairingParameters(angle=3.0, reach=60.0, hopeless=0.0),
        ),
        # So few and so near that each voter, and each place of a proposal, shows in the cues.
        (
            AlignmentParameters(votes=12, proposals=12, finalists=1, reach=40.0, angle=0.3),
            PairingParameters(reach_first=4.0, reach=3.0),
        ),
        (AlignmentParameters(votes=1, proposals=1, finalists=1), PairingParameters(hopeless=1.0)),
    ],
    ids=["largest", "narrow", "least"],
)
def test_match_equals_its_oracle_at_other_constants(constants):
    for seed in range(20):
        finger = prints.scatter(seed, 40, extent=80.0)
        others = [
            prints.scatter(seed + 100, 40, extent=80.0),
            prints.again(finger, seed, turn=1.0, noise=2.0, bend=9.0),
        ]
        match_on_every_isa(finger, others, constants)


def test_an_isa_the_processor_lacks_is_refused():
    lacking = set(native.ISA) - set(native.available_isas())
    assert lacking, "NEON and AVX do not live on one processor"
    with pytest.raises(ValueError, match="does not run"):
        native.use_isa(lacking.pop())


@pytest.mark.parametrize("isa", native.available_isas())
def test_the_environment_forces_an_isa(isa):
    command = [sys.executable, "-c", "from ektp_hw import native; print(int(native.isa()))"]
    environment = {"EKTP_HW_ISA": isa.name.lower()}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert int(said.stdout) == isa


def test_an_unknown_isa_in_the_environment_is_one_clear_sentence():
    command = [sys.executable, "-c", "from ektp_hw import native"]
    said = subprocess.run(
        command, env={"EKTP_HW_ISA": "mmx"}, capture_output=True, text=True, check=False
    )
    assert said.returncode != 0
    assert "EKTP_HW_ISA=mmx is unknown; choose one of scalar" in said.stderr


@settings(deadline=None, max_examples=120)
@given(seed=st.integers(0, 2**32 - 1))
def test_prepare_equals_its_oracle_on_every_isa(seed):
    template = prints.template(seed)
    expected = oracles.prepare(template).block
    for isa in native.available_isas():
        native.use_isa(isa)
        packed = prepare_many([template]).one(0)
        np.testing.assert_array_equal(packed.block, expected, err_msg=isa.name)
