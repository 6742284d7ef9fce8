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

from residuum import files
from residuum.errors import DiskError, InputError
from residuum.files import cache_directory, locked, make_folder, replacing, settle, sync, write_text
from residuum_runtime.remembered import recall, remember


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
    with pytest.raises(DiskError, match=r"a\.txt: .*No space left.*intact; free space"), replacing(target):
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


@pytest.fixture
def no_home(monkeypatch):
    """Imitate a user without a home directory, as containers start with a number that the system does not know."""
    for name in ("RESIDUUM_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", str)


def test_without_a_home_directory_the_cache_names_its_variable(no_home, monkeypatch):
    with pytest.raises(InputError, match=r"home directory is unknown.*set RESIDUUM_CACHE to a folder"):
        cache_directory()
    monkeypatch.setenv("RESIDUUM_CACHE", "~nobody-of-this-name/cache")
    with pytest.raises(InputError, match="set RESIDUUM_CACHE to a folder"):
        cache_directory()
    remember("trials", "key", 1)  # which only costs the measurement again
    assert recall("trials") == {}


def test_a_cache_below_a_file_is_measured_again_each_time(tmp_path, monkeypatch):
    from residuum.models.counted import counts_of

    (tmp_path / "file").touch()
    monkeypatch.setenv("RESIDUUM_CACHE", str(tmp_path / "file" / "cache"))
    remember("trials", "key", 1)
    assert recall("trials") == {}
    assert counts_of(["cifar_resnet20"])["cifar_resnet20"].parameters == 269_722


@pytest.mark.parametrize(
    ("name", "reason"),
    [("file", "File exists"), ("file/below", "Not a directory"), ("x" * 300, "File name too long")],
    ids=["a file", "below a file", "a long name"],
)
def test_a_folder_that_cannot_be_made_is_one_line_with_its_remedy(tmp_path, name, reason):
    (tmp_path / "file").touch()
    with pytest.raises(DiskError, match=rf"could not write .*: {reason}.*; set RESIDUUM_CACHE elsewhere\."):
        make_folder(tmp_path / name, "set RESIDUUM_CACHE elsewhere")
    with pytest.raises(DiskError, match="free space or choose another folder"):
        write_text(tmp_path / name / "a.txt", "one")
    with (
        pytest.raises(DiskError, match=reason.replace("File exists", "Not a directory")),
        locked(tmp_path / name / "lock", "taken"),
    ):
        pass


@pytest.mark.parametrize("name", ["ENOLCK", "ENOSYS", "EOPNOTSUPP", "EINVAL", "EIO", "EREMOTEIO", "EBADF"])
@pytest.mark.parametrize("waiting", [None, lambda: pytest.fail("nobody holds it")], ids=["refuses", "waits"])
def test_a_lock_where_the_file_system_knows_none_is_no_lock(tmp_path, monkeypatch, name, waiting):
    import fcntl

    if not hasattr(errno, name):
        pytest.skip(f"this system has no {name}")

    def unknown(file, how):
        raise OSError(getattr(errno, name), "no locks here")

    monkeypatch.setattr(fcntl, "flock", unknown)
    with locked(tmp_path / "lock", "taken", waiting):
        assert (tmp_path / "lock").exists()


def test_a_lock_that_cifs_refuses_is_held_by_another(tmp_path, monkeypatch):
    import fcntl

    def held(file, how):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(fcntl, "flock", held)
    with pytest.raises(InputError, match="taken"), locked(tmp_path / "lock", "taken"):
        pass
    with locked(tmp_path / "lock", "taken", lambda: None):
        pass  # waited for as long as the system lets one


def test_a_system_that_cannot_fork_locks_all_the_same(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "fork", raising=False)
    monkeypatch.delattr(os, "register_at_fork", raising=False)
    files._let_go_in_children.cache_clear()
    try:
        with (
            locked(tmp_path / "lock", "taken"),
            pytest.raises(InputError, match="taken"),
            locked(tmp_path / "lock", "taken"),
        ):
            pass
    finally:
        files._let_go_in_children.cache_clear()


@pytest.fixture
def windows(monkeypatch):
    """Imitate Windows: no folder can be opened, and a descriptor for reading cannot be flushed."""
    opened, flush, readers = os.open, os.fsync, set()

    def open_file(path, flags, *more, **named):
        if Path(path).is_dir():
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        descriptor = opened(path, flags, *more, **named)
        (readers.discard if flags & (os.O_WRONLY | os.O_RDWR) else readers.add)(descriptor)
        return descriptor

    def flush_file(descriptor):
        if descriptor in readers:
            raise OSError(errno.EBADF, "Bad file descriptor")
        flush(descriptor)

    monkeypatch.setattr(os, "open", open_file)
    monkeypatch.setattr(os, "fsync", flush_file)


def test_files_and_folders_appear_where_no_folder_can_be_opened(windows, tmp_path):
    from residuum.deploy.whole import appearing

    write_text(tmp_path / "new" / "a.txt", "one")
    sync(tmp_path)
    with appearing(tmp_path / "export") as folder:
        (folder / "b.txt").write_text("two")
    assert (tmp_path / "new" / "a.txt").read_text() == "one"
    assert (tmp_path / "export" / "b.txt").read_text() == "two"


def test_a_file_whose_flush_fails_is_not_taken_for_written(tmp_path, monkeypatch):
    write_text(tmp_path / "a.txt", "old")

    def failing(descriptor):
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match="Bad file descriptor"):
        write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "old"
    sync(tmp_path)  # a folder is flushed where that can be


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
