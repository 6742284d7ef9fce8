"""How a process learns its place: torchrun's variables and SLURM's."""

import os
import signal
import socket
import threading
from datetime import timedelta

import pytest
import torch
from torch.distributed import HashStore
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

from residuum.cli.machines import one_process, train_new
from residuum.errors import InputError
from residuum.machine.precision_trial import choose_device
from residuum.parallel import launch as launch_module
from residuum.parallel import processes
from residuum.parallel.launch import launch
from residuum.parallel.processes import (
    ALONE,
    ProcessLost,
    World,
    claim_room,
    find_world,
    first_host,
    join_processes,
    meeting_point,
    noticing_loss,
)
from residuum.training import new_run, resumed_run

TORCHRUN = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4", "MASTER_ADDR": "node01",
            "MASTER_PORT": "29500"}  # fmt: skip
SRUN = {"SLURM_STEP_ID": "0", "SLURM_PROCID": "5", "SLURM_NTASKS": "7", "SLURM_LOCALID": "1", "SLURM_NODEID": "1",
        "SLURM_STEP_TASKS_PER_NODE": "4,3", "SLURM_STEP_NODELIST": "gpu[03-04]", "SLURM_JOB_ID": "123456"}  # fmt: skip


def without(variables, name):
    return {key: value for key, value in variables.items() if key != name}


def test_alone_where_nobody_started_others():
    assert find_world({}) == ALONE
    assert find_world(without(SRUN, "SLURM_STEP_ID")) == ALONE  # a batch script before srun: the others do not exist
    assert find_world(SRUN | {"SLURM_NTASKS": "1"}) == ALONE
    with join_processes({}) as world:
        assert world == ALONE
        assert world.writes


def test_torchrun_tells_the_place():
    assert find_world(TORCHRUN) == World(rank=5, size=8, local_rank=1, local_size=4)
    assert find_world(SRUN | TORCHRUN) == World(5, 8, 1, 4)  # srun starts torchrun on each host: torchrun knows better
    assert meeting_point(TORCHRUN) == ("node01", 29500)
    assert not find_world(TORCHRUN).writes


def test_slurm_tells_the_place():
    assert find_world(SRUN) == World(rank=5, size=7, local_rank=1, local_size=3)
    assert find_world(SRUN | {"SLURM_STEP_TASKS_PER_NODE": "2(x3),1"}) == World(5, 7, 1, 2)
    assert meeting_point(SRUN) == ("gpu03", 20_000 + 123456 % 20_000)
    assert meeting_point(SRUN | {"MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "7"}) == ("10.0.0.1", 7)


@pytest.mark.parametrize("hosts, first", [
    ("node01", "node01"),
    ("node[03-05,9],other", "node03"),
    ("a,b", "a"),
    ("rack2-gpu[7,9]", "rack2-gpu7"),
    ("node[1-2].cluster.example", "node1.cluster.example"),
])  # fmt: skip
def test_the_first_host_of_a_list(hosts, first):
    assert first_host(hosts) == first


@pytest.mark.parametrize("name", TORCHRUN)
def test_a_variable_that_is_missing_is_named(name):
    with pytest.raises(InputError, match=f"{name} missing; start it with torchrun or srun, or with --processes"):
        find_world(without(TORCHRUN, name) | ({"WORLD_SIZE": "8"} if name != "WORLD_SIZE" else {}))


def test_a_list_of_hosts_that_is_missing_is_said():
    with pytest.raises(InputError, match="SLURM_STEP_NODELIST must name the hosts, got ''; set MASTER_ADDR"):
        meeting_point(without(SRUN, "SLURM_STEP_NODELIST"))


def test_processes_of_a_host_share_its_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(12)), raising=False)
    assert World(0, 8, 0, 4).threads == 3
    assert World(0, 64, 0, 32).threads == 1
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert World(0, 2, 0, 2).threads == 3
    monkeypatch.setattr(processes.torch, "get_num_threads", lambda: 7)
    assert ALONE.threads == 7  # one process keeps what torch chose


