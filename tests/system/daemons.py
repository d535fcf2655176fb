# SPDX-License-Identifier: LGPL-2.1-or-later
"""A lab whose daemon is started, killed and ended by the test, and a small TAP harness.

The daemon is started by the test, not by the lab, so that it can be started with anything, killed and
asked for its exit status; it runs in the lab's namespaces all the same. Programs come from SGP32_BUILD:
a build with sanitizers tests its own daemon, and what a sanitizer says fails the test point.
"""

import glob
import json
import os
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import traceback

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
BUILD = os.path.realpath(os.environ.get("SGP32_BUILD") or os.path.join(SOURCE, "build"))
os.environ["SGP32_BUILD"] = BUILD
LAB = os.path.join(SOURCE, "tests", "lab", "lab")
EID = "89049032123451234512345678901235"
EUICC = f"/org/sgp32/euicc/{EID}"
BOOTSTRAP = "8988211000000000003"
OPERATOR = "8944476500001224158"
# How much slower than usual everything may be; meson says it by the multiplier of its timeouts.
PATIENCE = float(os.environ.get("SGP32_PATIENCE") or 1)


class Skip(Exception):
    """The test cannot run here; the text says why."""


class WorldError(Exception):
    pass


def missing():
    """Why no lab can run here, or None."""
    for way in (["unshare", "-rnm"], ["unshare", "-nm"]):
        if subprocess.run(way + ["true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
            return None
    return "no unshare -rnm here"


def wait_for(what, condition, seconds=30):
    """Polls what another program does in its own time; returns the first true value."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds * PATIENCE:g} s")
        time.sleep(0.02)


def plain(value):
    """busctl's JSON without its types."""
    if isinstance(value, dict):
        if set(value) == {"type", "data"}:
            return plain(value["data"])
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list) else value


class Daemon:
    """One run of sgp32d in a world."""

    def __init__(self, world, crash=None, preload=False, environment=None, arguments=()):
        self.world = world
        self.notices = []  # (monotonic seconds, text) of sd_notify
        self.log_start = os.path.getsize(world.daemon_log) if os.path.exists(world.daemon_log) else 0
        name = world.path("log", "notify")
        try:
            os.unlink(name)
        except FileNotFoundError:
            pass
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.listener.bind(name)
        options = "log_path=" + world.path("log", "sanitizer")
        variables = {
            "NOTIFY_SOCKET": name,
            # The preloaded library comes before the runtime of the sanitizer.
            "ASAN_OPTIONS": options + ":verify_asan_link_order=0",
            "UBSAN_OPTIONS": options + ":print_stacktrace=1",
            "TSAN_OPTIONS": options,
        }
        if crash or preload:
            variables["LD_PRELOAD"] = os.path.join(BUILD, "tests", "system", "crash-preload.so")
            variables["SGP32_CRASH"] = crash or ""
            variables["SGP32_DISK_FAILS"] = world.path("log", "disk-fails")
            variables["SGP32_CRASH_COUNT"] = world.path("log", "crash.count")
        variables.update(environment or {})
        folder = world.path("daemon")
        argv = [LAB, "--dir", world.dir, "exec", "--", "env"]
        argv += [f"{k}={v}" for k, v in variables.items()]
        argv += [os.path.join(BUILD, "daemon", "sgp32d"), "--config-dir", f"{folder}/config", "--state-dir",
                 f"{folder}/state", "--runtime-dir", f"{folder}/run", "--plugin-dir", f"{folder}/plugins",
                 "--no-udev", *arguments]
        with open(world.daemon_log, "ab", buffering=0) as log:
            log.write(f"--- {shlex.join(variables_of(variables))}\n".encode())
            self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          start_new_session=True)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            try:
                text = self.listener.recv(4096).decode()
            except OSError:
                return
            if not text:
                return
            self.notices.append((time.monotonic(), text))

    def said(self, word):
        """When it first notified that (monotonic seconds), or None."""
        for when, text in list(self.notices):
            if word in text.split("\n"):
                return when
        return None

    @property
    def status(self):
        """None while it runs; minus the signal that ended it."""
        return self.child.poll()

    def ready(self, seconds=20):
        """Waits until it is ready; false if it ended before."""
        wait_for("READY=1", lambda: self.said("READY=1") or self.status is not None, seconds)
        return self.said("READY=1") is not None

    def end(self, number=signal.SIGTERM, seconds=20):
        """Ends it; its exit status."""
        if self.status is None:
            self.child.send_signal(number)
        return self.wait(seconds)

    def wait(self, seconds=20):
        try:
            return self.child.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the daemon runs on after {seconds * PATIENCE:g} s") from None

    def log(self):
        with open(self.world.daemon_log, encoding="utf-8", errors="replace") as f:
            f.seek(self.log_start)
            return f.read()

    def close(self):
        if self.status is None:
            self.child.kill()
        self.child.wait()
        try:
            # recv() does not wake up when another thread closes its socket.
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()


