#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a card may do to a job: the named error, nothing is lost, and the next try works."""

from world import BOOTSTRAP, CONF, EUICC, case, expect, main

FAULTS = {
    "6A80": ("CardRefused", ["6A80", "for"]),
    "6985": ("CardRefused", ["6985", "for"]),
    "6F00": ("CardRefused", ["6F00", "for"]),
    "garbage": ("CardMalformed", ["garbage"]),
    "oversize": ("CardMalformed", ["oversize"]),
}


def ends(outcome, error, sw=None):
    expect((outcome.result, outcome.error), ("failed" if error else "done", error), f"{outcome}")
    if error == "CardRefused" and sw:
        expect(outcome.details.get("sw"), int(sw, 16), "sw")


def word(kind):
    return kind if kind[0] == "6" else None


def each(tag, *kinds, first=False):
    """(kind, error, words of the fault); 6985 to the first command of a session means that the session had
    gone: it is opened again, and nobody notices."""
    for kind in kinds or FAULTS:
        error, words = FAULTS[kind]
        yield kind, "" if first and kind == "6985" else error, [*words, tag]


# ---- reading ----


def refresh_fails(w, error, kind, fault):
    before = sorted(w.objects())
    w.fault("card", *fault)
    ends(w.refresh(), error, word(kind))
    w.ctl("card", "fault", "clear")
    ends(w.refresh(), "")
    expect([p for p in sorted(w.objects()) if "/job/" not in p], [p for p in before if "/job/" not in p],
           "the objects")


for tag, name in (("BF22", "EUICCInfo2"), ("BF2D", "the profiles"), ("BF3C", "the addresses"),
                  ("BF55", "the eIMs"), ("BF2B", "the notifications")):
    for kind, error, fault in each(tag, first=True):
        case(f"reading {name}: {kind} is {error or 'a new session'}", error, kind, fault)(refresh_fails)


# ---- packages ----


def package_fails(w, error, kind, fault, *after):
    item = w.queue("list")
    w.fault("card", *fault, *after)
    ends(w.poll(), error, word(kind))
    w.ctl("card", "fault", "clear")
    w.repair_package(item)


for kind, error, fault in each("BF51", "6985", "6F00", "garbage", "oversize"):
    case(f"executing a package: {kind} is {error}", error, kind, fault)(package_fails)
for kind, error, fault in each("BF30", first=True):
    case(f"removing a result: {kind} is {error or 'a new session'}", error, kind, fault)(package_fails)


@case("a package that the card answers 6A80 is reported to the eIM, and not tried for ever")
def package_refused(w):
    item, good = w.queue("list"), None
    w.fault("card", "6A80", "for", "BF51", "times", 0)
    ends(w.poll(), "CardRefused", "6A80")
    w.expect_item(item, "failed")
    w.ctl("card", "fault", "clear")
    good = w.queue("list")
    w.repair_package(good)


def switch_fails(w, error, kind, fault):
    """The switch has happened; its result is reported all the same, once."""
    code, iccid = w.profile()
    w.repair_download(code, iccid)
    item = w.queue("enable", iccid)
    w.fault("card", *fault)
    ends(w.poll(), error, word(kind))
    w.ctl("card", "fault", "clear")
    w.repair_package(item)
    expect(w.enabled(), [iccid], "enabled on the card")
    expect(w.get(EUICC, "Euicc", "EnabledProfile"), f"{EUICC}/profile/{iccid}", "EnabledProfile")
    expect(w.item(item)["sent"], 1, "how often the package was given")
    w.repair_package(w.queue("enable", BOOTSTRAP))


for tag, name in (("BF51", "switching"), ("BF2B", "reading the result after a switch"),
                  ("BF30", "removing the result of a switch")):
    for kind, error, fault in each(tag, "6F00", "garbage", first=tag == "BF2B"):
        case(f"{name}: {kind} is {error}", error, kind, fault)(switch_fails)


# ---- downloads ----


def download_fails(w, error, kind, fault, installs):
    code, iccid = w.profile()
    w.fault("card", *fault)
    ends(w.download(code), error, word(kind))
    w.ctl("card", "fault", "clear")
    if installs:
        assert w.installed(iccid), "the profile is not on the card"
        assert w.exists(f"{EUICC}/profile/{iccid}"), "the profile is not on the bus"
        ends(w.notify(), "")
    else:
        assert not w.installed(iccid)
        w.repair_download(code, iccid)
    w.expect_clean()
    expect(w.ctl("smdp", "show", iccid)["notifications"][0]["event"], "install", "what the server knows")


for tag, name in (("BF2E", "the challenge"), ("BF38", "AuthenticateServer"), ("BF21", "PrepareDownload")):
    for kind, error, fault in each(tag, first=tag == "BF2E"):
        case(f"{name}: {kind} is {error or 'a new session'}", error, kind, fault, not error)(download_fails)
for tag, name in (("BF30", "removing the notification"), ("BF22", "reading the room that is left")):
    for kind, error, fault in each(tag, "6A80", "6F00", "garbage", "oversize"):
        case(f"after the installation, {name}: {kind} is {error}", error, kind, fault, True)(download_fails)


def load_fails(w, error, kind, fault):
    """The card's result tells the server that it was interrupted: the order can be tried again."""
    code, iccid = w.profile()
    w.fault("card", *fault, "after", 2)
    ends(w.download(code), error, word(kind))
    w.ctl("card", "fault", "clear")
    assert not w.installed(iccid)
    w.expect_clean()
    w.repair_download(code, iccid)


