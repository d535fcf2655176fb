# SPDX-License-Identifier: LGPL-2.1-or-later
"""The supervisor of the lab: holds the namespaces and is the parent of every part."""

import glob
import json
import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time

from lab_world import (BUILD, DEFAULT_EID, HERE, MARK, PARTS, SERVERS, STOP_SECONDS, LabError, kill, libc,
                       program, remove, run, write)

GATEWAY, DEVICE = "10.64.0.1", "10.64.0.2"
READY_SECONDS = 30

LINK = """#!/bin/sh
# The link between the device and the servers: what the enabled profile gets.
set -eu
case ${{1-}} in
up | no-eim)
	ip link set wwan0 up
	ip addr replace {device}/24 dev wwan0
	ip route replace default via {gateway} dev wwan0
	ip route del unreachable {eim} 2>/dev/null || true
	[ "$1" = up ] || ip route add unreachable {eim}
	;;
down)
	ip route del unreachable {eim} 2>/dev/null || true
	ip link set wwan0 down
	;;
*)
	echo "usage: link up|down|no-eim" >&2
	exit 2
	;;
esac
echo "$1" >{state}
"""

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="*"/>
    <allow receive_type="*"/>
    <allow eavesdrop="true"/>
  </policy>
</busconfig>
"""

CONF = """# Written by the lab once; edit it, or add files to sgp32.conf.d/.
[Poll]
Interval=60
Jitter=0

