# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real daemon in the lab, one lab for all cases of a file, and a small TAP harness.

A file defines cases with @case("what it proves") and calls main(). Arguments: SOURCE BUILD [TEXT…]; with
TEXT only the cases whose names contain one. Each case gets the world with all faults gone and the daemon
idle, and the daemon has to outlive it, as the same process, without a secret in its log, store or
properties."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

try:
    import gi

    gi.require_version("Gio", "2.0")
    from gi.repository import Gio, GLib
except (ImportError, ValueError):
    Gio = GLib = None

NAME = "org.sgp32"
ROOT = "/org/sgp32"
EID = "89049032123451234512345678901235"
EIM_ID = "eim.lab.test"
EUICC = f"{ROOT}/euicc/{EID}"
EIM = f"{EUICC}/eim/eim_2elab_2etest"
BOOTSTRAP = "8988211000000000003"
ERROR = "org.sgp32.Error."
SECONDS = 60  # longer than anything that works takes on a busy machine

# The daemon does nothing by itself that a case did not ask for.
CONF = """[General]
JobLinger=60
[Card]
ApduTimeout=10
[Poll]
Interval=2592000
Jitter=0
BackOff=86400
[Network]
ConnectTimeout=10
TotalTimeout=30
[Switch]
RefreshTimeout=5
OnlineTimeout=30
"""

CASES = []


def case(name, *args, **options):
    """Marks a function of the world; more arguments are passed on to it. restarts=True: it may end the daemon."""

    def mark(function):
        CASES.append((name, function, args, options))
        return function

    return mark


class BusError(Exception):
    """An error reply: name without its prefix, message."""

    def __init__(self, name, message):
        super().__init__(f"{name}: {message}")
        self.name = name.removeprefix(ERROR)
        self.message = message


class Outcome:
    """How a job ended: result ("done", …), error ("Timeout", "" if none), message, details of the error,
    values of its result."""

    def __init__(self, result, error, message, values, details):
        self.result = result
        self.error = error.removeprefix(ERROR)
        self.message = message
        self.values = values
        self.details = details

    def __repr__(self):
        return f"{self.result} {self.error} {self.message!r} {self.details} {self.values}"


def expect(actual, wanted, what=""):
    assert actual == wanted, f"{what}: {actual!r} in place of {wanted!r}"


