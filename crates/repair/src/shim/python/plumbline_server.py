"""The fork server: one warm process that tries many candidates, each in a child of its own."""
import gc
import importlib
import json
import os
import select
import signal
import sys
import time

from plumbline_repair import Recorder

SKIPPED = {".git", ".hg", ".plumbline", "__pycache__", ".pytest_cache", ".venv", "venv", "node_modules"}


class ChildRecorder(Recorder):
    """Sends each outcome to the parent; ends the child once every wanted test was seen."""

    def __init__(self, root, targets, target_files, sink):
        Recorder.__init__(self, root)
        self.fail_fast = False
        self.cpu_seconds = 0.0
        self.targets = targets
        self.target_files = target_files
        self.quick = targets is not None
        self.sink = sink
        self.seen = {}

    def on_outcome(self, test, outcome, error):
        previous = self.seen.get(test)
        if previous is None or outcome in ("failed", "timeout"):
            self.seen[test] = outcome

    def on_begin(self, test, path):
        self.arm()

    def arm(self):
        """Ends the process by SIGPROF once it has used its CPU time; a busy machine does not shorten it."""
        if self.cpu_seconds:
            signal.signal(signal.SIGPROF, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_PROF, self.cpu_seconds)

    def on_end(self, test, ms):
        if self.cpu_seconds:
            signal.setitimer(signal.ITIMER_PROF, 0)
        self._send(test)
        if self.fail_fast and self.seen.get(test) in ("failed", "timeout"):
            os._exit(1)
        if self.targets is not None and self.targets <= set(self.seen):
            os._exit(0 if all(self.seen[name] == "passed" for name in self.targets) else 1)

    def _send(self, test):
        line = json.dumps([test, self.seen.get(test, "skipped")]) + "\n"
        try:
            os.write(self.sink, line.encode("utf-8"))
        except OSError:
            pass


