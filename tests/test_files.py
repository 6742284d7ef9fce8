import errno
import os
import select
import signal
import tempfile
import threading
import time
from pathlib import Path

import pytest
import torch

from residuum.errors import DiskError, InputError
from residuum.files import cache_directory, locked, replacing, settle, write_text


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_file_appears_whole(tmp_path):
    write_text(tmp_path / "new" / "a.txt", "one")
    write_text(tmp_path / "new" / "a.txt", "two")
    assert (tmp_path / "new" / "a.txt").read_text() == "two"
    assert names(tmp_path / "new") == ["a.txt"]


def test_others_may_read_what_a_new_file_or_folder_would_let_them(tmp_path):
    folder, before = Path(tempfile.mkdtemp(dir=tmp_path)), os.umask(0o027)
    try:
        write_text(tmp_path / "a.txt", "one")
        settle(folder)
    finally:
        os.umask(before)
    assert [(tmp_path / "a.txt").stat().st_mode & 0o777, folder.stat().st_mode & 0o777] == [0o640, 0o750]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "a.txt"
    write_text(target, "old")
    with pytest.raises(RuntimeError, match="half"), replacing(target) as temporary:
        temporary.write_text("new")
        raise RuntimeError("half way")
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_full_disk_is_told_with_its_remedy(tmp_path):
    target = tmp_path / "a.txt"
    write_text(target, "old")
    with pytest.raises(DiskError, match=r"a\.txt: .*No space left.*untouched; free space"), replacing(target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_torch_saving_to_a_full_device_is_told_the_same_way(tmp_path):
    def save_to_full_device():
        with replacing(tmp_path / "checkpoint.pt"), Path("/dev/full").open("wb") as full:
            torch.save({"x": torch.zeros(100_000)}, full)

    with pytest.raises(DiskError, match=r"could not write .*checkpoint\.pt"):
        save_to_full_device()
    assert names(tmp_path) == []


def test_a_second_holder_of_a_lock_is_refused(tmp_path):
    refused = []

    def second():
        try:
            with locked(tmp_path / "lock", "in use by another"):
                pass
        except InputError as error:
            refused.append(str(error))

    with locked(tmp_path / "lock", "in use"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert refused == ["in use by another"]
    with locked(tmp_path / "lock", "in use"):
        pass  # free again


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("RESIDUUM_CACHE", str(tmp_path))
    assert cache_directory() == tmp_path
    monkeypatch.delenv("RESIDUUM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "residuum"


def test_a_lock_ends_with_its_process_and_not_with_its_children(tmp_path):
    """A child that outlives a killed process, as workers do, must not keep others away."""
    reader, writer = os.pipe()
    parent = os.fork()
    if parent == 0:
        with locked(tmp_path / "lock", "taken"):
            if os.fork() == 0:
                os.write(writer, f"{os.getpid():09}".encode())
            time.sleep(60)
            os._exit(0)
    os.close(writer)
    child = int(os.read(reader, 9))
    with pytest.raises(InputError, match="taken"), locked(tmp_path / "lock", "taken"):
        pass
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    with locked(tmp_path / "lock", "taken"):
        assert select.select([reader], [], [], 0)[0] == []  # no end of file: the child still has the other end
    os.kill(child, signal.SIGKILL)
    assert os.read(reader, 1) == b""
