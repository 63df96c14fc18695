# SPDX-License-Identifier: Apache-2.0
"""pyMTProto as a client of `mtproto dc`: key exchange, encrypted queries, quick acks; everything written in small pieces.

pyMTProto (PyPI: mtproto 0.3.1) brings framing, obfuscation, message encryption and the session layer. Corrected or added
here, because as a *client* it lacks it:

- its intermediate framing looks for a quick ack in the lowest length byte instead of the highest bit of the word, and so
  takes a frame of 652 bytes for a quick ack; it also returns before the last four bytes have come;
- it cannot ask for a quick ack, and hashes only part of the plaintext when it computes a token.
"""

import argparse
import os
import socket
import struct
import time
from hashlib import sha256

from loopback import only_loopback

only_loopback()

from mtproto import ConnectionRole  # noqa: E402
from mtproto.crypto import ige256_decrypt, kdf  # noqa: E402
from mtproto.session import messages as events  # noqa: E402
from mtproto.session.session import Session  # noqa: E402
from mtproto.transport import Connection, transports  # noqa: E402
from mtproto.transport.packets import (  # noqa: E402
    EncryptedMessagePacket, ErrorPacket, MessagePacket, QuickAckPacket,
)

from key_exchange import exchange, tl_bytes  # noqa: E402

TRANSPORTS = {
    "abridged": transports.AbridgedTransport,
    "intermediate": transports.IntermediateTransport,
    "padded": transports.PaddedIntermediateTransport,
    "full": transports.FullTransport,
}

RPC_RESULT, RPC_ERROR = 0xF35C6D01, 0x2144CA19
PING, PONG = 0x7ABE77EC, 0x347773C5
INVOKE_WITH_LAYER, INIT_CONNECTION = 0xDA9B0D0D, 0xC1CD5EA9
HELP_GET_CONFIG, CONFIG = 0xC4F9186B, 0xCC1A241E
HELP_GET_NEAREST_DC, NEAREST_DC = 0x1FB33026, 0x8E1A1775
ECHO = 0xEC40EC40
LAYER = 228


def intermediate_has_packet(self):
    if len(self.rx_buffer) < 4:
        return False
    word = int.from_bytes(self.rx_buffer.peekexactly(4), "little")
    return bool(word >> 31) or len(self.rx_buffer) >= word + 4


def intermediate_read(self):
    if not intermediate_has_packet(self):
        return None
    head = self.rx_buffer.readexactly(4)
    word = int.from_bytes(head, "little")
    if word >> 31:
        return QuickAckPacket(bytes(head))
    data = self.rx_buffer.readexactly(word)
    if len(data) == 4:
        return ErrorPacket(int.from_bytes(data, "little", signed=True))
    return MessagePacket.parse(bytes(data))


transports.IntermediateTransport._has_packet = intermediate_has_packet
transports.IntermediateTransport._read = intermediate_read


class QuickAckConnection(Connection):
    """Asks for a quick ack with every encrypted payload and collects the tokens that come back."""

    def __init__(self, framing, obfuscated, with_quick_acks):
        super().__init__(ConnectionRole.CLIENT, TRANSPORTS[framing], obfuscated)
        self.framing, self.with_quick_acks = framing, with_quick_acks
        self.authorization_key = None
        self.expected, self.received = [], []

    def send(self, packet):
        if not (self.with_quick_acks and isinstance(packet, EncryptedMessagePacket)):
            return super().send(packet)
        self._client_make_transport_maybe()
        data = packet.write()
        aes_key, aes_iv = kdf(self.authorization_key, packet.message_key, True)
        plaintext = bytes(ige256_decrypt(packet.encrypted_data, aes_key, aes_iv))
        token = int.from_bytes(sha256(self.authorization_key[88:120] + plaintext).digest()[:4], "little") | 1 << 31
        self.expected.append(token)
        if self.framing == "abridged":
            words = len(data) // 4
            head = bytes([words | 0x80]) if words < 0x7F else b"\xff" + words.to_bytes(3, "little")
        else:
            if self.framing == "padded":
                data += os.urandom(int.from_bytes(os.urandom(1), "little") % 16)
            head = (len(data) | 1 << 31).to_bytes(4, "little")
        self._tx_buffer.write(head + data)
        return super().send(None)

    def next_event(self):
        packet = super().next_event()
        while isinstance(packet, QuickAckPacket):
            self.received.append(int.from_bytes(bytes(packet.token), "little"))
            packet = super().next_event()
        return packet


