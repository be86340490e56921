"""Makes SGLang as slow as a test needs it, so that what is to happen amid a rollout does, however fast its model and however busy the
machine: while the file that BRAKE names is there, each batch takes a tenth of a second longer."""

import functools
import os
import time
from importlib.machinery import PathFinder

SCHEDULER = "sglang.srt.managers.scheduler"
SECONDS = 0.1


def slowed(run_batch, file: str):
    @functools.wraps(run_batch)
    def slowly(*args, **kwargs):
        if os.path.exists(file):
            time.sleep(SECONDS)
        return run_batch(*args, **kwargs)

    return slowly


class BrakeFinder:
    @staticmethod
    def find_spec(name, path, target=None):
        file = os.environ.get("BRAKE")
        if name != SCHEDULER or file is None:
            return None
        spec = PathFinder.find_spec(name, path, target)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            module.Scheduler.run_batch = slowed(module.Scheduler.run_batch, file)

        spec.loader.exec_module = exec_module
        return spec