[Device lab]
Node={node}
Plugin=qmi
ModemManager=ignore
Interface=wwan0
"""


class Supervisor:
    def __init__(self, world, options, report):
        self.world = world
        self.options = options
        self.report = report
        self.running = {}  # part: Popen
        self.done = set()  # parts without a process of their own that are there
        self.internet = None
        self.net = False

    def has(self, part):
        return part in self.done or (part in self.running and self.running[part].poll() is None)

    # -- processes --

    def spawn(self, part, argv, internet=False, env=None, notify=False):
        """Starts a program and waits until it is ready: by a line on stdout, or as systemd is told."""
        w = self.world
        if internet and self.net:
            argv = ["nsenter", f"--net=/proc/{self.internet.pid}/ns/net", "--"] + argv
        environment = dict(os.environ, **self.exports(), **(env or {}))
        listener = None
        if notify:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            name = w.path("log", f"{part}.notify")
            remove(name)
            listener.bind(name)
            environment["NOTIFY_SOCKET"] = name
        log = open(w.path("log", f"{part}.log"), "ab", buffering=0)
        log.write(f"--- {shlex.join(argv)}\n".encode())

        def end_with_parent():
            libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG

        try:
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                     env=environment, start_new_session=True,
                                     preexec_fn=end_with_parent)
        except OSError as e:
            raise LabError(f"{part}: {argv[0]}: {e.strerror}") from None
        self.running[part] = child
        write(w.path("log", f"{part}.pid"), f"{child.pid}\n")
        if not self.wait_ready(child, listener):
            status = child.poll()
            self.stop(part)
            with open(w.path("log", f"{part}.log"), "rb") as f:
                tail = f.read().decode(errors="replace").split("\n--- ")[-1].splitlines()[-12:]
            what = "was not ready in time" if status is None else f"ended with status {status}"
            raise LabError("\n  ".join([f"{part} {what}"] + tail))
        if listener:
            listener.close()  # what is told later would fill a socket that nobody reads
        threading.Thread(target=drain, args=(child, log), daemon=True).start()

    def wait_ready(self, child, listener):
        end = time.monotonic() + READY_SECONDS
        source = listener or child.stdout
        while time.monotonic() < end:
            if select.select([source], [], [], 0.1)[0]:
                if listener:
                    if b"READY=1" in listener.recv(4096):
                        return True
                elif child.stdout.readline():
                    return True
            if child.poll() is not None:
                return False
        return False

    def stop(self, part, sig=signal.SIGTERM):
        child = self.running.pop(part, None)
        if child is None:
            return
        if child.poll() is None:
            child.send_signal(sig)
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                pass
        # Its own session: helpers that it left behind go with it.
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()
        remove(self.world.path("log", f"{part}.pid"))

    # -- parts --

    def start(self, part):
        if self.has(part):
            return
        self.report(part)
        getattr(self, "start_" + part)()

    def arguments(self, part):
        return [a.partition("=")[2] for a in self.options["arg"] if a.partition("=")[0] == part]

    def start_pki(self):
        o, w = self.options, self.world
        if o["pki"]:
            if not os.path.isdir(w.path("pki")):
                shutil.copytree(o["pki"], w.path("pki"))
        else:
            eids = [a for eid in o["eid"] for a in ("--eid", eid)]
            run(os.path.join(HERE, "lab-pki"), w.path("pki"), *eids, "--eim-id", o["eim_id"])
        self.done.add("pki")

    def start_net(self):
        w = self.world
        os.makedirs(w.path("ns"), exist_ok=True)
        run("mount", "-t", "tmpfs", MARK, w.path("ns"))
        if not os.path.exists("/etc/hosts"):
            # Nothing to mount over: an /etc of our own, with one.
            for name in ("etc", "etc.work"):
                os.makedirs(w.path(name), exist_ok=True)
            write(w.path("etc", "hosts"), "127.0.0.1 localhost\n", mode=0o644)
            run("mount", "-t", "overlay", "-o", f"lowerdir=/etc,upperdir={w.path('etc')},"
                f"workdir={w.path('etc.work')}", MARK, "/etc")
        with open("/etc/hosts", encoding="utf-8", errors="replace") as f:
            hosts = [line for line in f.read().splitlines() if ".lab.test" not in line]
        hosts += [f"{address} {name}.lab.test" for name, (address, _) in SERVERS.items()]
        write(w.path("hosts"), "\n".join(hosts) + "\n", mode=0o644)
        run("mount", "--bind", w.path("hosts"), "/etc/hosts")
        # Nobody answers questions for other names: a refusal is better than a long silence.
        write(w.path("resolv.conf"), "nameserver 127.0.0.1\n", mode=0o644)
        if os.path.exists("/etc/resolv.conf"):
            run("mount", "--bind", w.path("resolv.conf"), os.path.realpath("/etc/resolv.conf"))
        run("ip", "link", "set", "lo", "up")
        # The servers live behind the link, in a namespace of their own.
        self.internet = subprocess.Popen(
            ["unshare", "-n", "sh", "-c", "ip link set lo up && echo ready && exec sleep infinity"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True,
            preexec_fn=lambda: libc.prctl(1, signal.SIGKILL))
        if not self.internet.stdout.readline():
            raise LabError("no network namespace for the servers")
        there = ("nsenter", f"--net=/proc/{self.internet.pid}/ns/net", "--")
        run("ip", "link", "add", "wwan0", "type", "veth", "peer", "name", "inet0")
        run("ip", "link", "set", "inet0", "netns", str(self.internet.pid))
        run(*there, "ip", "addr", "add", f"{GATEWAY}/24", "dev", "inet0")
        run(*there, "ip", "link", "set", "inet0", "up")
        for address, _ in SERVERS.values():
            run(*there, "ip", "addr", "add", f"{address}/32", "dev", "lo")
        self.net = True
        write(w.path("link"), LINK.format(gateway=GATEWAY, device=DEVICE, eim=SERVERS["eim"][0],
                                          state=w.path("link.state")), mode=0o755)
        self.done.add("net")
        # The modem raises the link when its profile is registered. Without a modem it is just there.
        run(w.path("link"), "down" if "modem" in self.options["parts"] else "up")

    def start_bus(self):
        w = self.world
        remove(w.path("bus", "socket"))
        write(w.path("bus", "bus.conf"), BUS.format(socket=w.path("bus", "socket")))
        self.spawn("bus", ["dbus-daemon", f"--config-file={w.path('bus', 'bus.conf')}", "--nofork",
                           "--nopidfile", "--print-address=1"])

    def server(self, part):
        w = self.world
        address, port = SERVERS[part]
        listen = f"{address}:443" if self.net else f"127.0.0.1:{port}"
        os.makedirs(w.path(part), mode=0o700, exist_ok=True)
        self.spawn(part, [program(f"lab-{part}"), "--state", w.path(part), "--pki", w.path("pki"),
                          "--control", w.path(part, "control"), "--listen", listen]
                   + self.arguments(part), internet=True)

    def start_smdp(self):
        self.server("smdp")

    def start_smds(self):
        self.server("smds")

    def start_eim(self):
        self.server("eim")

    def start_modem(self):
        w = self.world
        os.makedirs(w.path("modem"), mode=0o700, exist_ok=True)
        # In the host's own namespace the name of the real proxy is not ours to take.
        hook = ["--link-hook", w.path("link")] if self.net else ["--no-proxy"]
        self.spawn("modem", [program("lab-modem"), "--state", w.path("modem"), "--control",
                             w.path("modem", "control")] + hook + self.arguments("modem"))

    def start_card(self):
        w = self.world
        if not os.path.isdir(w.path("card")):
            # The card makes itself of the PKI, but for another EID than the usual one.
            os.makedirs(w.path("card"), mode=0o700)
            if self.options["eid"][0] != DEFAULT_EID:
                run(program("lab-card"), "create", "--state", w.path("card"), "--pki", w.path("pki"),
                    "--eid", self.options["eid"][0])
        self.spawn("card", [program("lab-card"), "--state", w.path("card"), "--pki", w.path("pki"),
                            "--control", w.path("card", "control"), "--connect",
                            "unix:" + w.path("modem", "card")] + self.arguments("card"))

    def start_daemon(self):
        w = self.world
        config = w.path("daemon", "config")
        for name in ("state", "run", "config/ci.d", "config/eim.d", "config/sgp32.conf.d"):
            os.makedirs(w.path("daemon", name), mode=0o700, exist_ok=True)
        write(os.path.join(config, "sgp32.conf"), CONF.format(node=w.path("modem", "cdc-wdm0")), keep=True)
        for curve in ("nist", "brainpool"):
            source = w.path("pki", curve, "ci.pem")
            if os.path.exists(source):
                shutil.copy(source, os.path.join(config, "ci.d", f"{curve}.pem"))
        if self.has("eim") and not os.path.exists(os.path.join(config, "eim.d", "lab.conf")):
            write(os.path.join(config, "eim.d", "lab.conf"), run(
                program("lab-eim"), "ctl", "--control", w.path("eim", "control"), "config",
                self.options["eid"][0], "--format", "conf"))
        argv = [program("sgp32d"), "--config-dir", config, "--state-dir", w.path("daemon", "state"),
                "--runtime-dir", w.path("daemon", "run"), "--plugin-dir", self.plugins(), "--no-udev"]
        self.spawn("daemon", argv + self.arguments("daemon"), notify=True)

    def plugins(self):
        """All of them in one folder, as they are when they are installed."""
        folder = self.world.path("daemon", "plugins")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        for path in glob.glob(os.path.join(BUILD, "plugins", "*", "*.so")):
            os.symlink(path, os.path.join(folder, os.path.basename(path)))
        return folder

    # -- the world --

    def exports(self):
        w = self.world
        names = {
            "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=" + w.path("bus", "socket"),
            "SGP32_LAB_DIR": w.dir,
            "SGP32_LAB_PKI": w.path("pki"),
            "SGP32_LAB_EID": self.options["eid"][0],
            "SGP32_LAB_EIM_ID": self.options["eim_id"],
            "SGP32_LAB_CARD": "unix:" + w.path("modem", "card"),
            "SGP32_LAB_MODEM": w.path("modem", "cdc-wdm0"),
        }
        for part, (address, port) in SERVERS.items():
            names[f"SGP32_LAB_{part.upper()}"] = f"{address}:443" if self.net else f"127.0.0.1:{port}"
        return names

    def save(self):
        write(self.world.path("lab.json"), json.dumps({
            "pid": os.getpid(),
            "net": self.net,
            "userns": self.options["userns"],
            "internet": self.internet.pid if self.internet else 0,
            "parts": self.options["parts"],
            "exports": self.exports(),
        }, indent=1) + "\n")

    def up(self):
        os.makedirs(self.world.path("log"), mode=0o700, exist_ok=True)
        for part in self.options["parts"]:
            self.start(part)
            self.save()

    def down(self):
        for part in reversed(PARTS):
            self.stop(part)
        if self.internet:
            self.internet.kill()
            self.internet.wait()
        # Whatever else runs in our namespaces: shells of `lab exec`, programs put in a part's place.
        for pid in list(self.world.leftovers()) if self.net else []:
            kill(pid)
        for name in ("lab.sock", "lab.json"):
            remove(self.world.path(name))

    def answer(self, request):
        verb, parts = request.get("verb"), request.get("parts", [])
        if verb == "status":
            rows = [{"part": p, "state": "running" if self.has(p) else
                     "ended" if p in self.running else "left out" if p not in self.options["parts"] else
                     "stopped", "pid": self.running[p].pid if p in self.running else 0,
                     "exit": self.running[p].poll() if p in self.running else None}
                    for p in PARTS]
            return {"parts": rows, "exports": self.exports()}
        if verb in ("stop", "restart"):
            for part in reversed([p for p in PARTS if p in parts]):
                self.stop(part, signal.Signals[request.get("signal", "SIGTERM")])
        if verb in ("start", "restart"):
            for part in [p for p in PARTS if p in parts]:
                if part in self.running:
                    self.stop(part)
                if part not in self.options["parts"]:
                    self.options["parts"].append(part)
                self.start(part)
            self.save()
        return {}

    def serve(self, listener):
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(10)
                try:
                    line = connection.makefile().readline()
                    answer = self.answer(json.loads(line))
                except (LabError, ValueError, KeyError) as e:
                    answer = {"error": str(e)}
                except TimeoutError:
                    continue
                try:
                    connection.sendall(json.dumps(answer).encode() + b"\n")
                except OSError:
                    pass


def drain(child, log):
    """What a part says after it was ready belongs in its log; a pipe that nobody reads would stop it."""
    for line in child.stdout:
        log.write(line)
    child.wait()
    log.write(f"--- ended with status {child.returncode}\n".encode())
    log.close()
