"""On PYTHONPATH of an SGLang without a GPU: packages of compiled kernels that it imports and, for a plain model on the
CPU, never calls. Imports of them and of all below them succeed; a call of a kernel says which one it was."""

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec

import sglang_brake
import sglang_mixture
from after_import import AfterImport

# Versions are looked at; whether a call is an error.
ABSENT = {"sgl_kernel": ("0.4.10", True), "torchvision": ("0.28.0", False)}


class Absent:
    def __init__(self, name: str, strict: bool):
        self._name, self._strict = name, strict

    def __getattr__(self, part: str):
        if part.startswith("__"):
            raise AttributeError(part)
        return Absent(f"{self._name}.{part}", self._strict)

    def __call__(self, *args, **kwargs):
        if self._strict:
            raise NotImplementedError(f"there is no {self._name} on this machine")
        return self


class Finder(MetaPathFinder, Loader):
    def find_spec(self, name, path, target=None):
        return ModuleSpec(name, self, is_package=True) if name.split(".")[0] in ABSENT else None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        version, strict = ABSENT[module.__name__.split(".")[0]]
        absent = Absent(module.__name__, strict)
        module.__version__ = version
        module.__getattr__ = lambda part: getattr(absent, part)


sys.meta_path[:0] = [Finder(), AfterImport(sglang_brake.CHANGES | sglang_mixture.CHANGES)]
