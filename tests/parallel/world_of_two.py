"""What two processes find: ``test_distribution.py`` starts it once for each, with a file to write into."""

import copy
import sys
import traceback
from dataclasses import replace
from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F

from residuum import create_model
from residuum.data import ArrayImages, EvaluationLoader, MemoryLoader, open_data
from residuum.data.pixels import Normalise
from residuum.errors import InputError
from residuum.nn import DropPath, stochastic_depth
from residuum.optim.averaging import running_average
from residuum.optim.mixing import build_mix
from residuum.optim.optimisers import build_optimiser
from residuum.parallel.distribution import Part, any_of, broadcast_weights, parallel, part_of, score_together
from residuum.parallel.processes import join_processes
from residuum.parallel.sync_norm import synchronise
from residuum.training import run
from residuum.training.loop import Method, groups, train_steps
from residuum.training.together import open_together

TOTAL = 7  # no even number: one process has three images, the other four


def small(in_chans=3):
    torch.manual_seed(0)
    return create_model("cifar_resnet", depth=8, widths=(4, 8, 8), shortcut="B", in_chans=in_chans).double()


def joint_batch(step=0):
    draw = torch.Generator().manual_seed(step)
    images = torch.randn(TOTAL, 3, 8, 8, generator=draw, dtype=torch.float64)
    return images, torch.randint(0, 10, (TOTAL,), generator=draw)


def gradients(world, folder):
    """Gradients and statistics with synchronised batch norm, and those of one process with the ordinary one."""
    model = small()
    one, part = copy.deepcopy(model), Part(world, TOTAL)
    synchronise(model, "cpu")
    images, labels = joint_batch()
    mine = world.share.of(TOTAL)
    both = parallel(model, world)
    for _ in range(2):  # in the second pass the statistics are no longer the first ones
        (F.cross_entropy(both(images[mine]), labels[mine]) * part.weight).backward()
        F.cross_entropy(one(images), labels).backward()
    return {
        "two": {name: parameter.grad for name, parameter in model.named_parameters()},
        "one": {name: parameter.grad for name, parameter in one.named_parameters()},
        "two, buffers": dict(model.named_buffers()),
        "one, buffers": dict(one.named_buffers()),
        "same keys": list(model.state_dict()) == list(one.state_dict()),
    }


def training(world, folder):
    """What ten steps of two batches come to, in two processes and in one, with all that a step can have."""
    found = {}
    for convention in ("paper", "timm"):
        one, _ = train(type(world)(), convention)
        two, idle = train(world, convention)
        found[convention] = {"one": one, "two": two, "idle": idle}
    return found


def train(world, convention):
    """Return weights, averages and what the steps saw; and how often a branch had no gradient or no image here."""
    digits, seen, idle = open_data("digits"), [], 0
    model = stochastic_depth(small(in_chans=1), 0.8, convention)
    if world.size > 1:
        synchronise(model, "cpu")
    for module in model.modules():
        if isinstance(module, DropPath):
            module.conv1.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    average, part = running_average(model, 0.9), part_of(world, TOTAL, 1000, mixing=True)
    loader = MemoryLoader(digits.train, TOTAL, 0, pad=1, flip=True, share=part.share)
    normalise = Normalise(digits.mean, digits.std)
    method = Method(
        schedule=lambda step: 1.0, criterion=lambda logits, targets: F.cross_entropy(logits, targets.double()), seed=3,
        normalise=lambda pixels: normalise(pixels).double(), mix=build_mix(0.2, 1.0, 10), clip_grad=1.0, part=part,
    )  # fmt: skip
    optimiser = build_optimiser("sgd", model, lr=0.1, momentum=0.9, weight_decay=0.01)
    batches, told = groups(islice(loader.batches(0), 20), 2), {}
    for step in train_steps(parallel(model, world), batches, optimiser, method, average=average):
        idle += sum(parameter.grad is None for parameter in model.parameters())
        told[f"step {step.number}"] = torch.tensor(
            [step.loss, step.correct, step.images, step.grad_norm], dtype=torch.float64
        )
    averages = {f"average {name}": tensor for name, tensor in average.module.state_dict().items()}
    return told | model.state_dict() | averages, idle if convention == "paper" else seen.count(0)


