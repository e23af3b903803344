# SPDX-License-Identifier: Apache-2.0
import re
import xml.etree.ElementTree as ET

from ektp_hw.gallery import Gallery


def test_the_person_who_came_twice_is_found(ektp_hw, tmp_path):
    outcome = ektp_hw("demo", "--people", "4", "--seed", "11", "--out", tmp_path, "--json")
    assert outcome.code == 0
    answer = outcome.json
    assert answer["wrong"] == 0
    assert len(answer["recordings"]) == 5
    (pair,) = answer["duplicates"]
    assert pair["true"]
    assert pair["score"] > 4
    assert pair["parts"].keys() == {"right_index", "left_index"}
    assert [sorted((pair["a"]["id"], pair["b"]["id"]))] == answer["expected"]
    with Gallery.open(answer["gallery"], read_only=True) as gallery:
        assert len(gallery) == 5
    page = (tmp_path / "ektp-hw-demo.html").read_text(encoding="utf-8")
    assert pair["a"]["name"] in page
    assert page.count("data:image/png;base64,") == 2 * 5 + 2 * 2
    assert page.count('class="pair"') > 20


def test_the_page_needs_nothing_else(ektp_hw, tmp_path):
    page = tmp_path / "page.html"
    outcome = ektp_hw("demo", "--people", "2", "--out", page)
    assert outcome.code == 0
    assert "score" in outcome.out
    assert str(page) in outcome.out
    assert list(tmp_path.iterdir()) == [page]
    text = page.read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", text)
    assert not re.findall(r"url\(|@import|<script", text)
    body = re.search(r"<body>.*</body>", text, re.DOTALL).group()
    assert len(ET.fromstring(body).findall(".//svg")) > 6  # noqa: S314  # our own page


def test_real_prints_are_presented_enrolled_and_searched(ektp_hw, prints, tmp_path):
    outcome = ektp_hw("demo", "--images", prints, "--out", tmp_path, "--json")
    assert outcome.code == 0
    answer = outcome.json
    assert (answer["enrolled"], answer["searched"]) == (3, 3)
    assert answer["rank1_rate"] == 1 - len(answer["missed"]) / 3
    assert answer["mean_ms"].keys() >= {"extraction of minutiae", "search in the gallery"}
    assert "1_2" in (tmp_path / "ektp-hw-demo.html").read_text(encoding="utf-8") or (
        answer["rank1_rate"] == 1
    )


def test_missed_prints_are_named(ektp_hw, prints, tmp_path):
    for old, new in (("1_1", "1_1"), ("2_1", "2_1"), ("3_1", "1_2"), ("2_2", "2_2")):
        (tmp_path / f"{new}.png").write_bytes((prints / f"{old}.png").read_bytes())
    told = ektp_hw("demo", "--images", tmp_path, "--out", tmp_path / "out.html")
    answer = ektp_hw("demo", "--images", tmp_path, "--json").json
    assert {row["probe"] for row in answer["missed"]} <= {"1_2"}
    assert answer["page"] is None
    assert f"{100 * answer['rank1_rate']:.1f} %" in told.out
    for row in answer["missed"]:
        assert row["first"] == "2"
        assert "1_2" in told.out
        assert "Probe 1_2" in (tmp_path / "out.html").read_text(encoding="utf-8")


def test_fvc_prints_are_identified(ektp_hw, real_data, tmp_path):
    folder = real_data / "fvc2002" / "DB1_B"
    answer = ektp_hw("demo", "--images", folder, "--out", tmp_path, "--json").json
    assert (answer["enrolled"], answer["searched"]) == (10, 70)
    assert answer["rank1_rate"] >= 0.95


def test_other_people(ektp_hw, tmp_path):
    out = tmp_path / "page.html"
    answer = ektp_hw("demo", "--people", "3", "--seed", "3", "--out", out, "--json").json
    assert answer["wrong"] == 0
