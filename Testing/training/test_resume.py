"""Which samples are left: to a training that was cut off, and to each of several processes."""

import pytest
import torch

from rncarefine_training import resume
from rncarefine_training.resume import RemainingSamples, updates_done

UPDATES, BATCH = 5, 3


@pytest.fixture
def checkpoint(tmp_path):
    """Return where a checkpoint lies that has two updates behind it."""
    path = tmp_path / "last.ckpt"
    torch.save({"global_step": 2}, path)
    return path


def left(checkpoint, processes=1, rank=0, updates=UPDATES):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resume.distributed, "is_initialized", lambda: processes > 1)
        patch.setattr(resume.distributed, "get_rank", lambda: rank)
        sampler = RemainingSamples(updates, BATCH, checkpoint, processes)
        # As Lightning counts, which goes on from the updates that are done.
        assert len(sampler) == updates * BATCH
        return list(sampler)


def test_new_training_sees_every_sample_once(tmp_path):
    assert left(tmp_path / "none.ckpt") == list(range(UPDATES * BATCH))


def test_resumed_training_sees_the_remaining_samples(checkpoint):
    assert updates_done(checkpoint) == 2
    assert left(checkpoint) == list(range(2 * BATCH, UPDATES * BATCH))


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_split_the_samples_of_every_update(tmp_path, checkpoint, processes):
    whole = [left(tmp_path / "none.ckpt", processes, rank) for rank in range(processes)]
    for update in range(UPDATES):
        together = sorted(index for part in whole for index in part[update * BATCH : (update + 1) * BATCH])
        assert together == list(range(update * BATCH * processes, (update + 1) * BATCH * processes))
    for rank in range(processes):
        assert left(checkpoint, processes, rank) == whole[rank][2 * BATCH :]


@pytest.mark.parametrize("updates", [1, 2])
def test_nothing_is_left_of_a_training_that_is_done(checkpoint, updates):
    assert left(checkpoint, updates=updates) == []
