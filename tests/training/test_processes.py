"""How a process learns its place: torchrun's variables and SLURM's."""

import os

import pytest

from residuum.errors import InputError
from residuum.training import processes
from residuum.training.processes import ALONE, World, find_world, first_host, joined, meeting_point

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
    with joined({}) as world:
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
