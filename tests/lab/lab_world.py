# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the verbs of the lab and its supervisor share: where things are, and how to get there."""

import ctypes
import fcntl
import json
import os
import shlex
import signal
import socket
import struct
import subprocess
import time

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.realpath(os.environ.get("SGP32_BUILD") or os.path.join(ROOT, "build"))
DEFAULT_DIR = os.path.join(os.environ.get("XDG_RUNTIME_DIR") or "/tmp", "sgp32-lab")
DEFAULT_EID = "89049032123451234512345678901235"

# In the order in which they are started.
PARTS = ("pki", "net", "bus", "smdp", "smds", "eim", "modem", "card", "daemon")
SERVERS = {"eim": ("10.64.1.10", 8443), "smdp": ("10.64.1.20", 8444), "smds": ("10.64.1.30", 8445)}
STOP_SECONDS = 15
MARK = "sgp32-lab"  # source of the mount that marks our mount namespace

libc = ctypes.CDLL(None, use_errno=True)


class LabError(Exception):
    pass


class World:
    """Where things are: a folder, and what was written there when the world was started."""

    def __init__(self, folder):
        self.dir = os.path.realpath(folder)
        if len(self.dir) > 85:
            raise LabError(f"{self.dir}: too long for the names of sockets below it (85 characters)")

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def load(self):
        try:
            with open(self.path("lab.json"), encoding="utf-8") as f:
                return json.load(f)
        except (FileNotFoundError, ValueError):
            return None

    def lock(self, wait=0.0):
        """The supervisor holds this lock as long as it lives; its pid is in the file. None: it does."""
        os.makedirs(self.dir, mode=0o700, exist_ok=True)
        fd = os.open(self.path("lab.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        until = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return fd
            except BlockingIOError:
                if time.monotonic() >= until:
                    os.close(fd)
                    return None
                time.sleep(0.05)

    def alive(self):
        if not os.path.exists(self.path("lab.lock")):
            return False
        fd = self.lock()
        if fd is None:
            return True
        os.close(fd)
        return False

    def supervisor(self):
        """Its pid; 0 if none lives."""
        while self.alive():
            with open(self.path("lab.lock"), encoding="ascii") as f:
                pid = f.read().strip()
            if pid:
                return int(pid)
            time.sleep(0.05)  # it is just being started
        return 0

    def ask(self, **request):
        """One question to the supervisor."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            try:
                s.connect(self.path("lab.sock"))
            except OSError:
                raise LabError(f"no lab runs in {self.dir} (./run lab up)") from None
            s.sendall(json.dumps(request).encode() + b"\n")
            answer = s.makefile().readline()
        answer = json.loads(answer) if answer else {"error": "the lab went away"}
        if "error" in answer:
            raise LabError(answer["error"])
        return answer

    def enter(self, internet=False):
        """Takes this process into the namespaces of the lab."""
        state = self.load()
        if not state or not self.alive():
            raise LabError(f"no lab runs in {self.dir} (./run lab up)")
        os.environ.update(state["exports"])
        if not state["net"]:
            return
        cwd = os.getcwd()
        names = [f"{state['pid']}/ns/user"] if state["userns"] else []
        names += [f"{state['pid']}/ns/mnt", f"{state['internet' if internet else 'pid']}/ns/net"]
        for fd in [os.open(f"/proc/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in names]:
            if libc.setns(fd, 0) != 0:
                raise LabError(f"cannot enter the lab: {os.strerror(ctypes.get_errno())}")
        os.chdir(cwd)
        if state["userns"]:
            keep_capabilities()

    def leftovers(self):
        """Processes that live in the mount namespace of this lab, whoever started them."""
        mark = f" {self.path('ns')} "
        for name in os.listdir("/proc"):
            if not name.isdigit() or int(name) == os.getpid():
                continue
            try:
                with open(f"/proc/{name}/mountinfo", encoding="utf-8") as f:
                    if any(mark in line and f" {MARK} " in line for line in f):
                        yield int(name)
            except OSError:
                pass


def keep_capabilities():
    """What a namespace gives us outlives exec, although the uid is an ordinary one (capabilities(7))."""
    header = struct.pack("Ii", 0x20080522, 0)
    data = ctypes.create_string_buffer(24)
    if libc.capget(header, data) != 0:
        return
    words = struct.unpack("6I", data.raw)
    libc.capset(header, struct.pack("6I", *words[:2], words[1], *words[3:5], words[4]))
    for number in range(64):
        libc.prctl(47, 2, number, 0, 0)  # PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE


def program(name):
    for folder in ("tests/lab", f"tests/lab/{name[4:]}", "daemon", "dbus", "dbus/ctl"):
        path = os.path.join(BUILD, folder, name)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    raise LabError(f"{name} is not built in {BUILD} (./run build)")


def run(*argv):
    r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if r.returncode != 0:
        raise LabError(f"{shlex.join(argv)}: {r.stdout.strip() or f'status {r.returncode}'}")
    return r.stdout


def write(path, text, mode=0o600, keep=False):
    if keep and os.path.exists(path):
        return
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path + ".new", mode)
    os.rename(path + ".new", path)


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def remove(path):
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
