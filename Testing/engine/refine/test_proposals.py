"""What automaton and geometry suggest for a slice, and what the automaton is shown."""

from __future__ import annotations

import numpy as np
import pytest

from engine.shapes import SPACING, STACK_SPACING, heart
from engine.toy_models import SMALL, circle_model, identity_model, random_parameters, toy_model
from engine.toy_stacks import broken_stack, dice
from rncarefine.nca.architecture import PLANES
from rncarefine.nca.channels import grey_range
from rncarefine.nca.channels import planes as condition_planes
from rncarefine.nca.crop import fit_frame
from rncarefine.nca.rollout import Rollout
from rncarefine.progress import Cancelled
from rncarefine.refine import proposals
from rncarefine.refine.proposals import ask_automaton
from rncarefine.stack import Stack
from rncarefine.tasks.ring.readout import is_ring


def random_model(**card):
    return toy_model(random_parameters(SMALL, update=0.3), SMALL, **card)


# The automaton


def test_the_hand_made_automaton_closes_the_gaps_where_the_wall_was():
    truth, _ = heart()
    found = ask_automaton(broken_stack(), [2, 5], circle_model(), device="numpy")
    assert sorted(found.walls) == sorted(found.likelihood) == [2, 5]
    for k, wall in found.walls.items():
        assert is_ring(wall)
        assert wall.shape == truth[k].shape
        assert dice(wall, truth[k]) > 0.8
        assert 0 <= found.likelihood[k].min() <= found.likelihood[k].max() <= 1
        assert dice(found.likelihood[k] > 0.5, wall > 0) > 0.97
    assert (found.backend, found.device, found.notes) == ("numpy", "cpu", [])
    assert 0 < found.steps <= circle_model().card.steps


def test_where_the_automaton_closes_nothing_there_is_no_wall_but_a_likelihood():
    found = ask_automaton(broken_stack(), [2, 5], identity_model(), device="numpy")
    assert found.walls == {}
    assert sorted(found.likelihood) == [2, 5]


def test_both_backends_propose_the_same_walls():
    one, other = (ask_automaton(broken_stack(), [2, 5], circle_model(), device=device) for device in ("numpy", "cpu"))
    for k in (2, 5):
        np.testing.assert_array_equal(one.walls[k], other.walls[k])
        np.testing.assert_allclose(one.likelihood[k], other.likelihood[k], atol=1e-4)
    assert other.backend == "torch"


def test_what_is_repaired_beside_a_slice_does_not_change_its_result():
    stack = broken_stack()
    options = {"device": "numpy", "steps": 6}
    alone, together, turned = (
        ask_automaton(stack, wanted, random_model(), **options) for wanted in ([2], [2, 5], [5, 7, 2])
    )
    np.testing.assert_allclose(alone.likelihood[2], together.likelihood[2], atol=1e-6)
    np.testing.assert_allclose(alone.likelihood[2], turned.likelihood[2], atol=1e-6)


def test_a_larger_slice_around_the_same_heart_does_not_change_the_result():
    stack = broken_stack()
    rooms = ((0, 0), (9, 4), (3, 12))
    image, mask, pool = (np.pad(each, rooms, mode="edge") for each in (stack.image, stack.mask, stack.pool))
    wide = Stack.create(image, mask, STACK_SPACING, pool)
    options = {"device": "numpy", "steps": 6}
    one, other = (
        ask_automaton(stack, [2], random_model(), **options),
        ask_automaton(wide, [2], random_model(), **options),
    )
    inside = other.likelihood[2][9:-4, 3:-12]
    # The frame reaches a little beyond the smaller slice, where masks count as empty and the field ends.
    np.testing.assert_allclose(inside[3:-3, 3:-3], one.likelihood[2][3:-3, 3:-3], atol=1e-4)


def seen_by_the_automaton(monkeypatch, stack, wanted, **options):
    """Return the arguments of the rollout."""
    calls = []

    def spy(parameters, architecture, planes, state, k, **keywords):
        calls.append({"planes": planes, "state": state, "k": k, **keywords})
        return Rollout(state, np.full(len(k), 3 + len(calls)), "numpy", "cpu", [f"note {len(calls) % 2}"])

    monkeypatch.setattr(proposals, "rollout", spy)
    return ask_automaton(stack, wanted, identity_model(), **options), calls


