#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the objects show and do."""

import os
import xml.etree.ElementTree as ElementTree

import world
from world import (
    BOOTSTRAP,
    CONSUMER,
    EID,
    EID_CONSUMER,
    EIM,
    EUICC,
    PROFILE,
    ROOT,
    Skip,
    GLib,
    Gio,
    Watch,
    World,
    equal,
    memory_holds,
)

MANAGER = "org.sgp32.Manager"
EUICC_I = "org.sgp32.Euicc"
IPA_I = "org.sgp32.Ipa"
PROFILE_I = "org.sgp32.Profile"
EIM_I = "org.sgp32.Eim"
JOB_I = "org.sgp32.Job"
ERROR = "org.sgp32.Error."
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
CODE = "LPA:1$smdp.lab.test$TOKEN99"
PROPERTIES = "org.freedesktop.DBus.Properties"


def ours(interfaces):
    return sorted(name for name in interfaces if name.startswith("org.sgp32."))


def test_the_tree_holds_all_objects_with_their_interfaces():
    with World() as w:
        objects = {path: ours(interfaces) for path, interfaces in w.objects().items()}
        wanted = {
            EUICC: [EUICC_I, IPA_I],
            CONSUMER: [EUICC_I],
            PROFILE: [PROFILE_I],
            BOOTSTRAP: [PROFILE_I],
            f"{CONSUMER}/profile/8944000000000000025": [PROFILE_I],
            EIM: [EIM_I],
        }
        equal({path: i for path, i in objects.items() if i and path != ROOT}, wanted)
        tree = w.run("busctl", "tree", "--list", "org.sgp32").stdout.split()
        for path in [ROOT, *wanted]:
            assert path in tree, f"{path} is not in {tree}"
        # gdbus follows the names of the nodes, one path at a time
        walk = w.run("gdbus", "introspect", "-y", "-d", "org.sgp32", "-o", ROOT, "-r").stdout
        for path in [ROOT, *wanted]:
            assert f"node {path} {{" in walk, f"gdbus does not find {path}"


def test_properties_show_the_model():
    with World() as w:
        w.control(f"last-error {EID}")
        euicc = w.get_all(EUICC, EUICC_I)
        equal(euicc["Eid"], EID)
        equal(euicc["Kind"], "iot")
        equal(euicc["Device"], "/dev/cdc-wdm0")
        equal(euicc["ModemPath"], "")
        equal(euicc["Capabilities"], ["usim", "isim"])
        equal(euicc["FreeMemory"], 524288)
        equal(euicc["RootSmds"], ["smds.lab.test"])
        equal(euicc["EnabledProfile"], BOOTSTRAP)
        equal(euicc["FallbackProfile"], BOOTSTRAP)
        equal(euicc["CurrentJob"], "/")
        equal(euicc["PendingNotifications"], 2)
        equal(euicc["ManagedBy"], "eim.lab.test")
        equal(
            euicc["LastError"],
            (ERROR + "CardLost", "the card was taken out", 1700000000000000),
        )
        consumer = w.get_all(CONSUMER, EUICC_I)
        equal(consumer["EnabledProfile"], "/")
        equal(consumer["ManagedBy"], "")
        equal(consumer["LastError"], ("", "", 0))
        profile = w.get_all(BOOTSTRAP, PROFILE_I)
        equal(profile["Iccid"], "8944000000000000009")
        equal(profile["Class"], "provisioning")
        equal(profile["State"], "enabled")
        equal(profile["PolicyRules"], ["ppr1"])
        equal(profile["Owner"], ("00f110", "", ""))
        equal(profile["Fallback"], True)
        eim = w.get_all(EIM, EIM_I)
        equal(eim["EimId"], "eim.lab.test")
        equal(eim["IdType"], "fqdn")
        equal(eim["Protocols"], ["https"])
        equal(eim["Interval"], 3600)
        equal(eim["Enabled"], True)
        ipa = w.get_all(EUICC, IPA_I)
        equal(ipa["PackagePhase"], "idle")
        equal(ipa["PollingEnabled"], True)
        manager = w.get_all(ROOT, MANAGER)
        equal(manager["ApiVersion"], 1)
        equal(manager["Plugins"], ["mbim", "qmi"])
        equal(manager["OnlineSource"], "mm")
        equal([slot["state"] for slot in manager["Slots"]], ["euicc", "no-euicc"])
        equal(manager["Slots"][1]["hint"], "this card is an ordinary SIM")


