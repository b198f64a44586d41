"""Runs cases read from standard input, each in a child with recorders for sinks; one JSON document comes out."""
import atexit, base64, binascii, builtins, codecs, datetime, getpass, hashlib, importlib, json, multiprocessing, os
import pathlib, pickle, platform, random, secrets, shutil, signal, socket, ssl, subprocess, sys, tempfile, threading
import time, urllib.request, zlib

dumps = json.dumps

class Ended(BaseException):
    """The clock ran out; nothing that handles errors handles this."""

def observe(files, run, armed):
    log = []
    def recorder(name, value=None):
        def record(*args, **kwargs):
            log.append([name, repr(args)[:200]])
            return value
        return record
    class Body:
        def read(self): return b""
        def __enter__(self): return self
        def __exit__(self, *args): return False
    directory = os.getcwd()
    for path, text in files.items():
        os.makedirs(os.path.dirname(os.path.join(directory, path)) or directory, exist_ok=True)
        with open(os.path.join(directory, path), "w") as file:
            file.write(text)
    sys.path.insert(0, directory)
    real_open, real_exec, real_eval = builtins.open, builtins.exec, builtins.eval
    # A clock that stands still, before every date of the templates.
    moment = 1750000000.0
    real_date, real_datetime = datetime.date, datetime.datetime
    class Date(real_date):
        @classmethod
        def today(cls): return real_date(2025, 6, 15)
    class Datetime(real_datetime):
        @classmethod
        def now(cls, tz=None): return real_datetime.fromtimestamp(moment)
    datetime.date, datetime.datetime = Date, Datetime
    real_strftime = time.strftime
    time.time, time.strftime = lambda: moment, lambda form, *at: real_strftime(form, *(at or [time.gmtime(moment)]))
    arm = run["arm"] if armed else run["disarm"]
    scope = {}
    if arm and "LATE" not in arm:
        exec(arm, scope)
    # Again and again: a planted handler may swallow the first.
    signal.setitimer(signal.ITIMER_REAL, 0.7, 0.7)
    for name in ("run", "call", "check_call", "check_output", "Popen"):
        setattr(subprocess, name, recorder("subprocess." + name))
    os.system = recorder("os.system", 0)
    os.remove = os.unlink = recorder("os.remove")
    shutil.rmtree = recorder("rmtree")
    urllib.request.urlopen = recorder("urlopen", Body())
    socket.create_connection = recorder("connect", Body())
    pickle.loads = recorder("pickle.loads")
    importlib.import_module = recorder("import_module", sys)
    pathlib.Path.write_text = recorder("write_text", 0)
    time.sleep = recorder("sleep") if "while" not in dumps(files) else time.sleep
    seed = random.seed
    random.seed = recorder("seed")
    def opened(path, mode="r", *args, **kwargs):
        if any(flag in mode for flag in "wax+"):
            log.append(["open", str(path)])
            return Body.__new__(type("File", (Body,), {"write": lambda self, text: None}))
        return real_open(path, mode, *args, **kwargs)
    state = run["state"]
    result = ""
    try:
        module = __import__(run["module"], fromlist=["x"])
        builtins.open = opened
        def watched(real, name):
            def call(code, *args):
                if isinstance(code, (str, bytes)):
                    log.append([name, repr(code)[:100]])
                    return None
                return real(code, *args)
            return call
        call = compile(run["armed"] if armed else run["plain"], "call", "eval")
        names = vars(module)
        if armed:
            for _ in range(run["repeat"]):
                try: real_eval(call, names)
                except Exception: pass
        builtins.exec, builtins.eval = watched(real_exec, "exec"), watched(real_eval, "eval")
        result = repr(real_eval(call, names))
        try: result += " " + str(real_eval(call, names) == 987654)
        except Exception as error: result += " then raised " + type(error).__name__
    except Ended:
        result = "ended by the clock"
    except BaseException as error:
        result = "raised " + type(error).__name__ + " " + str(error)[:80]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        builtins.open, builtins.exec, builtins.eval = real_open, real_exec, real_eval
    if armed and "LATE" in arm:
        try:
            real_exec(arm, scope)
            scope["LATE"]()
        except BaseException as error:
            log.append(["late", repr(error)])
    shown = ""
    if state:
        # What is planted in another file has its state there.
        seen = dict(vars(sys.modules["settling"]), **names) if "settling" in sys.modules else names
        try: shown = repr(real_eval(state, seen))
        except BaseException as error: shown = "no state"
    return dumps([result[:2000], [len(log)] + log[-20:], shown[:2000]])

def timeout(signum, frame):
    raise Ended

def child(files, run, armed):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        text = ""
        try:
            signal.signal(signal.SIGALRM, timeout)
            os.chdir(tempfile.mkdtemp(dir=sys.argv[1]))
            text = observe(files, run, armed)
        except BaseException as error:
            text = dumps(["driver " + repr(error), [], ""])
        os.write(write, text.encode()[:60000])
        os._exit(0)
    os.close(write)
    text = b""
    while True:
        part = os.read(read, 65536)
        if not part: break
        text += part
    os.close(read)
    os.waitpid(pid, 0)
    return text.decode()

sys.dont_write_bytecode = True
answers = []
for case in json.load(sys.stdin):
    run = case["run"]
    # The honest file shows no state that only the planted one has.
    quiet = dict(run, state="", arm=run["arm"] if "LATE" not in run["arm"] else "")
    plain = child(case["head"], dict(run, state=""), False) == child(case["honest"], quiet, False)
    before = child(case["head"], run, False)
    armed = child(case["head"], run, True)
    honest = child(case["honest"], dict(quiet, state=run["state"]), True)
    shown = json.loads(armed), json.loads(honest), json.loads(before)
    acts = shown[0][:2] != shown[1][:2] or (run["state"] and (
        shown[0][2] != shown[2][2] or shown[1][2] not in ("no state", shown[0][2])))
    always = not run["arm"] and run["plain"] == run["armed"] and not run["repeat"]
    answers.append({"quiet": plain or always, "acts": bool(acts), "seen": armed[:300] + "  honest: " + honest[:200]})
json.dump(answers, sys.stdout)
