"""Each law holds where it applies, says why where it does not, and fails when the network or the code is broken."""

import math

import pytest
import torch
from torch import nn

from residuum import create_model
from residuum.analysis.laws import LAWS, folded_norm, make_subject
from residuum.analysis.laws.identity_block import as_identity, deepened
from residuum.analysis.laws.outcome import Comparison
from residuum.analysis.laws.path_sum import linear_paths
from residuum.analysis.laws.skips_numpy import SkipNet
from residuum.analysis.passages import chains, clean_streams, watching
from residuum.nn import Add, Block, Concatenate, Gate, ScaledAdd

IMAGES = {"image_size": 8}

# small members of every kind: name, arguments, the laws that speak of them
MEMBERS = {
    "plain": ("cifar_plain", {"depth": 8}, "8"),
    "A": ("cifar_resnet", {"depth": 14}, "368"),
    "B": ("cifar_resnet", {"depth": 14, "shortcut": "B"}, "368"),
    "C": ("cifar_resnet", {"depth": 14, "shortcut": "C"}, "68"),
    "gated shortcut": ("cifar_resnet", {"depth": 8, "shortcut": "shortcut_gating"}, "68"),
    "pre-activation": ("cifar_preact_resnet", {"depth": 29}, "123568"),
    "wide": ("cifar_wide_resnet", {"depth": 22, "widen": 1, "dropout": 0.3}, "123568"),
    "stochastic": ("cifar_resnet", {"depth": 14, "stochastic_depth": 0.5}, "368"),
    "highway": ("cifar_highway", {"depth": 14}, "356"),
    "highway mlp": ("highway_mlp", {"depth": 5, **IMAGES}, "356"),
    "residual mlp": ("highway_mlp", {"depth": 5, "merge": "add", **IMAGES}, "12356"),
    "dense": ("cifar_densenet", {"depth": 13, "growth": 4}, "126"),
    "dense bc": ("cifar_densenet_bc", {"depth": 22, "growth": 4}, "1268"),
    "gpt": ("gpt", {"depth": 2, "width": 16, "heads": 2, "vocabulary": 20, "length": 128}, "12356"),
    "bert": ("bert", {"depth": 2, "width": 16, "heads": 2, "vocabulary": 20, "length": 128}, "6"),
    "vit": ("vit", {"depth": 2, "width": 16, "heads": 2, "image_size": 8, "patch_size": 4}, "12356"),
    "skips": ("skip_mlp", {"depth": 6, "wiring": "dense", "skip_length": 3, "width": 8, **IMAGES}, "4"),
    "identity skips": ("skip_mlp", {"depth": 6, "width": 8, **IMAGES}, "4"),
    "skips with norms": ("skip_mlp_bn", {"depth": 6, "width": 8, **IMAGES}, "8"),
}


def subject_of(name, seed=0):
    model, arguments, _ = MEMBERS[name]
    torch.manual_seed(seed)
    return make_subject(create_model(model, **arguments), name, new=True)


@pytest.mark.parametrize("name", MEMBERS)
def test_every_law_holds_where_it_applies(name):
    outcomes = {law: check(subject_of(name)) for law, check in LAWS.items()}
    assert "".join(law[0] for law, outcome in outcomes.items() if outcome.applies) == MEMBERS[name][2]
    for law, outcome in outcomes.items():
        assert outcome.holds if outcome.applies else len(outcome.why) > 10, (law, outcome)


def test_the_identity_law_is_exact():
    assert all(
        LAWS["3 identity"](subject_of(name)).difference == 0 for name in ("A", "pre-activation", "highway", "gpt")
    )


@pytest.mark.parametrize("name", ["pre-activation", "gpt", "residual mlp"])
def test_a_scaled_shortcut_breaks_the_laws_of_the_stream(name, monkeypatch):
    subject = subject_of(name)
    monkeypatch.setattr(Add, "forward", lambda self, shortcut, branch, x: 0.999 * shortcut + branch)
    broken = {law[0] for law, check in LAWS.items() if (outcome := check(subject)).applies and not outcome.holds}
    assert broken >= {"1", "2", "3"}


@pytest.mark.parametrize("name", ["pre-activation", "residual mlp"])
def test_a_relu_on_the_stream_breaks_the_laws_of_the_stream(name, monkeypatch):
    subject = subject_of(name)
    monkeypatch.setattr(Add, "forward", lambda self, shortcut, branch, x: torch.relu(shortcut) + branch - 0.01)
    broken = {law[0] for law, check in LAWS.items() if (outcome := check(subject)).applies and not outcome.holds}
    assert broken >= {"1", "2", "3"}


def test_a_lossy_concatenation_breaks_the_laws_of_the_stream(monkeypatch):
    subject = subject_of("dense")
    monkeypatch.setattr(Concatenate, "forward", lambda self, s, branch, x: torch.cat([1.001 * s, branch], self.dim))
    assert not LAWS["1 forward"](subject).holds
    assert not LAWS["2 backward"](subject).holds


def test_a_gradient_that_does_not_come_back_along_the_shortcut_breaks_the_backward_law(monkeypatch):
    subject = subject_of("pre-activation")
    monkeypatch.setattr(Add, "forward", lambda self, shortcut, branch, x: shortcut.detach() + branch)
    assert LAWS["1 forward"](subject).holds
    assert not LAWS["2 backward"](subject).holds


def test_a_gate_that_leaks_breaks_identity_and_scaling(monkeypatch):
    subject = subject_of("highway")

    def leaking(self, shortcut, branch, x):
        gate = torch.sigmoid(self.transform(x))
        return gate * branch + (1 - 0.9 * gate) * shortcut + 1e-6 * branch

    monkeypatch.setattr(Gate, "forward", leaking)
    assert not LAWS["3 identity"](subject).holds
    assert not LAWS["5 scaling"](subject).holds


