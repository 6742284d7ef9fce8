"""Two processes find what one finds: gradients, statistics, batches and scores, exactly."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from residuum import create_model
from residuum.data import MemoryLoader, open_data
from residuum.data.share import Share
from residuum.errors import InputError
from residuum.machine.world import World
from residuum.nn import stochastic_depth
from residuum.parallel.distribution import WHOLE, part_of
from residuum.training.loop import Method, train_steps

WORKER = Path(__file__).with_name("world_of_two.py")


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Return what each of two processes found, by proof; they are started as srun would start them."""
    folder, port = tmp_path_factory.mktemp("two"), str(free_port())
    places = []
    for rank in "01":
        world = {"SLURM_STEP_ID": "0", "SLURM_PROCID": rank, "SLURM_NTASKS": "2", "SLURM_LOCALID": rank,
                 "SLURM_NODEID": "0", "SLURM_STEP_TASKS_PER_NODE": "2", "SLURM_STEP_NODELIST": "localhost",
                 "MASTER_PORT": port}  # fmt: skip
        places.append(subprocess.Popen([sys.executable, WORKER, folder / rank], env=os.environ | world))
    try:
        assert [place.wait(timeout=200) for place in places] == [0, 0]
    finally:
        for place in places:
            place.kill()
    return [torch.load(folder / rank, weights_only=True) for rank in "01"]


def of(found, proof):
    first, second = (place.get(proof, "an earlier proof failed") for place in found)
    assert not isinstance(first, str), first
    assert not isinstance(second, str), second
    return first, second


def largest_difference(one, two):
    """Return the largest difference of two dicts of tensors, relative to the largest entry of each tensor."""
    assert list(one) == list(two)
    return max(((one[name] - two[name]).abs().max() / one[name].abs().max()).item() for name in one)


def test_gradients_are_those_of_one_process_on_the_joint_batch(found):
    for place in of(found, "gradients"):
        assert place["same keys"]
        assert largest_difference(place["one"], place["two"]) < 1e-10
        assert largest_difference(place["one, buffers"], place["two, buffers"]) < 1e-10


@pytest.mark.parametrize("convention", ["paper", "timm"])
def test_two_processes_learn_what_one_learns(found, convention):
    """Shifts, mixing, dropped branches, gradients of two batches, clipping, decay, momentum, a running average.

    Four fifths are dropped: in some steps a branch has no gradient anywhere, in some no image in one process.
    """
    places = [place[convention] for place in of(found, "training")]
    assert places[0]["idle"] > 0  # it did happen
    for place in places:
        assert largest_difference(place["one"], place["two"]) < 1e-10


def test_which_branches_are_dropped_belongs_to_the_step():
    """A run that begins at step 3 drops what one drops that came there, whatever else was drawn."""

    def losses(first):
        torch.manual_seed(0)
        model = stochastic_depth(create_model("cifar_resnet", depth=8, widths=(4, 8, 8)), 0.9)
        draw = torch.Generator().manual_seed(0)
        batches = [[(torch.randn(8, 3, 8, 8, generator=draw), torch.arange(8))] for _ in range(12)][first:]
        method = Method(schedule=lambda step: 1.0, criterion=torch.nn.functional.cross_entropy, seed=0)
        still = torch.optim.SGD([{"params": list(model.parameters()), "initial_lr": 0.0}], lr=0.0)
        return [step.loss.item() for step in train_steps(model, batches, still, method, first=first)]

    assert losses(0)[3:] == losses(3)


def test_without_synchronised_batch_norm_the_first_process_has_the_statistics(found):
    first, second = of(found, "statistics_of_its_own")
    assert not first["before"].equal(second["before"])
    assert first["after"].equal(first["before"])
    assert second["after"].equal(first["before"])


def test_the_shares_of_a_batch_are_the_batch(found):
    whole = MemoryLoader(open_data("digits").train, 33, 0, pad=1, flip=True)
    first, second = of(found, "batches")
    for number, (pixels, labels) in zip(range(2), whole.batches(1), strict=False):
        mine, others = first[number][1], second[number][1]
        assert (len(mine[0]), len(others[0])) == (16, 17)
        assert torch.cat([mine[0], others[0]]).equal(pixels)
        assert torch.cat([mine[1], others[1]]).equal(labels)


def test_every_picture_counts_once_and_the_scores_are_those_of_one_process(found):
    places = of(found, "scores")
    assert [place["batches"] for place in places] == [4, 4]
    for place in places:
        assert len(place["two"]["labels"]) == 359
        for name, column in places[0]["one"].items():
            assert torch.as_tensor(place["two"][name]).equal(torch.as_tensor(column)), name
        assert len(place["one batch"]["labels"]) == 359  # one process had nothing to do
        assert place["two in bf16"] == places[0]["one in bf16"] != places[0]["one in fp32"]


def test_the_first_process_opens_the_run_and_the_others_follow(found):
    first, second = (place["well"] for place in of(found, "opening"))
    for name, tensor in first.items():
        assert tensor.equal(second[name]), name  # its weights, too


def test_what_goes_wrong_in_opening_is_said_once(found):
    first, second = of(found, "opening")
    assert re.match("InputError: the output must be a new or empty folder, but .*used is in use", first["first"])
    assert re.match(r"InputError: process 1 on \S+: no data set or folder is named here", first["second"])
    assert re.match(
        r"InputError: all processes must see the same images, but process 0 has 1438 to train on and 359 to validate "
        r"on, process 1 on \S+ 1438 and 9; copy the data to every host",
        first["others"],
    )
    assert {second[case] for case in ("first", "second", "others")} == {"SystemExit: 2"}


def test_what_one_process_asks_all_hear(found):
    assert of(found, "asking") == ([False, True, True], [False, True, True])


@pytest.mark.parametrize("count", [0, 1, 5, 8, 33])
@pytest.mark.parametrize("processes", [1, 2, 3, 8])
def test_shares_cover_everything_once_and_differ_by_one_at_most(count, processes):
    parts = [list(range(count))[Share(process, processes).of(count)] for process in range(processes)]
    assert [thing for part in parts for thing in part] == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_weights_make_the_average_over_processes_the_mean_over_images():
    weights = [part_of(World(rank, 3), 8, 100).weight for rank in range(3)]
    assert weights == [3 * 2 / 8, 3 * 3 / 8, 3 * 3 / 8]
    assert part_of(World(1, 2), 128, 9).weight == 2 * 5 / 9  # fewer pictures than a batch asks for
    assert WHOLE.weight == 1.0


def test_each_process_needs_a_picture_of_every_batch():
    with pytest.raises(InputError, match="a batch has 3 and there are 4 processes; raise --batch-size"):
        part_of(World(0, 4), 3, 100)
    with pytest.raises(InputError, match="a batch has 2 and there are 4 processes"):
        part_of(World(0, 4), 64, 2)
