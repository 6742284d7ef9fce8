"""Train a run in one process, and again in processes that are killed, one after the other, until one comes to the end.

    python killing.py '{"given": {...}, "whole": DIRECTORY, "killed": DIRECTORY,
                        "ends": [{"step": 5}, {"write": 3}, {"share": 0.2}]}'

Each end kills a process (SIGKILL, to which no process can answer) after a step, at a write, or from outside after a
share of the time that the whole run took; the last process is left alone. Prints the signal that ended each process, 0
for none. The processes are forked from one that has everything imported and has trained nothing: that makes them cheap.
"""

import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path

import torch
import torch._dynamo  # an optimiser imports it, which takes longer than all training here

from residuum import files
from residuum.data import open_data
from residuum.training import Step, new_run, resumed_run, train


def kill_myself():
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at_write(number):
    """Die at the number-th time that something is put on the disk: odd ones before the renaming, even ones after it."""
    calls, sync = 0, files.sync

    def counted(path):
        nonlocal calls
        calls += 1
        if calls == number:
            kill_myself()
        sync(path)

    files.sync = counted


def live(directory, given, end):
    torch.set_num_threads(1)
    if "write" in end:
        kill_at_write(end["write"])
    begun = (directory / "config.yaml").exists()
    run = resumed_run(directory, {}) if begun else new_run(directory, given)
    for event in train(run, report=False):
        if isinstance(event, Step) and event.number == end.get("step"):
            kill_myself()


def fate(directory, given, end):
    """Return the signal that ended the process."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            live(directory, given, end)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    if "seconds" in end:
        time.sleep(end["seconds"])
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        sys.exit(f"a process failed with {os.WEXITSTATUS(status)}")
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def fates(directory, given, ends):
    """Return the signal that ended each process of a run, the last of which nobody disturbed."""
    return [fate(Path(directory), given, end) for end in [*ends, {}]]


if __name__ == "__main__":
    plan = json.loads(sys.argv[1])
    open_data(plan["given"]["data"])  # imports what reading the data needs, so that no child has to
    started = time.perf_counter()
    undisturbed = fates(plan["whole"], plan["given"], [])
    seconds = time.perf_counter() - started
    ends = [{"seconds": end["share"] * seconds} if "share" in end else end for end in plan["ends"]]
    print(json.dumps({"whole": undisturbed, "killed": fates(plan["killed"], plan["given"], ends)}))
