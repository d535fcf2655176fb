#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""sgp32ctl against the service: what people read, what programs read, exit statuses."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import world
from world import EID, EID_CONSUMER, EIM, EUICC, PROFILE, World, equal

CTL = os.environ["SGP32CTL"]
CODE = "LPA:1$smdp.lab.test$TOKEN99"


def ctl(w, *arguments, status=0, **options):
    """Standard output; the exit status and silence on success are checked."""
    result = w.run(CTL, *arguments, **options)
    equal(result.returncode, status, f"{arguments}: {result.stderr}")
    if status:
        return result.stderr
    return result.stdout


def document(w, *arguments):
    return json.loads(ctl(w, "--json=short", *arguments))


class Terminal:
    """sgp32ctl on a terminal of its own."""

    def __init__(self, w, *arguments):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [CTL, *arguments], stdin=slave, stdout=slave, stderr=slave, env=w.environment
        )
        os.close(slave)
        self.text = ""

    def until(self, wanted):
        """Reads until a pattern is there."""
        while not re.search(wanted, self.text):
            ready, _, _ = select.select([self.master], [], [], world.TIMEOUT)
            assert ready, f"no {wanted!r} in {self.text!r}"
            try:
                data = os.read(self.master, 4096)
            except OSError:
                data = b""
            assert data, f"no {wanted!r} in {self.text!r}"
            self.text += data.decode()

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        status = None
        while status is None:
            ready, _, _ = select.select([self.master], [], [], world.TIMEOUT)
            assert ready, "it does not end"
            try:
                data = os.read(self.master, 4096)
            except OSError:
                data = b""
            self.text += data.decode()
            if not data:
                status = self.process.wait(world.TIMEOUT)
        os.close(self.master)
        return status


