# SPDX-License-Identifier: Apache-2.0
"""A transcript without biometrics: nothing of a body is in the file, and it still is a test."""

import hashlib
import json
import random
from pathlib import Path

import numpy as np
import pytest

from drivers.emulated import drawn_eye
from ektp_hw.devices import DeviceInfo, FingerprintScanner, Redaction, Rule
from ektp_hw.drivers.ccid_reader import CcidReader
from ektp_hw.drivers.nb1010 import NB1010
from ektp_hw.drivers.uvc_camera import UvcCamera
from ektp_hw.drivers.wacom_stu import WacomStu
from ektp_hw.drivers.zfm import ZFM
from ektp_hw.drivers.zk4500 import ZK4500
from ektp_hw.errors import ProtocolError
from ektp_hw.registry import drivers
from ektp_hw.transport.redaction import Hidden, Redactor, pack, payload_of, unpack
from ektp_hw.transport.transcript import Replay

TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"
DEFAULT = FingerprintScanner.redaction


def noise(length, seed=1):
    return random.Random(seed).randbytes(length)  # noqa: S311


def read(payload, endpoint=0x82):
    return {"call": "read", "with": [endpoint, 512], "gives": pack(payload)}


def sent(payload):
    return {"call": "write", "with": [2, pack(payload)]}


def redacted(*lines, rules=DEFAULT):
    redactor = Redactor(rules)
    for line in lines:
        redactor.add(line)
    return [json.loads(line) for line in redactor.lines]


# What stays and what goes.


def test_a_picture_becomes_its_length_and_hash():
    picture = noise(5000)
    (line,) = redacted(read(picture))
    sha256 = hashlib.sha256(picture).hexdigest()
    assert line == {
        "call": "read",
        "with": [0x82, 512],
        "gives": {"bytes": 5000, "sha256": sha256},
    }


def test_short_answers_and_descriptions_stay():
    lines = [
        read(b"finger level 247"),
        {"call": "control_in", "with": [0xC0, 4, 0, 0, 64], "gives": pack(noise(64))},
        {"call": "control_in", "with": [0x80, 6, 0x200, 0, 999], "gives": pack(noise(999))},
        {"call": "read", "with": [0x82, 512]},
        {"call": "clear_halt", "with": [0x82], "fails": "protocol"},
        sent(b"start"),
    ]
    assert redacted(*lines) == lines


def test_long_answers_to_requests_and_what_is_sent_go_too():
    asked = {"call": "control_in", "with": [0xC0, 4, 0, 0, 999], "gives": pack(noise(65))}
    lines = redacted(asked, sent(noise(2000)))
    assert lines[0]["gives"]["bytes"] == 65
    assert lines[1]["with"][1]["bytes"] == 2000


def test_the_mark_of_a_short_payload_cannot_be_guessed_but_tells_equal_ones():
    rules = Redaction(read=Rule(longest=0))
    lines = redacted(read(b"pen 1"), read(b"pen 1"), read(b"pen 2"), rules=rules)
    first, same, other = (line["gives"] for line in lines)
    assert first == same != other
    assert first["bytes"] == 5
    assert hashlib.sha256(b"pen 1").hexdigest() != first["keyed"]
    (again,) = redacted(read(b"pen 1"), rules=rules)
    assert again["gives"]["keyed"] != first["keyed"]


def test_head_and_tail_are_kept_as_masked():
    rules = Redaction(read=Rule(longest=4, head=b"\xff\xf0", tail=2))
    (line,) = redacted(read(b"\x12\x34secret\x90\x00"), rules=rules)
    assert unpack(line["gives"]["head"]) == b"\x12\x30"
    assert unpack(line["gives"]["tail"]) == b"\x90\x00"
    (short,) = redacted(read(b"\x01\x02\x03\x04\x05"), rules=Redaction(read=Rule(4, b"\xff" * 9)))
    assert unpack(short["gives"]["head"]) == b"\x01\x02\x03\x04\x05"


