"""The published recipe: the fast form is the written one, the written one is what was published, training can go on."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from experiments.comparison.released import training as released_training
from experiments.comparison.released.automaton import (
    PUBLISHED,
    PublishedAutomaton,
    Recipe,
    roll_out,
    roll_out_literally,
    seed_state,
)
from experiments.comparison.released.training import PublishedTraining, roll_out_masks
from training.experiments.comparison.toy_triplets import toy_triplets

SMALL = Recipe(hidden=8, pool=6, batch=4, steps=8, updates_per_epoch=3, epochs=2, learning_rate=3e-3)


def automaton(seed=0, recipe=SMALL, strength=0.15):
    """Return an automaton in double precision whose update does something."""
    model = PublishedAutomaton(seed, recipe).double()
    draws = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        model.update.weight.normal_(0, strength, generator=draws)
        model.update.bias.fill_(0.02)
        model.hidden.bias.normal_(0, 0.1, generator=draws)
    return model


def pictures(n, seed=0, side=(9, 11)):
    draws = torch.Generator().manual_seed(seed)
    mask = (torch.rand(n, *side, generator=draws) > 0.8) * torch.rand(n, *side, generator=draws)
    return torch.rand(n, *side, generator=draws).double(), mask.double()


def gradients(model, state):
    model.zero_grad()
    (state[:, 1] - 0.3).square().mean().backward()
    return [values.grad.clone() for values in model.parameters()]


# The automaton


def test_it_has_as_many_parameters_as_the_released_one():
    assert sum(values.numel() for values in PublishedAutomaton(0).parameters()) == 12_977


def test_the_recipe_has_thirty_epochs_of_512_updates():
    assert PUBLISHED.updates == 15_360


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=25, deadline=None)
def test_fast_form_equals_the_literal_form(seed, dropout):
    model = automaton(seed)
    image, mask = pictures(4, seed)
    draws = torch.Generator().manual_seed(seed)
    ends = torch.randint(1, 10, (4,), generator=draws)
    kept = torch.rand(int(ends.max()), *image.shape, generator=draws) < 0.5 if dropout else None
    state = seed_state(mask, SMALL)
    literal = roll_out_literally(model, state, image, ends, kept)
    expected = gradients(model, literal)
    fast = roll_out(model, state, image, ends, kept)
    torch.testing.assert_close(fast, literal, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(gradients(model, fast), expected, rtol=1e-7, atol=1e-9)
    assert not torch.equal(fast, state)


def test_the_written_form_does_what_was_published():
    """Against NumPy and SciPy: 16 channels, one number added to them all, dead cells zero before and after."""
    model = automaton(3, replace(SMALL, channels=16))
    image, mask = (values[0].numpy() for values in pictures(1, 3))
    cells = np.zeros((16, *image.shape))
    cells[-1] = mask.clip(0.1, 1)
    identity, down, across = np.eye(3)[1][:, None] * np.eye(3)[1], np.outer([-1, 0, 1], [1, 2, 1]) / 8, None
    across = down.T
    weights = {name: values.detach().numpy() for name, values in model.named_parameters()}
    embedded = [ndimage.correlate(image, kernel[0], mode="constant") for kernel in weights["embed.weight"]]
    for _ in range(4):
        seen = [ndimage.correlate(c, kernel, mode="constant") for c in cells for kernel in (identity, down, across)]
        inputs = np.stack([*seen, *embedded]).reshape(96, -1)
        hidden = np.maximum(weights["hidden.weight"][:, :, 0, 0] @ inputs + weights["hidden.bias"][:, None], 0)
        delta = weights["update.weight"][0, :, 0, 0] @ hidden + weights["update.bias"]
        before = ndimage.maximum_filter(cells[-1], 3, mode="constant") > 0.1
        cells = cells + delta.reshape(image.shape)
        cells = cells * (before & (ndimage.maximum_filter(cells[-1], 3, mode="constant") > 0.1))
        # The defect that is kept.
        assert all(np.array_equal(cells[0], other) for other in cells[1:15])
    state = seed_state(torch.from_numpy(mask)[None], SMALL)
    ended = roll_out_literally(model, state, torch.from_numpy(image)[None], torch.tensor([4]))[0].detach().numpy()
    np.testing.assert_allclose(ended, cells[[0, -1]], atol=1e-12)
    assert (cells[-1] == 0).any()
    assert abs(cells[-1] - mask).max() > 0.05


def test_dropout_drops_half_of_the_updates_and_doubles_the_others():
    model = automaton()
    image, mask = pictures(1)
    state, one = seed_state(mask.clamp_min(0.5), SMALL), torch.tensor([1])
    whole = roll_out_literally(model, state, image, one) - state
    kept = torch.zeros(1, *image.shape, dtype=torch.bool)
    kept[..., ::2] = True
    dropped = roll_out_literally(model, state, image, one, kept) - state
    torch.testing.assert_close(dropped[..., ::2], 2 * whole[..., ::2])
    assert not dropped[..., 1::2].any()


def test_the_background_lies_on_the_threshold_and_is_dead():
    model = PublishedAutomaton(0)
    state = seed_state(torch.zeros(1, 8, 8))
    assert torch.equal(state[:, 1], torch.full((1, 8, 8), 0.1))
    for form in (roll_out, roll_out_literally):
        assert not form(model, state, torch.ones(1, 8, 8), torch.tensor([1])).any()


def test_an_untrained_automaton_keeps_what_is_alive():
    mask = torch.zeros(1, 8, 8)
    mask[0, 3, 3] = 0.7
    ended = roll_out_masks(PublishedAutomaton(0), mask, torch.rand(1, 8, 8))
    expected = torch.zeros(8, 8)
    expected[2:5, 2:5] = 0.1
    expected[3, 3] = 0.7
    torch.testing.assert_close(ended[0], expected)


def test_weights_begin_as_flax_begins_them():
    weight = PublishedAutomaton(0).hidden.weight
    assert float(weight.std()) == pytest.approx((1 / 96) ** 0.5, rel=0.03)
    assert float(weight.abs().max()) < 2 * (1 / 96) ** 0.5 / 0.879


# Training


def training(folder, **changes):
    triplets = toy_triplets(6)
    return PublishedTraining(triplets, triplets[slice(0, 2)], folder, recipe=replace(SMALL, **changes))


def test_training_lowers_the_error_and_keeps_the_best_epoch(tmp_path):
    made = training(tmp_path, epochs=8, updates_per_epoch=6, learning_rate=5e-3)
    made.run(1000)
    errors = [row["mse"] for row in made.log]
    assert [row["updates"] for row in made.log] == [6, 12, 18, 24, 30, 36, 42, 48]
    assert min(errors) < 0.5 * errors[0]
    assert min(errors) != errors[-1]
    made.model.load_state_dict(made.best)
    assert made._validated()["mse"] == pytest.approx(min(errors), rel=1e-5)


def test_a_training_that_was_cut_off_ends_with_the_same_weights(tmp_path):
    (whole := training(tmp_path / "whole")).run(6)
    training(tmp_path / "parts").run(3)
    (parts := training(tmp_path / "parts")).run(6)
    assert parts.done == whole.done == 6
    for name, values in whole.model.state_dict().items():
        assert torch.equal(values, parts.model.state_dict()[name])
    assert torch.equal(whole.pool, parts.pool)
    assert [row["updates"] for row in parts.log] == [3, 6]
    assert parts.cpu_seconds > parts.log[0]["cpu_seconds"] > 0


def test_the_recipe_ends_where_it_ends(tmp_path):
    made = training(tmp_path)
    made.run(1000)
    assert made.done == SMALL.updates == 6


def test_samples_end_at_random_late_steps(tmp_path, monkeypatch):
    made = training(tmp_path)
    seen = []

    def record(model, state, image, ends, kept):
        seen.append((ends, state, kept))
        return roll_out(model, state, image, ends, kept)

    monkeypatch.setattr(released_training, "roll_out", record)
    for _ in range(10):
        made._update(torch.tensor([0, 1]))
    ends = torch.cat([item[0] for item in seen])
    assert (int(ends.min()), int(ends.max())) == (4, 7)
    assert any(len(set(item[0].tolist())) > 1 for item in seen)
    for _, state, kept in seen:
        assert torch.equal(state[:2], made.seeds[:2])
        assert 0.4 < float(kept.float().mean()) < 0.6
    # What a rollout ended with goes back to the pool.
    changed = (made.pool != made.seeds[made.samples]).flatten(1).any(1)
    assert changed.all()
