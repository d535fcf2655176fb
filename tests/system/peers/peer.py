# SPDX-License-Identifier: LGPL-2.1-or-later
"""The world of the system tests with parts of the lab left out; peers stand in their places."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

import world  # noqa: E402
from world import EUICC, ROOT, World, case, expect  # noqa: E402, F401


def object_path(name):
    """As sd_bus_path_encode()."""
    return "".join(c if c.isalpha() or c.isdigit() and i else f"_{ord(c):02x}" for i, c in enumerate(name))


class PeerWorld(World):
    """without: parts that are left out. Peers are made in set_up(), before the daemon starts."""

    without = ()
    eim = None  # object path of the eIM that the card has

    def set_up(self):
        pass

    def tear_down(self):
        pass

    def prepare_card(self, nvm):
        if "card" not in self.without:
            super().prepare_card(nvm)

    def acquaint(self):
        if "eim" not in self.without:
            super().acquaint()

    def start_daemon(self):
        self.set_up()
        super().start_daemon()

    def wait_ready(self):
        self.until(lambda: self.exists(EUICC) and self.get(EUICC, "Euicc", "State") == "ready" and
                   (not self.eim or self.exists(self.eim)), "the eUICC is ready")

    def calm(self):
        self.wait_link("up")
        self.wait_ready()

    def down(self):
        self.tear_down()
        super().down()


def main(kind, **options):
    try:
        import cryptography  # noqa: F401
    except ImportError:
        print("1..0 # SKIP python3-cryptography is not installed")
        return
    world.World = kind
    world.main(("--without", *kind.without, "--eid", world.EID), **options)
