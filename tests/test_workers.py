"""Workers whose parent is killed end too; else a terminal's pipe, which they inherited, would never be closed."""

import io
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from functools import partial
from multiprocessing.reduction import ForkingPickler

import pytest
import torch
from PIL import Image

from residuum.data import open_data
from residuum.data.augment import Variation, build_variation
from residuum.data.fetching import Carrying, fetch
from residuum.data.streaming import EvaluationPictures, TrainingPictures
from residuum.errors import InputError
from residuum.evaluation.predictions import ViewedPictures
from residuum.evaluation.views import VIEWS, make_frame, pick_view
from residuum.experiments import members
from residuum.workers import UNGUARDED, holding_signals, pool_of, processes_of

WORKER = """
import os, signal, time
from multiprocessing import get_context
from residuum.workers import end_with_parent, serve_parent

def work(function, early):
    if not early:
        function()
    os.kill(os.getppid(), signal.SIGKILL)
    if early:  # its parent ends before it looks for one
        time.sleep(0.2)
        function()
    time.sleep(300)

process = get_context("fork").Process(target=work, args=({function}, {early}))
process.start()
process.join()
"""

LOADED = """
import os, signal, sys, time
from residuum import create_model
from residuum.data import EvaluationLoader, FileImages, StreamLoader, open_data
from residuum.evaluation import predictions_of

def picture(self, index):
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(300)  # as a picture on a disk that no longer answers

dataset = open_data(sys.argv[1])
FileImages.picture = picture
list({batches})
"""
BATCHES = {
    "training": "StreamLoader(dataset.train, 8, 0, (8, 8), workers=2).batches(0)",
    "evaluation": "EvaluationLoader(dataset.train, 8, (8, 8), workers=2)",
    "predictions": "predictions_of(create_model('cifar_resnet20', num_classes=3), dataset, workers=2)",
}

POOLED = """
import os, signal, sys, time
from pathlib import Path
import torch
from torch import nn
from residuum.analysis import landscape
from residuum.analysis.sample import Sample
from residuum.data.pixels import Normalise
from residuum.experiments import members

def stalled(*_):
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(300)

class Stalled(nn.Linear):
    forward = stalled

members.train_member = stalled
if __name__ == "__main__":  # which its workers import too
    {work}
"""
WORK = {
    "study": "list(members.train_members(dict(a=dict(), b=dict()), Path(sys.argv[0]).parent, workers=2))",
    "landscape": """pixels, labels = torch.zeros(2, 1, 2, 2, dtype=torch.uint8), torch.zeros(2).long()
    sample = Sample(pixels, labels, Normalise([0.5], [0.5]))
    landscape.heights(Stalled(2, 2), sample, [], [(), ()], workers=2)""",
}

