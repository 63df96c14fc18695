# SPDX-License-Identifier: Apache-2.0
"""Runs PyPI's mtprotoproxy on 127.0.0.1, with a data centre of this machine in place of Telegram's.

It is of 2019: what later versions of Python have taken away is given back. Whatever it looks up stays unanswered.
"""

import argparse
import asyncio
import importlib.util
import os
import sys
import tempfile

from loopback import only_loopback

SCRIPT = os.path.join(os.path.dirname(sys.executable), "mtprotoproxy.py")


def load(configuration):
    """The module, which reads its arguments when it is loaded."""
    sys.argv = ["mtprotoproxy", configuration]
    specification = importlib.util.spec_from_file_location("mtprotoproxy", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def without_loop(function):
    """Drops the argument that asyncio has no more since Python 3.10."""

    def call(*arguments, **named):
        named.pop("loop", None)
        return function(*arguments, **named)

    return call


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret", required=True, help="32 hexadecimal digits")
    parser.add_argument("--upstream-port", type=int, required=True)
    parser.add_argument("--padded-only", action="store_true", help="take dd only")
    options = parser.parse_args()

    only_loopback()
    asyncio.start_server = without_loop(asyncio.start_server)
    asyncio.set_event_loop(asyncio.new_event_loop())
    with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
        file.write(
            f"PORT = {options.port}\n"
            f"USERS = {{'interop': '{options.secret}'}}\n"
            f"SECURE_ONLY = {options.padded_only}\n"
            "LISTEN_ADDR_IPV4 = '127.0.0.1'\n"
            "LISTEN_ADDR_IPV6 = ''\n"
            "MASK = False\n"
        )
        file.flush()
        proxy = load(file.name)
        proxy.init_config()
    proxy.TG_DATACENTERS_V4 = ["127.0.0.1"] * len(proxy.TG_DATACENTERS_V4)
    proxy.TG_DATACENTER_PORT = options.upstream_port
    proxy.main()


if __name__ == "__main__":
    main()
