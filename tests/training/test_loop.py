from contextlib import nullcontext

import torch
import torch.nn.functional as F

from residuum.models import create_model
from residuum.training.loop import train_steps
from residuum.training.optimisers import build_optimiser
from residuum.training.schedules import build_schedule


def batches(count):
    draw = torch.Generator().manual_seed(0)
    return [(torch.randn(8, 3, 8, 8, generator=draw), torch.randint(0, 10, (8,), generator=draw)) for _ in range(count)]


def small():
    torch.manual_seed(0)
    return create_model("cifar_resnet", depth=8, widths=(4, 8, 16))


def steps(model, optimiser, given, **more):
    schedule = build_schedule("cosine", 20)
    return train_steps(
        model, given, optimiser, schedule=schedule, criterion=F.cross_entropy, autocast=nullcontext(), seed=0, **more
    )


def test_the_loop_is_the_five_lines_that_everybody_writes():
    ours, theirs = small(), small()
    optimiser = build_optimiser("sgd", ours, lr=0.1, momentum=0.9, weight_decay=1e-3)
    reference = build_optimiser("sgd", theirs, lr=0.1, momentum=0.9, weight_decay=1e-3)
    schedule = build_schedule("cosine", 20)
    theirs.train()
    for step, (images, labels) in zip(steps(ours, optimiser, batches(5)), batches(5), strict=True):
        for group in reference.param_groups:
            group["lr"] = 0.1 * schedule(step.number)
        logits = theirs(images)
        loss = F.cross_entropy(logits, labels)
        reference.zero_grad()
        loss.backward()
        reference.step()
        assert step.loss.equal(loss.detach())
        assert step.correct == (logits.argmax(1) == labels).sum()
        assert (step.images, step.lr) == (8, 0.1 * schedule(step.number))
    for a, b in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        assert a.equal(b)


def test_what_a_network_draws_belongs_to_the_step():
    """A run that begins at step 3 draws the same dropout as one that came there, whatever was drawn in between."""

    def losses(first, given):
        model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(0.5), torch.nn.Linear(192, 10))
        with torch.no_grad():
            model[2].weight.copy_(torch.linspace(-1, 1, 1920).view(10, 192))
            model[2].bias.zero_()
        optimiser = build_optimiser("sgd", model, lr=0.0, momentum=0.0, weight_decay=0.0)
        seen = []
        for step in steps(model, optimiser, given, first=first):
            torch.rand(7)  # somebody else draws
            seen.append(step.loss.item())
        return seen

    assert losses(0, batches(6))[3:] == losses(3, batches(6)[3:])
    assert losses(0, batches(6))[3:] != losses(2, batches(6)[3:])


def test_decoupled_decay_is_a_line_of_the_loop():
    """At gradient zero only the decay moves the weights: w <- (1 - lr * lambda) w."""
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 10))
    before = model[1].weight.detach().clone()
    optimiser = build_optimiser("sgdw", model, lr=0.1, momentum=0.0, weight_decay=0.5)
    still = train_steps(
        model, batches(2), optimiser, schedule=build_schedule("constant", 2), seed=0, autocast=nullcontext(),
        criterion=lambda logits, labels: 0 * logits.sum(),
    )  # fmt: skip
    for _ in still:
        pass
    torch.testing.assert_close(model[1].weight, before * (1 - 0.1 * 0.5) ** 2)