def test_what_is_not_there_is_not_found():
    with World() as w:
        unknown = "org.freedesktop.DBus.Error.UnknownObject"
        for path, interface in (
            (f"{ROOT}/euicc/89049032123451234512345678901236", EUICC_I),
            (f"{ROOT}/euicc/1", EUICC_I),
            (f"{EUICC}/profile/894", PROFILE_I),
            (f"{EUICC}/profile", PROFILE_I),
            (f"{EUICC}/eim/other", EIM_I),
            (f"{ROOT}/job/1", JOB_I),
            (f"{ROOT}/job/01", JOB_I),
            (f"{ROOT}/job/x", JOB_I),
        ):
            equal(w.error_of(path, PROPERTIES, "GetAll", "(s)", interface), unknown, path)
        # an eUICC without eIM functions has no such interface
        equal(
            w.error_of(CONSUMER, PROPERTIES, "GetAll", "(s)", IPA_I),
            "org.freedesktop.DBus.Error.UnknownInterface",
        )
        equal(
            w.error_of(CONSUMER, IPA_I, "Poll", "(a{sv})", {}),
            "org.freedesktop.DBus.Error.UnknownMethod",
        )


def test_changes_are_signalled_with_their_values():
    with World() as w, Watch(w, PROPERTIES, "PropertiesChanged") as watch:
        w.control(f"set-free {EID} 1000")
        equal(watch.changed(EUICC, EUICC_I), ({"FreeMemory": 1000}, []))
        w.control(f"set-phase {EID} executed")
        equal(watch.changed(EUICC, IPA_I), ({"PackagePhase": "executed"}, []))
        w.control(f"enable {EID} 8944000000000000017")
        equal(watch.changed(BOOTSTRAP, PROFILE_I), ({"State": "disabled"}, []))
        equal(watch.changed(PROFILE, PROFILE_I), ({"State": "enabled"}, []))
        equal(watch.changed(EUICC, EUICC_I), ({"EnabledProfile": PROFILE}, []))
        w.control("online no")
        equal(watch.changed(ROOT, MANAGER), ({"Online": False, "OnlineSource": "none"}, []))
        w.control("slots-changed")
        equal(watch.changed(ROOT, MANAGER), ({}, ["Slots"]))


def test_objects_come_and_go_with_signals():
    eid = "89049032000000000000000000000099"
    path = f"{ROOT}/euicc/{eid}"
    with World() as w, Watch(w, OBJECT_MANAGER) as watch:
        w.control(f"add-euicc {eid} iot")
        for wanted, interfaces in (
            (path, [EUICC_I, IPA_I]),
            (f"{path}/profile/8944000000000000033", [PROFILE_I]),
        ):
            _, member, arguments = watch.until(lambda _, a, p=wanted: a[0] == p)
            equal((member, ours(arguments[1])), ("InterfacesAdded", interfaces))
        equal(arguments[1][PROFILE_I]["Name"], "Third")
        w.control(f"add-eim {eid} oid:1.2")
        _, member, arguments = watch.until(lambda _, a: a[0] == f"{path}/eim/oid_3a1_2e2")
        equal((member, ours(arguments[1])), ("InterfacesAdded", [EIM_I]))
        w.control(f"add-profile {eid} 8944000000000000041 More")
        _, member, arguments = watch.until(lambda _, a: "0041" in a[0])
        equal(member, "InterfacesAdded")
        w.control(f"remove-profile {eid} 8944000000000000041")
        _, member, arguments = watch.until(lambda _, a: "0041" in a[0])
        equal((member, ours(arguments[1])), ("InterfacesRemoved", [PROFILE_I]))
        w.control(f"remove-eim {eid} oid:1.2")
        _, member, arguments = watch.until(lambda _, a: "oid" in a[0])
        equal((member, ours(arguments[1])), ("InterfacesRemoved", [EIM_I]))
        w.control(f"remove-euicc {eid}")
        for wanted, interfaces in (
            (f"{path}/profile/8944000000000000033", [PROFILE_I]),
            (path, [EUICC_I, IPA_I]),
        ):
            _, member, arguments = watch.until(lambda _, a, p=wanted: a[0] == p)
            equal((member, ours(arguments[1])), ("InterfacesRemoved", interfaces))
        assert path not in w.objects()


