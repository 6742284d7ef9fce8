import copy
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from residuum import create_model
from residuum.data import ArrayImages, MemoryLoader
from residuum.optim.averaging import running_average
from residuum.optim.optimisers import build_optimiser
from residuum.optim.schedules import build_schedule
from residuum.training.epochs import steps_per_epoch
from residuum.training.loop import Method, groups, train_steps


def batches(count, size=8):
    draw = torch.Generator().manual_seed(0)
    return [
        (torch.randn(size, 3, 8, 8, generator=draw), torch.randint(0, 10, (size,), generator=draw))
        for _ in range(count)
    ]


def small():
    torch.manual_seed(0)
    return create_model("cifar_resnet", depth=8, widths=(4, 8, 16))


def linear(dtype=torch.float32):
    """Return a network without batch norm, so that a batch in parts is the batch."""
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 10)).to(dtype)


def method(**more):
    return Method(**{"schedule": build_schedule("cosine", 20), "criterion": F.cross_entropy, "seed": 0, **more})


def steps(model, optimiser, given, *, accumulate=1, average=None, first=0, **more):
    return train_steps(
        model, groups(given, accumulate), optimiser, method(**more), average=average, first=first
    )  # fmt: skip


def plain_sgd(model, lr=0.1):
    return build_optimiser("sgd", model, lr=lr, momentum=0.0, weight_decay=0.0)


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
        norm = torch.cat([parameter.grad.flatten() for parameter in theirs.parameters()]).norm()
        reference.step()
        assert step.loss.equal(loss.detach())
        assert step.correct == (logits.argmax(1) == labels).sum()
        assert (step.images, step.lr) == (8, 0.1 * schedule(step.number))
        torch.testing.assert_close(step.grad_norm, norm)
    for a, b in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        assert a.equal(b)


@pytest.mark.parametrize("sizes", [(8, 8, 8), (5, 8, 2)], ids=["equal", "unequal"])
def test_batches_added_up_give_the_gradient_of_one_large_batch(sizes):
    whole, parted = linear(torch.float64), linear(torch.float64)
    images, labels = batches(1, sum(sizes))[0]
    images = images.double()
    parts = list(zip(images.split(sizes), labels.split(sizes), strict=True))
    (one,) = steps(whole, plain_sgd(whole), [(images, labels)])
    (other,) = steps(parted, plain_sgd(parted), parts, accumulate=3)
    assert (one.number, one.images) == (other.number, other.images) == (0, sum(sizes))
    assert one.correct == other.correct
    torch.testing.assert_close(one.loss, other.loss, rtol=0, atol=1e-12)
    torch.testing.assert_close(one.grad_norm, other.grad_norm, rtol=0, atol=1e-12)
    torch.testing.assert_close(whole[1].weight, parted[1].weight, rtol=0, atol=1e-12)


def test_the_last_group_may_be_shorter():
    assert list(groups("abcde", 2)) == [["a", "b"], ["c", "d"], ["e"]]
    model = linear()
    assert [step.images for step in steps(model, plain_sgd(model), batches(5), accumulate=2)] == [16, 16, 8]


def test_a_long_gradient_is_shortened_and_a_short_one_is_left():
    """Plain descent at rate 1 moves the weights by the gradient: the length of the move is what was left of it."""
    free = linear()
    before = [parameter.detach().clone() for parameter in free.parameters()]
    (step,) = steps(free, plain_sgd(free, lr=1.0), batches(1))

    def moved(limit):
        model = linear()
        (seen,) = steps(model, plain_sgd(model, lr=1.0), batches(1), clip_grad=limit)
        assert seen.grad_norm.equal(step.grad_norm)  # told as it was before
        return torch.cat([(p.detach() - b).flatten() for p, b in zip(model.parameters(), before, strict=True)]).norm()

    norm = step.grad_norm.item()
    assert moved(norm / 4).item() == pytest.approx(norm / 4, rel=1e-4)
    assert moved(norm * 4).item() == pytest.approx(norm, rel=1e-4)
    assert moved(0.0).item() == pytest.approx(norm, rel=1e-4)