class Client:
    def __init__(self, options):
        self.options = options
        self.obfuscated = options.obfuscated
        self.session = Session(ConnectionRole.CLIENT, TRANSPORTS[options.framing], options.obfuscated)
        self.connection = None
        self.open()

    def open(self):
        options = self.options
        self.socket = socket.create_connection(("127.0.0.1", options.port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = QuickAckConnection(options.framing, options.obfuscated, options.framing != "full")
        self.session._conn = self.connection

    def set_authorization_key(self, key, salt=None):
        self.session.set_auth_key(key)
        self.connection.authorization_key = key
        if salt is not None:
            self.session.set_salts([(salt, int(time.time()) - 1800)])

    def write(self, data):
        size = self.options.pieces or len(data) or 1
        for start in range(0, len(data), size):
            self.socket.sendall(bytes(data[start:start + size]))

    def next_event(self):
        while True:
            event = self.session.next_event()
            if event is not None:
                return event
            self.write(self.session.send(None) if self.session._auth_key else b"")
            if self.connection.has_packet():
                continue
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("the server closed the connection")
            self.session.data_received(data)

    def ask_plain(self, body):
        self.write(self.session.send_plain(body))
        while True:
            event = self.next_event()
            if isinstance(event, events.UnencryptedData):
                return event.data
            assert not isinstance(event, events.TransportError), f"transport error {event.code}"

    def send(self, body):
        """Sends one content-related message; returns its id, which changes when the server refuses the salt."""
        known = set(self.session._pending)
        data = self.session.send(body, content_related=True)
        self.write(data)
        ours = [number for number, pending in self.session._pending.items() if pending == body and number not in known]
        return ours[-1]

    def ask(self, body):
        identifier = self.send(body)
        while True:
            event = self.next_event()
            assert not isinstance(event, events.TransportError), f"transport error {event.code}"
            if isinstance(event, events.UpdateMessageId) and event.old_message_id == identifier:
                identifier = event.new_message_id
            if not isinstance(event, events.Data):
                continue
            constructor, answered = struct.unpack("<IQ", event.data[:12])
            if constructor in (RPC_RESULT, PONG) and answered == identifier:
                return event.data[12:]

    def close(self):
        self.socket.close()


def constructor(data):
    return struct.unpack("<I", data[:4])[0]


def with_initialization(query):
    text = [tl_bytes(value) for value in (b"interop", b"1.0", b"0.3.1", b"en", b"", b"en")]
    return (
        struct.pack("<Ii", INVOKE_WITH_LAYER, LAYER) + struct.pack("<Iii", INIT_CONNECTION, 0, 12345)
        + b"".join(text) + query
    )


def converse(client, dc_id):
    config = client.ask(with_initialization(struct.pack("<I", HELP_GET_CONFIG)))
    assert constructor(config) == CONFIG, f"help.getConfig was answered with {constructor(config):08x}"
    # config: constructor, flags, date, expires, test_mode, this_dc
    assert struct.unpack("<i", config[20:24])[0] == dc_id, "config.this_dc is another DC"
    nearest = client.ask(struct.pack("<I", HELP_GET_NEAREST_DC))
    assert constructor(nearest) == NEAREST_DC, f"help.getNearestDc was answered with {constructor(nearest):08x}"
    assert struct.unpack("<q", client.ask(struct.pack("<Iq", PING, -7)))[0] == -7, "pong with another ping_id"
    for length in (16, 4000):
        query = struct.pack("<I", ECHO) + os.urandom(length)
        assert client.ask(query) == query, f"the echo of {length} bytes differs"
    refused = client.ask(struct.pack("<I", 0x12345678))
    assert constructor(refused) == RPC_ERROR, "an unknown method was not answered with rpc_error"


def check_quick_acks(client):
    """Each payload that was accepted must have been confirmed; the first, sent with salt 0, is answered by bad_server_salt."""
    connection = client.connection
    if not connection.with_quick_acks:
        assert connection.received == [], "a quick ack in a framing that has none"
        return 0
    unknown = [token for token in connection.received if token not in connection.expected]
    assert not unknown, f"quick acks for nothing that was sent: {[f'{token:08x}' for token in unknown]}"
    missing = [token for token in connection.expected if token not in connection.received]
    allowed = 0 if client.options.with_salt else 1
    assert len(missing) <= allowed, f"{len(missing)} of {len(connection.expected)} payloads got no quick ack"
    return len(connection.received)


def main(options):
    with open(options.public_key, "rb") as file:
        pem = file.read()
    client = Client(options)
    key, salt = exchange(client.ask_plain, pem, options.dc_id)
    client.set_authorization_key(key, salt if options.with_salt else None)
    converse(client, options.dc_id)
    acks = check_quick_acks(client)
    client.close()

    # The same key and session on a second connection.
    client.open()
    client.connection.authorization_key = key
    options.with_salt = True
    converse(client, options.dc_id)
    acks += check_quick_acks(client)
    client.close()
    print(f"quick acks: {acks}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--public-key", required=True)
    parser.add_argument("--dc-id", type=int, default=2)
    parser.add_argument("--framing", choices=TRANSPORTS, required=True)
    parser.add_argument("--obfuscated", action="store_true")
    parser.add_argument("--pieces", type=int, default=0, help="bytes a write; 0 writes a payload whole")
    parser.add_argument("--with-salt", action="store_true", help="start with the exchange's salt instead of salt 0")
    main(parser.parse_args())
