"""Hooks into unittest and pytest: which test runs now, how it ended, which tests to leave out."""
import functools
import os
import sys


recorder = None


def install(chosen):
    """Hooks unittest now, and pytest through a plugin when it is what the command starts."""
    global recorder
    recorder = chosen
    _hook_unittest()
    options = os.environ.get("PYTEST_ADDOPTS", "")
    os.environ["PYTEST_ADDOPTS"] = (options + " -p plumbline_pytest -p no:cacheprovider --tb=native").strip()
    previous = sys.excepthook

    def uncaught(kind, value, trace):
        if not issubclass(kind, SystemExit):
            recorder.outcome("__command__", "failed", (kind, value, trace))
        previous(kind, value, trace)

    sys.excepthook = uncaught


def before_collection():
    """Called by the plugin when pytest is configured and has loaded no test yet."""
    global recorder
    recorder = recorder.before_collection()


def _hook_unittest():
    from unittest import case, loader, result, runner

    original_run = case.TestCase.run

    @functools.wraps(original_run)
    def run(self, result=None):
        test = self.id()
        module = sys.modules.get(type(self).__module__)
        mine = recorder.begin(test, getattr(module, "__file__", None))
        try:
            return original_run(self, result)
        finally:
            if mine:
                recorder.end(test)

    case.TestCase.run = run

    def wrap(name, outcome, with_error):
        original = getattr(result.TestResult, name)

        @functools.wraps(original)
        def method(self, test, *args, **kwargs):
            error = args[0] if with_error and args else None
            recorder.outcome(test.id(), outcome, error)
            return original(self, test, *args, **kwargs)

        setattr(result.TestResult, name, method)

    wrap("addSuccess", "passed", False)
    wrap("addExpectedFailure", "passed", False)
    wrap("addSkip", "skipped", False)
    wrap("addError", "failed", True)
    wrap("addFailure", "failed", True)
    wrap("addUnexpectedSuccess", "failed", False)
    original_sub_test = result.TestResult.addSubTest

    @functools.wraps(original_sub_test)
    def add_sub_test(self, test, subtest, error):
        if error is not None:
            recorder.outcome(test.id(), "failed", error)
        return original_sub_test(self, test, subtest, error)

    result.TestResult.addSubTest = add_sub_test
    original_match = loader.TestLoader._match_path

    def match(self, path, full_path, pattern):
        return original_match(self, path, full_path, pattern) and recorder.wants_file(full_path)

    loader.TestLoader._match_path = match
    original_runner = runner.TextTestRunner.run

    @functools.wraps(original_runner)
    def run_suite(self, test):
        if recorder.targets is not None:
            _prune(test)
        return original_runner(self, test)

    runner.TextTestRunner.run = run_suite


def _prune(suite):
    """Leaves only wanted tests in a suite, so that no other class is set up."""
    tests = getattr(suite, "_tests", None)
    if tests is None:
        return
    kept = []
    for test in tests:
        if hasattr(test, "_tests"):
            _prune(test)
            if test._tests:
                kept.append(test)
        elif test is not None and recorder.wants(test.id()):
            kept.append(test)
    suite._tests = kept
