"""Runs in two processes from the command line: killed, gone on with, started again by torchrun, on two hosts."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

TRAIN = ("train", "--data", "digits", "--model", "cifar_resnet", "--depth", "8", "--epochs", "6", "-b", "256",
         "--precision", "fp32", "--threads", "1", "--sync-bn")  # fmt: skip
RESIDUUM = (sys.executable, "-m", "residuum")
TORCHRUN = (sys.executable, "-m", "torch.distributed.run")
EXACT = ("summary.csv", "last.safetensors", "model.safetensors", "config.yaml")
LONG = 250  # seconds after which a command hangs rather than works
pytestmark = pytest.mark.timeout(4 * LONG)  # of several commands one after the other, beside other work


def contents(directory):
    return {name: (directory / name).read_bytes() for name in EXACT}


def start(*command):
    return subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process):
    """Return exit code, output and errors."""
    try:
        output, errors = process.communicate(timeout=LONG)
    except subprocess.TimeoutExpired:
        kill(process)
        raise
    return process.returncode, output, errors


def read_until(process, words):
    """Read what the command prints until a line has these words."""
    for line in process.stdout:
        if words in line:
            return
    pytest.fail(f"the command ended and never said {words!r}: {process.stderr.read()}")


def workers(process):
    """Return the ids of the processes that a launcher has started, by rank."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                rank = re.search(rb"\0RANK=(\d+)\0", (entry / "environ").read_bytes())
            except OSError:  # it has just ended
                continue
            if parent == process.pid and rank:
                found[int(rank[1])] = int(entry.name)
    return found


def kill(process):
    """Kill a launcher and its workers, all at once and without a chance to say farewell."""
    pids = [*workers(process).values(), process.pid]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    process.wait()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the directory of a run in two processes that nobody interrupted."""
    directory = tmp_path_factory.mktemp("many") / "whole"
    code, output, errors = ended(start(*RESIDUUM, *TRAIN, "--processes", "2", "--output", directory))
    assert code == 0, errors
    assert "cpu, 2 processes of 1 thread" in output
    assert output.count("epoch   6/6") == 1  # one process speaks
    assert (directory / "report.html").exists()
    return directory


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds the workers in /proc")
def test_a_run_killed_again_and_again_ends_with_the_same_bytes(whole, tmp_path):
    directory = tmp_path / "run"
    run = start(*RESIDUUM, *TRAIN, "--processes", "2", "--output", directory)
    read_until(run, "epoch   1/6")
    os.kill(workers(run)[1], signal.SIGKILL)
    code, _, errors = ended(run)
    assert code == 1
    assert re.search(r"process 1 of 2 \(pid \d+\) was ended by SIGKILL, and the others with it", errors), errors
    assert f"resume with: residuum train --resume {directory}" in errors
    assert "Traceback" not in errors

    run = start(*RESIDUUM, "train", "--resume", directory)  # as many processes as before, without a word
    read_until(run, "epoch   2/6")
    kill(run)

    run = start(*RESIDUUM, "train", "--resume", directory)
    read_until(run, "epoch   3/6")
    run.send_signal(signal.SIGINT)
    code, _, errors = ended(run)
    assert code == 130, errors
    assert re.search(r"stopped at epoch \d, step \d; saved. Resume with: residuum train --resume", errors), errors

    torchrun = (*TORCHRUN, "--standalone", "--nproc-per-node", "2", "--max-restarts", "1", "-m", "residuum")
    run = start(*torchrun, "train", "--resume", directory)
    read_until(run, "epoch   4/6")
    os.kill(workers(run)[0], signal.SIGKILL)
    code, _, errors = ended(run)  # torchrun starts both again, and they go on from the last checkpoint
    assert code == 0, errors
    assert contents(directory) == contents(whole)


def latest(directory):
    return max((path.name for path in (directory / "checkpoints").glob("*.pt")), default="")


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds the workers in /proc")
def test_processes_end_with_their_launcher_and_a_scheduler_s_signal_saves(whole, tmp_path):
    directory = tmp_path / "run"
    run = start(*RESIDUUM, *TRAIN, "--processes", "2", "--output", directory)
    read_until(run, "epoch   1/6")
    before = latest(directory)
    os.kill(run.pid, signal.SIGKILL)  # the launcher alone: its processes save, and end with its output
    code, _, errors = ended(run)
    assert code == -signal.SIGKILL and "saved. Resume with: residuum train --resume" in errors, errors
    assert latest(directory) > before

    run = start(*RESIDUUM, "train", "--resume", directory)
    read_until(run, "epoch   3/6")
    for number in (signal.SIGTERM, signal.SIGTERM):  # the second while the first is handled
        run.send_signal(number)
    code, _, errors = ended(run)
    assert code == 143 and "Traceback" not in errors, errors
    assert not list(directory.rglob(".*"))

    code, _, errors = ended(start(*RESIDUUM, "train", "--resume", directory))
    assert code == 0, errors
    assert contents(directory) == contents(whole)


HOSTS = """
set -eu
unshare --net sleep 1000 &
other=$!
trap 'kill $other' EXIT
until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.05; done
ip link add here type veth peer name there netns $other
ip link set lo up
ip address add 10.77.0.1/24 dev here
ip link set here up
on_other() { nsenter --target $other --net "$@"; }
on_other ip link set lo up
on_other ip address add 10.77.0.2/24 dev there
on_other ip link set there up
"""
TRAIN_ON_BOTH = """
GLOO_SOCKET_IFNAME=there on_other "$@" --node-rank 1 {command} &
second=$!
GLOO_SOCKET_IFNAME=here "$@" --node-rank 0 {command}
wait $second
"""


def in_namespace(script, *arguments):
    command = ("unshare", "--user", "--map-root-user", "--net", "bash", "-c", script, "hosts", *arguments)
    return subprocess.run(command, capture_output=True, text=True, timeout=LONG)


def test_two_hosts_over_a_link_give_what_two_processes_on_one_host_give(whole, tmp_path):
    """Two network namespaces with an Ethernet link between them: the processes have nothing else in common."""
    if missing := [tool for tool in ("unshare", "nsenter", "ip") if shutil.which(tool) is None]:
        pytest.skip(f"needs {', '.join(missing)} (Debian: util-linux, iproute2)")
    if (tried := in_namespace(HOSTS)).returncode:
        pytest.skip(f"the kernel allows no network namespaces here: {tried.stderr.strip().splitlines()[-1]}")
    directory = tmp_path / "run"
    command = " ".join(["-m residuum", *TRAIN, "--output", str(directory)])
    torchrun = (*TORCHRUN, "--nnodes", "2", "--nproc-per-node", "1", "--rdzv-backend", "static",
                "--master-addr", "10.77.0.1", "--master-port", "29400")  # fmt: skip
    done = in_namespace(HOSTS + TRAIN_ON_BOTH.format(command=command), *torchrun)
    assert done.returncode == 0, done.stderr
    assert contents(directory) == contents(whole)
