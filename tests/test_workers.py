"""Workers whose parent is killed end too; else a terminal's pipe, which they inherited, would never be closed."""

import signal
import subprocess
import sys

import pytest
from PIL import Image

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