for kind, error, fault in each("BF36"):
    case(f"loading a profile: {kind} ends with the card's own result, InstallFailed", "InstallFailed", kind,
         fault)(load_fails)


# ---- cards that go, sleep and dawdle ----


def comes_back(w, job):
    w.until_state(job, "waiting-card")
    w.until(lambda: w.get(EUICC, "Euicc", "State") == "absent-expected", "the card is missed")
    w.ctl("card", "insert")
    return w.wait(job)


def pulled_download(w, at):
    code, iccid = w.profile("--size", "20000")
    w.ctl("card", "pull-at", at)
    ends(comes_back(w, w.start_download(code)), "")
    assert w.installed(iccid), "the profile is not on the card"
    expect(w.ctl("smdp", "show", iccid)["state"], "installed", "the order")
    w.expect_clean()


for at, when in (("BF2E", "at the challenge"), ("BF38", "at AuthenticateServer"), ("BF21", "at PrepareDownload"),
                 ("BF36:1", "at the first segment"), ("BF36:6", "in mid-download")):
    case(f"a card that is pulled {when} and put back: the job goes on", at)(pulled_download)


def pulled_package(w, at):
    item = w.queue("list")
    w.ctl("card", "pull-at", at)
    ends(comes_back(w, w.start_poll()), "")
    w.expect_item(item)
    w.expect_clean()


for at, when in (("BF51", "at a package"), ("BF30", "at the removal of its result")):
    case(f"a card that is pulled {when} and put back: the job goes on", at)(pulled_package)


@case("a card that is pulled in a switch and put back: the job goes on")
def pulled_switch(w):
    code, iccid = w.profile()
    w.repair_download(code, iccid)
    item = w.queue("enable", iccid)
    w.ctl("card", "pull-at", "BF2B")
    ends(comes_back(w, w.start_poll()), "")
    w.expect_item(item)
    expect(w.enabled(), [iccid], "enabled on the card")
    w.repair_package(w.queue("enable", BOOTSTRAP))


@case("a download that the eIM ordered and the card is pulled: the job goes on")
def pulled_trigger(w):
    code, iccid = w.profile()
    item = w.queue("download", code)
    w.ctl("card", "pull-at", "BF36:4")
    ends(comes_back(w, w.start_poll()), "")
    w.expect_item(item)
    assert w.installed(iccid)


@case("a card that stays away is CardLost, and is there again when it is put back")
def stays_away(w):
    item = w.queue("list")
    with w.conf("[General]\nAbsentGrace=1\n"):
        w.ctl("card", "pull-at", "BF51")
        ends(w.poll(), "CardLost")
        w.until(lambda: not w.exists(EUICC), "the eUICC leaves the bus")
        w.ctl("card", "insert")
        w.wait_ready()
    w.wait_link("up")
    w.repair_package(item)


@case("a job for a card that is away waits for it")
def job_while_away(w):
    w.ctl("card", "pull")
    w.until(lambda: w.get(EUICC, "Euicc", "State") == "absent-expected", "the card is missed")
    job = w.call(EUICC, "Euicc", "Refresh")
    expect(w.get(job, "Job", "State"), "queued", "the job")
    w.ctl("card", "insert")
    ends(w.wait(job), "")


@case("a card that hangs in a package is Timeout, and is read when it answers again")
def hangs_package(w):
    item = w.queue("list")
    w.ctl("card", "hang")
    ends(w.poll(), "Timeout")
    w.ctl("card", "hang", "off")
    w.ctl("card", "reset")
    w.wait_ready()
    w.wait_link("up")
    w.repair_package(item)


@case("a card that hangs in a download is Timeout, and the next download works")
def hangs_download(w):
    code, iccid = w.profile()
    w.ctl("card", "hang")
    ends(w.download(code), "Timeout")
    w.ctl("card", "hang", "off")
    w.ctl("card", "reset")
    w.wait_ready()
    w.wait_link("up")
    w.repair_download(code, iccid)


@case("a card that raises no REFRESH is reset, and the switch is reported")
def no_refresh(w):
    code, iccid = w.profile()
    w.repair_download(code, iccid)
    w.ctl("card", "mute-refresh")
    item = w.queue("enable", iccid)
    with w.conf("[Switch]\nRefreshTimeout=1\n"):
        outcome = w.poll()
    ends(outcome, "")
    expect(outcome.values.get("card-reset"), True, "card-reset")
    w.expect_item(item)
    expect(w.enabled(), [iccid], "enabled on the card")
    w.ctl("card", "mute-refresh", "off")
    w.repair_package(w.queue("enable", BOOTSTRAP))


@case("a slow card is only slow")
def slow(w):
    code, iccid = w.profile()
    w.ctl("card", "delay", 20)
    w.repair_download(code, iccid)
    item = w.queue("list")
    w.repair_package(item)


@case("a modem that loses an answer is Timeout, and the package is executed once")
def modem_mute(w):
    item = w.queue("list")
    w.ctl("modem", "mute", "uim/0x3b", 1)
    ends(w.poll(), "Timeout")
    w.repair_package(item)
    expect(w.item(item)["sent"], 1, "how often the package was given")


@case("a modem that vanishes and comes back: the job goes on")
def modem_drops(w):
    code, iccid = w.profile("--size", "20000")
    w.ctl("card", "delay", 10)
    job = w.start_download(code)
    w.until(lambda: w.get(job, "Job", "Step") == "load-profile", "the profile is loaded")
    w.ctl("modem", "reset")
    ends(w.wait(job), "")
    assert w.installed(iccid)


if __name__ == "__main__":
    main(conf=CONF.replace("ApduTimeout=10", "ApduTimeout=2"))