def test_methods_reach_the_manager():
    with World() as w:
        for arguments, request in (
            ((EUICC, EUICC_I, "Refresh"), "refresh user uid={uid} eid={eid} eim=- force=0"),
            (
                (EUICC, EUICC_I, "ProcessNotifications", "(ata{sv})", [], {}),
                "notifications user uid={uid} eid={eid} eim=- force=0",
            ),
            ((EUICC, IPA_I, "Poll", "(a{sv})", {}), "poll user uid={uid} eid={eid} eim=- force=0"),
            (
                (EUICC, IPA_I, "Poll", "(a{sv})", {"force": GLib.Variant("b", True)}),
                "poll user uid={uid} eid={eid} eim=- force=1",
            ),
            (
                (EIM, EIM_I, "Poll", "(a{sv})", {"force": GLib.Variant("b", True)}),
                "poll user uid={uid} eid={eid} eim=eim.lab.test force=1",
            ),
            ((ROOT, MANAGER, "Rescan"), "rescan user uid={uid} eid=- eim=- force=0"),
        ):
            path = w.call(*arguments)
            assert path.startswith(f"{ROOT}/job/"), path
            equal(
                w.control("last-request"),
                request.format(uid=os.getuid(), eid=EID) + " code=- confirmation=- accept=0",
            )
        options = {
            "confirmation-code": GLib.Variant("s", "4711"),
            "accept": GLib.Variant("s", "auto"),
        }
        code = "LPA:1$smdp.lab.test$TOKEN"
        w.call(EUICC, EUICC_I, "Download", "(sa{sv})", code, options)
        equal(
            w.control("last-request"),
            f"download user uid={os.getuid()} eid={EID} eim=- force=0 code={code} "
            "confirmation=4711 accept=1",
        )
        w.call(EUICC, EUICC_I, "Download", "(sa{sv})", "", {})
        assert w.control("last-request").endswith("code= confirmation=- accept=0")


def test_wrong_arguments_are_named_errors():
    with World() as w:
        options = {"nonsense": GLib.Variant("b", True)}
        for path, interface, member, signature, *rest in (
            (EUICC, IPA_I, "Poll", "(a{sv})"),
            (EIM, EIM_I, "Poll", "(a{sv})"),
            (EUICC, EUICC_I, "Download", "(sa{sv})", "LPA:1$smdp.lab.test$X"),
            (EUICC, EUICC_I, "ProcessNotifications", "(ata{sv})", []),
        ):
            equal(
                w.error_of(path, interface, member, signature, *rest, options),
                ERROR + "UnknownOption",
            )
        wrong = {"force": GLib.Variant("s", "yes")}
        equal(w.error_of(EUICC, IPA_I, "Poll", "(a{sv})", wrong), ERROR + "InvalidArgument")
        wrong = {"accept": GLib.Variant("s", "perhaps")}
        download = (EUICC, EUICC_I, "Download", "(sa{sv})")
        equal(w.error_of(*download, "1$s$X", wrong), ERROR + "InvalidArgument")
        equal(w.error_of(*download, "hello", {}), ERROR + "InvalidActivationCode")
        numbers = (EUICC, EUICC_I, "ProcessNotifications", "(ata{sv})", [3], {})
        equal(w.error_of(*numbers), ERROR + "NotSupported")
        equal(w.control("last-request"), "", "no request was made of any of these")


def test_errors_of_the_manager_keep_their_name():
    with World() as w:
        for name in ("Busy", "CardLost", "StoreUnavailable", "InstallFailed"):
            w.control(f"refuse {name}")
            equal(w.error_of(EUICC, EUICC_I, "Refresh"), ERROR + name)
        equal(w.error_of(ROOT, MANAGER, "FindEuicc", "(s)", "9999"), ERROR + "NotFound")
        equal(w.error_of(ROOT, MANAGER, "FindEuicc", "(s)", "any"), ERROR + "InvalidArgument")
        w.control("online no")  # makes the manager's reload fail
        equal(w.error_of(ROOT, MANAGER, "Reload"), ERROR + "InvalidArgument")