def statistics_of_its_own(world, folder):
    """Running means without synchronised batch norm, after a step and after they are made the same."""
    model = small()
    both = parallel(model, world)
    images, labels = joint_batch()
    mine = world.share.of(TOTAL)
    F.cross_entropy(both(images[mine]), labels[mine]).backward()
    before = model.stem.norm.running_mean.clone()
    broadcast_weights(model, world)
    return {"before": before, "after": model.stem.norm.running_mean.clone(), "images": images[mine]}


def batches(world, folder):
    """What each process is given of the training batches."""
    images = open_data("digits").train
    loader = MemoryLoader(images, 33, 0, pad=1, flip=True, share=world.share)
    return list(zip(range(2), loader.batches(1), strict=False))


def scores(world, folder):
    """Scores of 359 pictures in batches of 50, and those of one process."""
    digits = open_data("digits")
    torch.manual_seed(world.rank)  # the statistics differ, until the first process's are taken
    model = create_model("cifar_resnet", depth=8, widths=(4, 8, 8), in_chans=1)
    for parameter in model.parameters():
        torch.distributed.broadcast(parameter.data, 0)
    model.stem.norm.running_mean.uniform_()
    normalise = Normalise(digits.mean, digits.std)
    every = EvaluationLoader(digits.val, 50, (8, 8))
    mine = EvaluationLoader(digits.val, 50, (8, 8), share=world.share)
    few = EvaluationLoader(digits.val, 400, (8, 8), share=world.share)
    return {
        "two in bf16": score_together(model, mine, normalise, world, "bf16").loss,
        "one in bf16": score_together(model, every, normalise, type(world)(), "bf16").loss,
        "one in fp32": score_together(model, every, normalise, type(world)()).loss,
        "two": vars(score_together(model, mine, normalise, world)),
        "one": vars(score_together(model, every, normalise, type(world)())),
        "batches": len(mine),
        "one batch": vars(score_together(model, few, normalise, world)),
    }


def opening(world, folder):
    """What each process meets where all is well, and where one of them cannot open the run."""
    given = {"data": "digits", "model": "cifar_resnet", "model_arguments": {"depth": 8, "widths": [4, 8, 8]},
             "epochs": 1, "batch_size": 64, "precision": "fp32"}  # fmt: skip

    def refuse(*_, **__):
        raise InputError("no data set or folder is named here")

    def fewer(name, **options):
        images = open_data(name, **options)
        return replace(images, val=ArrayImages(images.val.pixels[:9], images.val.labels[:9]))

    def met(name, opened_by_the_second):
        if world.rank == 1:
            run.open_data = opened_by_the_second
        try:
            return open_together(world, lambda: run.new_run(folder / name, given, world)).model.state_dict()
        except (InputError, SystemExit) as error:
            return f"{type(error).__name__}: {error}"
        finally:
            run.open_data = open_data

    (folder / "used").mkdir(exist_ok=True)
    (folder / "used" / "file").touch()
    found = {"well": met("well", open_data), "first": met("used", open_data), "second": met("second", refuse)}
    return found | {"others": met("others", fewer)}


def asking(world, folder):
    return [any_of(False, world), any_of(world.rank == 1, world), any_of(True, world)]


PROOFS = {
    proof.__name__: proof for proof in (gradients, training, statistics_of_its_own, batches, scores, opening, asking)
}


def main(path):
    torch.set_num_threads(1)
    found = {}
    with join_processes() as world:
        for name, proof in PROOFS.items():
            try:
                found[name] = proof(world, path.parent)
            except Exception:
                found[name] = traceback.format_exc()
                break  # the other process waits for this one, and goes when it has gone
    torch.save(found, path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
