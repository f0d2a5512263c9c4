"""What every test shares: repeatable property tests, and one thread per worker."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # before numpy and torch read it: workers share the cores among themselves
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import settings

# The same examples on every run, so that a failure is a change's own; --hypothesis-profile=explore looks for new ones.
# No deadline: a busy machine is not a slow engine.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile("repeatable")