def test_reading_methods_answer_from_the_model():
    with World() as w:
        equal(w.call(ROOT, MANAGER, "FindEuicc", "(s)", "1235"), EUICC)
        equal(w.call(ROOT, MANAGER, "FindEuicc", "(s)", EID_CONSUMER), CONSUMER)
        equal(
            w.call(ROOT, MANAGER, "ParseActivationCode", "(s)", "LPA:1$smdp.lab.test$X$1.2$1"),
            {
                "smdp": "smdp.lab.test",
                "matching-id": True,
                "confirmation-code-required": True,
                "smdp-oid": "1.2",
            },
        )
        mime, data = w.call(BOOTSTRAP, PROFILE_I, "GetIcon")
        equal((mime, bytes(data)), ("image/png", b"\x89PNG"))
        mime, data = w.call(PROFILE, PROFILE_I, "GetIcon")
        equal((mime, bytes(data)), ("", b""))
        rows = w.call(EUICC, EUICC_I, "ListNotifications")
        equal([(r["seq"], r["operation"], r["state"]) for r in rows],
              [(3, "install", "pending"), (4, "enable", "pending")])
        rows = w.call(ROOT, MANAGER, "GetHistory", "(su)", "", 0)
        equal([row["eid"] for row in rows], [EID, EID_CONSUMER])
        equal(rows[1]["error"], ERROR + "TlsUntrusted")
        equal(len(w.call(ROOT, MANAGER, "GetHistory", "(su)", EID, 0)), 1)
        equal(len(w.call(ROOT, MANAGER, "GetHistory", "(su)", "", 1)), 1)


def test_properties_can_be_set():
    with World() as w, Watch(w, PROPERTIES, "PropertiesChanged") as watch:
        w.set(EUICC, IPA_I, "PollingEnabled", GLib.Variant("b", False))
        equal(watch.changed(EUICC, IPA_I), ({"PollingEnabled": False}, []))
        equal(w.get(EUICC, IPA_I, "PollingEnabled"), False)
        w.set(EIM, EIM_I, "Enabled", GLib.Variant("b", False))
        equal(watch.changed(EIM, EIM_I), ({"Enabled": False}, []))
        read_only = (EUICC, PROPERTIES, "Set", "(ssv)", EUICC_I, "Eid", GLib.Variant("s", "1"))
        equal(w.error_of(*read_only), "org.freedesktop.DBus.Error.PropertyReadOnly")
        wrong = (EIM, PROPERTIES, "Set", "(ssv)", EIM_I, "Enabled", GLib.Variant("s", "1"))
        equal(w.error_of(*wrong), "org.freedesktop.DBus.Error.InvalidArgs")


def test_a_job_lives_from_queued_to_removed():
    with World() as w, Watch(w) as watch:
        path = w.call(EUICC, IPA_I, "Poll", "(a{sv})", {})
        _, member, arguments = watch.until(lambda p, a: p == ROOT and a[0] == path)
        equal((member, arguments[1][JOB_I]["State"]), ("InterfacesAdded", "queued"))
        watch.until(lambda p, a: p == ROOT and a == (1, path))
        job = w.get_all(path, JOB_I)
        equal((job["Id"], job["Operation"], job["Initiator"]), (1, "poll", "user"))
        equal((job["Object"], job["Uid"]), (EUICC, os.getuid()))
        equal((job["Question"], job["Result"], job["Error"]), ({}, {}, ("", "", {})))
        equal(w.get(EUICC, EUICC_I, "CurrentJob"), path)
        w.control("job-step 1 connect 0.25")
        values, _ = watch.changed(path, JOB_I)
        equal(values, {"State": "running", "Step": "connect", "Progress": 0.25,
                       "ProgressValid": True})
        w.control("job-done 1")
        _, member, arguments = watch.until(lambda p, a: p == path and a[0] == "done")
        equal((member, arguments), ("Completed", ("done", "", "")))
        _, member, arguments = watch.until(lambda p, a: p == ROOT and a[0] == 1)
        equal((member, arguments), ("JobRemoved", (1, path, "done", "")))
        job = w.get_all(path, JOB_I)
        equal(job["State"], "done")
        equal(job["Result"], {"packages": 1, "seqs": [7], "raw": [97, 98, 0], "pair": (True, 1.5)})
        w.control("job-remove 1")
        _, member, arguments = watch.until(lambda p, a: p == ROOT and a[0] == path)
        equal((member, ours(arguments[1])), ("InterfacesRemoved", [JOB_I]))
        equal(w.error_of(path, JOB_I, "Wait"), "org.freedesktop.DBus.Error.UnknownObject")


