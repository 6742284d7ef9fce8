"""Studies of sequences: their data, their networks, and a small run from the call to the page."""

import numpy as np
import pytest
import torch
from torch import nn

from residuum.errors import InputError
from residuum.experiments import adding_problem, transformer_skips
from residuum.experiments.own_training import gradient_norm, minimise
from residuum.experiments.study import planned, run_study
from residuum.models.gpt import gpt
from residuum.nn import Add, BranchOnly
from residuum.report.study_page import MARKS, NO_LARGER, OPPOSITE, SHOWN, TOO_WEAK


def test_the_answer_is_the_sum_of_the_two_marked_numbers_among_the_first_ten():
    inputs, sums = adding_problem.sequences(50, 30, seed=1, number=2)
    values, marks = inputs.unbind(2)
    assert inputs.shape == (50, 30, 2) and torch.equal(marks.sum(1), torch.full((50,), 2.0))
    assert marks[:, 10:].sum() == 0 and marks[:, :10].sum(0).min() > 0, "any of the ten may be marked"
    assert torch.allclose(sums, values[marks.bool()].view(50, 2).sum(1))
    again, other = adding_problem.sequences(50, 30, 1, 2), adding_problem.sequences(50, 30, 1, 3)
    assert torch.equal(again.inputs, inputs) and not torch.equal(other.inputs, inputs)


@pytest.mark.parametrize("kind", adding_problem.KINDS)
def test_a_new_network_with_a_carry_sees_the_first_numbers(kind):
    torch.manual_seed(0)
    model = adding_problem.build(kind, 60)
    inputs, _ = adding_problem.sequences(8, 60, 0, 0)
    inputs.requires_grad_()
    model(inputs).sum().backward()
    early, late = (float(inputs.grad[:, part].norm()) for part in (slice(0, 5), slice(55, 60)))
    assert (early / late > 1e-9) == adding_problem.KINDS[kind][1], early / late


def test_the_residual_stream_of_a_new_stack_keeps_its_size_at_any_length():
    sizes = []
    for length in (20, 320):
        torch.manual_seed(0)
        stack = adding_problem.build("residual", length).recurrent
        sizes.append(float(stack(adding_problem.sequences(32, length, 0, 0).inputs).detach().square().mean()))
    assert sizes[1] < 4 * sizes[0]


def test_a_stack_reads_sequences_of_its_length_alone():
    with pytest.raises(InputError, match="reads 20 steps, got 21"):
        adding_problem.build("plain", 20)(torch.zeros(1, 21, 2))


def test_each_wiring_keeps_the_skips_that_it_names():
    for skips, (attention, mlp) in transformer_skips.SKIPS.items():
        model = transformer_skips.decoder(skips, 2, 11)
        wanted = [Add if kept else BranchOnly for kept in (attention, mlp)] * 2
        assert [type(block.merge) for block in model.blocks] == wanted
    torch.manual_seed(3)
    whole = transformer_skips.decoder("both", 2, 11)
    torch.manual_seed(3)
    same = gpt(2, width=transformer_skips.WIDTH, heads=4, vocabulary=11, length=transformer_skips.LENGTH)
    tokens = torch.randint(11, (2, 9))
    assert torch.equal(whole(tokens), same(tokens)), "with both skips it is the GPT that the library builds"


def test_the_text_is_whole_and_its_end_is_held_out():
    text = transformer_skips.read_text()
    assert len(text.train) > 300_000 and 0.09 < len(text.held_out) / len(text.train) < 0.12
    assert int(torch.cat((text.train, text.held_out)).max()) + 1 == text.characters
    torch.manual_seed(0)
    loss = transformer_skips.held_out_loss(transformer_skips.decoder("both", 1, text.characters), text)
    assert loss == pytest.approx(np.log(text.characters), rel=0.05), "a new decoder guesses among all characters"


