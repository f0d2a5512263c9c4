"""What a training prints: its progress, and nothing that Lightning says about itself."""

import io
import logging
import re
import warnings

import lightning as L
import pytest
import torch
from rich.console import Console
from torch.utils.data import DataLoader

from rncarefine_training import progress
from rncarefine_training.progress import UpdatesBar, suppress_lightning_messages


class Tiny(L.LightningModule):
    """One weight to train."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def training_step(self, batch, index):
        self.log("loss", 1 + self.weight.square().sum(), prog_bar=True)
        return self.weight.square().sum()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def printed(updates, terminal=False):
    """Train for so many updates and return what was printed."""
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=80)
    with suppress_lightning_messages():
        trainer = L.Trainer(
            max_steps=updates,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[UpdatesBar(updates, console)],
        )
        trainer.fit(Tiny(), DataLoader(torch.zeros(updates)))
    return text.getvalue()


def test_a_pipe_gets_ten_lines_without_colour_codes_and_the_time_left(monkeypatch, capfd):
    monkeypatch.setattr(progress, "WINDOW", 4)
    lines = printed(20).splitlines()
    assert lines[0] == "Training on cpu"
    assert [int(re.findall(r"\d+", line)[0]) for line in lines[1:]] == list(range(2, 21, 2))
    assert all("of 20, loss 1.000" in line for line in lines[1:])
    assert [line.endswith(" left") for line in lines[1:]] == [False, False, *[True] * 7, False]
    assert "\x1b" not in "".join(lines)
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_a_terminal_gets_one_bar_that_fits():
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", printed(3, terminal=True))
    assert "update 3 of 3, loss 1.000" in shown
    assert max(len(line) for line in re.split(r"[\r\n]", shown)) <= 80
    assert "Epoch" not in shown


def test_errors_and_warnings_are_not_silenced(caplog):
    with suppress_lightning_messages():
        logging.getLogger("lightning.pytorch").error("lost")
        with pytest.warns(UserWarning, match="ours"):
            warnings.warn("ours", stacklevel=1)
