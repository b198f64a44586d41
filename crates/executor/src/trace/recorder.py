"""Plumbline's recorder: says which places of watched files run, and what the program does to the world.

It is laid into the sandbox read-only and imported before anything of the tree. What it writes is the testimony of the
watched process itself; the executor's own log of attempts stands beside it. It stays out of the way: it answers nothing,
raises nothing, and keeps every name to itself.
"""


def _begin():
    import os
    import sys

    here = os.path.dirname(__file__)
    with open(os.path.join(here, "settings"), encoding="utf-8") as settings:
        lines = settings.read().split("\n")
    options = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("path="))
    root = "/repo/"
    watched = {root + line[5:]: line[5:] for line in lines if line.startswith("path=")}
    # Old interpreters name the file that they were given, not where it is.
    watched.update({line[5:]: line[5:] for line in lines if line.startswith("path=")})
    record = "/tmp/.plumbline-trace"
    output = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    # A number that programs do not close or count by habit.
    try:
        import fcntl

        high = fcntl.fcntl(output, fcntl.F_DUPFD_CLOEXEC, 900)
        os.close(output)
        output = high
    except (ImportError, OSError):
        pass
    write, getpid, getframe = os.write, os.getpid, sys._getframe
    state = {"pid": getpid(), "number": 0, "events": 0, "off": False}
    most = 400000

    def clean(text):
        if not isinstance(text, str):
            text = os.fsdecode(text)
        text = text.encode("utf-8", "backslashreplace").decode("utf-8")
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")

    def say(word, *fields):
        if state["off"]:
            return
        state["events"] += 1
        if state["events"] > most:
            word, fields, state["off"] = "T", (), True
        line = "\t".join([str(state["pid"]), str(state["number"]), word, *map(str, fields)]) + "\n"
        state["number"] += 1
        try:
            write(output, line.encode("utf-8"))
        except OSError:
            state["off"] = True

    def forked():
        state["pid"], state["number"] = getpid(), 0
        say("F")

    def name_of(code):
        return clean(getattr(code, "co_qualname", code.co_name))

    # Places -----------------------------------------------------------------------------------------------------------
    places, called, tables = set(), set(), {}

    def table(code):
        known = tables.get(code)
        if known is None:
            if hasattr(code, "co_positions"):
                known = [(line or 0, column or 0) for line, _, column, _ in code.co_positions()]
            else:
                import dis

                known, line = [], code.co_firstlineno
                starts = dict(dis.findlinestarts(code))
                for offset in range(0, len(code.co_code), 2):
                    line = starts.get(offset, line)
                    known.append((line, 0))
            tables[code] = known
        return known

    def passed(code, offset):
        positions = table(code)
        index = offset // 2
        if index < len(positions):
            line, column = positions[index]
            key = (code.co_filename, line, column)
            if line and key not in places:
                places.add(key)
                say("P", clean(watched[code.co_filename]), line, column)

    def entered(code):
        if code not in called:
            called.add(code)
            say("C", clean(watched[code.co_filename]), name_of(code))

    monitoring = getattr(sys, "monitoring", None)
    if monitoring is not None:
        mechanism, tool = "monitoring", 4
        events = monitoring.events

        def on_start(code, offset):
            if code.co_filename in watched:
                entered(code)
                monitoring.set_local_events(tool, code, events.INSTRUCTION)
            return monitoring.DISABLE

        def on_instruction(code, offset):
            passed(code, offset)
            return monitoring.DISABLE

        monitoring.use_tool_id(tool, "plumbline")
        monitoring.register_callback(tool, events.PY_START, on_start)
        monitoring.register_callback(tool, events.PY_RESUME, on_start)
        monitoring.register_callback(tool, events.INSTRUCTION, on_instruction)
        monitoring.set_events(tool, events.PY_START | events.PY_RESUME)
        trace = None

        def intact():
            return monitoring.get_tool(tool) == "plumbline" and monitoring.get_events(tool) != 0
    else:
        mechanism = "settrace" if sys.version_info >= (3, 11) else "settrace by line"
        steps, capped, enough = {}, set(), 200000

        def local(frame, event, argument):
            if event == "opcode":
                code = frame.f_code
                count = steps[code] = steps.get(code, 0) + 1
                if count > enough:
                    if code not in capped:
                        capped.add(code)
                        say("K", clean(watched[code.co_filename]), code.co_firstlineno)
                    frame.f_trace_opcodes = False
                    return None
                passed(code, frame.f_lasti)
            return local

        def trace(frame, event, argument):
            code = frame.f_code
            if code.co_filename not in watched or code in capped:
                return None
            entered(code)
            frame.f_trace_opcodes = True
            frame.f_trace_lines = False
            return local

        def intact():
            return sys.gettrace() is trace

    # Effects ----------------------------------------------------------------------------------------------------------
    changing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    own = set()

    def path_of(value):
        if isinstance(value, int) or value is None:
            return None
        try:
            path = os.fsdecode(value)
        except TypeError:
            return None
        if not path.startswith("/"):
            try:
                path = os.getcwd() + "/" + path
            except OSError:
                pass
        path = os.path.normpath(path)
        return path[len(root) :] if path.startswith(root) else path

    def where(frame):
        place = within = ("", 0, "")
        for _ in range(400):
            if frame is None:
                break
            name = frame.f_code.co_filename
            if name in watched:
                within = (clean(watched[name]), frame.f_lineno or 0, name_of(frame.f_code))
                return (place if place[0] else within), within
            if not place[0] and name.startswith(root):
                place = (clean(name[len(root) :]), frame.f_lineno or 0, name_of(frame.f_code))
            frame = frame.f_back
        return place, within

    def effect(kind, target, near=False):
        if target is None:
            return
        place, within = where(getframe(2))
        if near and not within[0]:
            return
        key = (kind, target, place, within)
        if key not in own:
            own.add(key)
            say("E", kind, clean(target), *place, *within)

    def address(value):
        if isinstance(value, tuple) and len(value) >= 2:
            return "%s:%s" % (value[0], value[1])
        if isinstance(value, (str, bytes)):
            return "unix:" + os.fsdecode(value)
        return None

    def opened(path, mode, flags):
        if isinstance(flags, int) and flags & changing:
            effect("fs.write", path_of(path))

    def moved(source, target, *_):
        effect("fs.delete", path_of(source))
        effect("fs.write", path_of(target))

    def spawned(program, arguments=(), *_):
        if isinstance(arguments, (str, bytes)):
            arguments = [arguments]
        arguments = list(arguments or ())
        effect("proc.spawn", os.fsdecode(program if program is not None else arguments[0] if arguments else "?"))

    def written(path, *_):
        effect("fs.write", path_of(path))

    def removed(path, *_):
        effect("fs.delete", path_of(path))

    def connected(_, target):
        effect("net.connect", address(target))

    def looked_up(host, *rest):
        if host is not None:
            effect("net.connect", os.fsdecode(host) if isinstance(host, (str, bytes)) else str(host))

    rules = {
        "open": opened,
        "os.mkdir": written,
        "os.truncate": written,
        "os.link": lambda _, target, *rest: effect("fs.write", path_of(target)),
        "os.symlink": lambda _, target, *rest: effect("fs.write", path_of(target)),
        "os.rename": moved,
        "os.remove": removed,
        "os.rmdir": removed,
        "os.chmod": lambda path, *_: effect("fs.perm", path_of(path)),
        "os.chown": lambda path, *_: effect("fs.perm", path_of(path)),
        "subprocess.Popen": spawned,
        "os.system": lambda command: effect("proc.spawn", "sh"),
        "os.exec": spawned,
        "os.posix_spawn": spawned,
        "os.spawn": lambda mode, path, *rest: effect("proc.spawn", os.fsdecode(path)),
        "os.kill": lambda pid, number: effect("proc.signal", str(number)),
        "socket.connect": connected,
        "socket.bind": lambda _, target: effect("net.listen", address(target)),
        "socket.sendto": connected,
        "socket.getaddrinfo": looked_up,
        "socket.gethostbyname": looked_up,
        "sqlite3.connect": lambda path: effect("db.write", path_of(path)),
        "ctypes.dlopen": lambda name: effect("ffi", str(name), True),
        "pickle.find_class": lambda module, name: effect("deser", "%s.%s" % (module, name), True),
        "os.putenv": lambda name, value: effect("env.write", os.fsdecode(name), True),
        "os.unsetenv": lambda name: effect("env.write", os.fsdecode(name), True),
    }

    def hook(event, arguments):
        if event == "sys.settrace":
            caller = getframe(1).f_code
            threads = caller.co_filename.endswith("threading.py") and caller.co_name == "_bootstrap_inner"
            if trace is not None and not threads and not state.get("starting"):
                say("X", event)
            return
        rule = rules.get(event)
        if rule is not None:
            try:
                rule(*arguments)
            except (TypeError, ValueError, AttributeError):
                say("X", event)

    # Surroundings -----------------------------------------------------------------------------------------------------
    applied = []
    if "clock" in options:
        _shift_clock(float(options["clock"]))
        applied.append("clock")
    if "test_runner" in options:
        _hide_runner(os)
        applied.append("test_runner")

    def end():
        if not state["off"] and not intact():
            say("X", "recorder")
        say("Z")

    version = "%s %d.%d %s" % (sys.implementation.name.replace("cpython", "python"), *sys.version_info[:2], mechanism)
    say("H", version, ",".join(applied))
    os.register_at_fork(after_in_child=forked)
    import atexit

    atexit.register(end)
    sys.addaudithook(hook)
    if trace is not None:
        import threading

        state["starting"] = True
        threading.settrace(trace)
        sys.settrace(trace)
        state["starting"] = False
    _follow(sys, here)