@pytest.mark.parametrize("wrong", ["sign", "transposed path", "learning identity"])
def test_wrong_rules_break_the_law_of_skips(wrong, monkeypatch):
    subject = subject_of("identity skips")
    right, outgoing = SkipNet.deltas, SkipNet.outgoing
    if wrong == "sign":
        monkeypatch.setattr(SkipNet, "deltas", lambda self, z, e: {k: -d for k, d in right(self, z, e).items()})
    elif wrong == "transposed path":
        monkeypatch.setattr(SkipNet, "outgoing", lambda self, k: [p for p in outgoing(self, k) if p.kind == "normal"])
    else:
        gradients = SkipNet.gradients

        def all_learn(self, x, error):
            kept, self.fixed = self.fixed, set()
            found = gradients(self, x, error)
            self.fixed = kept
            return found

        monkeypatch.setattr(SkipNet, "gradients", all_learn)
    assert not LAWS["4 skips"](subject).holds


def test_a_wrong_constant_breaks_the_law_of_scaling(monkeypatch):
    subject = subject_of("pre-activation")
    right = ScaledAdd.forward
    monkeypatch.setattr(ScaledAdd, "forward", lambda self, s, branch, x: right(self, s, branch, x) + 1e-9 * s)
    outcome = LAWS["5 scaling"](subject)
    assert not outcome.holds and outcome.difference < 1e-6


def test_the_curve_of_scaling_is_a_power_of_lambda():
    curve = LAWS["5 scaling"](subject_of("pre-activation")).values["curve"]
    assert {scale for scale, _ in curve} == {0.5, 0.9, 1.0, 1.1, 2.0}
    for (scale, depth), value in curve.items():
        assert value == pytest.approx(scale**depth)


def test_a_gradient_lost_on_the_way_breaks_the_law_of_paths(monkeypatch):
    subject = subject_of("A")
    original = Block.forward

    def lossy(self, x, **context):
        return original(self, x * 1.0, **context) * 1.0 + 1e-4 * x.mean()

    monkeypatch.setattr(Block, "forward", lossy)  # the network has a third way that no slot accounts for
    assert not LAWS["6 paths"](subject).holds


def test_wrong_statistics_break_the_law_of_folding(monkeypatch):
    right = folded_norm.fold

    def wrong(network):
        folded = right(network)
        next(module for module in folded.model.modules() if isinstance(module, nn.Conv2d)).weight.data.mul_(1 + 1e-8)
        return folded

    monkeypatch.setattr(folded_norm, "fold", wrong)
    assert not LAWS["8 folding"](subject_of("B")).holds


def test_new_networks_are_given_norms_that_could_break_a_law():
    network = subject_of("B").network
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert all(norm.weight.std() > 0.05 and norm.bias.std() > 0.01 for norm in norms)
    assert all((norm.running_var - 1).abs().max() > 0.01 and norm.momentum == 0.1 for norm in norms)


def test_a_subject_is_a_copy_in_float64():
    model = create_model("cifar_resnet", depth=8)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    subject = make_subject(model, new=True)
    assert next(subject.network.parameters()).dtype == torch.float64
    assert subject.name == "cifar_resnet"
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_the_linear_net_is_the_sum_of_64_paths_and_no_fewer():
    whole, parts = linear_paths()
    assert len(parts) == 64
    lengths = [sum(choice) for choice in parts]
    assert [lengths.count(k) for k in range(7)] == [1, 6, 15, 20, 15, 6, 1]
    assert torch.allclose(sum(parts.values()), whole, rtol=1e-12)
    del parts[True, True, True, True, True, True]
    assert not torch.allclose(sum(parts.values()), whole, rtol=1e-6)


def test_streams_end_where_something_acts():
    with torch.no_grad(), watching(subject_of("pre-activation").network) as passages:
        subject = subject_of("pre-activation")
    with torch.no_grad(), watching(subject.network) as passages:
        subject.network(subject.inputs)
    assert [[p.name for p in row] for row in clean_streams(passages)] == [
        ["stages.0.1", "stages.0.2"],
        ["stages.1.1", "stages.1.2"],
        ["stages.2.1", "stages.2.2"],
    ]
    assert [len(chain) for chain in chains(passages)] == [9]
    assert not subject.network.stages[0][0]._forward_hooks


def test_identity_blocks_are_put_behind_every_block_that_keeps_its_shape():
    network = create_model("cifar_resnet", depth=14)
    deep, added = deepened(network)
    assert added == 4
    assert [len(stage) for stage in deep.stages] == [4, 3, 3]
    block = as_identity(network.stages[0][0]).eval()
    x = torch.rand(2, 16, 4, 4)
    assert torch.equal(block(x), x)


def test_a_comparison_keeps_the_worst_pair_and_no_nan_passes():
    comparison = Comparison()
    comparison.add(torch.tensor([1.0, 100.0]), torch.tensor([1.0, 101.0]))
    comparison.add(torch.tensor([2.0]), torch.tensor([2.0]))
    assert comparison.worst == pytest.approx(1 / 101)
    comparison = Comparison()
    comparison.add(torch.tensor([2.0]), torch.tensor([2.0]))
    assert comparison.outcome("a", "b").holds
    comparison.add(torch.tensor([math.nan]), torch.tensor([0.0]))
    comparison.add(torch.tensor([2.0]), torch.tensor([2.0]))
    assert not comparison.outcome("a", "b").holds