class World:
    def __init__(self, source, build):
        self.source, self.build = source, build
        self.lab_program = os.path.join(source, "tests", "lab", "lab")
        self.env = dict(os.environ, SGP32_BUILD=build)
        for name in ("SGP32_LAB_DIR", "DBUS_SYSTEM_BUS_ADDRESS"):
            self.env.pop(name, None)
        self.dir = tempfile.mkdtemp(prefix="sgp32-test.")
        self.secrets = set()
        self.connection = None
        self.watchers = []  # functions of (path, interface, changed)
        self.serial = 0

    # ---- the lab ----

    def lab(self, *argv, check=True):
        r = subprocess.run([self.lab_program, "--dir", self.dir, *argv], env=self.env, check=False,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True)
        assert not check or r.returncode == 0, f"lab {' '.join(argv)}: {r.stdout}"
        return r.stdout

    def ctl(self, part, *words, check=True):
        """A verb of a part over its socket, as `./run lab PART … --json`."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(SECONDS)
            s.connect(self.path(part, "control"))
            s.sendall(json.dumps({"args": [str(w) for w in words], "cwd": self.dir}).encode() + b"\n")
            with s.makefile() as answers:
                answer = json.loads(answers.readline())
        assert not check or answer["ok"], f"lab {part} {words}: {answer.get('text')}"
        return answer.get("data")

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, text):
        path = self.path("daemon", "config", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def up(self, *arguments, conf=CONF, nvm=None, negative=False):
        self.lab("up", "--without", "daemon", "--quiet", "--arg", "modem=--attach-ms=50", *arguments, self.dir)
        if negative:
            subprocess.run([os.path.join(self.source, "tests", "lab", "lab-pki"), self.path("pki"), "--eid", EID,
                            "--negative"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.prepare_card(nvm)
        self.write("sgp32.conf.d/50-test.conf", conf)
        self.connection = Gio.DBusConnection.new_for_address_sync(
            f"unix:path={self.path('bus', 'socket')}",
            Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
            None, None)
        self.connection.signal_subscribe(NAME, None, None, None, None, Gio.DBusSignalFlags.NONE,
                                         self.on_signal)
        self.start_daemon()
        self.acquaint()

    def prepare_card(self, nvm):
        self.lab("stop", "card")
        with open(self.path("card", "state.json"), encoding="utf-8") as f:
            state = json.load(f)
        state["max_profiles"] = 200
        state["nvm"] = nvm or state["nvm"]
        with open(self.path("card", "state.json"), "w", encoding="utf-8") as f:
            json.dump(state, f)
        self.lab("start", "card")
        self.wait_link("up")

    def acquaint(self):
        """The eIM learns the card before its first package."""
        self.repair_package(self.queue("list"))

    def start_daemon(self):
        self.lab("start", "daemon")
        self.wait_ready()

    def wait_ready(self):
        """The card is there, nothing runs, and the eIM is associated."""
        self.until(lambda: self.exists(EIM) and self.get(EUICC, "Euicc", "State") == "ready",
                   "the eUICC is ready")

    def down(self):
        self.lab("down", "--remove", check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    @staticmethod
    def eventually(condition, what):
        """For what other programs do in their own time, and do not tell."""
        end = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < end, f"{what}: not within {SECONDS} seconds"
            time.sleep(0.02)

    def wait_link(self, state):
        def there():
            radio = self.ctl("modem", "show")["radio"]
            return radio["link"] == state and radio.get("settled", True)
        self.eventually(there, f"the link is {state}")

    # ---- the bus ----

    def on_signal(self, _connection, _sender, path, _interface, member, parameters):
        if member == "PropertiesChanged":
            interface, changed, _ = parameters.unpack()
            for watcher in list(self.watchers):
                watcher(path, interface, changed)

    def iterate(self, condition, seconds):
        """Signals are taken until the condition holds, which is looked at after each."""
        context = GLib.MainContext.default()
        late = []
        source = GLib.timeout_source_new(int(seconds * 1000))
        source.set_callback(lambda *_: late.append(True) or GLib.SOURCE_CONTINUE)
        source.attach(context)
        try:
            while not condition():
                if late:
                    return False
                context.iteration(True)
            return True
        finally:
            source.destroy()

    def until(self, condition, what, seconds=SECONDS):
        assert self.iterate(condition, seconds), f"{what}: not within {seconds} seconds"

    def call(self, path, interface, method, signature=None, *values):
        parameters = GLib.Variant(signature, values) if signature else None
        if "." not in interface:
            interface = f"{NAME}.{interface}"
        try:
            reply = self.connection.call_sync(NAME, path, interface, method, parameters, None,
                                              Gio.DBusCallFlags.NONE, SECONDS * 1000, None)
        except GLib.Error as e:
            name = Gio.DBusError.get_remote_error(e)
            if not name:
                raise
            Gio.DBusError.strip_remote_error(e)
            raise BusError(name, e.message) from None
        values = reply.unpack()
        return values[0] if len(values) == 1 else values

    def get(self, path, interface, name):
        return self.call(path, "org.freedesktop.DBus.Properties", "Get", "(ss)", f"{NAME}.{interface}", name)

    def objects(self):
        return self.call(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")

    def exists(self, path):
        return path in self.objects()

    def wait(self, job):
        """Until the job ends."""
        result, error, message, values = self.call(job, "Job", "Wait")
        name, _, details = self.get(job, "Job", "Error")
        expect(name, error, "Error and Wait()")
        return Outcome(result, error, message, values, details)

    def until_state(self, job, *states):
        """Until the job is in one of these states; it must not end before."""
        def there():
            state = self.get(job, "Job", "State")
            assert state in states or state not in ("done", "failed", "cancelled"), self.wait(job)
            return state in states
        self.until(there, f"the job is {' or '.join(states)}")

    def job(self, path, interface, method, signature, *values):
        return self.wait(self.call(path, interface, method, signature, *values))

    def start_poll(self):
        return self.call(EUICC, "Ipa", "Poll", "(a{sv})", {"force": GLib.Variant("b", True)})

    def poll(self):
        return self.wait(self.start_poll())

    def start_download(self, code, confirmation=None, accept="auto"):
        options = {"accept": GLib.Variant("s", accept)}
        if confirmation is not None:
            options["confirmation-code"] = GLib.Variant("s", confirmation)
            self.secrets.add(confirmation)
        return self.call(EUICC, "Euicc", "Download", "(sa{sv})", code, options)

    def download(self, code, **options):
        return self.wait(self.start_download(code, **options))

    def refresh(self):
        return self.job(EUICC, "Euicc", "Refresh", None)

    def notify(self):
        return self.job(EUICC, "Euicc", "ProcessNotifications", "(ata{sv})", [], {})

    # ---- what cases need ----

    def profile(self, *options):
        """A new profile at the SM-DP+: activation code, ICCID."""
        self.serial += 1
        matching = f"GEHEIM-{self.serial:04}-{os.getpid()}"
        self.secrets.add(matching)
        if "--cc" in options:
            self.secrets.add(options[options.index("--cc") + 1])
        data = self.ctl("smdp", "add", "--matching-id", matching, "--name", f"Profile {self.serial}",
                        *(() if "--size" in options else ("--size", "2000")), *options)
        return data["activationCode"], data["iccid"]

    def installed(self, iccid):
        return iccid in [p["iccid"] for p in self.ctl("card", "show")["profiles"]]

    def enabled(self):
        return [p["iccid"] for p in self.ctl("card", "show")["profiles"] if p["enabled"]]

    def queue(self, *words):
        return self.ctl("eim", "queue", EID, *words)["id"]

    def item(self, number):
        for item in self.ctl("eim", "show", EID)["queue"]:
            if item["id"] == number:
                return item
        raise AssertionError(f"the eIM has no item {number}")

    def expect_item(self, number, state="done"):
        item = self.item(number)
        expect(item["state"], state, f"item {number} {item['label']} ({item.get('reason')})")
        return item

    def repair_package(self, number):
        """The next poll brings the package to its end."""
        outcome = self.poll()
        expect((outcome.result, outcome.error), ("done", ""), f"the next poll: {outcome}")
        self.expect_item(number)
        self.expect_clean()

    def repair_download(self, code, iccid, **options):
        outcome = self.download(code, **options)
        expect((outcome.result, outcome.error), ("done", ""), f"the next download: {outcome}")
        assert self.installed(iccid), "the profile is not on the card"

    def expect_clean(self):
        """Nothing is left on the card that waits for somebody."""
        card = self.ctl("card", "show")
        expect(card["results"], [], "results on the card")
        expect(card["notifications"], [], "notifications on the card")
        expect(self.get(EUICC, "Ipa", "PackagePhase"), "idle", "PackagePhase")

    def fault(self, part, *words):
        self.ctl(part, "fault", *words)

    @contextlib.contextmanager
    def conf(self, text):
        """Other settings for a while."""
        path = self.write("sgp32.conf.d/90-case.conf", text)
        self.call(ROOT, "Manager", "Reload")
        try:
            yield
        finally:
            os.unlink(path)
            self.call(ROOT, "Manager", "Reload")

    def calm(self):
        """Before each case: no faults, an idle daemon, nothing queued."""
        card = self.ctl("card", "show")
        self.ctl("card", "fault", "clear")
        self.ctl("card", "delay", 0)
        self.ctl("card", "hang", "off")
        self.ctl("card", "mute-refresh", "off")
        if not card["inserted"]:
            self.ctl("card", "insert")
        for part in ("eim", "smdp"):
            self.ctl(part, "fault", "clear")
        self.ctl("eim", "drop", EID, check=False)
        self.ctl("modem", "clear")
        self.ctl("modem", "radio", "covered")
        self.wait_link("up")
        self.wait_ready()

    def pid(self):
        with open(self.path("log", "daemon.pid"), encoding="ascii") as f:
            pid = int(f.read())
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            assert f.read().rpartition(")")[2].split()[0] != "Z", "the daemon ended"
        return pid

    def log(self):
        with open(self.path("log", "daemon.log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def check_secrets(self):
        places = {"the properties": repr(self.objects()), "the log": self.log(),
                  "the history": repr(self.call(ROOT, "Manager", "GetHistory", "(su)", EID, 1000))}
        for folder, _, names in os.walk(self.path("daemon", "state")):
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    places[f"the store ({name})"] = f.read().decode("latin-1")
        for place, text in places.items():
            for secret in self.secrets:
                assert secret not in text, f"{place}: a secret: {secret}"


def run_case(world, function, args, options):
    world.calm()
    pid = world.pid()
    function(world, *args)
    assert options.get("restarts") or world.pid() == pid, "the daemon was started anew"
    world.check_secrets()


def main(arguments=(), **options):
    """Options are those of World.up()."""
    source, build, *wanted = sys.argv[1:]
    if Gio is None:
        print("1..0 # SKIP python3-gi is not installed")
        return
    if subprocess.run(["unshare", "-rnm", "true"], stderr=subprocess.DEVNULL, check=False).returncode and \
            subprocess.run(["unshare", "-nm", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        print("1..0 # SKIP no unshare -rnm here")
        return
    cases = [c for c in CASES if not wanted or any(w in c[0] for w in wanted)]
    for s in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, lambda *_: sys.exit(143))
    print(f"1..{len(cases)}", flush=True)
    world = World(source, build)
    failed = 0
    try:
        world.up(*arguments, **options)
        for number, (name, function, args, options) in enumerate(cases, 1):
            before, start = len(world.log()), time.monotonic()
            try:
                run_case(world, function, args, options)
                print(f"ok {number} {name}", flush=True)
            except (AssertionError, BusError, GLib.Error, OSError, KeyError, ValueError):
                failed += 1
                print(f"not ok {number} {name}")
                text = traceback.format_exc() + "--- the daemon:\n" + world.log()[before:]
                print("\n".join("# " + line for line in text.splitlines()), flush=True)
            if wanted:
                print(f"# {time.monotonic() - start:.1f} s", flush=True)
    finally:
        world.down()
    sys.exit(1 if failed else 0)