def test_minimise_learns_looks_at_every_step_and_stops_at_a_loss_that_is_not_finite():
    torch.manual_seed(0)
    model, seen = nn.Linear(3, 1), []
    x = torch.randn(64, 3)
    target = x @ torch.tensor([[1.0], [-2.0], [0.5]])

    def loss_of(step):
        return (model(x) - target).square().mean()

    first = float(loss_of(0).detach())
    assert minimise(model, loss_of, steps=200, rate=0.1, look=seen.append)
    assert float(loss_of(0).detach()) < 0.01 * first and seen == list(range(201))
    seen.clear()
    assert not minimise(model, lambda step: loss_of(step) / (step != 2), steps=9, rate=0.1, look=seen.append)
    assert seen == [0, 1, 2]
    assert gradient_norm(nn.Linear(2, 2)) is None


def test_who_answers_is_decided_by_half_of_the_variance():
    good, bad, unsure = [0.01, 0.02, 0.01], [0.99, 0.97, 1.0], [0.2, 0.5, 0.9]
    missed = {"lstm-1997": good, "lstm-2000": bad, "residual": unsure, "tanh": bad, "plain": good}
    numbers = {"data": "adding-problem", "steps": 100, "missed": {"100": missed}}
    verdicts = [finding.verdict for finding in adding_problem.findings(numbers)]
    assert verdicts == [SHOWN, OPPOSITE, TOO_WEAK, SHOWN, OPPOSITE]
    assert adding_problem.answer(numbers) == (
        "After 100 steps the LSTM of 1997 and a plain stack of as many layers answer."
    )
    none = {**numbers, "missed": {"100": dict.fromkeys(missed, bad)}}
    assert adding_problem.answer(none) == "After 100 steps none of the networks answers."


def test_wirings_are_held_against_both_skips_and_depths_against_each_other():
    def network(*losses):
        return {"loss": [[4.6, loss] for loss in losses], "first": [[1.0] * 4] * 3, "last": [[1.0] * 4] * 3}

    good, bad = network(2.0, 2.01, 2.0), network(3.0, 3.02, 2.99)
    networks = {
        "6": {"both": good, "attention": good, "mlp": bad, "none": bad},
        "12": {"both": good, "attention": bad, "mlp": bad, "none": network(3.5, 3.52, 3.49)},
    }
    numbers = {"data": "python-documentation", "checksum": "0", "epoch": 100, "networks": networks}
    verdicts = {finding.claim: finding.verdict for finding in transformer_skips.findings(numbers)}
    assert verdicts["A decoder of 6 layers learns worse with no skips than with both"] == SHOWN
    assert verdicts["A decoder of 6 layers learns worse with skips past attention alone than with both"] == NO_LARGER
    assert verdicts["With no skips, 12 layers learn worse than 6"] == SHOWN
    assert verdicts["With both skips, 12 layers learn better than 6"] == NO_LARGER


SMALL = {
    "adding-problem": {"depths": (12,), "seeds": 2, "epochs": 1, "batch_size": 4},
    "transformer-skips": {"depths": (1,), "seeds": 2, "epochs": 1, "batch_size": 1},
}


@pytest.mark.parametrize("name", SMALL)
def test_it_runs_from_the_call_to_the_page(name, tmp_path, monkeypatch):
    module = {"adding-problem": adding_problem, "transformer-skips": transformer_skips}[name]
    monkeypatch.setattr(module, "EPOCH", 2)
    monkeypatch.setattr(module, "TESTED" if name == "adding-problem" else "WINDOWS", 4)
    found = run_study(name, SMALL[name], tmp_path, workers=1, tell=lambda line: None)
    assert found["members"] == 0 and found["answer"].endswith(".") and (tmp_path / f"{name}.html").exists()
    assert found["findings"] and all(finding["verdict"] in MARKS for finding in found["findings"])
    assert run_study(name, SMALL[name], tmp_path, workers=1, tell=lambda line: None) == found
    assert planned(name, {}, tmp_path, [tmp_path]).minutes == 0
    with pytest.raises(InputError, match="leave --data out"):
        run_study(name, {**SMALL[name], "data": "digits"}, tmp_path / "other", workers=1)
