"""Starts ipykernel without its debugger, whose import takes half a second. Runs in the image's interpreter."""

import contextlib
import runpy
import sys

# Python puts this file's folder there; a notebook's path begins with its own folder.
del sys.path[0]
# A notebook that imports debugpy itself still finds it: it is hidden only while ipykernel looks for it.
sys.modules["debugpy"] = None  # type: ignore[assignment]  # None is how the import system spells "not there"
# ipykernel before 6 has none.
with contextlib.suppress(ImportError):
    import ipykernel.debugger  # noqa: F401 - imported for what it remembers
del sys.modules["debugpy"]

runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