def test_mixing_is_a_part_and_its_draw_belongs_to_the_step_and_the_batch():
    seeds = []

    def swap(images, labels, seed):
        seeds.append(seed)
        return images.flip(0), F.one_hot(labels.flip(0), 10).float()

    ours, theirs = linear(), linear()
    ahead = [(images.flip(0), labels.flip(0)) for images, labels in batches(4)]
    mixed = list(steps(ours, plain_sgd(ours), batches(4), accumulate=2, mix=swap))
    plain = list(steps(theirs, plain_sgd(theirs), ahead, accumulate=2))
    torch.testing.assert_close(ours[1].weight, theirs[1].weight)
    torch.testing.assert_close(mixed[1].loss, plain[1].loss)
    whole, seeds = seeds, []
    list(steps(ours, plain_sgd(ours), batches(2), accumulate=2, mix=swap, first=1))
    assert len(set(whole)) == 4
    assert seeds == whole[2:]


def test_what_the_loader_gives_is_normalised_in_the_loop():
    ours, theirs = linear(), linear()
    list(steps(ours, plain_sgd(ours), batches(2), normalise=lambda images: 2 * images))
    list(steps(theirs, plain_sgd(theirs), [(2 * images, labels) for images, labels in batches(2)]))
    assert ours[1].weight.equal(theirs[1].weight)


def test_the_average_follows_the_weights_and_the_statistics_of_batch_norm():
    model = small()
    average = running_average(model, 0.5)
    expected = None
    for count, _ in enumerate(steps(model, plain_sgd(model), batches(6), average=average)):
        now = copy.deepcopy(model.state_dict())
        decay = min(0.5, (1 + count) / (10 + count))
        expected = {
            name: decay * expected[name] + (1 - decay) * value if count and value.is_floating_point() else value
            for name, value in now.items()
        }
    assert any("running_var" in name for name in expected)
    for name, value in average.module.state_dict().items():
        torch.testing.assert_close(value, expected[name], msg=name)
    assert not average.module.state_dict()["head.fc.weight"].equal(model.state_dict()["head.fc.weight"])


def test_a_young_average_forgets_its_first_weights():
    """With the decay of long runs, the average of 50 steps is of these steps and not of the first weights."""
    model = torch.nn.Linear(1, 1, bias=False)
    average = running_average(model, 0.9999)
    for value in range(50):
        torch.nn.init.constant_(model.weight, float(value))
        average.update_parameters(model)
    assert 30 < average.module.weight.item() < 49


def test_what_a_network_draws_belongs_to_the_step():
    """A run that begins at step 3 draws the same dropout as one that came there, whatever was drawn in between."""

    def losses(first, given):
        model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(0.5), torch.nn.Linear(192, 10))
        with torch.no_grad():
            model[2].weight.copy_(torch.linspace(-1, 1, 1920).view(10, 192))
            model[2].bias.zero_()
        seen = []
        for step in steps(model, plain_sgd(model, lr=0.0), given, first=first):
            torch.rand(7)  # somebody else draws
            seen.append(step.loss.item())
        return seen

    assert losses(0, batches(6))[3:] == losses(3, batches(6)[3:])
    assert losses(0, batches(6))[3:] != losses(2, batches(6)[3:])


def test_decoupled_decay_is_a_line_of_the_loop():
    """At gradient zero only the decay moves the weights: w <- (1 - lr * lambda) w."""
    model = linear()
    before = model[1].weight.detach().clone()
    optimiser = build_optimiser("sgdw", model, lr=0.1, momentum=0.0, weight_decay=0.5)
    still = steps(
        model,
        optimiser,
        batches(2),
        schedule=build_schedule("constant", 2),
        criterion=lambda logits, labels: 0 * logits.sum(),
    )
    for _ in still:
        pass
    torch.testing.assert_close(model[1].weight, before * (1 - 0.1 * 0.5) ** 2)


@pytest.mark.parametrize(
    "images, batch_size, accumulate, expected", [(64, 8, 1, 8), (70, 8, 3, 3), (5, 8, 1, 1), (17, 8, 4, 1)]
)
def test_the_count_of_steps_is_what_the_loader_gives_in_groups(images, batch_size, accumulate, expected):
    """A batch that is not full is left out, a group that is not full makes a step."""
    train = ArrayImages(torch.zeros(images, 1, 4, 4, dtype=torch.uint8), torch.zeros(images, dtype=torch.long))
    settings = SimpleNamespace(batch_size=batch_size, grad_accum=accumulate)
    loader = MemoryLoader(train, batch_size, seed=0)
    assert len(list(groups(loader.batches(0), accumulate))) == expected
    assert steps_per_epoch(SimpleNamespace(train=train), settings) == expected
