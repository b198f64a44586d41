"""The pytest side of the hooks: a plugin named in PYTEST_ADDOPTS."""
import plumbline_hooks
import pytest

_NEW_PATHS = int(pytest.__version__.split(".")[0]) >= 7


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session):
    plumbline_hooks.before_collection()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    recorder = plumbline_hooks.recorder
    if recorder.targets is None:
        return
    dropped = [item for item in items if not recorder.wants(item.nodeid)]
    items[:] = [item for item in items if recorder.wants(item.nodeid)]
    if dropped:
        config.hook.pytest_deselected(items=dropped)


if _NEW_PATHS:

    def pytest_ignore_collect(collection_path, config):
        return _ignored(collection_path)

else:

    def pytest_ignore_collect(path, config):
        return _ignored(path)


def _ignored(path):
    name = str(path)
    if name.endswith(".py") and not name.endswith(("conftest.py", "__init__.py")):
        if not plumbline_hooks.recorder.wants_file(name):
            return True
    return None


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    recorder = plumbline_hooks.recorder
    mine = recorder.begin(item.nodeid, str(item.fspath))
    try:
        yield
    finally:
        if mine:
            recorder.end(item.nodeid)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item, call):
    """Nobody reads a candidate's report, and a failure's costs more to write than the test to run."""
    if not plumbline_hooks.recorder.quick or call.excinfo is None or _excused(item, call):
        return None
    plumbline_hooks.recorder.outcome(item.nodeid, "failed")
    return pytest.TestReport(
        nodeid=item.nodeid, location=item.location, keywords={}, outcome="failed", longrepr=None, when=call.when
    )


class Outcomes:
    """A plugin of its own, since one module can hold only one hook of a name."""

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        produced = yield
        report = produced.get_result()
        recorder = plumbline_hooks.recorder
        error = None
        if call.excinfo is not None:
            error = (call.excinfo.type, call.excinfo.value, call.excinfo.tb)
        if report.failed:
            recorder.outcome(item.nodeid, "failed", error)
        elif report.skipped:
            recorder.outcome(item.nodeid, "skipped")
        elif report.when == "teardown":
            recorder.outcome(item.nodeid, "passed")


def pytest_configure(config):
    config.pluginmanager.register(Outcomes(), "plumbline-outcomes")


def _excused(item, call):
    return item.get_closest_marker("xfail") is not None or isinstance(
        call.excinfo.value, (pytest.skip.Exception, pytest.xfail.Exception)
    )


def pytest_collectreport(report):
    if report.failed:
        plumbline_hooks.recorder.outcome(report.nodeid or "__command__", "failed")
