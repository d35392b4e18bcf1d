# SPDX-License-Identifier: BSD-2-Clause
"""A host of its own behind a TUN device, which listens on one TCP port, and says in which order its segments come."""
import fcntl
import os
import socket
import struct
import subprocess

HERE, THERE = "203.0.113.1", "203.0.113.2"  # for documentation: nobody's
PORT, FIRST_SEQUENCE, WINDOW = 7777, 1000, 65000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
SYN, PSH, ACK = 2, 8, 16


def checksum(data):
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class LossyPeer:
    """One connection. What it says is counted from its first byte."""

    def __init__(self):
        self.tun = os.open("/dev/net/tun", os.O_RDWR)
        name = fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH14x", b"iocpu%d", IFF_TUN | IFF_NO_PI))[:16].rstrip(b"\0").decode("ascii")
        for command in (f"addr add {HERE} peer {THERE} dev {name}", f"link set {name} up"):
            subprocess.run(["ip", *command.split()], check=True, timeout=10)
        self.their_port = self.next_expected = 0

    def close(self):
        os.close(self.tun)

    def send(self, flags, sequence, data=b""):
        addresses = socket.inet_aton(THERE) + socket.inet_aton(HERE)
        tcp = struct.pack("!HHIIBBHHH", PORT, self.their_port, FIRST_SEQUENCE + sequence, self.next_expected, 5 << 4, flags, WINDOW, 0, 0)
        length = len(tcp) + len(data)
        sum_of_tcp = checksum(addresses + struct.pack("!HH", socket.IPPROTO_TCP, length) + tcp + data)
        ip = struct.pack("!BBHHHBBH", 4 << 4 | 5, 0, 20 + length, 0, 0, 64, socket.IPPROTO_TCP, 0) + addresses
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
        os.write(self.tun, ip + tcp[:16] + struct.pack("!H", sum_of_tcp) + tcp[18:] + data)

    def say(self, offset, data):
        self.send(PSH | ACK, 1 + offset, data)

    def _receive(self):
        """The next segment with anything in it: its flags, and its data."""
        while True:
            packet = os.read(self.tun, 65536)
            if packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_TCP:
                continue  # what else a device is told as it comes up
            tcp = packet[(packet[0] & 15) * 4:]
            port, _, sequence, _, header, flags = struct.unpack("!HHIIBB", tcp[:14])
            data = tcp[(header >> 4) * 4:]
            if flags & SYN or (data and sequence == self.next_expected):
                self.their_port, self.next_expected = port, (sequence + len(data) + bool(flags & SYN)) & 0xFFFFFFFF
                return flags, data

    def accept(self):
        while not self._receive()[0] & SYN:
            pass
        self.send(SYN | ACK, 0)

    def hear(self, lines, said):
        """So many lines. said: so many bytes have been said."""
        heard = b""
        while heard.count(b"\n") < lines:
            heard += self._receive()[1]
            self.send(ACK, 1 + said)
        return heard