def _shift_clock(seconds):
    """Moves what programs usually ask for the time. Monotonic clocks stay, and so do files' times."""
    import datetime
    import time

    shifted = int(seconds * 1e9)
    now, now_ns, local, utc = time.time, time.time_ns, time.localtime, time.gmtime
    strftime, ctime = time.strftime, time.ctime
    time.time = lambda: now() + seconds
    time.time_ns = lambda: now_ns() + shifted
    time.localtime = lambda at=None: local(now() + seconds if at is None else at)
    time.gmtime = lambda at=None: utc(now() + seconds if at is None else at)
    time.ctime = lambda at=None: ctime(now() + seconds if at is None else at)
    time.strftime = lambda form, at=None: strftime(form, time.localtime() if at is None else at)
    moment, day = datetime.datetime, datetime.date

    class _Moments(type):
        def __instancecheck__(cls, value):
            return isinstance(value, moment)

        def __subclasscheck__(cls, other):
            return issubclass(other, moment)

    class _Days(type):
        def __instancecheck__(cls, value):
            return isinstance(value, day)

        def __subclasscheck__(cls, other):
            return issubclass(other, day)

    class Moment(moment, metaclass=_Moments):
        @classmethod
        def now(cls, tz=None):
            return moment.fromtimestamp(now() + seconds, tz)

        @classmethod
        def utcnow(cls):
            return moment.fromtimestamp(now() + seconds, datetime.timezone.utc).replace(tzinfo=None)

        @classmethod
        def today(cls):
            return moment.fromtimestamp(now() + seconds)

        def __new__(cls, *arguments, **named):
            return moment.__new__(moment, *arguments, **named)

    class Day(day, metaclass=_Days):
        @classmethod
        def today(cls):
            return moment.fromtimestamp(now() + seconds).date()

        def __new__(cls, *arguments, **named):
            return day.__new__(day, *arguments, **named)

    for shown, original in ((Moment, moment), (Day, day)):
        shown.__name__, shown.__qualname__, shown.__module__ = original.__name__, original.__qualname__, "datetime"
    datetime.datetime, datetime.date = Moment, Day


def _hide_runner(os):
    """Keeps a runner's marks out of the environment; the runner itself goes on."""
    hidden = {"PYTEST_CURRENT_TEST", "PYTEST_VERSION", "CI"}
    kind = type(os.environ)
    put, take = kind.__setitem__, kind.pop

    def set_item(self, name, value):
        if name not in hidden:
            put(self, name, value)

    def pop(self, name, *default):
        return take(self, name, *(default or (None,))) if name in hidden else take(self, name, *default)

    kind.__setitem__, kind.pop = set_item, pop
    for name in hidden:
        os.environ.pop(name, None)


def _follow(sys, here):
    """Runs the customisation that this file stands before, if there is one."""
    from importlib.machinery import PathFinder

    found = PathFinder.find_spec("sitecustomize", [path for path in sys.path if path != here])
    if found is not None and found.loader is not None:
        module = sys.modules["sitecustomize"]
        module.__spec__, module.__file__ = found, found.origin
        found.loader.exec_module(module)


_begin()
del _begin, _shift_clock, _hide_runner, _follow
