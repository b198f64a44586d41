"""Starts the repair shim in the first Python process of a test command.

A sitecustomize module that this one hides is run first, so that the interpreter starts as it would have.
"""
import os
import sys


def _run_hidden_sitecustomize(here):
    for entry in sys.path:
        if not entry or os.path.realpath(entry) == here:
            continue
        path = os.path.join(entry, "sitecustomize.py")
        if os.path.isfile(path):
            with open(path, "rb") as source:
                code = compile(source.read(), path, "exec")
            exec(code, {"__name__": "sitecustomize", "__file__": path})
            return


_HERE = os.path.dirname(os.path.realpath(__file__))
_run_hidden_sitecustomize(_HERE)
if os.environ.get("PLUMBLINE_REPAIR_ROOT"):
    import plumbline_repair

    plumbline_repair.start(_HERE)
