# SPDX-License-Identifier: Apache-2.0
"""Whether the cable of network.sh does what it is told, with plain sockets: what it does to a client is worth nothing before.

Its sockets are in both namespaces: a socket stays in the one that its thread was in.
"""

import argparse
import hashlib
import os
import select
import socket
import subprocess
import threading
import time

from cable import enter

SERVER = "10.77.0.1"
CLIENT = "10.77.0.2"
OTHER_CLIENT = "10.77.0.3"


class Cable:
    def __init__(self, commands, answers):
        self.commands = open(commands, "w", buffering=1)
        self.answers = open(answers)

    def tell(self, command):
        self.commands.write(command + "\n")
        answer = self.answers.readline().strip()
        assert command == "count" or answer == "ok", f"{command}: {answer}"
        return answer

    def count(self):
        packets, lost = self.tell("count").split()
        return int(packets), int(lost)


class Namespaces:
    def __init__(self, client, server):
        self.client = client
        self.descriptors = {name: os.open(f"/run/netns/{name}", os.O_RDONLY) for name in (client, server)}
        self.server = server

    def socket(self, namespace, kind, address):
        enter(self.descriptors[namespace])
        result = socket.socket(socket.AF_INET, kind)
        result.bind((address, 0))
        return result

    def datagrams(self):
        sender = self.socket(self.client, socket.SOCK_DGRAM, CLIENT)
        receiver = self.socket(self.server, socket.SOCK_DGRAM, SERVER)
        return sender, receiver

    def streams(self, address=CLIENT):
        listener = self.socket(self.server, socket.SOCK_STREAM, SERVER)
        listener.listen()
        client = self.socket(self.client, socket.SOCK_STREAM, address)
        client.settimeout(30)
        client.connect(listener.getsockname())
        server, _ = listener.accept()
        server.settimeout(30)
        listener.close()
        return client, server

    def address(self, verb, address):
        subprocess.run(["ip", "-n", self.client, "addr", verb, f"{address}/24", "dev", "cable0"], check=True)


def send_numbers(namespaces, count):
    """Sends numbered datagrams; which arrived."""
    sender, receiver = namespaces.datagrams()
    arrived = []

    def receive(seconds):
        while select.select([receiver], [], [], seconds)[0]:
            arrived.append(int.from_bytes(receiver.recv(64), "big"))

    with sender, receiver:
        for number in range(count):
            sender.sendto(number.to_bytes(8, "big"), receiver.getsockname())
            # Never more than a queue holds.
            if number % 50 == 49:
                receive(0.003)
        receive(0.3)
    return arrived


def transfer(source, destination, length, meanwhile=lambda: None):
    """Sends bytes over a connection while something happens; the seconds it takes until all have arrived as they were."""
    payload = os.urandom(length)
    received = hashlib.sha256()
    begin = time.monotonic()

    def receive():
        missing = length
        while missing:
            piece = destination.recv(min(missing, 65536))
            assert piece, "the connection ended"
            received.update(piece)
            missing -= len(piece)

    sending = threading.Thread(target=source.sendall, args=(payload,), daemon=True)
    receiving = threading.Thread(target=receive, daemon=True)
    sending.start()
    receiving.start()
    meanwhile()
    receiving.join(60)
    assert not receiving.is_alive(), "not all arrived within a minute"
    assert received.digest() == hashlib.sha256(payload).digest(), "other bytes arrived"
    return time.monotonic() - begin


def check_whole(cable, namespaces):
    arrived = send_numbers(namespaces, 2_000)
    assert arrived == list(range(2_000)), f"{len(arrived)} of 2000 datagrams arrived"
    client, server = namespaces.streams()
    with client, server:
        there = transfer(client, server, 8 << 20)
        back = transfer(server, client, 8 << 20)
    print(f"whole: 2000 of 2000 datagrams; 8 MiB there in {there:.2f} s, back in {back:.2f} s")


def check_loss(cable, namespaces):
    count = 5_000
    cable.tell("loss 0.3")
    cable.count()
    arrived = send_numbers(namespaces, count)
    packets, lost = cable.count()
    assert len(set(arrived)) == len(arrived), "some came twice"
    # A few others are the kernel's own: ends of connections, IPv6 looking for routers.
    assert 0 <= packets - count < 20 and abs(packets - lost - len(arrived)) < 20, (packets, lost, len(arrived))
    # Four standard deviations of 5000 throws are 2.6 %.
    assert 0.27 < lost / packets < 0.33, lost / packets
    cable.tell("up")
    print(f"30 %: {len(arrived)} of {count} datagrams, {lost / packets:.1%} lost")


def check_cut(cable, namespaces):
    cable.tell("down")
    arrived = send_numbers(namespaces, 500)
    assert not arrived, f"{len(arrived)} datagrams arrived over a cut cable"
    cable.tell("up")
    arrived = send_numbers(namespaces, 500)
    assert len(arrived) == 500, f"{len(arrived)} of 500 datagrams arrived over a mended cable"

    def cut():
        cable.tell("down")
        time.sleep(1)
        cable.tell("up")

    client, server = namespaces.streams()
    with client, server:
        seconds = transfer(client, server, 32 << 20, cut)
    assert seconds > 1, "the cut was not there"
    print(f"cut: 0 of 500 datagrams, then 500 of 500; a connection outlives 1 s, 32 MiB in {seconds:.1f} s")


def check_address(cable, namespaces):
    client, server = namespaces.streams()
    with client, server:
        transfer(client, server, 1_000)
        namespaces.address("del", CLIENT)
        namespaces.address("add", OTHER_CLIENT)
        try:
            client.send(b"lost")
        except OSError:
            pass
        server.settimeout(2)
        try:
            assert not server.recv(16), "the old address still reaches the server"
        except (TimeoutError, ConnectionError):
            pass
        other, other_server = namespaces.streams(OTHER_CLIENT)
        with other, other_server:
            seconds = transfer(other, other_server, 1_000)
    namespaces.address("del", OTHER_CLIENT)
    namespaces.address("add", CLIENT)
    print(f"address changed: the old connection is dead, another works after {seconds * 1000:.1f} ms")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("namespaces", nargs=2, help="the client's and the server's")
    parser.add_argument("pipes", nargs=2, help="to the cable and from it")
    options = parser.parse_args()
    cable = Cable(*options.pipes)
    namespaces = Namespaces(*options.namespaces)
    for check in (check_whole, check_loss, check_cut, check_address):
        check(cable, namespaces)


if __name__ == "__main__":
    main()