def test_the_automaton_is_shown_image_wall_neighbours_and_pool_in_the_frame(monkeypatch):
    stack = broken_stack()
    _, (call,) = seen_by_the_automaton(monkeypatch, stack, [0, 5])
    frame = fit_frame(stack.mask | stack.pool, SPACING, 1.6, stride=2)
    image = frame.take(stack.image, outside="nearest")
    low, high = grey_range(image)
    walls, pools = frame.take(stack.mask), frame.take(stack.pool)
    for item, k in enumerate((0, 5)):
        below = walls[k - 1] if k else np.zeros_like(walls[0])
        expected = condition_planes((image[k] - low) / (high - low), walls[k], below, walls[k + 1], pools[k], 1.6)
        np.testing.assert_allclose(call["planes"][item], expected, atol=1e-6)
        np.testing.assert_allclose(call["state"][item, ..., 0], walls[k])
    np.testing.assert_array_equal(call["k"], [0, 5])


def test_the_last_slice_has_nothing_above_it(monkeypatch):
    stack = broken_stack()
    _, (call,) = seen_by_the_automaton(monkeypatch, stack, [len(stack.mask) - 1])
    assert not call["planes"][0, ..., PLANES.index("above")].any()
    assert call["planes"][0, ..., PLANES.index("below")].any()


def test_without_a_pool_its_plane_is_empty(monkeypatch):
    _, (call,) = seen_by_the_automaton(monkeypatch, broken_stack(pool=False), [2])
    assert not call["planes"][..., PLANES.index("pool")].any()


def test_model_and_options_decide_steps_rate_seed_and_device(monkeypatch):
    _, (call,) = seen_by_the_automaton(monkeypatch, broken_stack(), [2], seed=7, device="cpu")
    assert (call["steps"], call["fire_rate"], call["seed"], call["device"]) == (40, 0.5, 7, "cpu")
    _, (call,) = seen_by_the_automaton(monkeypatch, broken_stack(), [2], steps=9)
    assert call["steps"] == 9


def test_every_sample_has_a_seed_of_its_own_and_all_of_them_are_reported(monkeypatch):
    found, calls = seen_by_the_automaton(monkeypatch, broken_stack(), [2], seed=5, samples=3)
    assert [call["seed"] for call in calls] == [5, 6, 7]
    assert found.steps == 6
    assert found.notes == ["note 1", "note 0"]


def test_samples_are_averaged():
    options = {"device": "numpy", "steps": 2}
    together = ask_automaton(broken_stack(), [2], circle_model(), seed=5, samples=3, **options).likelihood[2]
    alone = [
        ask_automaton(broken_stack(), [2], circle_model(), seed=seed, **options).likelihood[2] for seed in (5, 6, 7)
    ]
    # Where no sample was clipped to 0..1, the mean of what was clipped is that of what was not.
    free = np.all([(each > 0) & (each < 1) for each in alone], axis=0)
    assert free.sum() > 100
    np.testing.assert_allclose(together[free], np.mean(alone, axis=0)[free], atol=1e-5)
    assert np.abs(alone[0] - alone[1]).max() > 0.1


def ask_twice(progress):
    ask_automaton(broken_stack(), [2], circle_model(), device="numpy", samples=2, steps=4, progress=progress)


def test_progress_runs_from_start_to_end_over_all_samples():
    told = []
    ask_twice(lambda fraction, text: told.append(fraction))
    assert told == pytest.approx([0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0])


def test_the_second_sample_can_be_cancelled():
    with pytest.raises(Cancelled):
        ask_twice(lambda fraction, text: fraction < 0.6)


def test_weights_that_are_not_an_automatons_are_an_error():
    model = toy_model(random_parameters(), SMALL)
    del model.card.shapes["update.weight"]
    with pytest.raises(ValueError, match="not the parameters of an automaton"):
        ask_automaton(broken_stack(), [2], model)


def test_the_stack_is_left_as_it_was():
    stack = broken_stack()
    kept = stack.image.copy(), stack.mask.copy(), stack.pool.copy()
    ask_automaton(stack, [2, 5], circle_model(), device="numpy", steps=3)
    for values, copy in zip((stack.image, stack.mask, stack.pool), kept, strict=True):
        np.testing.assert_array_equal(values, copy)
