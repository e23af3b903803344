# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw record``: a transcript of one capture that holds nobody and still replays."""

import json

import pytest

from ektp_hw.devices import DeviceInfo
from ektp_hw.drivers.zk4500 import ZK4500
from ektp_hw.errors import ProtocolError
from ektp_hw.transport.redaction import unpack
from ektp_hw.transport.transcript import Replay
from ektp_hw.virtual.station import station


@pytest.fixture(autouse=True)
def desk():
    station().close()  # whatever an earlier test scripted
    yield station()
    station().close()


def lines_of(path):
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


def kept_bytes(path):
    """Return what of the device's answers can be read back out of a transcript."""
    answers = [line.get("gives", "") for line in lines_of(path)]
    parts = [
        [each] if isinstance(each, str) else [each.get("head", ""), each.get("tail", "")]
        for each in answers
    ]
    return [unpack(text) for texts in parts for text in texts]


@pytest.mark.parametrize(
    ("kind", "longest"), [("fingerprint", 64), ("iris", 64), ("signature", 11), ("card", 32)]
)
def test_nobody_is_in_the_transcript(ektp_hw, tmp_path, kind, longest):
    path = tmp_path / "deep" / "talk.jsonl"
    answer = ektp_hw("record", f"virtual:{kind}", "--out", path, "--json").json
    assert answer["file"] == str(path)
    assert answer["calls"] == len(lines_of(path)) > 5
    assert answer["replaced"] > 0
    assert not answer["payloads_kept"]
    from_endpoints = [line for line in lines_of(path) if line["call"] == "read"]
    path.write_text("".join(json.dumps(line) + "\n" for line in from_endpoints), "ascii")
    assert max(len(part) for part in kept_bytes(path)) <= longest


def test_a_transcript_replays_with_a_phantom(ektp_hw, tmp_path):
    path = tmp_path / "talk.jsonl"
    assert ektp_hw("record", "virtual:fingerprint", "--out", path).code == 0
    stripes = bytes(210 if at // 4 % 2 else 90 for at in range(640)) * 480
    info = DeviceInfo("usb:1-1", ZK4500.kind, "replayed", ZK4500.name)
    with Replay(path, lambda _: stripes) as wire, ZK4500(info, lambda _: wire) as scanner:
        assert scanner.capture(timeout=60).pixels.tobytes() == stripes
    with ZK4500(info, lambda _: Replay(path)) as scanner, pytest.raises(ProtocolError):
        scanner.capture(timeout=60)  # an empty glass makes the driver ask for another picture


def test_payloads_are_kept_where_nobody_lives(ektp_hw, tmp_path):
    path = tmp_path / "talk.jsonl"
    outcome = ektp_hw("record", "virtual:fingerprint", "--out", path, "--keep-payloads", "--json")
    assert "WARNING" in outcome.err
    assert outcome.json["payloads_kept"]
    assert outcome.json["replaced"] == 0
    assert 640 * 480 in {len(part) for part in kept_bytes(path)}


def test_payloads_of_a_real_device_are_kept_for_a_phantom_only(ektp_hw, refused, tmp_path):
    path = tmp_path / "talk.jsonl"
    words = ("record", "usb:1b55:0840@7-7", "--out", path, "--keep-payloads")
    assert "add --phantom if no living person" in refused(*words)
    outcome = ektp_hw(*words, "--phantom")  # goes on, and finds no such device here
    assert outcome.code == 2
    assert "WARNING" in outcome.err
    assert not path.exists()


def test_what_passed_before_a_failure_is_written(refused, desk, tmp_path):
    desk.scanner.present(None)
    path = tmp_path / "talk.jsonl"
    sentence = refused("record", "virtual:fingerprint", "--out", path, "--timeout", "0.2")
    assert "no finger was placed" in sentence
    assert f"what passed until then is in {path}" in sentence
    assert len(lines_of(path)) > 2


def test_no_transcript_is_overwritten(ektp_hw, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert ektp_hw("record", "virtual:card").code == 0
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["transcript-1.jsonl", "transcript-2.jsonl"]
    assert "exists" in refused("record", "virtual:card", "--out", files[0])


def test_what_cannot_be_recorded(refused, tmp_path):
    assert "virtual:nose" in refused("record", "virtual:nose", "--out", tmp_path / "x")
    assert "recorded" in refused("record", "pcsc:Some reader", "--out", tmp_path / "x")
    assert not (tmp_path / "x").exists()
