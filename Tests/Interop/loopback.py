# SPDX-License-Identifier: Apache-2.0
"""Keeps a foreign client on this machine: any other address is refused before a packet leaves."""

import sys


def _refuse_foreign_addresses(event, arguments):
    if event not in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
        return
    address = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
    host = address[0] if isinstance(address, tuple) else address
    if host != "127.0.0.1":
        raise PermissionError(f"{event} to {host!r}: the interop clients speak to 127.0.0.1 only")


def only_loopback():
    """Installs the guard; it cannot be removed for the life of the process."""
    sys.addaudithook(_refuse_foreign_addresses)
