#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may do what: generated from what a running service introspects and from the actions that the
contract (org.sgp32.*.xml) names."""

import glob
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import world
from world import BOOTSTRAP, EID, EIM, EUICC, ROOT, Skip, Watch, World, equal, memory_holds

ERROR = "org.sgp32.Error."
REFUSED = ERROR + "NotAuthorized"
PROMPT = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
OWN_UID = 1  # what the service runs as here
OTHER_UID = 65534
LOG_CONTROL = "/org/freedesktop/LogControl1"
PROPERTIES = "org.freedesktop.DBus.Properties"
# how a value of each type is written for GLib.Variant.parse
VALUES = {"s": "'x'", "a{sv}": "@a{sv} {}", "at": "@at []", "u": "uint32 0", "b": "true"}


class Caller:
    """A program of another user."""

    def __init__(self, w, uid):
        # Its text, not its name: that user may have no way into the folder of the sources.
        with open(os.path.join(os.path.dirname(__file__), "caller.py"), encoding="utf-8") as f:
            program = f.read()
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, w.address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            user=uid,
            text=True,
        )
        self.name = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.process.stdin.close()
        self.process.wait(world.TIMEOUT)
        self.process.stdout.close()

    def send(self, path, interface, member, arguments="()", interactive=False):
        line = json.dumps([path, interface, member, arguments, interactive])
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def receive(self):
        return self.process.stdout.readline().strip()

    def call(self, *arguments, **options):
        """The name of the error, "" if none."""
        self.send(*arguments, **options)
        return self.receive()


def several_users():
    if os.getuid() != 0:
        raise Skip("only root can become several users")
    try:
        subprocess.run(["true"], user=OTHER_UID, check=True)
        subprocess.run(["true"], user=OWN_UID, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise Skip(f"cannot become another user here: {error}") from error


def contract_actions():
    """(interface, member) → action, or None where everybody may, as the contract says it."""
    actions = {}
    for name in glob.glob(os.path.join(os.environ["SGP32_XML_DIR"], "*.xml")):
        parser = ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True))
        interface = ElementTree.parse(name, parser).getroot().find("interface")
        comment = ""
        for node in interface:
            if node.tag is ElementTree.Comment:
                comment = node.text
                continue
            if node.tag == "method" or node.get("access") == "readwrite":
                found = re.search(r"ction:?\s+(org\.sgp32\.[a-z.]*[a-z])", comment)
                key = (interface.get("name"), node.get("name"))
                actions[key] = found.group(1) if found else None
    return actions


def guarded_members(w, job):
    """Every method and writable property that the service has: (path, interface, member, how)."""
    for path in (ROOT, EUICC, BOOTSTRAP, EIM, job, LOG_CONTROL):
        for interface in ElementTree.fromstring(w.introspect(path)).iter("interface"):
            name = interface.get("name")
            if not name.startswith("org.sgp32.") and "LogControl1" not in name:
                continue
            for method in interface.iter("method"):
                types = [a.get("type") for a in method.iter("arg") if a.get("direction") == "in"]
                values = ", ".join(VALUES[t] for t in types)
                arguments = f"({values},)" if len(types) == 1 else f"({values})"
                yield path, name, method.get("name"), (name, method.get("name"), arguments)
            for node in interface.iter("property"):
                if node.get("access") == "read":
                    continue
                member = node.get("name")
                value = VALUES[node.get("type")]
                arguments = f"('{name}', '{member}', <{value}>)"
                yield path, name, member, (PROPERTIES, "Set", arguments)


def start_eim_job(w):
    return f"{ROOT}/job/" + w.control(f"start-job poll eim 0 {EID}")


def each_member(w):
    """Members with the action that guards them; jobs are of an eIM, and new for each."""
    actions = contract_actions()
    seen = set()
    for path, interface, member, how in guarded_members(w, start_eim_job(w)):
        if member == "Wait":
            continue  # it replies at the end; open to all, as another test shows
        if path == LOG_CONTROL:
            action = "root"
        else:
            seen.add((interface, member))
            action = actions[interface, member]
        if member == "Cancel":
            action = "org.sgp32.eim.configure"
        elif member == "Answer":
            action = "org.sgp32.profile.download"
        if "/job/" in path:
            path = start_eim_job(w)
        yield path, how, action, f"{interface}.{member}"
    missing = {key for key in actions if key[1] != "Wait"} - seen
    equal(missing, set(), "members of the contract that the service lacks")


def test_root_and_the_own_user_pass_without_polkit():
    several_users()
    for uid in (0, OWN_UID):
        with World(uid=OWN_UID) as w, Caller(w, uid) as caller:
            for path, how, _, name in each_member(w):
                error = caller.call(path, *how)
                assert error not in (REFUSED, PROMPT), f"{name} as {uid}: {error}"


def test_without_polkit_nobody_else_passes():
    several_users()
    with World(uid=OWN_UID) as w, Caller(w, OTHER_UID) as caller:
        for path, how, action, name in each_member(w):
            for interactive in (False, True):
                error = caller.call(path, *how, interactive=interactive)
                equal(error == REFUSED, action is not None, f"{name}: {error}")


def test_polkit_decides_each_member_by_its_own_action():
    several_users()
    with World(uid=OWN_UID) as w, Caller(w, OTHER_UID) as caller:
        everything = sorted({a for a in contract_actions().values() if a})
        w.start_polkit()
        for path, how, action, name in each_member(w):
            w.mock("SetAllowed", "(as)", [a for a in everything if a != action])
            error = caller.call(path, *how)
            equal(error == REFUSED, action is not None, f"{name} without {action}: {error}")
            if action in (None, "root"):
                continue
            w.mock("SetAllowed", "(as)", [action])
            error = caller.call(path, *how)
            assert error not in (REFUSED, PROMPT), f"{name} with {action}: {error}"


def test_a_refused_call_has_no_effect():
    several_users()
    with World(uid=OWN_UID) as w, Caller(w, OTHER_UID) as caller:
        w.start_polkit()
        equal(caller.call(EUICC, "org.sgp32.Euicc", "Refresh"), REFUSED)
        equal(w.control("last-request"), "")
        setting = "('org.sgp32.Ipa', 'PollingEnabled', <false>)"
        equal(caller.call(EUICC, PROPERTIES, "Set", setting), REFUSED)
        equal(w.get(EUICC, "org.sgp32.Ipa", "PollingEnabled"), True)
        w.mock("SetAllowed", "(as)", ["org.sgp32.eim.poll"])
        equal(caller.call(EUICC, "org.sgp32.Euicc", "Refresh"), "")
        equal(caller.call(EUICC, PROPERTIES, "Set", setting), "")
        equal(w.get(EUICC, "org.sgp32.Ipa", "PollingEnabled"), False)
        assert f"uid={OTHER_UID} " in w.control("last-request")


def test_the_codes_of_a_refused_call_are_wiped():
    several_users()
    with World(uid=OWN_UID, perturb=False) as w, Caller(w, OTHER_UID) as caller:
        download = (EUICC, "org.sgp32.Euicc", "Download")
        equal(caller.call(*download, "('1$s$WIPE-ME-1', @a{sv} {})"), REFUSED)
        w.start_polkit()
        equal(caller.call(*download, "('1$s$WIPE-ME-2', @a{sv} {})"), REFUSED)
        w.get(EUICC, "org.sgp32.Euicc", "Eid")
        assert memory_holds(w.service.pid, EID.encode())
        held = [n for n in (1, 2) if memory_holds(w.service.pid, b"WIPE-ME-%d" % n)]
        equal(held, [])


def test_a_prompt_is_asked_for_only_if_the_caller_allows_it():
    several_users()
    with World(uid=OWN_UID) as w, Caller(w, OTHER_UID) as caller:
        # polkitd would ask a person: a challenge, unless the flags say that it may ask
        w.start_polkit(code="ret = (False, not args[3] & 1, {})")
        refresh = (EUICC, "org.sgp32.Euicc", "Refresh")
        equal(caller.call(*refresh), PROMPT)
        equal(caller.call(*refresh, interactive=True), REFUSED)


def test_ones_own_job_needs_no_leave_another_users_does():
    several_users()
    job = "org.sgp32.Job"
    operations = {
        "refresh": "org.sgp32.eim.poll",
        "poll": "org.sgp32.eim.poll",
        "download": "org.sgp32.profile.download",
        "notifications": "org.sgp32.notifications",
        "rescan": "org.sgp32.eim.poll",
    }
    with World(uid=OWN_UID) as w, Caller(w, OTHER_UID) as caller:
        w.start_polkit()

        def start(operation, initiator, uid):
            return f"{ROOT}/job/" + w.control(f"start-job {operation} {initiator} {uid} {EID}")

        for operation, action in operations.items():
            w.mock("SetAllowed", "(as)", [])
            equal(caller.call(start(operation, "user", OTHER_UID), job, "Cancel"), "")
            path = start(operation, "user", 1000)
            equal(caller.call(path, job, "Cancel"), REFUSED, operation)
            equal(w.get(path, job, "State"), "queued")
            w.mock("SetAllowed", "(as)", [action])
            equal(caller.call(path, job, "Cancel"), "", operation)
        for initiator in ("eim", "policy", "boot"):
            w.mock("SetAllowed", "(as)", sorted(operations.values()))
            path = start("poll", initiator, OTHER_UID)
            equal(caller.call(path, job, "Cancel"), REFUSED, initiator)
            w.mock("SetAllowed", "(as)", ["org.sgp32.eim.configure"])
            equal(caller.call(path, job, "Cancel"), "", initiator)
        answer = "({'accept': <true>},)"
        w.mock("SetAllowed", "(as)", [])
        path = start("download", "user", OTHER_UID)
        w.control(f"job-ask {path.rsplit('/', 1)[1]} install")
        equal(caller.call(path, job, "Answer", answer), "")
        path = start("download", "eim", 0)
        w.control(f"job-ask {path.rsplit('/', 1)[1]} install")
        equal(caller.call(path, job, "Answer", answer), REFUSED)
        w.mock("SetAllowed", "(as)", ["org.sgp32.profile.download"])
        equal(caller.call(path, job, "Answer", answer), "")


def test_reading_and_waiting_are_open_to_all():
    several_users()
    with World(uid=OWN_UID) as w, Caller(w, OTHER_UID) as caller:
        path = start_eim_job(w)
        w.control(f"job-done {path.rsplit('/', 1)[1]}")
        equal(caller.call(path, "org.sgp32.Job", "Wait"), "")
        equal(caller.call(EUICC, PROPERTIES, "GetAll", "('org.sgp32.Euicc',)"), "")
        equal(caller.call(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"), "")
        equal(caller.call(EUICC, "org.freedesktop.DBus.Introspectable", "Introspect"), "")


def test_a_slow_polkit_delays_nobody_else():
    several_users()
    with World(uid=OWN_UID) as w, Caller(w, OTHER_UID) as caller:
        w.start_polkit(allowed=["org.sgp32.eim.poll"])
        w.mock("SimulateHang", "(b)", True)
        caller.send(EUICC, "org.sgp32.Euicc", "Refresh")
        while not w.mock("HaveHangingCalls", "()")[0]:
            pass  # each round is a call that the mock answers
        equal(w.get(EUICC, "org.sgp32.Euicc", "Eid"), EID)
        equal(w.control("last-request"), "")
        w.mock("ReleaseHangingCalls", "()")
        equal(caller.receive(), "")
        assert w.control("last-request").startswith("refresh user")


def test_a_caller_who_leaves_while_polkit_is_asked_gets_nothing_done():
    several_users()
    with World(uid=OWN_UID) as w:
        w.start_polkit(allowed=["org.sgp32.eim.poll"])
        w.mock("SimulateHang", "(b)", True)
        with Caller(w, OTHER_UID) as caller, Watch(
            w, "org.freedesktop.DBus", "NameOwnerChanged", sender=None
        ) as watch:
            caller.send(EUICC, "org.sgp32.Euicc", "Refresh")
            while not w.mock("HaveHangingCalls", "()")[0]:
                pass
            caller.process.kill()
            watch.until(lambda _, a: a[0] == caller.name and not a[2])
        w.mock("ReleaseHangingCalls", "()")
        equal(w.get(EUICC, "org.sgp32.Euicc", "Eid"), EID)
        equal(w.control("last-request"), "")


def test_one_caller_cannot_make_the_daemon_keep_many_calls():
    several_users()
    with World(uid=OWN_UID) as w:
        w.start_polkit(allowed=["org.sgp32.eim.poll"])
        w.mock("SimulateHang", "(b)", True)
        code = (
            "import sys; from gi.repository import Gio, GLib; F = Gio.DBusConnectionFlags\n"
            "flags = F.AUTHENTICATION_CLIENT | F.MESSAGE_BUS_CONNECTION\n"
            "c = Gio.DBusConnection.new_for_address_sync(sys.argv[1], flags, None, None)\n"
            "loop = GLib.MainLoop(); errors = []\n"
            "def done(c, r):\n"
            "    try: c.call_finish(r)\n"
            "    except GLib.Error as e: errors.append(Gio.DBusError.get_remote_error(e))\n"
            "    if len(errors) == 4: print(*set(errors)); loop.quit()\n"
            "for _ in range(12):\n"
            f"    c.call('org.sgp32', '{EUICC}', 'org.sgp32.Euicc', 'Refresh', None, None, 0,"
            " 10000, None, done)\n"
            "loop.run()\n"
        )
        result = subprocess.run(
            [sys.executable, "-c", code, w.address],
            user=OTHER_UID,
            capture_output=True,
            text=True,
            timeout=world.TIMEOUT,
            check=True,
        )
        equal(result.stdout.strip(), "org.freedesktop.DBus.Error.LimitsExceeded")


if __name__ == "__main__":
    world.run(__name__)