def test_a_failed_job_tells_its_error_with_details():
    with World() as w:
        path = w.call(EUICC, EUICC_I, "Refresh")
        w.control("job-fail 1 ServerRefused")
        name, text, details = w.get(path, JOB_I, "Error")
        equal((name, text), (ERROR + "ServerRefused", "it went wrong"))
        equal(details, {"sw": 0x6A80, "spec": 7, "http": 500, "subject": "8.2.6",
                        "reason": "3.8", "hint": "try another matching id"})
        equal(w.call(path, JOB_I, "Wait")[:3], ("failed", ERROR + "ServerRefused",
                                                "it went wrong"))


def call_async(w, connection, path, interface, member):
    """A call whose reply is looked at later: a list that gets it."""
    replies = []

    def on_reply(source, result):
        try:
            replies.append(source.call_finish(result).unpack())
        except GLib.Error as error:
            replies.append(Gio.DBusError.get_remote_error(error))

    connection.call(world.NAME, path, interface, member, None, None, 0, world.TIMEOUT * 1000,
                    None, on_reply)
    return replies


def iterate_until(w, condition):
    timer = GLib.timeout_add(world.TIMEOUT * 1000, lambda: True)
    end = GLib.get_monotonic_time() + world.TIMEOUT * 1000000
    while not condition():
        assert GLib.get_monotonic_time() < end, "it does not come"
        GLib.MainContext.default().iteration(True)
    GLib.source_remove(timer)


def test_wait_replies_at_the_end_and_after_it():
    with World() as w:
        path = w.call(EUICC, EUICC_I, "Refresh")
        first = call_async(w, w.connection, path, JOB_I, "Wait")
        second = call_async(w, w.connection, path, JOB_I, "Wait")
        w.control("job-step 1 read 0.5")
        w.get(path, JOB_I, "State")
        equal((first, second), ([], []))
        w.control("job-done 1")
        iterate_until(w, lambda: first and second)
        equal(first[0][:3], ("done", "", ""))
        equal(second[0][3]["packages"], 1)
        equal(w.call(path, JOB_I, "Wait")[0], "done")


def test_callers_who_leave_are_forgotten_and_too_many_refused():
    with World() as w:
        path = w.call(EUICC, EUICC_I, "Refresh")
        other = w.connect()
        waiting = [call_async(w, other, path, JOB_I, "Wait") for _ in range(65)]
        iterate_until(w, lambda: any(waiting))
        equal([reply for reply in waiting if reply], [[ERROR + "Busy"]])
        with Watch(w, "org.freedesktop.DBus", "NameOwnerChanged", sender=None) as watch:
            name = other.get_unique_name()
            other.close_sync(None)
            watch.until(lambda _, a: a[0] == name)
        # the places are free again, for as many
        again = [call_async(w, w.connection, path, JOB_I, "Wait") for _ in range(64)]
        w.get(path, JOB_I, "State")
        equal([reply for reply in again if reply], [])
        w.control("job-done 1")
        iterate_until(w, lambda: all(again))
        equal({reply[0][0] for reply in again}, {"done"})


def test_those_who_wait_are_told_when_the_daemon_stops():
    w = World()
    path = w.call(EUICC, EUICC_I, "Refresh")
    waiting = call_async(w, w.connection, path, JOB_I, "Wait")
    w.get(path, JOB_I, "State")
    w.service.stdin.close()
    iterate_until(w, lambda: waiting)
    equal(waiting, [ERROR + "Cancelled"])
    w.close()


