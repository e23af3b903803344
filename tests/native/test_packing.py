# SPDX-License-Identifier: Apache-2.0
"""What the compiled core trusts is checked before: packed prints, constants, room for partners."""

import pickle

import numpy as np
import pytest

import prints
from ektp_hw import native
from ektp_hw.fingerprint.comparison_parameters import AlignmentParameters, PairingParameters

PARAMETERS = native.match_parameters(AlignmentParameters(), PairingParameters())


def test_a_packed_template_survives_pickling_and_cannot_be_changed():
    finger = prints.scatter(1, 40)
    before = native.pack(**finger)
    after = pickle.loads(pickle.dumps(before))  # noqa: S301  # our own bytes
    assert after.rank == before.rank == (40, finger["digest"])
    assert after.address % 64 == 0
    np.testing.assert_array_equal(after.block, before.block)
    np.testing.assert_array_equal(
        native.match(after, [before], PARAMETERS), native.match(before, [after], PARAMETERS)
    )
    with pytest.raises(ValueError, match="read-only"):
        after.block[0] = 1


def test_bytes_that_are_no_packed_template_are_refused():
    content = native.pack(**prints.scatter(1, 40)).block.tobytes()
    starts = (41, 48, 5, 9, 11), (40, 64, 5, 9, 11), (40, 48, 41, 9, 11), (40, 48, 5, 129, 0)
    lies = [np.array(start, np.uint32).tobytes() + content[20:] for start in starts]
    for wrong in (b"", content[:63], content[:-1], content + b"\0", *lies):
        with pytest.raises(ValueError, match="make one with pack"):
            native.PackedTemplate(wrong)


def changed(array, where, value):
    array = array.copy()
    array[where] = value
    return array


@pytest.mark.parametrize(
    "change",
    [
        lambda a: {"columns": a["columns"].astype(np.float64)},
        lambda a: {"columns": a["columns"][:4]},
        lambda a: {"columns": np.asfortranarray(a["columns"])},
        lambda a: {"columns": a["columns"][:, ::-1].copy()},
        lambda a: {"columns": changed(a["columns"], (0, 3), np.nan)},
        lambda a: {"columns": changed(a["columns"], (0, 3), -70000)},
        lambda a: {"columns": changed(a["columns"], (1, -1), np.inf)},
        lambda a: {"columns": changed(a["columns"], (2, 3), 1.5)},
        lambda a: {"columns": changed(a["columns"], (4, 3), -0.1)},
        lambda a: {"columns": changed(a["columns"], (4, 3), 1e30)},
        lambda a: {"steps": a["steps"].astype(np.uint8)},
        lambda a: {"steps": a["steps"][:-1]},
        lambda a: {"steps": changed(a["steps"], 3, 256)},
        lambda a: {"steps": changed(a["steps"], 3, -1)},
        lambda a: {"codes": a["codes"][:-1]},
        lambda a: {"codes": a["codes"][:-1], "masks": a["masks"][:-1]},
        lambda a: {"codes": a["codes"].astype(np.int64)},
        lambda a: {"codes": ~a["codes"]},
        lambda a: {"masks": a["masks"].ravel()},
        lambda a: {"corners": a["corners"].astype(np.float64)},
        lambda _: {"corners": np.zeros((21, 2), np.float32)},
        lambda _: {"corners": np.zeros((3, 3), np.float32)},
        lambda a: {"corners": changed(a["corners"], (0, 0), np.nan)},
        lambda a: {"flow": a["flow"].astype(np.float64)},
        lambda a: {"flow": a["flow"][:2]},
        lambda a: {"flow": changed(a["flow"], (2, 0, 0), np.inf)},
        lambda _: {"flow": np.zeros((3, 129, 1), np.float32)},
        lambda _: {"flow": np.zeros((3, 0, 129), np.float32)},
        lambda _: {"digest": bytes(15)},
        lambda _: prints.scatter(1, 256),
    ],
)
def test_pack_refuses_what_the_core_cannot_hold(change):
    sound = prints.scatter(1, 20)
    assert native.pack(**sound).rank[0] == 20
    with pytest.raises(ValueError, match=r"must|one each"):
        native.pack(**sound | change(sound))


def test_match_refuses_what_is_not_packed_or_cannot_be_written():
    packed = native.pack(**prints.scatter(1, 5))
    for probe, references in ((b"EKFT", [packed]), (packed, [packed, None])):
        with pytest.raises(TypeError, match="a PackedTemplate is matched, not"):
            native.match(probe, references, PARAMETERS)
    frozen = np.zeros(256, np.int32)
    frozen.flags.writeable = False
    for partners in (np.zeros(255, np.int32), np.zeros(256, np.int64), frozen):
        with pytest.raises(ValueError, match="partners must be"):
            native.match(packed, [packed], PARAMETERS, partners)


@pytest.mark.parametrize(
    ("alignment", "pairing"),
    [
        ({"votes": 257}, {}),
        ({"votes": 0}, {}),
        ({"proposals": 65}, {}),
        ({"finalists": 9}, {}),
        ({"prior": 0}, {}),
        ({"angle": 0.0}, {}),
        ({"angle": 3.1}, {}),
        ({"reach": 0.0}, {}),
        ({}, {"reach_first": 0.0}),
        ({}, {"reach": float("nan")}),
        ({}, {"smoothness": 0.0}),
        ({}, {"stiffness": 0.0}),
        ({}, {"angle": 0.0}),
    ],
)
def test_match_parameters_out_of_range_are_refused(alignment, pairing):
    with pytest.raises(ValueError, match="must be"):
        native.match_parameters(AlignmentParameters(**alignment), PairingParameters(**pairing))
