"""Makes SGLang as slow as a test needs it, so that what is to happen amid a rollout does, however fast its model and however busy the
machine: while the file that BRAKE names is there, each batch takes a tenth of a second longer."""

import functools
import os
import time

SECONDS = 0.1


def slowed(run_batch, file: str):
    @functools.wraps(run_batch)
    def slowly(*args, **kwargs):
        if os.path.exists(file):
            time.sleep(SECONDS)
        return run_batch(*args, **kwargs)

    return slowly


def brake(scheduler):
    file = os.environ.get("BRAKE")
    if file is not None:
        scheduler.Scheduler.run_batch = slowed(scheduler.Scheduler.run_batch, file)


CHANGES = {"sglang.srt.managers.scheduler": brake}
