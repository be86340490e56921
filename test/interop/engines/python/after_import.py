"""Changes modules of somebody else's package as they are imported, by whichever process of it does."""

from importlib.machinery import PathFinder


class AfterImport:
    """For `sys.meta_path`. `changes`: by a module's full name, what is called with it once it is loaded."""

    def __init__(self, changes: dict):
        self._changes = changes

    def find_spec(self, name, path, target=None):
        change = self._changes.get(name)
        if change is None:
            return None
        spec = PathFinder.find_spec(name, path, target)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            change(module)

        spec.loader.exec_module = exec_module
        return spec
