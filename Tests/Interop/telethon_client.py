# SPDX-License-Identifier: Apache-2.0
"""Telethon as a client of `mtproto dc`: key exchange, encrypted queries, and a second connection with the same key."""

import argparse
import asyncio
import os
import struct

from loopback import only_loopback

only_loopback()

from telethon import TelegramClient, errors, functions  # noqa: E402
from telethon.crypto import rsa  # noqa: E402
from telethon.network import connection as transports  # noqa: E402
from telethon.sessions import MemorySession  # noqa: E402
from telethon.tl.tlobject import TLRequest  # noqa: E402

TRANSPORTS = {
    "abridged": transports.ConnectionTcpAbridged,
    "intermediate": transports.ConnectionTcpIntermediate,
    "full": transports.ConnectionTcpFull,
    "obfuscated": transports.ConnectionTcpObfuscated,
    "mtproxy": transports.ConnectionTcpMTProxyIntermediate,
    "mtproxy-dd": transports.ConnectionTcpMTProxyRandomizedIntermediate,
}


class EchoRequest(TLRequest):
    """The echo query of the local data centre: the answer repeats the bytes of the query."""

    CONSTRUCTOR_ID = 0xEC40EC40
    SUBCLASS_OF_ID = 0

    def __init__(self, payload):
        self.payload = payload

    def _bytes(self):
        return struct.pack("<I", self.CONSTRUCTOR_ID) + self.payload

    def to_dict(self):
        return {"_": "EchoRequest", "length": len(self.payload)}

    @staticmethod
    def read_result(reader):
        # Telethon hands over everything up to the end of the message, padding included.
        return reader.read()


def make_client(session, options):
    proxy = ("127.0.0.1", options.mtproxy_port, options.mtproxy_secret) if options.mtproxy_port else None
    return TelegramClient(
        session, api_id=12345, api_hash="0" * 32, connection=TRANSPORTS[options.transport], proxy=proxy,
        timeout=10, request_retries=1, connection_retries=1, retry_delay=0, auto_reconnect=False,
    )


async def converse(client, port, dc_id):
    config = await client(functions.help.GetConfigRequest())
    assert config.this_dc == dc_id, f"this_dc {config.this_dc} instead of {dc_id}"
    assert any(option.port == port for option in config.dc_options), f"port {port} is not among the DC options"
    nearest = await client(functions.help.GetNearestDcRequest())
    assert nearest.this_dc == dc_id, f"nearestDc.this_dc {nearest.this_dc} instead of {dc_id}"
    pong = await client(functions.PingRequest(ping_id=0x1122334455667788))
    assert pong.ping_id == 0x1122334455667788, "pong with another ping_id"
    # 2000 equal bytes leave Telethon as gzip_packed; 80 000 random ones make a frame over the limit before authorization.
    for payload in (os.urandom(16), b"\x5a" * 2000, os.urandom(80_000)):
        request = EchoRequest(payload)
        answer = await client(request)
        assert answer.startswith(bytes(request)), f"the echo of {len(payload)} bytes came back as other bytes"
    answers = await asyncio.gather(*(client(EchoRequest(struct.pack("<I", i) * 8)) for i in range(20)))
    for i, answer in enumerate(answers):
        assert answer[4:36] == struct.pack("<I", i) * 8, f"pipelined echo {i} got another query's answer"
    assert await client.get_me() is None, "a user where there are no accounts"
    try:
        await client(functions.contacts.GetContactsRequest(hash=0))
        raise AssertionError("a method that a DC without accounts does not have was answered")
    except errors.RPCError:
        pass


async def main(options):
    with open(options.public_key) as file:
        rsa.add_key(file.read(), old=False)

    session = MemorySession()
    session.set_dc(options.dc_id, "127.0.0.1", options.port)
    first = make_client(session, options)
    # connect() sends help.getConfig, then asks who is logged in; that nobody is must not be an error.
    await first.connect()
    await converse(first, options.port, options.dc_id)
    key = session.auth_key
    assert key is not None and key.key_id != 0, "no authorization key"
    await first.disconnect()

    # The key has to outlive its connection.
    saved = MemorySession()
    saved.set_dc(options.dc_id, "127.0.0.1", options.port)
    saved.auth_key = key
    second = make_client(saved, options)
    await second.connect()
    await converse(second, options.port, options.dc_id)
    assert saved.auth_key.key_id == key.key_id, "the second connection made another authorization key"
    await second.disconnect()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--public-key", required=True)
    parser.add_argument("--dc-id", type=int, default=2)
    parser.add_argument("--transport", choices=TRANSPORTS, required=True)
    parser.add_argument("--mtproxy-port", type=int)
    parser.add_argument("--mtproxy-secret")
    arguments = parser.parse_args()
    asyncio.run(asyncio.wait_for(main(arguments), 45))