class Background:
    """sgp32ctl that waits for something; its stderr is read line by line."""

    def __init__(self, w, *arguments):
        self.process = subprocess.Popen(
            [CTL, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=w.environment,
            text=True,
            bufsize=1,
        )

    def error_line(self):
        return self.process.stderr.readline().rstrip("\n")

    def line(self):
        return self.process.stdout.readline().rstrip("\n")

    def end(self):
        out, err = self.process.communicate(timeout=world.TIMEOUT)
        return self.process.returncode, out, err


def columns(text):
    """Rows of a table as lists of cells."""
    return [re.split(r" {2,}", line.strip()) for line in text.splitlines() if line.strip()]


def test_list_is_a_short_table():
    with World() as w:
        for arguments in ((), ("list",)):
            rows = columns(ctl(w, *arguments))
            equal(
                rows,
                [
                    ["EID", "KIND", "STATE", "DEVICE", "PROFILES", "ENABLED", "EIM", "NEXT POLL"],
                    ["…1235", "iot", "ready", "cdc-wdm0 #1", "2", "my Bootstrap (…0009)",
                     "eim.lab.test", "in 42 min"],
                    ["…0012", "consumer", "ready", "cdc-wdm1 #1", "1", "–", "–", "–"],
                    ["2 eUICCs"],
                ],
            )
        bare = columns(ctl(w, "--no-legend", "--full"))
        equal([row[0] for row in bare], [EID, EID_CONSUMER])


def test_tables_of_profiles_eims_notifications_slots():
    with World() as w:
        equal(
            columns(ctl(w, "profiles", "1235")),
            [
                ["ICCID", "STATE", "CLASS", "NAME", "PROVIDER", "NOTES"],
                ["…0009", "enabled", "provisioning", "my Bootstrap", "Acme", "ppr1, fallback"],
                ["…0017", "disabled", "operational", "my Acme IoT", "Acme", "ppr1"],
                ["2 profiles"],
            ],
        )
        rows = columns(ctl(w, "profiles"))
        equal([row[-1] for row in rows], ["EUICC", "…1235", "…1235", "…0012", "3 profiles"])
        equal(
            columns(ctl(w, "eims", "1235"))[1],
            ["eim.lab.test", "https", "pinned-key", "3 min ago", "nothing", "in 42 min"],
        )
        rows = columns(ctl(w, "notifications", EID))
        equal(rows[2], ["4", "enable", "…0017", "smdp.lab.test", "pending"])
        rows = columns(ctl(w, "slots"))
        equal(rows[2][3:], ["no-euicc", "isdr-not-found", "this card is an ordinary SIM"])
        rows = columns(ctl(w, "history"))
        equal(rows[2][2:], ["…0012", "poll", "boot", "failed", "the certificate has expired"])
        equal(columns(ctl(w, "history", "1235"))[1][:2], ["2023-11-14 22:13:20", "2.5 s"])
        equal(len(columns(ctl(w, "history", "-n", "1", "--no-legend"))), 1)


def test_show_tells_all_of_one_card():
    with World() as w:
        w.control(f"last-error {EID}")
        text = ctl(w, "show", "1235")
        for wanted in (
            "● …1235 – iot eUICC, ready\n",
            "Device: /dev/cdc-wdm0, slot 1 (qmi)\n",
            "Polling: next in 42 min, last 3 min ago: nothing\n",
            "Notifications: 2 not delivered yet\n",
            "Last error: the card was taken out (CardLost), ",
            "  …0017  disabled  operational",
            "  eim.lab.test  https",
        ):
            assert wanted in text, f"{wanted!r} is not in\n{text}"
        assert "…0012" not in text
        assert EID in ctl(w, "--full", "show", "1235")


def test_nothing_there_is_said_in_words():
    with World() as w:
        for eid in (EID, EID_CONSUMER):
            w.control(f"remove-euicc {eid}")
        assert ctl(w).startswith("No eUICC.\n")
        equal(ctl(w, "profiles"), "No profile.\n")
        equal(ctl(w, "jobs"), "No job.\n")
        equal(document(w, "list"), {"version": 1, "euiccs": []})


def test_json_holds_every_property_under_its_own_name():
    with World() as w:
        w.control(f"last-error {EID}")
        list_ = document(w, "list")
        equal(list_["version"], 1)
        euicc = list_["euiccs"][0]

        def snake(name):
            return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()

        for name in w.get_all(EUICC, "org.sgp32.Euicc"):
            assert snake(name) in euicc, f"{name} is not in {sorted(euicc)}"
        for name in w.get_all(EUICC, "org.sgp32.Ipa"):
            assert snake(name) in euicc["ipa"], name
        for name in w.get_all(PROFILE, "org.sgp32.Profile"):
            assert snake(name) in euicc["profiles"][1], name
        for name in w.get_all(EIM, "org.sgp32.Eim"):
            assert snake(name) in euicc["eims"][0], name
        equal(euicc["last_error"]["name"], "org.sgp32.Error.CardLost")
        equal(list_["euiccs"][1]["ipa"], None)
        equal(list_["euiccs"][1]["enabled_profile"], None)
        equal(document(w, "profiles", "0012")["profiles"][0]["owner"]["mccmnc"], "00f110")
        equal(document(w, "eims")["eims"][0]["euicc"], EID)
        equal(document(w, "notifications")["notifications"][0]["seq"], 3)
        equal(document(w, "slots")["slots"][1]["physical_slot"], 1)
        equal(document(w, "history")["history"][0]["details"], {"packages": 1})
        pretty = ctl(w, "--json=pretty", "slots")
        assert "\n  " in pretty
        equal(json.loads(pretty), json.loads(ctl(w, "-j", "slots")))


def test_a_poll_is_followed_to_its_end():
    with World() as w:
        w.control("automatic yes")
        result = w.run(CTL, "poll", "-e", "1235")
        equal(result.returncode, 0, result.stderr)
        equal(
            result.stderr.splitlines()[-4:],
            ["poll: connect", "poll: authenticate", "poll: transfer", "poll: finish"],
        )
        assert re.match(r"poll: done \(\d+\.\d s\)\n  packages: 1\n", result.stdout), result.stdout
        assert "eim=- force=0" in w.control("last-request")
        ctl(w, "poll", "--force", "eim.lab")
        assert "eim=eim.lab.test force=1" in w.control("last-request")
        job = document(w, "refresh", "1235")["job"]
        equal((job["operation"], job["state"]), ("refresh", "done"))
        equal(job["result"]["pair"], [True, 1.5])
        rows = columns(ctl(w, "jobs"))
        equal(rows[1][:3], ["1", "poll", "…1235"])
        equal((rows[3][1:3], rows[3][4:6]), (["refresh", "…1235"], ["done", "100 %"]))


def test_a_failure_is_explained_and_has_its_exit_status():
    with World() as w:
        waiting = Background(w, "poll", "-e", "1235")
        equal(waiting.error_line(), "poll: waits for its turn")
        w.control("job-fail 1 ServerRefused")
        status, _, text = waiting.end()
        equal(status, 7)
        equal(
            text,
            "sgp32ctl: poll failed: it went wrong (ServerRefused)\n"
            "  details: status word 6A80, result 7, HTTP 500, subject 8.2.6, reason 3.8\n"
            "  hint: try another matching id\n",
        )
        waiting = Background(w, "--json=short", "refresh", "1235")
        while not w.objects().get(f"{world.ROOT}/job/2"):
            pass
        w.control("job-fail 2 StoreUnavailable")
        status, out, text = waiting.end()
        equal((status, text), (12, ""))
        equal(json.loads(out)["job"]["error"]["details"]["http"], 500)


def test_exit_statuses():
    with World() as w:
        for arguments, status, text in (
            (("nonsense",), 2, "there is no verb “nonsense”"),
            (("--nonsense",), 2, "--help"),
            (("--json=loud",), 2, "“short”, “pretty” or “off”"),
            (("cancel",), 2, "usage: sgp32ctl cancel JOB"),
            (("cancel", "x"), 2, "is not the number of a job"),
            (("cancel", "99"), 4, "NotFound"),
            (("show", "9999"), 4, "NotFound"),
            (("refresh",), 2, "there is more than one eUICC"),
            (("poll", "-e", "0012"), 9, ""),
            (("poll", "other"), 4, "there is no eIM “other”"),
            (("download", "-e", "1235", "hello"), 2, "InvalidActivationCode"),
            (("download", "-e", "1235", "1$s$X$$1"), 10, "--confirmation-code=FILE"),
        ):
            assert text in ctl(w, *arguments, status=status, stdin=subprocess.DEVNULL), arguments
        w.control("refuse Busy")
        assert "(Busy)" in ctl(w, "refresh", "1235", status=5)
        assert ctl(w, "--version").startswith("sgp32ctl ")
        assert "Exit status" in ctl(w, "--help")


def test_without_the_daemon_it_says_so():
    with World() as w:
        env = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={w.folder}/none"}
        assert "cannot reach the system bus" in ctl(w, status=1, environment=env)
        name = w.bus_call("RequestName", "(su)", "org.example.other", 0)
        equal(name, 1)
        w.service.stdin.close()
        w.service.wait(world.TIMEOUT)
        assert "sgp32d does not run" in ctl(w, status=1)


def test_no_wait_prints_the_job_and_leaves_it():
    with World() as w:
        equal(ctl(w, "refresh", "1235", "--no-wait"), "/org/sgp32/job/1\n")
        equal(document(w, "refresh", "1235", "--no-wait")["job"], {"path": "/org/sgp32/job/2"})
        ctl(w, "cancel", "1")
        ctl(w, "cancel", "/org/sgp32/job/2")
        states = [job["state"] for job in document(w, "jobs")["jobs"]]
        equal(states, ["cancelled", "cancelled"])


def test_a_timeout_leaves_the_job_alone():
    with World() as w:
        assert "the job goes on" in ctl(w, "refresh", "1235", "--timeout=1", status=7)
        equal(document(w, "jobs")["jobs"][0]["state"], "queued")


def test_the_first_interrupt_cancels_the_second_leaves():
    with World() as w:
        waiting = Background(w, "refresh", "1235")
        equal(waiting.error_line(), "refresh: waits for its turn")
        waiting.process.send_signal(signal.SIGINT)
        status, _, text = waiting.end()
        equal(status, 8, text)
        assert "refresh cancelled: cancelled (Cancelled)" in text
        waiting = Background(w, "refresh", "1235")
        equal(waiting.error_line(), "refresh: waits for its turn")
        w.control("job-pin 2")
        waiting.process.send_signal(signal.SIGINT)
        while "cannot be stopped" not in waiting.error_line():
            pass
        waiting.process.send_signal(signal.SIGINT)
        status, _, text = waiting.end()
        equal(status, 130, text)
        assert "The job goes on" in text
        equal(document(w, "jobs")["jobs"][1]["state"], "queued")


def test_codes_come_from_files_and_the_standard_input():
    with World() as w:
        w.control("automatic yes")
        file = os.path.join(w.folder, "code")
        with open(file, "w", encoding="utf-8") as stream:
            stream.write("4711\n")
        ctl(w, "download", "-e", "1235", "--accept", "-", input=f"{CODE}\n")
        assert w.control("last-request").endswith(f"code={CODE} confirmation=- accept=1")
        ctl(w, "download", "-e", "1235", "--accept", CODE, f"--confirmation-code={file}")
        assert w.control("last-request").endswith(f"code={CODE} confirmation=4711 accept=1")
        ctl(w, "download", "-e", "1235", "--accept", "--confirmation-code=-", "-",
            input=f"{CODE}\n0815\n")
        assert w.control("last-request").endswith(f"code={CODE} confirmation=0815 accept=1")
        ctl(w, "download", "-e", "1235", "--accept")
        assert w.control("last-request").endswith("code= confirmation=- accept=1")


def test_a_code_of_the_command_line_does_not_stay_there():
    with World() as w:
        waiting = Background(w, "download", "-e", "1235", "--accept", CODE)
        equal(waiting.error_line(), "download: waits for its turn")
        with open(f"/proc/{waiting.process.pid}/cmdline", "rb") as file:
            assert b"TOKEN99" not in file.read()
        assert f"code={CODE} " in w.control("last-request")
        w.control("job-done 1")
        equal(waiting.end()[0], 0)


def test_a_question_is_asked_on_the_terminal():
    with World() as w:
        w.control("automatic yes")
        terminal = Terminal(w, "download", "-e", "1235", CODE)
        terminal.until(r"Profile: Acme IoT, of Acme\r\nInstall it\? \[y/N\] ")
        terminal.type("y\n")
        equal(terminal.end(), 0, terminal.text)
        equal(w.control("last-answer"), "accept=1 confirmation=-")
        assert re.search("━.*─ +25 %", terminal.text), terminal.text
        terminal = Terminal(w, "download", "-e", "1235", CODE)
        terminal.until(r"\[y/N\] ")
        terminal.type("\n")
        equal(terminal.end(), 8, terminal.text)


def test_a_typed_confirmation_code_is_not_shown():
    with World() as w:
        terminal = Terminal(w, "download", "-e", "1235", CODE)
        terminal.until("waits for its turn")
        w.control("job-ask 1 confirmation-code")
        terminal.until("Confirmation code: ")
        terminal.type("4711\n")
        while "4711" not in w.control("last-answer"):
            pass
        w.control("job-done 1")
        equal(terminal.end(), 0)
        assert "4711" not in terminal.text


def test_an_activation_code_can_be_typed_unseen():
    with World() as w:
        w.control("automatic yes")
        terminal = Terminal(w, "download", "-e", "1235", "--accept", "-")
        terminal.until("Activation code: ")
        terminal.type(CODE + "$$1\n")
        terminal.until("Confirmation code: ")
        terminal.type("4711\n")
        equal(terminal.end(), 0, terminal.text)
        assert w.control("last-request").endswith(f"code={CODE}$$1 confirmation=4711 accept=1")
        assert "TOKEN99" not in terminal.text and "4711" not in terminal.text


def test_a_question_without_terminal_says_how_to_answer():
    with World() as w:
        w.control("automatic yes")
        waiting = Background(w, "download", "-e", "1235", CODE)
        line = waiting.error_line()
        equal(line, "The job waits for an answer: sgp32ctl answer 1 yes|no")
        assert "yes" in ctl(w, "answer", "1", status=2, stdin=subprocess.DEVNULL)
        ctl(w, "answer", "1", "yes")
        equal(waiting.end()[0], 0)
        waiting = Background(w, "download", "-e", "1235", CODE)
        waiting.error_line()
        ctl(w, "answer", "2", "no")
        status, _, text = waiting.end()
        equal(status, 8)
        assert "(Rejected)" in text


def test_monitor_tells_what_happens_to_people():
    with World() as w:
        monitor = Background(w, "monitor")
        assert monitor.line().endswith("sgp32d: listening; Ctrl-C ends")
        w.control(f"enable {EID} 8944000000000000017")
        lines = [monitor.line()[10:] for _ in range(3)]
        equal(
            lines,
            [
                "profile …0009 of …1235: state disabled",
                "profile …0017 of …1235: state enabled",
                "eUICC …1235: enabled profile …0017",
            ],
        )
        w.control(f"start-job poll eim 0 {EID}")
        equal(monitor.line()[10:], "job 1: poll of eUICC …1235, asked by eim")
        monitor.line()
        w.control("job-step 1 connect 0.5")
        equal(monitor.line()[10:], "job 1: state running, step connect, progress 50 %")
        w.control(f"remove-profile {EID} 8944000000000000017")
        equal(monitor.line()[10:], "profile …0017 of …1235: is gone")
        monitor.process.kill()
        monitor.end()


def test_monitor_gives_programs_one_object_a_line():
    with World() as w:
        monitor = Background(w, "monitor", "--json=pretty")
        first = json.loads(monitor.line())
        equal((first["event"], first["version"]), ("listening", 1))
        assert abs(first["time"] / 1e6 - time.time()) < 60
        w.control(f"set-free {EID} 1000")
        event = json.loads(monitor.line())
        equal(
            (event["event"], event["path"], event["interface"], event["properties"]),
            ("changed", EUICC, "Euicc", {"free_memory": 1000}),
        )
        w.control("slots-changed")
        equal(json.loads(monitor.line())["invalidated"], ["Slots"])
        w.control(f"start-job poll eim 0 {EID}")
        event = json.loads(monitor.line())
        equal((event["event"], list(event["interfaces"])), ("added", ["Job"]))
        equal(json.loads(monitor.line())["event"], "job-new")
        json.loads(monitor.line())
        w.control("job-fail 1 Timeout")
        while event["event"] != "job-removed":
            event = json.loads(monitor.line())
        equal((event["result"], event["error"]), ("failed", "org.sgp32.Error.Timeout"))
        w.control("job-remove 1")
        while event["event"] != "removed":
            event = json.loads(monitor.line())
        equal(event["interfaces"], ["Job"])
        w.service.stdin.close()
        while event["event"] != "stopped":
            event = json.loads(monitor.line())
        monitor.process.kill()
        monitor.end()


def test_what_comes_from_a_card_cannot_steer_the_terminal():
    with World() as w:
        w.control(f"add-profile {EID_CONSUMER} 8944000000000000058 \x1b[2Jbad")
        text = ctl(w, "profiles", "0012")
        assert "\x1b" not in text
        assert "my \ufffd[2Jbad" in text
        w.control(f"last-error {EID} \x1b[2Jbad")
        assert "\x1b" not in ctl(w, "show")
        waiting = Background(w, "refresh", "1235")
        equal(waiting.error_line(), "refresh: waits for its turn")
        w.control("job-fail 1 Failed \x1b[2Jbad")
        _, _, text = waiting.end()
        assert "\x1b" not in text and "[2Jbad" in text


if __name__ == "__main__":
    world.run(__name__)
