# SPDX-License-Identifier: Apache-2.0
"""What is said of the drivers comes from the drivers: README table, list and udev rules."""

import re
from pathlib import Path

import pytest

from ektp_hw.registry import drivers
from ektp_hw.transport import udev_rules

ROOT = Path(__file__).resolve().parents[2]


def test_the_readme_s_table_is_current(ektp_hw):
    """If it is not: ektp-hw devices --supported --markdown, between the two marks."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"<!-- supported devices -->\n(.*?)<!-- end -->", readme, re.DOTALL)
    assert block == ektp_hw("devices", "--supported", "--markdown").out


def test_every_driver_is_listed_with_ids_schemes_and_kind(ektp_hw):
    rows = {row["driver"]: row for row in ektp_hw("devices", "--supported", "--json").json}
    for driver in drivers():
        row = rows[driver.name]
        assert row["schemes"] == list(driver.schemes)
        assert [each["id"] for each in row["usb_ids"]] == [str(one) for one in driver.usb_ids]
        assert row["kind"] == getattr(driver, "kind", None)
        assert row["about"]
    table = ektp_hw("devices", "--supported").out
    assert "1b55:0840" in table
    assert "pcsc:" in table


def test_supported_goes_by_kind(ektp_hw):
    rows = ektp_hw("devices", "--supported", "--kind", "card", "--json").json
    assert {row["kind"] for row in rows} == {"card"}


def test_markdown_stands_alone(refused):
    assert "--supported" in refused("devices", "--markdown")
    assert "--json" in refused("devices", "--supported", "--markdown", "--json")


def test_udev_has_a_rule_for_every_id(ektp_hw):
    rules = ektp_hw("udev").out
    for driver in drivers():
        for one in driver.usb_ids:
            assert f"# {one.model} ({driver.name})\n" in rules
            assert udev_rules.udev_rule(one.vendor, one.product) in rules
    for line in rules.splitlines():
        assert re.fullmatch(r"# .*|(\w+(\{\w+\})?(==|=|\+=)\"[^\"]+\"(, |$))+", line), line


def test_udev_writes_the_file_whole(ektp_hw, monkeypatch, tmp_path):
    path = tmp_path / "60-ektp-hw.rules"
    monkeypatch.setattr(udev_rules, "RULES_FILE", str(path))
    outcome = ektp_hw("udev", "--write")
    assert outcome.out.startswith(f"{path}: written; make udev read it with 'udevadm")
    assert path.read_text(encoding="utf-8") == ektp_hw("udev").out
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o777 == 0o644


def test_udev_says_how_where_it_may_not_write(refused, monkeypatch, tmp_path):
    monkeypatch.setattr(udev_rules, "RULES_FILE", str(tmp_path / "missing" / "60.rules"))
    sentence = refused("udev", "--write")
    assert "cannot be written (No such file or directory); run 'sudo ektp-hw udev" in sentence


class Row:
    vendor, product, model = 0x1234, 0xABCD, "Two\nlines"


@pytest.mark.parametrize(
    ("scheme", "node", "more"),
    [
        ("hidraw", "hidraw", ""),
        ("evdev", "input", ""),
        ("serial", "tty", ', ENV{ID_MM_DEVICE_IGNORE}="1"'),
    ],
)
def test_nodes_of_the_kernel_get_a_rule_too(scheme, node, more):
    lines = udev_rules.rules_of("acme", [Row()], ("usb", scheme))
    assert lines[0] == "# Two lines (acme)"
    assert lines[2] == (
        f'SUBSYSTEM=="{node}", ATTRS{{idVendor}}=="1234", ATTRS{{idProduct}}=="abcd",'
        ' MODE="0660", TAG+="uaccess"' + more
    )
    assert len(lines) == 3


def test_a_driver_without_ids_has_no_rule():
    assert udev_rules.rules_of("pcsc_reader", (), ("pcsc",)) == []
