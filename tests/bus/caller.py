#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls methods as the user it was started as: JSON lines in, the names of errors out."""

import json
import sys

from gi.repository import Gio, GLib


def main():
    connection = Gio.DBusConnection.new_for_address_sync(
        sys.argv[1],
        Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
        | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
        None,
        None,
    )
    print(connection.get_unique_name(), flush=True)
    for line in sys.stdin:
        path, interface, member, arguments, interactive = json.loads(line)
        flags = Gio.DBusCallFlags.NONE
        if interactive:
            flags = Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION
        arguments = GLib.Variant.parse(None, arguments, None, None)
        try:
            connection.call_sync(
                "org.sgp32", path, interface, member, arguments, None, flags, 10000, None
            )
            print("", flush=True)
        except GLib.Error as error:
            print(Gio.DBusError.get_remote_error(error) or error.message, flush=True)


main()