def test_a_picture_in_small_pieces_goes_whole():
    pieces = [noise(60, seed) for seed in range(100)]
    lines = redacted(sent(b"send"), *map(read, pieces), sent(b"stop"), read(b"ok"))
    assert all(isinstance(line["gives"], dict) for line in lines[1:-2])
    assert lines[-1] == read(b"ok")


def test_a_picture_in_small_pieces_that_are_asked_for_one_by_one_goes_but_for_the_margin():
    lines = []
    for seed in range(400):
        lines += [sent(b"next"), read(noise(60, seed))]
    kept = [line for line in redacted(*lines) if isinstance(line.get("gives"), str)]
    assert sum(len(unpack(line["gives"])) for line in kept) <= 4096


def test_the_same_short_answer_may_come_as_often_as_it_likes():
    lines = [read(b"no finger")] * 2000
    assert redacted(*lines) == lines


@pytest.mark.parametrize("driver", drivers(), ids=lambda driver: driver.name)
def test_no_driver_s_rules_keep_enough_to_know_somebody(driver):
    rules = getattr(driver, "redaction", DEFAULT)  # what only leads to other drivers has none
    for rule in (rules.read, rules.asked, rules.sent):
        assert rule.longest <= 64
        assert len(rule.head) + rule.tail <= 64


@pytest.mark.parametrize("path", sorted(TRANSCRIPTS.glob("*/*.jsonl")), ids=lambda path: path.stem)
def test_nothing_long_is_left_of_any_recording(path):
    lines = [json.loads(line) for line in path.read_text("ascii").splitlines()]
    lines = [
        line for line in lines if line.get("call") not in {None, "control_in"} and "with" in line
    ]
    for line in redacted(*lines):
        for noted in (*line["with"], line.get("gives", "")):
            assert not isinstance(noted, str) or len(unpack(noted)) <= 64


# What can still be asserted.


def hidden_in(line):
    return payload_of(line["call"], line["gives"])


def test_a_hidden_payload_is_filled_around_what_was_kept():
    rules = Redaction(read=Rule(longest=4, head=b"\xff\xff", tail=1))
    (line,) = redacted(read(b"HHsecretT"), rules=rules)
    hidden = hidden_in(line)
    assert hidden.filled(None) == b"HH" + bytes(6) + b"T"
    assert hidden.filled(lambda one: b"x" * one.length) == b"HHxxxxxxT"
    assert hidden.filled(lambda _: b"") == b"HH" + bytes(6) + b"T"


def test_sent_payloads_are_compared_by_their_hash():
    picture = noise(400)
    (line,) = redacted(sent(picture))
    hidden = payload_of("write", line["with"][1])
    assert hidden.matches(picture)
    assert not hidden.matches(noise(400, seed=2))
    assert not hidden.matches(noise(399))
    keyed = Hidden("write", 9, "00", head=b"\x20\x01", is_keyed=True)
    assert keyed.matches(b"\x20\x01 secret")
    assert not keyed.matches(b"\x40\x01 secret")


def without_biometrics(driver, name, tmp_path):
    """Redact one of our recordings; return the file, having looked that nothing is left in it."""
    lines = [
        json.loads(line)
        for line in (TRANSCRIPTS / driver.name / name).read_text("ascii").splitlines()
    ]
    kept = redacted(*lines, rules=driver.redaction)
    text = "".join(json.dumps(line) + "\n" for line in kept)
    read = [
        (line["gives"], now["gives"])
        for line, now in zip(lines, kept, strict=True)
        if line["call"] == "read" and "gives" in line
    ]
    secret = [was for was, now in read if isinstance(now, dict) and now.get("head") != was]
    assert secret
    assert not [one for one in secret if one in text]
    longest = driver.redaction.read.longest
    assert all(len(unpack(now)) <= longest for _, now in read if isinstance(now, str))
    path = tmp_path / name
    path.write_text(text, "ascii")
    return path


