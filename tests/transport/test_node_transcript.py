# SPDX-License-Identifier: Apache-2.0
import pytest

from ektp_hw import registry
from ektp_hw.errors import DeviceRemoved, ProtocolError
from ektp_hw.transport import hid, hidraw
from ektp_hw.transport.node_transcript import NodeRecorder, NodeReplay
from ektp_hw.virtual.hidraw_port import HidrawPort
from ektp_hw.virtual.pad import SCALE, VirtualSignaturePad
from pad_bench import signature


def conversation(node):
    with hid.over(node, "pad") as pad:
        told = [pad.get_feature(0x08, 17), pad.report_descriptor()]
        pad.set_feature(b"\x20\0")
        with pytest.raises(ProtocolError):
            pad.get_feature(0x77, 5)
        return told + [pad.read(64, 1.0) for _ in range(3)]


def test_a_conversation_is_played_back(tmp_path):
    model = VirtualSignaturePad(signature(SCALE), speed=50)
    path = tmp_path / "pad.jsonl"
    recorded = conversation(NodeRecorder(HidrawPort(model, "hidraw:/dev/hidraw0"), path))
    with NodeReplay(path) as replay:
        assert conversation(replay) == recorded
    with pytest.raises(ProtocolError, match="never made"), NodeReplay(path) as replay:
        hidraw.get_feature(replay, 0x08, 17, 1.0)


def test_opening_with_a_record_writes_it(tmp_path, monkeypatch):
    model = VirtualSignaturePad(signature(SCALE), speed=50)
    seen = hidraw.HidrawAddress("hidraw:/dev/hidraw0", 0x056A, 0x00A4)
    monkeypatch.setattr(hidraw, "_read", lambda _: seen)
    monkeypatch.setattr(
        hidraw, "KernelNode", lambda path, uri, **_: HidrawPort(model, uri + path[:0])
    )
    path = tmp_path / "pad.jsonl"
    with registry.open_device("hidraw:/dev/hidraw0", record=path) as pad:
        model.unplug()
        with pytest.raises(DeviceRemoved):
            pad.clear_screen()
    assert '"removed"' in path.read_text("ascii")
