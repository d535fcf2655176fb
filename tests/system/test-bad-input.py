#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What callers and files may get wrong, another way to the network, and clocks: named errors, and what was
good stays."""

import json
import os
import shutil
import signal
import subprocess

from world import EID, EIM, EUICC, ROOT, BusError, GLib, case, expect, main

OTHER_EID = "89049032123451234512345678901332"


def refused(name, function, *args):
    try:
        function(*args)
    except BusError as e:
        expect(e.name, name, f"the error ({e.message})")
        return e.message
    raise AssertionError(f"{args[-1]!r} was taken, {name} was expected")


# ---- callers ----


@case("an option that nobody knows is UnknownOption", EUICC, "Euicc", "Download", "(sa{sv})",
      "LPA:1$smdp.lab.test$X")
@case("an option of a poll that nobody knows is UnknownOption", EUICC, "Ipa", "Poll", "(a{sv})")
def unknown_option(w, path, interface, method, signature, *args):
    text = refused("UnknownOption", w.call, path, interface, method, signature, *args,
                   {"frobnicate": GLib.Variant("b", True)})
    assert "frobnicate" in text, text


@case("an option of another type is InvalidArgument")
def wrong_type(w):
    refused("InvalidArgument", w.call, EUICC, "Ipa", "Poll", "(a{sv})", {"force": GLib.Variant("s", "yes")})


@case("a word that an option does not have is InvalidArgument")
def wrong_word(w):
    refused("InvalidArgument", w.call, EUICC, "Euicc", "Download", "(sa{sv})", "LPA:1$smdp.lab.test$X",
            {"accept": GLib.Variant("s", "perhaps")})


CODES = ("nonsense", "LPA:2$smdp.lab.test$X", "LPA:1$", "LPA:1$smdp.lab.test", 
         "LPA:1$smdp lab$X", "LPA:1$smdp.lab.test$X X", "LPA:1$smdp.lab.test$Ünlesbar",
         "LPA:1$smdp.lab.test$X$2.999$1$more$and$more")


@case("wrong activation codes are InvalidActivationCode, and come back in no message")
def wrong_codes(w):
    for code in CODES:
        text = refused("InvalidActivationCode", w.start_download, code)
        assert code not in text and "\n" not in text, text
        refused("InvalidActivationCode", w.call, ROOT, "Manager", "ParseActivationCode", "(s)", code)


@case("an eUICC that is not there is NotFound, or no object")
def unknown_euicc(w):
    refused("NotFound", w.call, ROOT, "Manager", "FindEuicc", "(s)", OTHER_EID)
    refused("org.freedesktop.DBus.Error.UnknownObject", w.call, f"{ROOT}/euicc/{OTHER_EID}", "Euicc", "Refresh")
    refused("org.freedesktop.DBus.Error.UnknownObject", w.call, f"{ROOT}/job/99999", "Job", "Cancel")


@case("an answer to a job that has ended is NotFound")
def answer_without_question(w):
    job = w.call(EUICC, "Euicc", "Refresh")
    expect(w.wait(job).result, "done", "the job")
    refused("NotFound", w.call, job, "Job", "Answer", "(a{sv})", {"accept": GLib.Variant("b", True)})


@case("cancelling a job that has ended is NotFound, and changes nothing")
def cancel_ended(w):
    job = w.call(EUICC, "Euicc", "Refresh")
    expect(w.wait(job).result, "done", "the job")
    refused("NotFound", w.call, job, "Job", "Cancel")
    expect(w.get(job, "Job", "State"), "done", "the job")


@case("the ninth job of one user is Busy, and the eight are done")
def ninth_job(w):
    w.ctl("card", "delay", 30)
    jobs = [w.call(EUICC, "Euicc", "Refresh") for _ in range(8)]
    refused("Busy", w.call, EUICC, "Euicc", "Refresh")
    w.ctl("card", "delay", 0)
    for job in jobs:
        expect(w.wait(job).result, "done", job)
    expect(w.refresh().result, "done", "another one")


# ---- files ----


def check_config(w):
    r = subprocess.run([os.path.join(w.build, "daemon", "sgp32d"), "--check-config", "--config-dir",
                        w.path("daemon", "config")], capture_output=True, text=True, check=False)
    return r.returncode, r.stdout + r.stderr


@case("--check-config finds nothing wrong with the configuration of the lab")
def check_good(w):
    expect(check_config(w)[0], 0, "exit status")


def broken_file(w, name, text, *words):
    """--check-config says where; a reload is refused and what was good stays."""
    path = w.write(name, text)
    try:
        status, said = check_config(w)
        assert status != 0, said
        for word in (os.path.basename(name), *words):
            assert word in said, f"{word} is not in: {said}"
        refused("InvalidArgument", w.call, ROOT, "Manager", "Reload")
        before = len(w.log())
        os.kill(w.pid(), signal.SIGHUP)
        w.eventually(lambda: "The configuration is not taken" in w.log()[before:], "SIGHUP is taken")
    finally:
        os.unlink(path)
    expect(w.poll().error, "", "a poll with the old configuration")
    w.call(ROOT, "Manager", "Reload")


D = "sgp32.conf.d/91-broken.conf"
case("a key that nobody knows: file, section and key are named", D, "[Poll]\nIntervall=5\n", "Poll",
     "Intervall")(broken_file)
case("a number that is none: file, section and key are named", D, "[Poll]\nInterval=often\n", "Poll",
     "Interval")(broken_file)
case("a number out of range: file, section and key are named", D, "[Card]\nApduTimeout=0\n", "Card",
     "ApduTimeout")(broken_file)
case("a word that is none of a key's: file, section and key are named", D, "[Network]\nVerifyOver=maybe\n",
     "Network", "VerifyOver")(broken_file)
case("a section that nobody knows: file and section are named", D, "[Pole]\nInterval=5\n", "Pole")(broken_file)
case("a file that is none: the file is named", D, "Interval=5\n")(broken_file)
E = "eim.d/91-broken.conf"
case("an eIM file without a match: file and section are named", E, "[Eim]\nData=3003800161\n",
     "Match")(broken_file)
case("an eIM file with a wrong EID: file, section and key are named", E,
     "[Match]\nEid=89049032123451234512345678901234\n[Eim]\nData=3003800161\n", "Match", "Eid")(broken_file)
case("an eIM file without an eIM: file and section are named", E, "[Match]\nEidPrefix=8\n", "Eim")(broken_file)
case("an eIM file with broken DER: file and section are named", E,
     "[Match]\nEidPrefix=8\n[Eim]\nData=30058001\n", "Eim")(broken_file)
case("an eIM file that names a file that is not there: the file is named", E,
     "[Match]\nEidPrefix=8\n[Eim]\nFile=nothing.der\n", "nothing.der")(broken_file)


# ---- eIMs for new cards ----


def new_card(w, match, pin="key"):
    """A card without eIM meets a daemon that has this file. Whether it has taken the eIM."""
    w.lab("stop", "daemon")
    shutil.rmtree(w.path("daemon", "state"))
    w.ctl("eim", "device", EID, "--remove", check=False)
    w.ctl("card", "create")
    w.eventually(lambda: w.ctl("card", "show")["connected"], "the modem has the card")
    w.wait_link("up")
    data = w.ctl("eim", "config", EID, "--pin", pin)["data"]
    w.write("eim.d/lab.conf", f"[Match]\n{match}\n[Eim]\nData={data}\n")
    w.lab("start", "daemon")
    w.until(lambda: w.exists(EUICC) and w.get(EUICC, "Euicc", "State") == "ready", "the card is read")
    there = w.exists(EIM)
    expect(len(w.ctl("card", "show")["eims"]), 1 if there else 0, "eIMs on the card")
    return there


def eim_for(w, match, taken):
    try:
        expect(new_card(w, match), taken, "AddInitialEim")
        if taken:
            expect(w.poll().error, "", "the first poll")
    finally:
        if not taken:
            new_card(w, "EidPrefix=8")


case("an eIM for this EID is stored", f"Eid={EID}", True, restarts=True)(eim_for)
case("an eIM for this EID's prefix is stored", "EidPrefix=8904903212", True, restarts=True)(eim_for)
case("an eIM for another EID is not stored", f"Eid={OTHER_EID}", False, restarts=True)(eim_for)
case("an eIM for this slot is stored", "Slot=lab:1", True, restarts=True)(eim_for)
case("an eIM for another slot is not stored", "Slot=lab:2", False, restarts=True)(eim_for)


# ---- another way to the network ----


@case("VerifyOver: another way to the servers vouches for the profile with any, and not with bearer")
def verify_over(w):
    def run(*argv, there=False):
        w.lab("exec", *(["--internet"] if there else []), "--", *argv)

    with open(w.path("lab.json"), encoding="utf-8") as f:
        internet = json.load(f)["internet"]
    run("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan1", "netns", str(internet))
    try:
        run("ip", "addr", "add", "10.64.9.1/24", "dev", "lan1", there=True)
        run("ip", "link", "set", "lan1", "up", there=True)
        run("ip", "addr", "add", "10.64.9.2/24", "dev", "lan0")
        run("ip", "link", "set", "lan0", "up")
        run("ip", "route", "add", "10.64.1.0/24", "via", "10.64.9.1", "dev", "lan0")
        w.ctl("modem", "radio", "no-data")
        w.wait_link("down")
        expect(w.poll().error, "", "a poll with VerifyOver=any")
        # By its address: names that are asked over the bearer need a name server there, and the lab has none.
        with w.conf("[Network]\nVerifyOver=bearer\n[Eim eim.lab.test]\nAddress=10.64.1.10\n"):
            expect(w.poll().error, "NetworkUnavailable", "a poll with VerifyOver=bearer")
            w.ctl("modem", "radio", "covered")
            w.wait_link("up")
            # Over wwan0, though the cable has the better route.
            expect(w.poll().error, "", "a poll over the bearer")
    finally:
        run("ip", "link", "del", "lan0")


# ---- clocks ----


def expired(w, pin, error):
    """The eIM's TLS certificate is over: only who pins the key does not mind."""
    folder = w.path("pki", "negative", "eim-tls-expired", "eim")
    good = {n: open(w.path("pki", "eim", n), "rb").read() for n in ("tls.pem", "tls.key")}
    try:
        assert new_card(w, "EidPrefix=8", pin)
        expect(w.poll().error, "", "a poll while it is good")
        w.lab("stop", "eim")
        for n in good:
            shutil.copy(os.path.join(folder, n), w.path("pki", "eim", n))
        w.lab("start", "eim")
        outcome = w.poll()
        expect(outcome.error, error, f"a poll ({outcome})")
    finally:
        w.lab("stop", "eim")
        for n, octets in good.items():
            with open(w.path("pki", "eim", n), "wb") as f:
                f.write(octets)
        w.lab("start", "eim")
        new_card(w, "EidPrefix=8")


case("an eIM's certificate that is over is TlsUntrusted where its CA is trusted", "ca", "TlsUntrusted",
     restarts=True)(expired)
case("an eIM's certificate that is over does not matter where its key is pinned", "key", "",
     restarts=True)(expired)


if __name__ == "__main__":
    main(negative=True)