def test_processes_that_are_started_again_do_not_hear_the_dead():
    """The store still holds what an earlier start wrote: without a room of their own, some would call there."""
    store, rooms = HashStore(), {}
    store.set("hello/1", "a word of a process that has died")
    store.set("answer/a word of a process that has died", "its room")

    def come(rank):
        rooms[rank] = claim_room(store, World(rank, 3, rank, 3))

    threads = [threading.Thread(target=come, args=(rank,), daemon=True) for rank in (1, 2, 0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    rooms[0].set("address", "new")
    assert [rooms[rank].get("address") for rank in (1, 2)] == [b"new", b"new"]
    assert not store.check(["address"])


def test_a_process_that_never_comes_is_named(monkeypatch):
    monkeypatch.setattr(processes, "PATIENCE", timedelta(seconds=0.1))
    with pytest.raises(RuntimeError, match="nothing heard of process 1, 2"):
        claim_room(HashStore(), World(0, 3, 0, 3))


def test_processes_that_cannot_meet_say_where(monkeypatch):
    monkeypatch.setattr(processes, "PATIENCE", timedelta(seconds=1))
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        alone = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
                 "MASTER_PORT": str(port)}  # fmt: skip
        with (
            pytest.raises(ProcessLost, match=f"process 1 of 2 could not meet the others at 127.0.0.1:{port}"),
            join_processes(alone),
        ):
            pass


def test_a_lost_process_is_said_in_plain_words():
    with (
        pytest.raises(ProcessLost, match="process 0 of 2 lost another one.*residuum train --resume"),
        noticing_loss(World(0, 2, 0, 2)),
    ):
        raise RuntimeError("[gloo/transport/tcp/pair.cc:537] Connection closed by peer [10.0.0.1]:7")
    with pytest.raises(RuntimeError, match="a shape is wrong"), noticing_loss(World(0, 2, 0, 2)):
        raise RuntimeError("a shape is wrong")


SMALL = {"data": "digits", "model": "cifar_resnet", "model_arguments": {"depth": 8, "widths": [4, 8, 8]}, "epochs": 1,
         "precision": "fp32", "threads": 1}  # fmt: skip


def test_how_many_processes_there_are_must_fit(tmp_path):
    with pytest.raises(InputError, match="processes must be at least 1, got 0"):
        new_run(tmp_path / "run", {**SMALL, "processes": 0})
    with pytest.raises(InputError, match="processes must be at least 1, got -2"):
        launch(-2, [], "")
    with pytest.raises(InputError, match="4 processes were asked for, but 2 were started.*leave --processes out there"):
        new_run(tmp_path / "run", {**SMALL, "processes": 4}, World(0, 2, 0, 2))
    with pytest.raises(InputError, match="a batch has 3 and there are 4 processes; raise --batch-size"):
        new_run(tmp_path / "run", {**SMALL, "batch_size": 3}, World(0, 4, 0, 4))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("codes, told", [
    ({0: -signal.SIGTERM, 1: 2}, 2),  # the second refused its input and said so, the first had to stop
    ({1: 1, 0: 2}, 1),
    ({0: 1, 1: -signal.SIGKILL}, "process 1 of 2 .pid 71. was ended by SIGKILL, and the others.*resume with: RESUME"),
    ({0: -signal.SIGTERM, 1: -signal.SIGKILL}, "process 1 of 2 .pid 71. was ended by SIGKILL"),
    ({0: -signal.SIGTERM}, "process 0 of 2 .pid 70. was ended by SIGTERM"),
])  # fmt: skip
def test_who_failed_first_is_told(monkeypatch, codes, told):
    def fail(*_):
        failures = {rank: ProcessFailure(rank, 70 + rank, code, "") for rank, code in codes.items()}
        raise ChildFailedError("residuum", failures)

    monkeypatch.setattr(launch_module, "elastic_launch", lambda *_: fail)
    if isinstance(told, int):
        assert launch(2, [], "RESUME") == told
    else:
        with pytest.raises(launch_module.LaunchFailed, match=told):
            launch(2, [], "RESUME")


def test_a_resumed_run_keeps_its_number_of_processes(tmp_path):
    new_run(tmp_path / "run", SMALL, World(0, 2, 0, 2))
    with pytest.raises(InputError, match="keeps its number of processes.*it has 2, but 1 are running; start 2"):
        resumed_run(tmp_path / "run", {})
    assert resumed_run(tmp_path / "run", {}, World(0, 2, 0, 2)).settings.processes == 2


def test_each_process_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("auto", World(3, 4, 1, 2)) == "cuda"
    with pytest.raises(InputError, match="this host has 2 and 4 processes; start 2, or use --device cpu"):
        choose_device("auto", World(0, 4, 0, 4))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto") == "mps"
    with pytest.raises(InputError, match="cannot share Apple's GPU; use --device cpu"):
        choose_device("auto", World(0, 2, 0, 2))


def test_what_trains_in_one_process_says_so(monkeypatch):
    one_process({}, "--lr-find")
    with pytest.raises(InputError, match="--lr-find trains in one process; leave --processes out"):
        one_process({"processes": 2}, "--lr-find")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(InputError, match="leave --processes out, and torchrun or srun"):
        one_process({}, "--lr-find")


def test_a_run_that_torchrun_may_start_again_must_name_its_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCHELASTIC_MAX_RESTARTS", "1")
    with pytest.raises(InputError, match="torchrun may start this run again .* add --output"):
        train_new(None, tmp_path / "digits-1", SMALL)