def test_cancel_and_answer_reach_the_job():
    with World() as w:
        path = w.call(EUICC, EUICC_I, "Refresh")
        w.control("job-pin 1")
        equal(w.get(path, JOB_I, "Cancelable"), False)
        equal(w.error_of(path, JOB_I, "Cancel"), ERROR + "NotSupported")
        answer = {"accept": GLib.Variant("b", True)}
        equal(w.error_of(path, JOB_I, "Answer", "(a{sv})", answer), ERROR + "InvalidArgument")
        path = w.call(EUICC, EUICC_I, "Refresh")
        w.call(path, JOB_I, "Cancel")
        equal(w.call(path, JOB_I, "Wait")[:2], ("cancelled", ERROR + "Cancelled"))
        equal(w.error_of(path, JOB_I, "Cancel"), ERROR + "NotFound")
        path = w.call(EUICC, EUICC_I, "Refresh")
        w.control("job-ask 3 install")
        equal(w.get(path, JOB_I, "State"), "waiting-user")
        equal(w.get(path, JOB_I, "Question")["kind"], "install")
        unknown = {"yes": GLib.Variant("b", True)}
        equal(w.error_of(path, JOB_I, "Answer", "(a{sv})", unknown), ERROR + "UnknownOption")
        answer["confirmation-code"] = GLib.Variant("s", "4711")
        w.call(path, JOB_I, "Answer", "(a{sv})", answer)
        equal(w.control("last-answer"), "accept=1 confirmation=4711")
        equal(w.get(path, JOB_I, "Question"), {})


def test_secrets_are_in_no_property_and_no_signal():
    with World() as w, Watch(w) as watch:
        options = {"confirmation-code": GLib.Variant("s", "CONFIRM4711")}
        path = w.call(EUICC, EUICC_I, "Download", "(sa{sv})", CODE, options)
        w.call(ROOT, MANAGER, "ParseActivationCode", "(s)", CODE)
        w.control("job-ask 1 confirmation-code")
        w.call(path, JOB_I, "Answer", "(a{sv})", options)
        assert "CONFIRM4711" in w.control("last-answer")
        assert "TOKEN99" in w.control("last-request")
        w.control("job-fail 1 ConfirmationCodeWrong")
        watch.until(lambda p, a: p == path and a[0] == "failed")
        everything = repr((w.objects(), w.get_all(ROOT, MANAGER), watch.seen,
                           w.call(ROOT, MANAGER, "GetHistory", "(su)", "", 0)))
        assert "TOKEN99" not in everything
        assert "4711" not in everything


def test_texts_that_are_not_utf8_do_not_cost_the_bus():
    bad = "bad\udcff\udcc0\udc80"
    shown = "bad\ufffd\ufffd\ufffd"
    with World() as w, Watch(w) as watch:
        w.control(f"add-profile {EID} 8944000000000000041 {bad}")
        _, _, arguments = watch.until(lambda p, a: p == ROOT and "0041" in a[0])
        equal(arguments[1][PROFILE_I]["Name"], shown)
        equal(arguments[1][PROFILE_I]["Nickname"], "my " + shown)
        w.control(f"last-error {EID} {bad}")
        equal(w.get(EUICC, EUICC_I, "LastError")[1], shown)
        path = w.call(EUICC, EUICC_I, "Refresh")
        w.control(f"job-fail 1 ServerRefused {bad}")
        _, _, arguments = watch.until(lambda p, a: p == path and a[0] == "failed")
        equal(arguments[2], shown)
        equal(w.call(path, JOB_I, "Wait")[2], shown)
        equal(w.get(path, JOB_I, "Error")[1], shown)
        assert path in w.objects()


def test_a_profile_that_has_no_valid_path_hides_nothing_else():
    with World() as w:
        w.control(f"add-profile {EID} 89-44 Odd")
        assert f"{EUICC}/profile/89-44" not in w.objects()
        assert PROFILE in w.objects()


