# SPDX-License-Identifier: LGPL-2.1-or-later
"""A private system bus with the service over its fake manager, and a small TAP harness.

The paths of the programs come from the environment (see meson.build)."""

import os
import select
import shutil
import subprocess
import sys
import tempfile
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
EID_CONSUMER = "89049032000000000000000000000012"
EUICC = f"{ROOT}/euicc/{EID}"
CONSUMER = f"{ROOT}/euicc/{EID_CONSUMER}"
PROFILE = f"{EUICC}/profile/8944000000000000017"
BOOTSTRAP = f"{EUICC}/profile/8944000000000000009"
EIM = f"{EUICC}/eim/eim_2elab_2etest"
TIMEOUT = 10

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={folder}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"""


class Skip(Exception):
    """The test cannot run here; the text says why."""


def missing():
    """Why no test of this folder can run here, or None."""
    if not shutil.which("dbus-daemon"):
        return "dbus-daemon is not installed"
    if Gio is None:
        return "python3-gi is not installed"
    return None


class World:
    def __init__(self, uid=None, perturb=True):
        arguments = [os.environ["FAKE_SERVICE"]]
        if uid is not None:
            arguments += ["--uid", str(uid)]
        self.folder = tempfile.mkdtemp(prefix="sgp32-bus-")
        os.chmod(self.folder, 0o755)
        config = os.path.join(self.folder, "bus.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(BUS_CONFIG.format(folder=self.folder))
        self.address = f"unix:path={self.folder}/bus"
        self.environment = dict(
            os.environ,
            DBUS_SYSTEM_BUS_ADDRESS=self.address,
            DBUS_SESSION_BUS_ADDRESS=self.address,
            LC_ALL="C.UTF-8",
            TZ="UTC",
        )
        if not perturb:
            # of Meson: malloc itself then overwrites what is freed
            self.environment.pop("MALLOC_PERTURB_", None)
        self.bus = self.service = self.polkit = self.connection = None
        try:
            self.start(config, arguments)
        except BaseException:
            self.kill()
            raise

    def start(self, config, arguments):
        self.bus = subprocess.Popen(
            ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.bus.stdout.readline()
        self.service = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self.environment,
            text=True,
            errors="surrogateescape",
        )
        self.expect_line("ready")
        self.connection = self.connect()

    def __enter__(self):
        return self

    def __exit__(self, kind, *ignored):
        if kind:
            self.kill()
        else:
            self.close()

    def kill(self):
        """After a failure: leaves nothing behind, and proves nothing."""
        for process in (self.polkit, self.service, self.bus):
            if process:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self):
        """The service has to end well when its input ends."""
        self.stop_polkit()
        self.connection.close_sync(None)
        self.service.stdin.close()
        try:
            status = self.service.wait(TIMEOUT)
        finally:
            self.kill()
        self.service.stdout.close()
        self.bus.stdout.close()
        assert status == 0, f"the service ended with {status}"

    def connect(self):
        return Gio.DBusConnection.new_for_address_sync(
            self.address,
            Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
            | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
            None,
            None,
        )

    def read_line(self):
        ready, _, _ = select.select([self.service.stdout], [], [], TIMEOUT)
        assert ready, "the service says nothing"
        return self.service.stdout.readline().strip()

    def expect_line(self, line):
        got = self.read_line()
        assert got == line, f"the service says {got!r}, not {line!r}"

    def control(self, line):
        """Changes the model; gives back what follows "ok"."""
        self.service.stdin.write(line + "\n")
        self.service.stdin.flush()
        answer = self.read_line()
        assert answer.split(" ")[0] == "ok", f"{line}: {answer}"
        return answer[3:]

    def call(self, path, interface, member, signature="()", *arguments, interactive=False):
        flags = Gio.DBusCallFlags.NONE
        if interactive:
            flags = Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION
        reply = self.connection.call_sync(
            NAME,
            path,
            interface,
            member,
            GLib.Variant(signature, arguments),
            None,
            flags,
            TIMEOUT * 1000,
            None,
        ).unpack()
        return reply[0] if len(reply) == 1 else reply

    def error_of(self, *arguments, **options):
        """The D-Bus error name that a call ends with."""
        try:
            reply = self.call(*arguments, **options)
        except GLib.Error as error:
            return Gio.DBusError.get_remote_error(error)
        raise AssertionError(f"{arguments}: no error, but {reply!r}")

    def get(self, path, interface, name):
        return self.call(path, "org.freedesktop.DBus.Properties", "Get", "(ss)", interface, name)

    def get_all(self, path, interface):
        return self.call(path, "org.freedesktop.DBus.Properties", "GetAll", "(s)", interface)

    def set(self, path, interface, name, value):
        return self.call(
            path, "org.freedesktop.DBus.Properties", "Set", "(ssv)", interface, name, value
        )

    def objects(self):
        return self.call(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")

    def introspect(self, path):
        return self.call(path, "org.freedesktop.DBus.Introspectable", "Introspect")

    def run(self, *arguments, **options):
        return subprocess.run(
            arguments,
            env=dict(self.environment, **options.pop("environment", {})),
            capture_output=True,
            text=True,
            timeout=TIMEOUT * 3,
            check=False,
            **options,
        )

    def start_polkit(self, allowed=(), code=None):
        """polkitd of python-dbusmock. code replaces its answer, as AddMethod takes it."""
        probe = subprocess.run(
            ["/usr/bin/python3", "-c", "import dbusmock"], capture_output=True, check=False
        )
        if probe.returncode:
            raise Skip("python3-dbusmock is not installed")
        self.polkit = subprocess.Popen(
            ["/usr/bin/python3", "-m", "dbusmock", "--system", "--template", "polkitd"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=self.environment,
            text=True,
        )
        with Watch(self, "org.freedesktop.DBus", "NameOwnerChanged", sender=None) as watch:
            if "org.freedesktop.PolicyKit1" not in self.bus_call("ListNames"):
                watch.until(lambda _, args: args[0] == "org.freedesktop.PolicyKit1" and args[2])
        self.mock("SetAllowed", "(as)", list(allowed))
        if code:
            method = ("org.freedesktop.PolicyKit1.Authority", "CheckAuthorization")
            types = ("(sa{sv})sa{ss}us", "(bba{ss})")
            self.mock("AddMethod", "(sssss)", *method, *types, code)

    def bus_call(self, member, signature="()", *arguments):
        return self.connection.call_sync(
            "org.freedesktop.DBus",
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus",
            member,
            GLib.Variant(signature, arguments),
            None,
            0,
            TIMEOUT * 1000,
            None,
        ).unpack()[0]

    def mock(self, member, signature, *arguments):
        return self.connection.call_sync(
            "org.freedesktop.PolicyKit1",
            "/org/freedesktop/PolicyKit1/Authority",
            "org.freedesktop.DBus.Mock",
            member,
            GLib.Variant(signature, arguments),
            None,
            0,
            TIMEOUT * 1000,
            None,
        ).unpack()

    def stop_polkit(self):
        if self.polkit:
            self.polkit.terminate()
            self.polkit.wait(TIMEOUT)
            self.polkit.stderr.close()
            self.polkit = None


class Watch:
    """Signals of the service from now on."""

    def __init__(self, world, interface=None, member=None, path=None, sender=NAME):
        self.world = world
        self.seen = []
        self.subscription = world.connection.signal_subscribe(
            sender, interface, member, path, None, 0, self.on_signal
        )
        world.bus_call("GetId")  # the bus has the match now

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.world.connection.signal_unsubscribe(self.subscription)

    def on_signal(self, _connection, _sender, path, _interface, member, parameters):
        self.seen.append((path, member, parameters.unpack()))

    def until(self, wanted):
        """The first signal for which wanted(path, arguments) is true; it is taken away."""
        context = GLib.MainContext.default()
        late = []
        timer = GLib.timeout_add_seconds(TIMEOUT, lambda: late.append(1) or True)
        try:
            while True:
                for index, (path, member, arguments) in enumerate(self.seen):
                    if wanted(path, arguments):
                        del self.seen[index]
                        return path, member, arguments
                assert not late, f"no such signal; seen: {self.seen}"
                context.iteration(True)
        finally:
            GLib.source_remove(timer)

    def changed(self, path, interface):
        """The next PropertiesChanged of that object and interface: (values, invalidated)."""
        _, _, arguments = self.until(lambda p, a: p == path and a[0] == interface)
        return arguments[1], arguments[2]


def memory_holds(pid, needle):
    """Whether a process has some bytes anywhere in its writable memory."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb") as mem:
        for line in maps:
            area, rights = line.split()[:2]
            start, end = (int(x, 16) for x in area.split("-"))
            if not rights.startswith("rw") or end - start > 1 << 28:
                continue  # what is larger is the shadow of a sanitizer
            try:
                mem.seek(start)
                if needle in mem.read(end - start):
                    return True
            except OSError:
                continue
    return False


def equal(got, wanted, what=""):
    assert got == wanted, f"{what}: {got!r}, not {wanted!r}"


def main(tests):
    """Runs tests (pairs of name and function) and prints TAP."""
    reason = missing()
    if reason:
        print(f"1..0 # SKIP {reason}")
        return 0
    failed = 0
    print(f"1..{len(tests)}", flush=True)
    for number, (name, function) in enumerate(tests, 1):
        try:
            function()
        except Skip as skip:
            print(f"ok {number} {name} # SKIP {skip}", flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            for line in traceback.format_exc().splitlines():
                print(f"# {line}")
            print(f"not ok {number} {name}", flush=True)
        else:
            print(f"ok {number} {name}", flush=True)
    return 1 if failed else 0


def tests_of(module):
    """All functions test_… of a module in order; their names with spaces prove what they say."""
    return [
        (name[len("test_") :].replace("_", "-"), function)
        for name, function in vars(module).items()
        if name.startswith("test_") and callable(function)
    ]


def run(module_name):
    sys.exit(main(tests_of(sys.modules[module_name])))
