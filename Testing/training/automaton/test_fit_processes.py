"""Several processes train one automaton: each sees its own samples, all end with the same weights."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rncarefine_training.automaton.fit import train_automaton
from rncarefine_training.automaton.learner import AutomatonLearner
from training.toy_data import toy_config, write_cases, write_config, write_predictions
from training.toy_learners import same

ROOT = Path(__file__).parents[3]
UPDATES, LONGER, BATCH = 6, 8, 2

# Lightning starts the second process by running the same script with the same arguments.
COMMAND = """
import os
from pathlib import Path

import torch
from torch import distributed

from rncarefine_training.cli import main as cli
from rncarefine_training.automaton.learner import AutomatonLearner
from rncarefine_training.resume import RemainingSamples

noted = {"seen": [], "batches": [], "steps": []}
sampled, trained = RemainingSamples.__iter__, AutomatonLearner.training_step


def samples(self):
    for index in sampled(self):
        if distributed.is_initialized():  # planning tries a few updates
            noted["seen"].append(index)
        yield index


def step(self, batch, index):
    if not distributed.is_initialized():
        return trained(self, batch, index)
    noted["batches"].append(len(batch.weight))
    noted["steps"].append(self.global_step)
    noted.setdefault("draws at first", self.draws.get_state())
    if self.global_step == 4:
        noted["after 4"] = {name: value.clone() for name, value in self.state_dict().items()}
    return trained(self, batch, index)


def ended(self):
    noted.update(weights=self.state_dict(), draws=self.draws.get_state(), chance=self.rng.bit_generator.state)
    torch.save(noted, Path(os.environ["NOTES"]) / f"{self.global_rank}.pt")


RemainingSamples.__iter__, AutomatonLearner.training_step, AutomatonLearner.on_train_end = samples, step, ended
cli.main()
"""


def train_in_two(folder, config):
    """Run the command line on two processes; return what each noted and what was printed."""
    script, notes = folder / "rncarefine-train.py", folder / "notes"
    script.write_text(COMMAND)
    notes.mkdir(exist_ok=True)
    paths = os.pathsep.join(str(ROOT / name) for name in ("RNCARefine", "Training"))
    environment = os.environ | {"PYTHONPATH": paths, "NOTES": str(notes), "OMP_NUM_THREADS": "1", "COLUMNS": "400"}
    arguments = ("automaton", "--run", folder, "--config", config, "--devices", "2", "--accelerator", "cpu")
    done = subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return [torch.load(notes / f"{rank}.pt", weights_only=False) for rank in range(2)], done.stdout


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="never tried there")
def test_two_processes_train_one_automaton_and_resume_it(tmp_path, monkeypatch):
    cases = write_cases(tmp_path / "cases")
    write_predictions(tmp_path / "predictions", ["small-0@1"], cases)
    settings = {"automaton__batch": BATCH, "automaton__warmup_updates": 4}
    config = write_config(tmp_path / "toy.yaml", **settings, automaton__updates=UPDATES - 4)
    (first, second), printed = train_in_two(tmp_path, config)

    # An update's samples are split between the two, and every sample is seen once.
    assert first["batches"] == second["batches"] == [BATCH] * UPDATES
    assert sorted(first["seen"] + second["seen"]) == list(range(2 * BATCH * UPDATES))
    for update in range(UPDATES):
        part = slice(update * BATCH, (update + 1) * BATCH)
        together = range(2 * BATCH * update, 2 * BATCH * (update + 1))
        assert sorted(first["seen"][part] + second["seen"][part]) == list(together)
    # Their rollouts are equally long, their cells fire at their own times, and their weights are the same.
    assert first["chance"] == second["chance"]
    assert not torch.equal(first["draws"], second["draws"])
    assert same(first["weights"], second["weights"])
    folder = tmp_path / "automaton" / "toy-2d"
    assert [path.name for path in folder.rglob("*.ckpt")] == ["last.ckpt"]
    last = torch.load(folder / "last.ckpt", weights_only=False)
    assert last["global_step"] == UPDATES
    assert same(last["state_dict"], first["weights"])
    assert printed.count("Checkpoint: ") == 1

    # The encoder is trained as by one process on twice the batch.
    alone = {}
    original = AutomatonLearner.training_step

    def step(self, batch, index):
        if self.global_step == 4:
            alone.update({name: value.clone() for name, value in self.state_dict().items()})
        return original(self, batch, index)

    monkeypatch.setattr(AutomatonLearner, "training_step", step)
    whole = toy_config(**settings | {"automaton__batch": 2 * BATCH}, automaton__updates=UPDATES - 4)
    train_automaton(whole, tmp_path / "cases", tmp_path / "predictions", tmp_path / "alone", progress=False)
    untrained = AutomatonLearner(whole.automaton, whole.seed).state_dict()
    moved = [name for name in alone if "down" in name and (alone[name] - untrained[name]).abs().max() > 1e-5]
    assert len(moved) > 4
    for name, value in alone.items():
        torch.testing.assert_close(first["after 4"][name], value, rtol=0, atol=2e-6, msg=name)

    config = write_config(tmp_path / "toy.yaml", **settings, automaton__updates=LONGER - 4)
    (one, other), _ = train_in_two(tmp_path, config)
    assert one["steps"] == other["steps"] == list(range(UPDATES, LONGER))
    assert sorted(one["seen"] + other["seen"]) == list(range(2 * BATCH * UPDATES, 2 * BATCH * LONGER))
    assert not same(one["weights"], first["weights"])
    assert same(one["weights"], other["weights"])
    # Cells that fire once more as they did at the beginning would teach less.
    assert not torch.equal(other["draws at first"], second["draws at first"])
    assert not torch.equal(other["draws at first"], one["draws at first"])
    assert torch.load(folder / "last.ckpt", weights_only=False)["global_step"] == LONGER
    assert [path.name for path in folder.rglob("*.ckpt")] == ["last.ckpt"]