def test_the_commands_that_the_documentation_shows_work():
    with World() as w:

        def busctl(*arguments):
            result = w.run("busctl", *arguments)
            equal(result.returncode, 0, result.stderr)
            return result.stdout.strip()

        call = ("call", "org.sgp32")
        equal(busctl(*call, ROOT, MANAGER, "FindEuicc", "s", "1235"), f'o "{EUICC}"')
        equal(
            busctl(*call, EUICC, IPA_I, "Poll", "a{sv}", "1", "force", "b", "true"),
            f'o "{ROOT}/job/1"',
        )
        w.control("job-done 1")
        answer = busctl("--timeout=300", *call, f"{ROOT}/job/1", JOB_I, "Wait")
        assert answer.startswith('sssa{sv} "done" "" "" 4 "packages" u 1 '), answer
        slots = busctl("--json=pretty", "get-property", "org.sgp32", ROOT, MANAGER, "Slots")
        assert '"this card is an ordinary SIM"' in slots
        busctl("set-property", "org.sgp32", EIM, EIM_I, "Enabled", "b", "false")
        equal(w.get(EIM, EIM_I, "Enabled"), False)
        method = EUICC_I + ".Download"
        arguments = ("-d", "org.sgp32", "-o", EUICC, "-m", method, CODE, "{'accept': <'auto'>}")
        text = w.run("gdbus", "call", "-y", *arguments).stdout
        equal(text.strip(), f"(objectpath '{ROOT}/job/2',)")


def test_codes_are_wiped_from_the_memory_of_the_service():
    with World(perturb=False) as w:
        w.control("discreet")
        if not memory_holds(w.service.pid, EID.encode()):
            raise Skip("the memory of another process cannot be read here")
        path = w.call(
            EUICC,
            EUICC_I,
            "Download",
            "(sa{sv})",
            "LPA:1$smdp.lab.test$WIPE-ME-1",
            {"confirmation-code": GLib.Variant("s", "WIPE-ME-2")},
        )
        w.call(ROOT, MANAGER, "ParseActivationCode", "(s)", "LPA:1$smdp.lab.test$WIPE-ME-3")
        w.control("job-ask 1 confirmation-code")
        answer = {"confirmation-code": GLib.Variant("s", "WIPE-ME-4")}
        w.call(path, JOB_I, "Answer", "(a{sv})", answer)
        w.error_of(EUICC, EUICC_I, "Download", "(sa{sv})", "WIPE-ME-5", {})
        w.error_of(EUICC, EUICC_I, "Download", "(s)", "WIPE-ME-6")  # not its signature
        w.get(EUICC, EUICC_I, "Eid")
        held = [n for n in range(1, 7) if memory_holds(w.service.pid, b"WIPE-ME-%d" % n)]
        equal(held, [], "codes that are in memory still")


def test_log_control_is_what_systemctl_expects():
    path, interface = "/org/freedesktop/LogControl1", "org.freedesktop.LogControl1"
    with World() as w:
        equal(w.get_all(path, interface),
              {"LogLevel": "info", "LogTarget": "console", "SyslogIdentifier": "fake"})
        w.set(path, interface, "LogLevel", GLib.Variant("s", "debug"))
        equal(w.get(path, interface, "LogLevel"), "debug")
        w.set(path, interface, "LogTarget", GLib.Variant("s", "journal"))
        equal(w.get(path, interface, "LogTarget"), "journal")
        for name in ("LogLevel", "LogTarget"):
            wrong = (path, PROPERTIES, "Set", "(ssv)", interface, name, GLib.Variant("s", "loud"))
            equal(w.error_of(*wrong), "org.freedesktop.DBus.Error.InvalidArgs")


def test_a_call_without_interface_is_refused():
    with World() as w:
        message = Gio.DBusMessage.new_method_call(world.NAME, EUICC, None, "Refresh")
        reply, _ = w.connection.send_message_with_reply_sync(message, 0, world.TIMEOUT * 1000, None)
        equal(reply.get_error_name(), "org.freedesktop.DBus.Error.UnknownInterface")
        equal(w.control("last-request"), "")


def test_introspection_has_names_for_all_arguments():
    with World() as w:
        path = w.call(EUICC, EUICC_I, "Refresh")
        for where in (ROOT, EUICC, PROFILE, EIM, path):
            for arg in ElementTree.fromstring(w.introspect(where)).iter("arg"):
                assert arg.get("name"), f"an argument without a name at {where}"


if __name__ == "__main__":
    world.run(__name__)
