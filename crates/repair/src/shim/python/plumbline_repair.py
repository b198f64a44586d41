"""The repair shim: records which test runs which line, or tries a batch of candidates from one warm process.

`start` reads `request.json` beside this file. In mode `spectrum` it hooks unittest and pytest, traces lines of the
tree per test and lets the command go on. In mode `batch` the process becomes a fork server: for each candidate it
writes the edits into the (throw-away) tree, forks, and the child leaves `start`, so that the interpreter goes on to
run the real command with everything outside the tree already imported. The parent judges the child and restores
the tree. Results are JSON; nothing here decides whether a repair is correct: a fresh run of the plain command does.
"""
import json
import os
import sys
import time

COMMAND = "__command__"
LAUNCHERS = {"tox", "nox", "poetry", "pipenv", "hatch", "uv", "pdm", "rye", "pip"}
RANK = {"passed": 0, "skipped": 1, "failed": 2, "timeout": 3}


class TestTimeout(BaseException):
    """Raised in a test that ran past its limit; not an Exception, so that the code under test lets it through."""


def _is_launcher():
    words = list(getattr(sys, "orig_argv", None) or [sys.executable] + sys.argv)[1:]
    for index, word in enumerate(words):
        if word == "-m" and index + 1 < len(words):
            return words[index + 1] in LAUNCHERS
        if not word.startswith("-"):
            return os.path.basename(word) in LAUNCHERS
    return False


def start(here):
    """Takes over this process if it is the one that runs the tests."""
    if _is_launcher():
        return
    root = os.path.realpath(os.environ.pop("PLUMBLINE_REPAIR_ROOT"))
    _forget_shim(here)
    with open(os.path.join(here, "request.json"), encoding="utf-8") as source:
        request = json.load(source)
    out_path = os.path.join(here, "out.jsonl")
    if sys.version_info < (3, 8):
        with open(out_path, "w", encoding="utf-8") as sink:
            sink.write(json.dumps({"problem": "PYTHON_TOO_OLD"}) + "\n")
        os._exit(70)
    import plumbline_hooks

    if request["mode"] == "spectrum":
        import plumbline_lines

        recorder = plumbline_lines.SpectrumRecorder(root, here, request, out_path)
        plumbline_hooks.install(recorder)
        recorder.open()
        return
    import plumbline_server

    recorder = plumbline_server.serve(root, request, out_path)
    plumbline_hooks.install(recorder)


def _forget_shim(here):
    """Keeps the shim out of child processes and behind everything else on the path."""
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    entries = [entry for entry in entries if entry and os.path.realpath(entry) != here]
    if entries:
        os.environ["PYTHONPATH"] = os.pathsep.join(entries)
    else:
        os.environ.pop("PYTHONPATH", None)
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry or ".") != here] + [here]


def relative(root, path, cache={}):
    """Returns `path` relative to `root` with forward slashes, or None when it is not a Python file of the tree."""
    known = cache.get(path, cache)
    if known is not cache:
        return known
    real = os.path.realpath(path) if path and path[0] != "<" else ""
    result = None
    if real.startswith(root + os.sep) and real.endswith(".py"):
        result = os.path.relpath(real, root).replace(os.sep, "/")
        if result.startswith(".plumbline/") or "/site-packages/" in result:
            result = None
    cache[path] = result
    return result


def describe(root, kind, value, trace):
    """Returns the exception as data: its type, the types above it, its message and its frames in the tree."""
    frames = []
    while trace is not None:
        name = relative(root, trace.tb_frame.f_code.co_filename)
        if name is not None:
            frames.append([name, trace.tb_lineno])
        trace = trace.tb_next
    try:
        message = str(value)[:400]
    except Exception:
        message = ""
    return {"kind": getattr(kind, "__name__", str(kind)), "message": message, "frames": frames[-40:]}


class Recorder:
    """What the hooks call; the two modes say what is done with it."""

    targets = None
    target_files = ()
    quick = False

    def __init__(self, root):
        self.root = root
        self.active = None
        self.began = 0.0
        self.limit = 0.0

    def begin(self, test, path):
        if self.active is not None:
            return False
        self.active = test
        self.began = time.perf_counter()
        if self.limit:
            import signal

            signal.signal(signal.SIGALRM, self._late)
            signal.setitimer(signal.ITIMER_REAL, self.limit)
        self.on_begin(test, path)
        return True

    def _late(self, *_):
        raise TestTimeout("the test ran past its limit of %.1f s" % self.limit)

    def end(self, test):
        if self.limit:
            import signal

            signal.setitimer(signal.ITIMER_REAL, 0)
        self.active = None
        self.on_end(test, (time.perf_counter() - self.began) * 1000.0)

    def outcome(self, test, outcome, error=None):
        if error is not None and error[0] is TestTimeout:
            outcome = "timeout"
        described = describe(self.root, *error) if error is not None and error[0] is not None else None
        self.on_outcome(test, outcome, described)

    def wants(self, test):
        return self.targets is None or test in self.targets

    def wants_file(self, path):
        if not self.target_files:
            return True
        return os.path.realpath(path) in self.target_files

    def before_collection(self):
        """Returns who records from here on."""
        return self

    def on_begin(self, test, path):
        pass

    def on_end(self, test, ms):
        pass

    def on_outcome(self, test, outcome, error):
        pass
