# SPDX-License-Identifier: Apache-2.0
import io
import re
from html.parser import HTMLParser

import pytest

from ektp_hw.diagnostics.examination import as_plain
from ektp_hw.diagnostics.findings import Outcome
from ektp_hw.diagnostics.letter import letter_of, percent, spoken_duration
from ektp_hw.diagnostics.letter_page import read_page, read_sealed, rendered
from ektp_hw.diagnostics.letter_pdf import pdf_of
from ektp_hw.diagnostics.seal import Mark, checked, sealed
from ektp_hw.errors import StationError
from stub_station import examination, five_months

BROKEN = {"cable": Outcome.BROKEN, "capture": Outcome.BROKEN, "provider": Outcome.BROKEN}


@pytest.fixture
def key(tmp_path):
    return tmp_path / "key.pem"


def document(language="id", *, history=True, **outcomes):
    journal = five_months() if history else None
    return as_plain(examination(history=journal, **outcomes), language, "1.2.3")


class _Text(HTMLParser):
    """Collects what a reader sees."""

    def __init__(self):
        super().__init__()
        self.seen, self._hidden = [], 0

    def handle_starttag(self, tag, _attributes):
        self._hidden += tag in {"script", "style", "title"}

    def handle_endtag(self, tag):
        self._hidden -= tag in {"script", "style", "title"}

    def handle_data(self, data):
        if not self._hidden and data.strip():
            self.seen.append(" ".join(data.split()))


def text_of_page(html):
    reader = _Text()
    reader.feed(html)
    return " ".join(reader.seen)


def text_of_pdf(content):
    pypdfium2 = pytest.importorskip("pypdfium2")
    pages = pypdfium2.PdfDocument(io.BytesIO(content))
    return " ".join(" ".join(page.get_textpage().get_text_bounded().split()) for page in pages)


def sentences(letter):
    """Return everything that must stand in every form of the letter."""
    yield from (letter.date, letter.addressee, letter.opening, letter.verdict, letter.certainty)
    yield from (*letter.told, *letter.tried, *letter.notes, *letter.head[1:])
    for row in (*letter.evidence, *letter.everything):
        yield from (row.checked, row.seen, row.state)
    for row in letter.availability:
        yield from row
    for demand in letter.demands:
        yield from (demand.who, *demand.what)
    for _, value in letter.seal:
        yield value


@pytest.mark.parametrize("language", ["id", "en"])
def test_page_and_pdf_hold_the_whole_letter(language, key):
    whole = sealed(document(language, **BROKEN), key)
    page = text_of_page(rendered(whole, key)).replace(" ", "")
    pdf = re.sub(r"[\s\ufffe\x02-]", "", text_of_pdf(pdf_of(whole)))
    for sentence in sentences(letter_of(whole)):
        assert sentence.replace(" ", "") in page, sentence
        assert re.sub(r"[\s-]", "", sentence) in pdf, sentence


def test_the_page_fetches_nothing(key):
    html = rendered(document(**BROKEN), key)
    assert not re.findall(r"""(?:src|href|action)\s*=|@import|https?://|url\(""", html)


