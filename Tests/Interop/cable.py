# SPDX-License-Identifier: Apache-2.0
"""A cable between two network namespaces that loses what it is told to lose; the same packets for the same seed.

Makes a TUN device `cable0` in each namespace and carries packets between them. A line on standard input says what happens from
then on, and is answered by "ok":
    loss FRACTION   so many of the packets are lost, by a seeded generator
    down            all are lost, and nobody is told
    up              none is lost
    count           answered by how many packets there were since the last count, and how many of them were lost
netem does the same, but not every kernel has it.
"""

import argparse
import ctypes
import fcntl
import os
import random
import selectors
import struct
import sys

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x0001 | 0x1000
LIBC = ctypes.CDLL(None, use_errno=True)


def enter(descriptor):
    if LIBC.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def open_device():
    """A TUN device of this namespace."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"cable0", IFF_TUN_NO_PI))
    return device


def open_end(namespace):
    """The TUN device of a namespace by name."""
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    other = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    enter(other)
    try:
        device = open_device()
    finally:
        enter(own)
        os.close(own)
        os.close(other)
    return device


class Cable:
    def __init__(self, seed):
        self.loss = 0.0
        self.random = random.Random(seed)
        self.packets = 0
        self.lost = 0

    def command(self, line):
        words = line.split()
        if words[:1] == ["loss"]:
            self.loss = float(words[1])
        elif words == ["down"]:
            self.loss = 1.0
        elif words == ["up"]:
            self.loss = 0.0
        elif words == ["count"]:
            answer = f"{self.packets} {self.lost}"
            self.packets = self.lost = 0
            return answer
        else:
            return f"unknown: {line}"
        return "ok"

    def carry(self, source, destination):
        while True:
            try:
                packet = os.read(source, 65536)
            except BlockingIOError:
                return
            self.packets += 1
            if self.random.random() < self.loss:
                self.lost += 1
                continue
            try:
                os.write(destination, packet)
            except OSError:
                # The other end is not up, or its queue is full.
                self.lost += 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("namespaces", nargs="*", help="two")
    parser.add_argument("--probe", action="store_true", help="only find out whether there can be such a device here")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.probe:
        os.close(open_device())
        return
    cable = Cable(options.seed)
    ends = [open_end(namespace) for namespace in options.namespaces]
    selector = selectors.DefaultSelector()
    for end in ends:
        selector.register(end, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            if key.fileobj is sys.stdin:
                line = sys.stdin.readline()
                if not line:
                    return
                print(cable.command(line), flush=True)
            else:
                cable.carry(key.fd, ends[1] if key.fd == ends[0] else ends[0])


if __name__ == "__main__":
    main()
