"""The object store: digests from hashlib and the FIPS 180-4 example, then every attack on a kept file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nesqc_gmp.errors import IntegrityError
from nesqc_gmp.objects import ObjectStore

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"""SHA-256 of ``abc``: the example of FIPS 180-4 (NIST, Secure Hash Standard, example SHA256)."""


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(tmp_path / "objects")


@pytest.mark.requirement("UR-BATCHES-03", reviewed="845f6b1f")
def test_name_is_the_standard_digest_and_the_file_is_read_only(store: ObjectStore, tmp_path: Path) -> None:
    assert store.put(b"abc") == ABC
    file = tmp_path / "objects" / "ba" / ABC[2:]
    assert store.path(ABC) == file
    assert file.read_bytes() == b"abc"
    assert stat.S_IMODE(file.stat().st_mode) == 0o444
    assert [entry.name for entry in file.parent.iterdir()] == [ABC[2:]]


def test_put_twice_writes_once(store: ObjectStore) -> None:
    store.put(b"abc")
    before = store.path(ABC).stat()
    assert store.put(b"abc") == ABC
    after = store.path(ABC).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_digests_in_ascending_order_and_empty_store_is_fine(store: ObjectStore) -> None:
    assert list(store.digests()) == []
    assert list(store.verify()) == []
    names = sorted(store.put(bytes([value])) for value in range(20))
    assert list(store.digests()) == names
    assert list(store.verify()) == []


def alter(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)


@pytest.mark.requirement("UR-BATCHES-03", reviewed="845f6b1f", negative=True)
@pytest.mark.parametrize("altered", [b"abd", b"", b"abc\n", b"ab"])
def test_altered_object_is_found_at_read_put_and_verify(store: ObjectStore, altered: bytes) -> None:
    store.put(b"abc")
    alter(store.path(ABC), altered)
    with pytest.raises(IntegrityError, match=ABC) as found:
        store.read(ABC)
    assert found.value.where == str(store.path(ABC))
    with pytest.raises(IntegrityError, match="altered"):
        store.put(b"abc")
    assert [problem.where for problem in store.verify()] == [str(store.path(ABC))]


def test_missing_object(store: ObjectStore) -> None:
    with pytest.raises(IntegrityError, match="missing"):
        store.read(ABC)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "BA" + ABC[2:], ABC + "\n", ABC[:-1], "/" + ABC[1:]])
def test_a_name_that_is_no_digest_reaches_no_file(store: ObjectStore, name: str) -> None:
    for use in (store.path, store.read):
        with pytest.raises(IntegrityError, match="not a SHA-256 digest"):
            use(name)


def test_link_is_refused_even_to_the_right_bytes(store: ObjectStore, tmp_path: Path) -> None:
    store.put(b"abc")
    original = tmp_path / "abc"
    original.write_bytes(b"abc")
    place = store.path(ABC)
    place.unlink()
    place.symlink_to(original)
    for use in (lambda: store.read(ABC), lambda: store.put(b"abc")):
        with pytest.raises(IntegrityError, match=ABC):
            use()
    assert len(list(store.verify())) == 1


def test_folder_that_is_a_link_is_refused(store: ObjectStore, tmp_path: Path) -> None:
    store.put(b"abc")
    folder = store.path(ABC).parent
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")
    with pytest.raises(IntegrityError):
        store.read(ABC)
    assert len(list(store.verify())) == 1


def test_named_pipe_in_the_place_of_an_object_does_not_block(store: ObjectStore) -> None:
    store.put(b"abc")
    store.path(ABC).unlink()
    os.mkfifo(store.path(ABC))
    with pytest.raises(IntegrityError, match="not a plain file"):
        store.read(ABC)


def test_verify_reports_strangers_and_passes_over_an_interrupted_write(store: ObjectStore, tmp_path: Path) -> None:
    store.put(b"abc")
    folder = store.path(ABC).parent
    (folder / ".incoming-x").write_bytes(b"half")
    (folder / "stranger").write_bytes(b"x")
    (tmp_path / "objects" / "readme").write_bytes(b"x")
    assert sorted(Path(str(problem.where)).name for problem in store.verify()) == ["readme", "stranger"]
    assert list(store.digests()) == [ABC]


def test_interrupted_write_leaves_no_object(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def power_cut(*_: object) -> None:
        raise OSError("power cut")

    monkeypatch.setattr(os, "replace", power_cut)
    with pytest.raises(OSError, match="power cut"):
        store.put(b"abc")
    assert list(store.path(ABC).parent.iterdir()) == []
    assert list(store.digests()) == []


@pytest.mark.requirement("UR-BATCHES-03", reviewed="845f6b1f")
@settings(max_examples=50, deadline=None)
@given(contents=st.lists(st.binary(max_size=64), max_size=8))
def test_what_was_put_is_read_back(contents: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    store = ObjectStore(tmp_path_factory.mktemp("objects"))
    names = [store.put(content) for content in contents]
    assert [store.read(name) for name in names] == contents
    assert set(store.digests()) == set(names)