# Without a guard each process that is spawned would run the script anew.
SCRIPT = """
import multiprocessing, sys
from residuum.data import EvaluationLoader, open_data

{guard}
    multiprocessing.set_start_method(sys.argv[2], force=True)
    batches = list(EvaluationLoader(open_data(sys.argv[1]).train, 8, (8, 8), workers=1))
    print(sum(len(labels) for _, labels in batches), "images")
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


def end_of(*command):
    """Run a program, wait until nobody holds its output any longer, and return its exit code."""
    return subprocess.run([sys.executable, *command], stdout=subprocess.PIPE, timeout=100).returncode


@pytest.mark.parametrize("early", [True, False], ids=["before it looks", "afterwards"])
@pytest.mark.parametrize("function", ["end_with_parent", "serve_parent"])
def test_a_worker_ends_when_its_parent_is_killed(function, early):
    assert end_of("-c", WORKER.format(function=function, early=early)) == -signal.SIGKILL


def test_a_process_that_no_other_started_goes_on():
    code = "from residuum.workers import serve_parent; serve_parent(); print('on')"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "on\n"


@pytest.mark.parametrize("batches", BATCHES)
def test_workers_that_wait_for_a_picture_end_when_their_parent_is_killed(batches, digit_folder):
    Image.new("RGB", (90, 70)).save(digit_folder / "digit-0" / "large.png")  # so that files are read as they are needed
    assert end_of("-c", LOADED.format(batches=BATCHES[batches]), str(digit_folder)) == -signal.SIGKILL


@pytest.mark.parametrize("work", WORK)
def test_a_pools_workers_end_when_their_parent_is_killed(work, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(POOLED.format(work=WORK[work]))
    assert end_of(str(script)) == -signal.SIGKILL


def photographs(folder):
    """Return the folder with one image larger, so that files are read as they are needed."""
    Image.new("RGB", (90, 70)).save(folder / "digit-0" / "large.png")
    return open_data(folder).train


def moved(images):
    """Return the images as a spawned process has them, and the modules that it looks names up in, in order."""
    modules = []

    class Arriving(pickle.Unpickler):
        def find_class(self, module, name):
            modules.append(module)
            return super().find_class(module, name)

    return Arriving(io.BytesIO(ForkingPickler.dumps(Carrying(images)))).load(), modules


def varied(auto_augment):
    return Variation(build_variation(auto_augment, 0.5, (0.5, 0.5, 0.5)))


SENT = {
    "training": lambda images: TrainingPictures(images, (8, 8), 0, 1),
    "randaugment": lambda images: TrainingPictures(images, (8, 8), 0, 1, varied("randaugment")),
    "trivialaugment": lambda images: TrainingPictures(images, (8, 8), 0, 1, varied("trivialaugment")),
    "stretched": lambda images: EvaluationPictures(images, (8, 8), 0),
    "resized": lambda images: EvaluationPictures(images, (8, 8), 9),
    **{name: partial(lambda name, images: ViewedPictures(images, pick_view(name), make_frame((8, 8), 9)), name)
       for name in VIEWS},
}  # fmt: skip


@pytest.mark.parametrize("name", SENT)
def test_what_is_sent_to_a_spawned_worker_arrives_after_torchvision(name, digit_folder):
    images = SENT[name](photographs(digit_folder))
    arrived, modules = moved(images)
    ours, theirs = Carrying(images).__getitems__([0, 5]), arrived.__getitems__([0, 5])
    torch.testing.assert_close(theirs, ours, rtol=0, atol=0)
    theirs_from = [number for number, module in enumerate(modules) if module.startswith("torchvision")]
    assert "residuum.compat" in modules[: min(theirs_from, default=len(modules))]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_script_that_guards_nothing_is_told_so_once(method, digit_folder, tmp_path):
    photographs(digit_folder)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(guard="if True:"))
    done = subprocess.run([sys.executable, script, digit_folder, method], capture_output=True, text=True, timeout=250)
    assert done.returncode == 1 and done.stdout == ""
    told = 'this script starts processes, and each imports it; put its calls below `if __name__ == "__main__":`'
    first, *_, last = done.stderr.strip().splitlines()
    assert first.startswith(f"error: {told}") and f"InputError: {told}" in last
    assert done.stderr.count(told) == 2  # by the worker, and by the script
    assert "take fewer" not in done.stderr and "bootstrapping" not in done.stderr


def test_a_guarded_script_reads_in_spawned_workers(digit_folder, tmp_path):
    count = len(photographs(digit_folder))
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(guard='if __name__ == "__main__":'))
    done = subprocess.run([sys.executable, script, digit_folder, "spawn"], capture_output=True, text=True, timeout=250)
    assert (done.returncode, done.stdout) == (0, f"{count} images\n"), done.stderr


def test_a_fork_server_that_ends_as_it_imports_the_script_is_said_the_same_way(monkeypatch):
    def ended(loader):
        raise EOFError

    monkeypatch.setattr("torch.utils.data.DataLoader.__iter__", ended)
    with pytest.raises(InputError, match="this script starts processes, and each imports it"):
        fetch([1], workers=1, batch_size=1)


@pytest.mark.parametrize(("code", "told"), [(UNGUARDED, "put its calls below `if __name__"), (1, "process was killed")])
def test_a_pool_says_why_a_process_of_it_has_ended(code, told):
    with pytest.raises(InputError, match=told), pool_of(1) as pool:
        pool.submit(os._exit, code).result()


def test_a_pool_that_is_left_early_leaves_no_process_behind():
    with pytest.raises(KeyboardInterrupt), pool_of(1) as pool:
        pool.submit(time.sleep, 300)
        (process,) = processes_of(pool)
        raise KeyboardInterrupt
    process.join(100)
    assert process.exitcode == -signal.SIGKILL


def test_signals_that_come_while_a_worker_is_spawned_do_not_end_it():
    with pool_of(1) as pool:
        with holding_signals():
            job = pool.submit(os.getpid)
        (process,) = processes_of(pool)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGINT):
            os.kill(process.pid, number)
        assert job.result() == process.pid


def test_a_signal_that_comes_while_workers_are_spawned_is_answered_afterwards():
    before, seen = signal.signal(signal.SIGTERM, lambda *_: seen.append("answered")), []
    try:
        with holding_signals():
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)  # another thread would answer at once
            seen.append("spawned")
        assert seen == ["spawned", "answered"]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_members_of_a_study_are_asked_to_end_until_they_do(monkeypatch):
    """The first request finds a process that cannot answer yet, as one that still imports."""
    monkeypatch.setattr(members, "AGAIN", 0.05)
    asked = []

    class Process:
        pid = 7

        def is_alive(self):
            return True

    def ask(pid, number):
        asked.append((pid, number))
        if len(asked) == 3:
            job.set_result([])

    job = Future()
    monkeypatch.setattr(members, "processes_of", lambda pool: [Process()])
    monkeypatch.setattr(os, "kill", ask)
    members._stop(None, [job])
    assert asked == 3 * [(7, signal.SIGINT)]


LAUNCHED = """
import os, signal, subprocess, sys, time
from residuum.workers import LAUNCHER
code = "import time; from residuum import workers; workers.LOOK = 0.05; workers.end_with_launcher(); "
code += "{first} time.sleep(300)"
child = subprocess.Popen([sys.executable, "-c", code], env={{**os.environ, LAUNCHER: str(os.getpid())}}, stdout=2)
time.sleep(0.1)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("answer", [True, False], ids=["ends on SIGTERM", "does not"])
def test_a_launched_process_ends_when_its_launcher_is_killed(answer):
    first = "" if answer else "import signal; signal.signal(15, 1); workers.GRACE = 0.1;"
    done = subprocess.run([sys.executable, "-c", LAUNCHED.format(first=first)], capture_output=True, timeout=100)
    assert done.returncode == -signal.SIGKILL  # and its child let go of our pipes
