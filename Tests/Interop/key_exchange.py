# SPDX-License-Identifier: Apache-2.0
"""The client half of the key exchange for pyMTProto, which has none of its own (page: Creating an Authorization Key)."""

import math
import os
import struct
import time
from hashlib import sha1, sha256

import rsa
from mtproto.crypto import ige256_decrypt, ige256_encrypt

REQ_PQ_MULTI = 0xBE7E8EF1
RES_PQ = 0x05162463
P_Q_INNER_DATA_DC = 0xA9F55F95
REQ_DH_PARAMS = 0xD712E4BE
SERVER_DH_PARAMS_OK = 0xD0E8075C
SERVER_DH_INNER_DATA = 0xB5890DBA
CLIENT_DH_INNER_DATA = 0x6643B654
SET_CLIENT_DH_PARAMS = 0xF5045F1F
DH_GEN_OK = 0x3BCBF734
VECTOR = 0x1CB5C415


def big_endian(number, length=None):
    return number.to_bytes(length or (number.bit_length() + 7) // 8, "big")


def tl_bytes(data):
    header = bytes([len(data)]) if len(data) < 254 else b"\xfe" + len(data).to_bytes(3, "little")
    whole = header + data
    return whole + b"\0" * (-len(whole) % 4)


class Reader:
    def __init__(self, data):
        self.data, self.position = bytes(data), 0

    def take(self, count):
        assert self.position + count <= len(self.data), "the TL value ends too early"
        self.position += count
        return self.data[self.position - count:self.position]

    def uint32(self):
        return struct.unpack("<I", self.take(4))[0]

    def expect(self, constructor):
        found = self.uint32()
        assert found == constructor, f"constructor {found:08x} where {constructor:08x} belongs"

    def bytes(self):
        start = self.position
        length = self.take(1)[0]
        if length == 254:
            length = int.from_bytes(self.take(3), "little")
        value = self.take(length)
        self.take(-(self.position - start) % 4)
        return value


def factor(product):
    """Pollard's rho with Floyd's cycle; a 62-bit product takes well under a second."""
    assert product % 2 == 1
    for constant in range(1, 50):
        slow = fast = 2
        divisor = 1
        while divisor == 1:
            accumulated = 1
            for _ in range(256):
                slow = (slow * slow + constant) % product
                fast = (fast * fast + constant) % product
                fast = (fast * fast + constant) % product
                accumulated = accumulated * abs(slow - fast) % product
            divisor = math.gcd(accumulated, product)
        if divisor != product:
            return tuple(sorted((divisor, product // divisor)))
    raise AssertionError("pq could not be factored")


def fingerprint(key):
    return sha1(tl_bytes(big_endian(key.n)) + tl_bytes(big_endian(key.e))).digest()[12:20]


def rsa_pad(data, key):
    assert len(data) <= 144
    padded = data + os.urandom(192 - len(data))
    while True:
        temporary = os.urandom(32)
        with_hash = padded[::-1] + sha256(temporary + padded).digest()
        encrypted = bytes(ige256_encrypt(with_hash, temporary, bytes(32)))
        masked = bytes(a ^ b for a, b in zip(temporary, sha256(encrypted).digest()))
        number = int.from_bytes(masked + encrypted, "big")
        if number < key.n:
            return big_endian(pow(number, key.e, key.n), 256)


def exchange(ask, public_key_pem, dc_id):
    """Runs the exchange with `ask(body) -> body`; returns the authorization key (256 bytes) and the salt (8 bytes)."""
    key = rsa.PublicKey.load_pkcs1(public_key_pem)
    nonce, new_nonce = os.urandom(16), os.urandom(32)

    answer = Reader(ask(struct.pack("<I", REQ_PQ_MULTI) + nonce))
    answer.expect(RES_PQ)
    assert answer.take(16) == nonce, "resPQ repeats another nonce"
    server_nonce = answer.take(16)
    product = answer.bytes()
    answer.expect(VECTOR)
    fingerprints = [answer.take(8) for _ in range(answer.uint32())]
    assert fingerprint(key) in fingerprints, "the server does not offer the key of --public-key"
    p, q = factor(int.from_bytes(product, "big"))

    inner = (
        struct.pack("<I", P_Q_INNER_DATA_DC) + tl_bytes(product) + tl_bytes(big_endian(p)) + tl_bytes(big_endian(q))
        + nonce + server_nonce + new_nonce + struct.pack("<i", dc_id)
    )
    answer = Reader(ask(
        struct.pack("<I", REQ_DH_PARAMS) + nonce + server_nonce + tl_bytes(big_endian(p)) + tl_bytes(big_endian(q))
        + fingerprint(key) + tl_bytes(rsa_pad(inner, key))
    ))
    answer.expect(SERVER_DH_PARAMS_OK)
    assert answer.take(16) == nonce and answer.take(16) == server_nonce, "server_DH_params_ok repeats other nonces"
    first = sha1(new_nonce + server_nonce).digest()
    second = sha1(server_nonce + new_nonce).digest()
    third = sha1(new_nonce + new_nonce).digest()
    aes_key, aes_iv = first + second[:12], second[12:] + third + new_nonce[:4]
    plain = bytes(ige256_decrypt(answer.bytes(), aes_key, aes_iv))
    inner = Reader(plain[20:])
    inner.expect(SERVER_DH_INNER_DATA)
    assert inner.take(16) == nonce and inner.take(16) == server_nonce, "server_DH_inner_data repeats other nonces"
    generator = inner.uint32()
    prime = int.from_bytes(inner.bytes(), "big")
    public_value = int.from_bytes(inner.bytes(), "big")
    server_time = inner.uint32()
    assert sha1(plain[20:20 + inner.position]).digest() == plain[:20], "the hash of server_DH_inner_data is wrong"
    assert len(plain) - 20 - inner.position < 16, "16 or more bytes of padding in encrypted_answer"
    assert abs(server_time - time.time()) < 60, "server_time is off by more than a minute"
    margin = 1 << (2048 - 64)
    assert prime.bit_length() == 2048 and margin <= public_value <= prime - margin, "g_a is out of range"

    exponent = int.from_bytes(os.urandom(256), "big")
    data = (
        struct.pack("<I", CLIENT_DH_INNER_DATA) + nonce + server_nonce + bytes(8)
        + tl_bytes(big_endian(pow(generator, exponent, prime), 256))
    )
    data = sha1(data).digest() + data
    data += os.urandom(-len(data) % 16)
    authorization_key = big_endian(pow(public_value, exponent, prime), 256)
    answer = Reader(ask(
        struct.pack("<I", SET_CLIENT_DH_PARAMS) + nonce + server_nonce
        + tl_bytes(bytes(ige256_encrypt(data, aes_key, aes_iv)))
    ))
    answer.expect(DH_GEN_OK)
    assert answer.take(16) == nonce and answer.take(16) == server_nonce, "dh_gen_ok repeats other nonces"
    expected = sha1(new_nonce + b"\x01" + sha1(authorization_key).digest()[:8]).digest()[4:]
    assert answer.take(16) == expected, "new_nonce_hash1 is wrong"
    return authorization_key, bytes(a ^ b for a, b in zip(new_nonce[:8], server_nonce[:8]))