def captured(driver, path, fill=None, *, elastic=False, **wishes):
    info = DeviceInfo("usb:1-1", driver.kind, "replayed", driver.name)
    replay = Replay(path, fill, elastic=elastic)
    with replay as wire, driver(info, lambda _: wire) as device:
        return device.capture(timeout=60, **wishes)


def stripes(hidden):
    assert hidden.length == 640 * 480
    return bytes(210 if at // 4 % 2 else 90 for at in range(640)) * 480


@pytest.fixture
def scanner_talk(tmp_path):
    return without_biometrics(ZK4500, "stripes.jsonl", tmp_path)


def test_a_scanner_s_transcript_replays_with_a_phantom(scanner_talk):
    assert scanner_talk.stat().st_size < 3000
    image = captured(ZK4500, scanner_talk, stripes)
    assert image.pixels[0, :9].tolist() == [90] * 4 + [210] * 4 + [90]


def test_a_sensor_s_lines_keep_their_headers(tmp_path):
    path = without_biometrics(NB1010, "stripes.jsonl", tmp_path)
    ridges = bytes([40] * 8 + [220] * 8) * 34
    image = captured(NB1010, path, lambda _: ridges)
    assert image.pixels.shape == (180, 256)
    assert set(np.unique(image.pixels)) <= {40, 220}


def test_a_camera_s_transcript_replays_with_a_phantom(tmp_path):
    path = without_biometrics(UvcCamera, "two_frames.jsonl", tmp_path)
    eye = drawn_eye().pixels.tobytes()
    phantom = drawn_eye(blur=9).pixels.tobytes() + eye  # one frame unsharp, as it was recorded
    shown = 0

    def next_part(hidden):
        nonlocal shown
        part = phantom[shown : shown + hidden.length - 2]
        shown = (shown + len(part)) % len(phantom)
        return bytes(2) + part  # the payload's header is in the transcript

    image = captured(UvcCamera, path, next_part)
    assert image.pixels.tobytes() == eye


def test_a_pad_s_transcript_replays_with_its_pen_in_the_corner(tmp_path):
    path = without_biometrics(WacomStu, "two_strokes.jsonl", tmp_path)
    trace = captured(WacomStu, path, elastic=True, rest=0.1)
    assert len(trace.seconds) > 50
    assert not trace.x_mm.any()
    assert not trace.pressure.any()


def test_a_card_s_transcript_replays_with_an_empty_photo(tmp_path):
    path = without_biometrics(CcidReader, "ktp_el.jsonl", tmp_path)
    photo = captured(CcidReader, path).files["photo"]
    assert len(photo) == 1024
    assert np.frombuffer(photo, np.uint8)[6:-32].max() == 0


def test_a_module_s_password_is_not_in_its_transcript():
    command = bytes.fromhex("ef01ffffffff0100071311223344 00c9")
    (line,) = redacted(sent(command), rules=ZFM.redaction)
    hidden = payload_of("write", line["with"][1])
    assert hidden.head == command[:10]
    assert hidden.is_keyed
    assert hidden.matches(command)


def test_leftovers_and_deviations_fail_as_ever(scanner_talk):
    with scanner_talk.open("a", encoding="ascii") as file:
        file.write(json.dumps({"call": "clear_halt", "with": [130]}) + "\n")
    with pytest.raises(ProtocolError, match="1 recorded calls were never made"):
        captured(ZK4500, scanner_talk, stripes)
    lines = scanner_talk.read_text("ascii").splitlines()
    scanner_talk.write_text("\n".join([lines[1], *lines[1:]]), "ascii")
    with pytest.raises(ProtocolError, match="line 1 has"):
        captured(ZK4500, scanner_talk, stripes)


def test_a_changed_message_to_the_device_is_a_deviation(tmp_path):
    path = tmp_path / "talk.jsonl"
    (line,) = redacted(sent(noise(300)))
    path.write_text(json.dumps(line), "ascii")
    with Replay(path) as wire:
        wire.write(2, noise(300))
    with pytest.raises(ProtocolError, match="line 1 has write"):
        Replay(path).write(2, noise(300, seed=2))