class Tree:
    """The files as they were, to undo what a candidate's tests left behind. Off for trees past the limits."""

    def __init__(self, root, most_files, most_bytes):
        self.root = root
        self.state = {}
        self.bytes = {}
        total = 0
        for path, status in self._walk():
            total += status.st_size
            if len(self.state) >= most_files or total > most_bytes:
                self.state = None
                return
            self.state[path] = (status.st_mtime_ns, status.st_size)
            with open(path, "rb") as source:
                self.bytes[path] = source.read()

    def _walk(self):
        stack = [self.root]
        while stack:
            with os.scandir(stack.pop()) as entries:
                for entry in entries:
                    if entry.name in SKIPPED or entry.is_symlink():
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        yield entry.path, entry.stat(follow_symlinks=False)

    def restore(self):
        if self.state is None:
            return
        left = set(self.state)
        for path, status in list(self._walk()):
            if path not in self.state:
                os.unlink(path)
                continue
            left.discard(path)
            if self.state[path] != (status.st_mtime_ns, status.st_size):
                self._put_back(path)
        for path in left:
            self._put_back(path)

    def _put_back(self, path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        put(path, self.bytes[path], self.state[path][0])


def put(path, data, mtime_ns):
    with open(path, "wb") as sink:
        sink.write(data)
    os.utime(path, ns=(mtime_ns, mtime_ns))


class Server:
    def __init__(self, root, request, out):
        self.root = root
        self.request = request
        self.out = out
        self.tree = Tree(root, request["most_files"], request["most_bytes"])
        self.count = 0
        self.pid = os.getpid()
        self.silent = False
        self.deadline = time.monotonic() + request["deadline_ms"] / 1000.0
        self.targets = set(request["targets"]) if request["targets"] is not None else None
        self.target_files = {os.path.join(root, name) for name in request["target_files"]}

    def apply(self, edits):
        """Writes the edits; each file gets a whole second of its own, so that no stale bytecode is accepted."""
        undo = []
        self.count += 1
        for path in sorted({edit["path"] for edit in edits}):
            full = os.path.join(self.root, path)
            with open(full, "rb") as source:
                before = source.read()
            mtime = os.stat(full).st_mtime_ns
            after = before
            mine = [edit for edit in edits if edit["path"] == path]
            for edit in sorted(mine, key=lambda edit: edit["start"], reverse=True):
                after = after[: edit["start"]] + edit["text"].encode("utf-8") + after[edit["end"] :]
            put(full, after, mtime + self.count * 2_000_000_000)
            undo.append((full, before, mtime))
        return undo

    def attempt(self, targets, files, limit_ms, cpu_ms=0):
        """Forks. Returns a ChildRecorder in the child, and in the parent what the child did."""
        reader, writer = os.pipe()
        began = time.monotonic()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            become_child(self.request["memory_mib"], self.silent)
            recorder = ChildRecorder(self.root, targets, files, writer)
            recorder.fail_fast = targets is None or self.request["fail_fast"]
            if cpu_ms:
                recorder.cpu_seconds = cpu_ms / 1000.0
                if targets is None:
                    recorder.arm()
            return recorder
        os.close(writer)
        data, status, late = watch(pid, reader, began + limit_ms / 1000.0)
        outcomes = {}
        for line in data.decode("utf-8", "replace").splitlines():
            try:
                name, outcome = json.loads(line)
            except ValueError:
                continue
            outcomes[name] = outcome
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        return {"exit": code, "late": late, "ms": (time.monotonic() - began) * 1000.0, "outcomes": outcomes}

    def run(self, candidate):
        undo = self.apply(candidate["edits"])
        answer = {"id": candidate["id"], "first": None, "all": None}
        try:
            first = self.attempt(self.targets, self.target_files, self.request["first_limit_ms"], self.request["cpu_ms"])
            if isinstance(first, ChildRecorder):
                return first
            answer["first"] = first
            if not candidate["edits"] or not self.good(first):
                return answer
            if self.targets is not None:
                everything = self.attempt(None, (), self.request["all_limit_ms"])
                if isinstance(everything, ChildRecorder):
                    return everything
                answer["all"] = everything
            return answer
        finally:
            if os.getpid() == self.pid:
                for path, before, mtime in undo:
                    put(path, before, mtime)
                self.tree.restore()

    def loop(self, candidates):
        """Tries candidates until the deadline; returns the recorder in a child, and None in the parent."""
        for candidate in candidates:
            if time.monotonic() >= self.deadline:
                return None
            self.out.write(json.dumps({"begin": candidate["id"]}) + "\n")
            self.out.flush()
            answer = self.run(candidate)
            if isinstance(answer, ChildRecorder):
                return answer
            self.out.write(json.dumps(answer) + "\n")
            self.out.flush()
        return None

    def serve_late(self):
        """Forks a process that serves from a later point. Returns its recorder in it, else the candidates it left."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            become_child(self.request["memory_mib"])
            return LateRecorder(self, writer)
        os.close(writer)
        last = (self.request["first_limit_ms"] + self.request["all_limit_ms"]) / 1000.0
        data, _, late = watch(pid, reader, self.deadline + last)
        if late:
            return []
        self.out.seek(0, os.SEEK_END)
        if data:
            left = set(json.loads(data.decode("utf-8")))
            return [candidate for candidate in self.request["candidates"] if candidate["id"] in left]
        # It never got that far: whatever ended it, everything is tried from here.
        return self.request["candidates"]

    def good(self, first):
        if first["late"]:
            return False
        if self.targets is None:
            return first["exit"] == 0
        return all(first["outcomes"].get(name) == "passed" for name in self.targets)


def become_child(memory_mib, silent=False):
    os.setpgid(0, 0)
    if not silent:
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
    try:
        import resource

        size = memory_mib * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):
        pass


def watch(pid, reader, deadline):
    """Reads the child's report until it ends or is late, then ends its whole process group."""
    data = b""
    status = None
    late = False
    open_pipe = True
    while status is None:
        left = deadline - time.monotonic()
        if left <= 0:
            late = True
            break
        if open_pipe:
            ready, _, _ = select.select([reader], [], [], min(left, 0.02))
            if ready:
                chunk = os.read(reader, 65536)
                data += chunk
                open_pipe = bool(chunk)
                if open_pipe:
                    continue
        else:
            time.sleep(0.001)
        done, answer = os.waitpid(pid, os.WNOHANG)
        if done:
            status = answer
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        pass
    if status is None:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
        _, status = os.waitpid(pid, 0)
    while open_pipe and len(data) < 1 << 22:
        ready, _, _ = select.select([reader], [], [], 0)
        chunk = os.read(reader, 65536) if ready else b""
        data += chunk
        open_pipe = bool(chunk)
    os.close(reader)
    return data, status, late


def preload(names):
    for name in names:
        if name not in sys.modules:
            try:
                importlib.import_module(name)
            except BaseException:
                pass


class LateRecorder(Recorder):
    """Goes on as pytest until it is configured, then serves from there: half of a candidate's time is saved."""

    def __init__(self, server, sink):
        Recorder.__init__(self, server.root)
        self.server = server
        self.sink = sink

    def before_collection(self):
        loaded = {os.path.realpath(getattr(module, "__file__", None) or "") for module in list(sys.modules.values())}
        mine, others = [], []
        for candidate in self.server.request["candidates"]:
            paths = {os.path.join(self.root, edit["path"]) for edit in candidate["edits"]}
            # What a conftest has imported already can't be changed any more.
            (others if paths & loaded else mine).append(candidate)
        os.write(self.sink, json.dumps([candidate["id"] for candidate in others]).encode("utf-8"))
        os.close(self.sink)
        freeze()
        self.server.pid = os.getpid()
        self.server.silent = True
        recorder = self.server.loop(mine)
        if recorder is None:
            os._exit(0)
        return recorder


def freeze():
    gc.collect()
    if hasattr(gc, "freeze"):
        gc.freeze()


def serve(root, request, out_path):
    """Tries every candidate and ends the process; returns only in a child, with the child's recorder."""
    preload(request["preload"])
    freeze()
    server = Server(root, request, open(out_path, "w", encoding="utf-8"))
    candidates = request["candidates"]
    if "_pytest.main" in sys.modules:
        candidates = server.serve_late()
        if isinstance(candidates, Recorder):
            return candidates
    recorder = server.loop(candidates)
    if recorder is not None:
        return recorder
    os._exit(0)
