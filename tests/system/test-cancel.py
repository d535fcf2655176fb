#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cancel at every step of a download and of a package: the job ends within two seconds, the profile or the
result is not lost, and the next try completes."""

import time

from world import BOOTSTRAP, EUICC, case, expect, main

LIMIT = 2.0
DOWNLOAD = ["initiate-authentication", "authenticate-server", "authenticate-client", "prepare-download",
            "get-profile-package", "load-profile", "notify"]
SWITCH = ["poll", "execute-package", "refresh", "wait-online", "report-result", "remove-result", "notify"]
TRIGGER = ["poll", *DOWNLOAD, "report-download"]
DATA = ["poll", "euicc-data"]


def begin(w):
    w.ctl("card", "delay", 15)


def run_watched(w, start, cancel_at=None):
    """Starts a job; its steps in order, its outcome, and the seconds from Cancel to its end."""
    seen, steps, cancelled = [], [], []

    def watch(path, interface, changed):
        if interface == "org.sgp32.Job" and "Step" in changed:
            seen.append((path, changed["Step"]))
            if changed["Step"] == cancel_at and not cancelled and path == job:
                cancelled.append(time.monotonic())
                w.call(path, "Job", "Cancel")

    job = None
    w.watchers.append(watch)
    try:
        job = start()
        for path, step in seen:
            assert path != job or step != cancel_at
        # Steps that were over before the answer to the call are told as well.
        w.until(lambda: w.get(job, "Job", "State") in ("done", "failed", "cancelled"), "the job ends")
        took = time.monotonic() - cancelled[0] if cancelled else None
        outcome = w.wait(job)
    finally:
        w.watchers.remove(watch)
    for path, step in seen:
        if path == job and step and step not in steps:
            steps.append(step)
    return steps, outcome, took


def cancelled(outcome, took, what, protected=False):
    assert took is not None, f"the step {what} did not come: {outcome}"
    assert took <= LIMIT, f"it took {took:.1f} s"
    if not protected or outcome.result != "done":
        expect((outcome.result, outcome.error), ("cancelled", "Cancelled"), f"{outcome}")


@case("the steps of a download are those that are tried here")
def download_steps(w):
    begin(w)
    code, _ = w.profile()
    steps, outcome, _ = run_watched(w, lambda: w.start_download(code))
    expect(outcome.result, "done", f"{outcome}")
    expect([s for s in steps if s != "download"], DOWNLOAD, "steps")


def cancel_download(w, step):
    begin(w)
    code, iccid = w.profile()
    _, outcome, took = run_watched(w, lambda: w.start_download(code), step)
    cancelled(outcome, took, step)
    w.ctl("card", "delay", 0)
    if step == "notify":
        assert w.installed(iccid), "the profile is not on the card"
        expect(w.notify().result, "done", "the next delivery")
    else:
        assert not w.installed(iccid)
        w.repair_download(code, iccid)
        expect(w.notify().result, "done", "the delivery")
    w.expect_clean()
    assert w.exists(f"{EUICC}/profile/{iccid}"), "the profile is not on the bus"
    expect(w.ctl("smdp", "show", iccid)["state"], "installed", "the order")


for name in DOWNLOAD:
    case(f"a download that is cancelled at {name} is Cancelled, and the next one completes", name)(cancel_download)


@case("a download that is cancelled in the middle of its segments leaves nothing on the card")
def cancel_segments(w):
    code, iccid = w.profile("--size", "20000")
    begin(w)
    job = w.start_download(code)
    w.until(lambda: w.get(job, "Job", "Progress") > 0.6, "half of the profile is on the card")
    start = time.monotonic()
    w.call(job, "Job", "Cancel")
    cancelled(w.wait(job), time.monotonic() - start, "load-profile")
    w.ctl("card", "delay", 0)
    assert not w.installed(iccid)
    w.repair_download(code, iccid)


def switch_order(w):
    code, iccid = w.profile()
    w.repair_download(code, iccid)
    begin(w)
    return iccid, w.queue("enable", iccid)


def back(w):
    w.ctl("card", "delay", 0)
    w.repair_package(w.queue("enable", BOOTSTRAP))


@case("the steps of a package that switches are those that are tried here")
def switch_steps(w):
    _, item = switch_order(w)
    steps, outcome, _ = run_watched(w, w.start_poll)
    expect(outcome.result, "done", f"{outcome}")
    expect(sorted(steps), sorted(SWITCH), "steps")
    w.expect_item(item)
    back(w)


def cancel_switch(w, step):
    iccid, item = switch_order(w)
    _, outcome, took = run_watched(w, w.start_poll, step)
    cancelled(outcome, took, step, protected=step in ("execute-package", "remove-result"))
    w.ctl("card", "delay", 0)
    w.wait_link("up")
    w.repair_package(item)
    expect(w.enabled(), [iccid], "enabled on the card")
    expect(w.get(EUICC, "Euicc", "EnabledProfile"), f"{EUICC}/profile/{iccid}", "EnabledProfile")
    if step != "poll":
        expect(w.item(item)["sent"], 1, "how often the package was given")
    back(w)


for name in SWITCH:
    case(f"a package that is cancelled at {name}: nothing is lost, and the next poll completes", name)(cancel_switch)


@case("the steps of an ordered download are those that are tried here")
def trigger_steps(w):
    begin(w)
    code, _ = w.profile()
    item = w.queue("download", code)
    steps, outcome, _ = run_watched(w, w.start_poll)
    expect(outcome.result, "done", f"{outcome}")
    expect(sorted(steps), sorted(TRIGGER), "steps")
    w.expect_item(item)


def cancel_trigger(w, step):
    begin(w)
    code, iccid = w.profile()
    item = w.queue("download", code)
    _, outcome, took = run_watched(w, w.start_poll, step)
    cancelled(outcome, took, step)
    w.ctl("card", "delay", 0)
    w.repair_package(item)
    assert w.installed(iccid), "the profile is not on the card"


for name in TRIGGER:
    case(f"an ordered download that is cancelled at {name}: the next poll completes", name)(cancel_trigger)


def cancel_data(w, step):
    begin(w)
    item = w.queue("data-request")
    _, outcome, took = run_watched(w, w.start_poll, step)
    cancelled(outcome, took, step, protected=True)
    w.repair_package(item)


for name in DATA:
    case(f"a data request that is cancelled at {name}: the next poll completes", name)(cancel_data)


def cancel_now(w, job):
    start = time.monotonic()
    w.call(job, "Job", "Cancel")
    cancelled(w.wait(job), time.monotonic() - start, "")


@case("a job that waits in the queue is cancelled at once")
def cancel_queued(w):
    code, iccid = w.profile()
    begin(w)
    first = w.start_download(code)
    second = w.start_poll()
    expect(w.get(second, "Job", "State"), "queued", "the second job")
    cancel_now(w, second)
    expect(w.wait(first).result, "done", "the first job")
    assert w.installed(iccid)


@case("a job that waits for an answer is cancelled at once, and the order can be used again")
def cancel_question(w):
    code, iccid = w.profile()
    job = w.start_download(code, accept="ask")
    w.until_state(job, "waiting-user")
    cancel_now(w, job)
    w.repair_download(code, iccid)


@case("a job that waits for a server is cancelled at once")
def cancel_server(w):
    item = w.queue("list")
    w.fault("eim", "GetEimPackage", "hang")
    job = w.start_poll()
    w.eventually(lambda: not w.ctl("eim", "fault", "list"), "the eIM is asked")
    cancel_now(w, job)
    w.repair_package(item)


@case("a job that waits for its card is cancelled at once")
def cancel_card(w):
    item = w.queue("list")
    w.ctl("card", "pull-at", "BF51")
    job = w.start_poll()
    w.until_state(job, "waiting-card")
    cancel_now(w, job)
    w.ctl("card", "insert")
    w.wait_ready()
    w.wait_link("up")
    w.repair_package(item)


@case("a job that waits for the network is cancelled at once, and its result is delivered later")
def cancel_network(w):
    iccid, item = switch_order(w)
    w.ctl("modem", "radio", iccid, "no-registration")
    job = w.start_poll()
    w.until_state(job, "waiting-network")
    cancel_now(w, job)
    w.ctl("modem", "radio", iccid, "covered")
    w.wait_link("up")
    w.repair_package(item)
    back(w)


if __name__ == "__main__":
    main()
