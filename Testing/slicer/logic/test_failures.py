"""Progress, cancelling and failing at any moment, and what a run leaves behind."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest

import rncarefine.refine.repair
from harness.hearts import Heart, draw_heart, node_census
from harness.removals import (
    labelmap_gone,
    other_gone,
    painted,
    scene_closed,
    segmentation_gone,
    volume_gone,
    voxels_gone,
    wall_gone,
)
from harness.runs import RESULT, destinations, process, snapshot
from rncarefine.progress import Cancelled


def test_progress_runs_from_start_to_end(logic: Any, heart: Heart) -> None:
    calls: list[tuple[float, str]] = []
    process(logic, heart, progressCallback=lambda fraction, text: calls.append((fraction, text)))
    fractions = [fraction for fraction, _ in calls]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert len(calls) > 5
    assert all(text for _, text in calls)


@pytest.mark.parametrize("destination", range(3), ids=["new", "given", "in place"])
def test_cancelling_at_any_moment_restores_the_scene(logic: Any, heart: Heart, destination: int) -> None:
    options = destinations()[destination]
    calls: list[str] = []
    process(logic, draw_heart(), progressCallback=lambda fraction, text: calls.append(text))
    before = snapshot(heart)
    for moment in range(len(calls)):
        seen: list[str] = []

        def stop(fraction: float, text: str, seen: list[str] = seen, moment: int = moment) -> bool:
            seen.append(text)
            return len(seen) <= moment

        with pytest.raises(Cancelled):
            process(logic, heart, progressCallback=stop, **options)
        assert seen == calls[: moment + 1]
        assert snapshot(heart) == before
    output = options.get("outputSegmentationNode")
    if output is not None:
        assert list(output.GetSegmentation().GetSegmentIDs()) == ["old"]


@pytest.mark.parametrize("destination", range(3), ids=["new", "given", "in place"])
@pytest.mark.parametrize(
    "step",
    [
        "nodes.writer.write_segment",
        "nodes.writer.store_review",
        "nodes.writer.place_next_to",
        "review.table.fill_table",
        "review.table.place_next_to",
    ],
)
def test_a_failure_at_any_step_of_writing_restores_the_scene(
    logic: Any, heart: Heart, monkeypatch: pytest.MonkeyPatch, step: str, destination: int
) -> None:
    options = destinations()[destination]
    module_name, function = step.rsplit(".", 1)
    module = importlib.import_module(f"RNCARefineLib.mrml.{module_name}")
    original, calls = getattr(module, function), []

    def fail_on_the_last_call(*args: Any) -> Any:
        calls.append(function)
        if len(calls) == {"write_segment": 4}.get(function, 1):
            raise RuntimeError("The disk is full.")
        return original(*args)

    monkeypatch.setattr(module, function, fail_on_the_last_call)
    before = snapshot(heart)
    if step == "nodes.writer.place_next_to" and options.get("inPlace"):
        process(logic, heart, **options)  # the input is in its place already
        return
    with pytest.raises(RuntimeError, match="disk is full"):
        process(logic, heart, **options)
    assert snapshot(heart) == before
    assert logic.outputSegmentationNode() is None


CHANGES = [segmentation_gone, volume_gone, wall_gone, other_gone, painted, voxels_gone, labelmap_gone, scene_closed]


@pytest.mark.parametrize("moment", [0.0, 0.5], ids=["first call", "later"])
@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_changes_during_a_repair_are_not_lost(
    logic: Any, heart: Heart, change: Callable[[Heart], None], in_place: bool, moment: float
) -> None:
    after: list[Any] = []

    def nodes() -> Any:
        return snapshot(heart) if change not in (voxels_gone, labelmap_gone) else None  # nothing can be read there

    def once(fraction: float, text: str) -> None:
        if fraction >= moment and not after:
            change(heart)
            after.append((nodes(), node_census()))

    with pytest.raises(ValueError, match=r"'Heart'|'Cine'"):
        process(logic, heart, progressCallback=once, inPlace=in_place)
    assert [(nodes(), node_census())] == after


def test_an_engine_failure_restores_the_scene(logic: Any, heart: Heart, monkeypatch: pytest.MonkeyPatch) -> None:
    def repair(*args: Any, **options: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(rncarefine.refine.repair, "repair", repair)
    before = snapshot(heart)
    with pytest.raises(MemoryError):
        process(logic, heart)
    assert snapshot(heart) == before


# Nothing is left behind


def test_each_run_adds_a_segmentation_with_display_and_a_table(logic: Any, heart: Heart) -> None:
    before = node_census()
    for _ in range(5):
        process(logic, heart)
    after = node_census()
    grown = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
    assert grown == {"vtkMRMLSegmentationNode": 5, "vtkMRMLSegmentationDisplayNode": 5, "vtkMRMLTableNode": 5}


@pytest.mark.parametrize("destination", [1, 2], ids=["given", "in place"])
def test_runs_into_the_same_node_add_nothing_after_the_first(logic: Any, heart: Heart, destination: int) -> None:
    options = destinations()[destination]
    process(logic, heart, **options)
    before = node_census()
    for _ in range(5):
        process(logic, heart, **options)
    assert node_census() == before
    assert list(logic.outputSegmentationNode().GetSegmentation().GetSegmentIDs()) == RESULT