def variables_of(variables):
    return [f"{k}={v}" for k, v in variables.items() if k.startswith(("SGP32_", "WATCHDOG"))] + ["sgp32d"]


class World:
    def __init__(self, conf="", arguments=(), eid=None):
        """conf: for sgp32.conf.d. arguments: of `lab up`."""
        self.dir = tempfile.mkdtemp(prefix="sgp32-sys.")
        self.daemons = []
        self.exports = {}
        self.eid = eid or EID
        self.daemon_log = self.path("log", "daemon.log")
        try:
            more = ["--eid", eid] if eid else []
            for text in self.lab("up", self.dir, "--quiet", "--without", "daemon",
                                 "--arg", "modem=--attach-ms=50", "--arg", "modem=--boot-ms=100",
                                 *more, *arguments).splitlines():
                name, _, value = text.removeprefix("export ").partition("=")
                self.exports[name] = value.strip("'")
            # Makes the configuration of the daemon; the tests start their own.
            self.lab("start", "daemon")
            self.lab("stop", "daemon")
            for name in ("state", "run"):
                shutil.rmtree(self.path("daemon", name))
                os.mkdir(self.path("daemon", name), mode=0o700)
            self.ctl("card", "counts", "reset")
            self.conf("[Poll]\nInterval=1\nJitter=0\nBackOff=1\nBackOffMax=2\n" + conf)
        except BaseException:
            self.close()
            raise

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def conf(self, text, name="test"):
        folder = self.path("daemon", "config", "sgp32.conf.d")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, name + ".conf"), "w", encoding="utf-8") as f:
            f.write(text)

    def lab(self, *argv):
        r = subprocess.run([LAB, "--dir", self.dir, *argv], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, check=False)
        if r.returncode != 0:
            raise WorldError(f"lab {' '.join(argv)}: {(r.stderr or r.stdout).strip()}")
        return r.stdout

    def inside(self, *argv, check=True):
        """Runs a command in the device's namespaces; its output."""
        r = subprocess.run([LAB, "--dir", self.dir, "exec", "--", *argv], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, check=False)
        if check and r.returncode != 0:
            raise WorldError(f"{' '.join(argv)}: {(r.stderr or r.stdout).strip()}")
        return r.stdout

    # -- the lab's own sockets, which are quicker than its commands --

    @staticmethod
    def exchange(path, request):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(60)
            s.connect(path)
            s.sendall(json.dumps(request).encode() + b"\n")
            with s.makefile() as answers:
                return json.loads(answers.readline() or '{"error": "no answer"}')

    def parts(self, verb, *names, sig="SIGTERM"):
        """start, stop or restart parts of the lab."""
        answer = self.exchange(self.path("lab.sock"), {"verb": verb, "parts": names, "signal": sig})
        if "error" in answer:
            raise WorldError(f"{verb} {' '.join(names)}: {answer['error']}")

    def ctl(self, part, *args):
        """A verb of a part, as `lab PART … --json`; its data."""
        answer = self.exchange(self.path(part, "control"),
                               {"args": [str(a) for a in args], "cwd": self.dir})
        if not answer.get("ok"):
            raise WorldError(f"{part} {' '.join(map(str, args))}: {answer.get('text')}")
        return answer.get("data")

    def online(self):
        """Waits until the modem has raised its link."""
        wait_for("link up", lambda: self.ctl("modem", "show")["radio"]["link"] == "up")

    # -- states to go back to --

    # Not daemon/run: it has what the next daemon must know of the modem, which lives on.
    FOLDERS = ("card", "smdp", "eim", "daemon/state")

    def save(self, name):
        """Keeps the state of all parts under a name. The daemon must not run."""
        self.parts("stop", "card", "smdp", "eim")
        for folder in self.FOLDERS:
            shutil.copytree(self.path(folder), self.path("saved", name, folder),
                            ignore=shutil.ignore_patterns("control"))
        self.parts("start", "smdp", "eim", "card")
        self.online()

    def restore(self, name):
        """Goes back to it: the card is pulled, and another one put in."""
        for daemon in self.daemons:
            daemon.close()
        self.daemons.clear()
        self.parts("stop", "card", "smdp", "eim", sig="SIGKILL")
        wait_for("card away", lambda: not self.ctl("modem", "show")["card"]["present"])
        for folder in self.FOLDERS:
            shutil.rmtree(self.path(folder))
            shutil.copytree(self.path("saved", name, folder), self.path(folder))
        self.parts("start", "smdp", "eim", "card")
        self.online()

    # -- the daemon --

    def mortal_card(self, die_at):
        """The card in a process of the test's own, which ends with status 77 around its k-th write."""
        self.parts("stop", "card")
        return subprocess.Popen(
            [LAB, "--dir", self.dir, "exec", "--", os.path.join(BUILD, "tests", "lab", "card", "lab-card"),
             "--state", self.path("card"), "--control", self.path("card", "control"), "--connect",
             "unix:" + self.path("modem", "card"), "--die-at", die_at],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stored(self, query):
        """Rows of the store. The daemon must not run."""
        path = self.path("daemon", "state", "store.db")
        connection = sqlite3.connect(path)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def start(self, **options):
        daemon = Daemon(self, **options)
        self.daemons.append(daemon)
        return daemon

    def get(self, path, interface, name):
        """A property; None while the object is not there."""
        r = subprocess.run(["busctl", "--json=short", "get-property", "org.sgp32", path,
                            f"org.sgp32.{interface}", name], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, text=True, check=False,
                           env=dict(os.environ, **self.exports))
        return plain(json.loads(r.stdout)) if r.returncode == 0 else None

    def call(self, path, interface, method, *arguments):
        """A method, arguments as busctl takes them; its answer's values. Raises WorldError with the error's text."""
        r = subprocess.run(["busctl", "--json=short", "--timeout=60", "call", "org.sgp32", path,
                            f"org.sgp32.{interface}", method, *arguments], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, check=False,
                           env=dict(os.environ, **self.exports))
        if r.returncode != 0:
            raise WorldError(r.stderr.strip())
        return plain(json.loads(r.stdout)) if r.stdout.strip() else None

    def history(self):
        """Rows of the history, newest first."""
        return self.call("/org/sgp32", "Manager", "GetHistory", "su", "", "1000")[0]

    def sanitizer_reports(self):
        texts = []
        for path in glob.glob(self.path("log", "sanitizer.*")):
            with open(path, encoding="utf-8", errors="replace") as f:
                texts.append(f.read())
            os.unlink(path)
        return texts

    def tail(self, lines=60):
        try:
            with open(self.daemon_log, encoding="utf-8", errors="replace") as f:
                return f.read().splitlines()[-lines:]
        except OSError:
            return []

    def close(self):
        for daemon in self.daemons:
            daemon.close()
        subprocess.run([LAB, "down", self.dir], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.dir, ignore_errors=True)


# ---- TAP ----


def equal(got, wanted, what=""):
    assert got == wanted, f"{what}: {got!r}, not {wanted!r}"


def run(points, world_of=None):
    """Runs test points, pairs of a name and a function of the world, and prints TAP. world_of makes the
    world; it is made once and closed at the end."""
    reason = missing()
    if reason:
        print(f"1..0 # SKIP {reason}")
        return 0
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    failed, count = 0, 0
    world = (world_of or World)()
    try:
        for name, function in points:
            count += 1
            outcome, note = "ok", ""
            begin = time.monotonic()
            try:
                note = function(world) or ""
                reports = world.sanitizer_reports()
                assert not reports, "\n".join(reports)
            except Skip as skip:
                note = f"SKIP {skip}"
            except Exception:  # pylint: disable=broad-except
                outcome = "not ok"
                failed += 1
                for text in traceback.format_exc().splitlines() + world.tail() + world.sanitizer_reports():
                    print("# " + text.replace("\n", "\n# "))
            print(f"{outcome} {count} {name}" + (f" # {note}" if note else ""), flush=True)
            print(f"# {time.monotonic() - begin:.1f} s", flush=True)
    finally:
        world.close()
    print(f"1..{count}")
    return 1 if failed else 0