def test_every_state_is_told_by_a_word_and_a_mark(key):
    html = rendered(document(cable=Outcome.BROKEN, iris=Outcome.SUSPECT), key)
    for mark, word in (("✗", "terganggu"), ("!", "perlu diperhatikan"), ("✓", "baik")):
        assert re.search(rf">{mark}</span> {word}", html)
    colours = set(re.findall(r"#([0-9a-f]{3,6})\b", html.partition("</style>")[0]))
    assert all(len(set(re.findall(len(each) // 3 * ".", each))) < 3 for each in colours), colours


def test_the_pdf_brings_its_fonts_and_is_a4(key):
    pypdfium2 = pytest.importorskip("pypdfium2")
    content = pdf_of(sealed(document(**BROKEN), key))
    assert b"/FontFile2" in content
    pages = pypdfium2.PdfDocument(io.BytesIO(content))
    assert {tuple(round(side) for side in page.get_size()) for page in pages} == {(595, 842)}


def test_the_same_letter_gives_the_same_pdf(key):
    whole = sealed(document(**BROKEN), key)
    assert pdf_of(whole) == pdf_of(whole)


def test_a_page_that_was_not_touched_is_signed_and_one_that_was_is_found_out(key, tmp_path):
    html = rendered(document(**BROKEN), key)
    file = tmp_path / "letter.html"
    file.write_text(html)
    assert checked(*read_sealed(file)).mark is Mark.SIGNED
    for old, new in (
        ("terganggu", "baik"),
        ("</main>", "<p>more</p></main>"),
        ('"healthy": false', '"healthy": true'),
        ("</body>", "<script>document.body.innerHTML=''</script></body>"),
    ):
        assert old in html
        assert checked(*read_page(html.replace(old, new, 1), "x")).mark is Mark.ALTERED, old


def test_what_is_no_letter_is_said(tmp_path):
    for content, says in (
        (b"<html></html>", "no letter"),
        (b"{", "damaged JSON"),
        (b'{"document": "x"}', "no document"),
        (b"\xff\xfe", "no letter"),
        (b'<script type="application/json" id="document">{</script>', "damaged"),
        (b'<script type="application/json" id="document">[]</script>', "no document"),
    ):
        file = tmp_path / "file"
        file.write_bytes(content)
        with pytest.raises(StationError, match=says):
            read_sealed(file)


def test_markup_in_a_finding_stays_text(key):
    plain = document(cable=Outcome.BROKEN)
    nasty = "</script><script>alert(1)</script><b>"
    plain["findings"][0]["evidence"] = {"product": nasty}
    plain["faults"][0]["root"]["evidence"] = {"product": nasty}
    html = rendered(plain, key)
    assert html.count("<script") == 1
    assert checked(*read_page(html, "x")).mark is Mark.SIGNED
    assert "alert(1)" in text_of_pdf(pdf_of(sealed(plain, key)))


def test_the_letter_says_since_when_how_often_and_who_must_act():
    letter = letter_of(document("en", **BROKEN))
    assert letter.verdict.startswith(
        "There are 2 independent faults, the cable or the power supply and "
    )
    told = " ".join(letter.told)
    assert "20 January 2026 to 18 June 2026 (150 days)" in told
    assert re.search(r"Fingerprint scanner: \d+ faults since \d+ (March|April) 2026", told)
    assert "No fault in this time: iris camera, local network." in told
    assert "20 January 2026 to 30 March 2026: the network provider failed now and then." in told
    assert "31 March 2026 to 10 May 2026: the fingerprint scanner failed on most days." in told
    assert "the fingerprint scanner and the network provider failed on most days." in told
    assert "Not watched: card reader." in told
    assert "could not be recorded in this time: 212" in told
    assert {demand.who for demand in letter.demands} == {"Technician", "Network provider"}
    assert [row.follows for row in letter.evidence] == [False, True, False]


def test_healthy_undecided_and_untested_read_differently():
    sound = letter_of(document(history=False))
    assert sound.verdict == "Semua berfungsi dengan baik."
    assert sound.references[2][1] == "Hasil pemeriksaan tempat perekaman KTP elektronik"
    assert not sound.evidence
    assert sound.told == (sound.words["history_none"],)
    blind = letter_of(document(**dict.fromkeys(("cable", "capture", "iris", "provider"),
                                               Outcome.UNTESTED)))  # fmt: skip
    assert blind.verdict.startswith("Belum dapat disimpulkan")
    assert blind.no_demand == blind.words["asked_unknown"]


def test_without_the_library_a_pdf_says_what_to_install(monkeypatch, key):
    monkeypatch.setitem(__import__("sys").modules, "reportlab", None)
    with pytest.raises(StationError, match=r"pip install 'ektp_hw\[letter\]'"):
        pdf_of(sealed(document(), key))


@pytest.mark.parametrize(
    ("seconds", "spoken"),
    [(20, "0 menit"), (60, "1 menit"), (50 * 60, "1 jam"), (3600, "1 jam"), (40 * 60, "40 menit"),
     (9 * 3600, "9 jam"), (86400, "1 hari"), (10 * 86400, "10 hari")],
)  # fmt: skip
def test_durations_are_spoken(seconds, spoken):
    assert spoken_duration(seconds, "id") == spoken


def test_a_fault_is_never_rounded_to_100_per_cent():
    assert percent(0.99999, "id") == "99,9"
    assert percent(1.0, "id") == "100"
    assert percent(0.839, "en") == "83.9"
