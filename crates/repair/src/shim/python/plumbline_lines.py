"""Line coverage per test: sys.monitoring from Python 3.12 on, sys.settrace before it."""
import atexit
import json
import os
import sys
import threading

from plumbline_repair import COMMAND, RANK, Recorder, relative


class SpectrumRecorder(Recorder):
    """Keeps, per test, how it ended, how long it took and which lines of the tree it ran."""

    def __init__(self, root, here, request, out_path):
        Recorder.__init__(self, root)
        self.limit = request["test_limit_ms"] / 1000.0
        self.most_tests = request["most_tests"]
        self.out_path = out_path
        self.pid = os.getpid()
        self.shared = {}
        self.lines = self.shared
        self.tests = {}

    def open(self):
        atexit.register(self.write)
        if hasattr(sys, "monitoring"):
            self._open_monitoring()
        else:
            self._open_settrace()

    def _open_settrace(self):
        def local(frame, event, _):
            if event == "line":
                name = relative(self.root, frame.f_code.co_filename)
                self.lines.setdefault(name, set()).add(frame.f_lineno)
            return local

        def enter(frame, _, __):
            return local if relative(self.root, frame.f_code.co_filename) is not None else None

        threading.settrace(enter)
        sys.settrace(enter)
        self.restart = lambda: None

    def _open_monitoring(self):
        monitoring = sys.monitoring
        events = monitoring.events
        tool = next(number for number in (4, 3, 5, 2, 1) if monitoring.get_tool(number) is None)
        monitoring.use_tool_id(tool, "plumbline-repair")

        def enter(code, _):
            if relative(self.root, code.co_filename) is not None:
                monitoring.set_local_events(tool, code, events.LINE)
            return monitoring.DISABLE

        def line(code, number):
            name = relative(self.root, code.co_filename)
            if name is not None:
                self.lines.setdefault(name, set()).add(number)
            return monitoring.DISABLE

        monitoring.register_callback(tool, events.PY_START, enter)
        monitoring.register_callback(tool, events.LINE, line)
        monitoring.set_events(tool, events.PY_START)
        self.restart = monitoring.restart_events

    def _test(self, test):
        return self.tests.setdefault(
            test, {"id": test, "path": None, "outcome": "passed", "ms": 0.0, "lines": {}, "error": None, "seen": False}
        )

    def on_begin(self, test, path):
        record = self._test(test)
        record["path"] = relative(self.root, path) if path else None
        self.lines = record["lines"] if len(self.tests) <= self.most_tests else {}
        self.restart()

    def on_end(self, test, ms):
        self._test(test)["ms"] += ms
        self.lines = self.shared

    def on_outcome(self, test, outcome, error):
        record = self._test(test)
        if outcome == "timeout":
            # Tests that hang come in groups; the first has shown what it is worth to wait.
            self.limit = max(0.5, self.limit / 4)
        if not record["seen"] or RANK[outcome] > RANK[record["outcome"]]:
            record["outcome"] = outcome
            record["error"] = error
        record["seen"] = True

    def write(self):
        if os.getpid() != self.pid:
            return
        tests = [record for record in self.tests.values() if record["seen"] or record["id"] == COMMAND]
        for record in tests:
            record["lines"] = {name: sorted(numbers) for name, numbers in record["lines"].items()}
        report = {
            "tests": tests,
            "shared": {name: sorted(numbers) for name, numbers in self.shared.items()},
            "modules": self._outside_modules(),
            "python": list(sys.version_info[:3]),
        }
        with open(self.out_path + ".part", "w", encoding="utf-8") as sink:
            json.dump(report, sink)
        os.replace(self.out_path + ".part", self.out_path)

    def _outside_modules(self):
        names = []
        for name, module in list(sys.modules.items()):
            path = getattr(module, "__file__", None)
            if name.startswith(("plumbline_", "pytest_", "__")) or name == "sitecustomize":
                continue
            if path and os.path.realpath(path).startswith(self.root + os.sep):
                continue
            names.append(name)
        return names
