# SPDX-License-Identifier: Apache-2.0
import stat
import sys

import pytest

from ektp_hw.diagnostics.seal import Mark, canonical, checked, key_path, sealed

DOCUMENT = {"b": [1, 2.5, None, True], "a": {"ä": "ü"}}


@pytest.fixture
def key(tmp_path):
    return tmp_path / "new" / "key.pem"


def test_canonical_json_is_one_line_of_sorted_utf8():
    assert canonical(DOCUMENT) == '{"a":{"ä":"ü"},"b":[1,2.5,null,true]}'.encode()


def test_a_sealed_document_is_signed_and_only_its_owner_may_read_the_key(key):
    answer = checked(sealed(DOCUMENT, key))
    assert answer.mark is Mark.SIGNED
    assert len(answer.key.split()) == 5
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_the_key_stays_and_the_seal_is_the_same_again(key):
    first = sealed(DOCUMENT, key)
    assert sealed(first, key) == first


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["b"].append(3),
        lambda document: document.update(c=1),
        lambda document: document.update(hash="0" * 64),
        lambda document: document["seal"].update(signature="AAAA"),
        lambda document: document["seal"].update(signature="not base64"),
        lambda document: document["seal"].update(key="AAAA"),
        lambda document: document["seal"].update(extra=1),
        lambda document: document.update(seal=None),
        lambda document: document.update(seal="x"),
        lambda document: document.update(b=float("nan")),
    ],
)
def test_any_change_is_found(key, change):
    document = sealed({**DOCUMENT, "b": list(DOCUMENT["b"])}, key)
    change(document)
    assert checked(document).mark is Mark.ALTERED


def test_the_page_is_signed_with_the_document(key):
    document = sealed(DOCUMENT, key, "<p>page</p>")
    assert checked(document, "<p>page</p>").mark is Mark.SIGNED
    assert checked(document, "<p>Page</p>").mark is Mark.ALTERED
    assert checked(document).mark is Mark.ALTERED


def test_another_station_s_signature_shows_another_key(key, tmp_path):
    one, two = sealed(DOCUMENT, key), sealed(DOCUMENT, tmp_path / "other.pem")
    assert checked(one).key != checked(two).key
    one["seal"]["signature"] = two["seal"]["signature"]
    assert checked(one).mark is Mark.ALTERED


def test_without_the_library_there_is_a_hash_and_no_signature(key, monkeypatch):
    signed = sealed(DOCUMENT, key)
    for name in [name for name in sys.modules if name.startswith("cryptography")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    document = sealed(DOCUMENT, key)
    assert document["seal"]["signature"] is None
    assert document["seal"]["reason"] == "no_library"
    assert document["hash"] == signed["hash"]
    assert checked(document).mark is Mark.UNSIGNED
    assert checked(signed).mark is Mark.UNCHECKABLE


@pytest.mark.parametrize("content", [b"", b"no key at all", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_key_that_is_none_is_no_reason_to_fail(tmp_path, content):
    key = tmp_path / "key.pem"
    key.write_bytes(content)
    document = sealed(DOCUMENT, key)
    assert document["seal"]["reason"] == "no_key"
    assert checked(document).mark is Mark.UNSIGNED
    assert key.read_bytes() == content


def test_a_key_that_cannot_be_written_is_no_reason_to_fail(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    assert sealed(DOCUMENT, in_the_way / "key.pem")["seal"]["reason"] == "no_key"


def test_the_key_lies_in_the_user_s_data_folder():
    assert str(key_path({"HOME": "/h"})) == "/h/.local/share/ektp-hw/station-key.pem"
    assert str(key_path({"HOME": "/h", "XDG_DATA_HOME": "/d"})) == "/d/ektp-hw/station-key.pem"
