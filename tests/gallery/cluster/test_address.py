# SPDX-License-Identifier: Apache-2.0
"""Where a gallery and its workers are."""

import pytest

from ektp_hw.gallery import Gallery
from ektp_hw.gallery.cluster import ClusterAddress, is_cluster, parse


def test_addresses():
    assert parse("ray://local?path=people&workers=4") == ClusterAddress("ray", "local", "people", 4)
    assert parse("ray://10.0.0.5:6379?path=/a%20b&workers=9&replicas=2&deadline=1.5&block=64") == (
        ClusterAddress("ray", "10.0.0.5:6379", "/a b", 9, 2, 1.5, 64)
    )
    assert parse("local://?path=people").scheme == "local"
    assert parse("local://?path=people").workers >= 1


@pytest.mark.parametrize("path", ["people", "/people", "./ray", "C:\\people", "local:people"])
def test_a_folder_is_no_cluster(path):
    assert not is_cluster(path)


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("ray://?path=a", "which Ray"),
        ("ray://local", "names no gallery"),
        ("ray://local?path=", "names no gallery"),
        ("ray://local/people", "not understood"),
        ("ray://local?path=a&worker=3", "'worker' is not understood"),
        ("redis://local?path=a", "not understood"),
        ("local://?path=a&workers=0", "workers=0"),
        ("local://?path=a&workers=x", "workers=x"),
        ("local://?path=a&workers=2&replicas=3", "3 replicas"),
        ("local://?path=a&deadline=0", "deadline=0"),
        ("local://?path=a&deadline=nan", "deadline=nan"),
        ("local://?path=a&block=-1", "block=-1"),
    ],
)
def test_not_understood(address, complaint):
    with pytest.raises(ValueError, match=complaint):
        parse(address)


def test_local_by_default(path, person):
    with Gallery.connect(path) as gallery:
        assert type(gallery) is Gallery
        gallery.enrol(person("one"))
    with Gallery.connect(str(path), read_only=True) as gallery:
        assert list(gallery) == ["one"]


def test_a_comparison_that_no_worker_can_import(path):
    class Hidden:
        pass

    with pytest.raises(TypeError, match="by name"):
        Gallery.connect(f"local://?path={path}", comparison=Hidden)
