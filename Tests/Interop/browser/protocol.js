// SPDX-License-Identifier: Apache-2.0
// Packets, and the first query of the key exchange (pages: MTProto transports, Creating an Authorization Key).

export function check(condition, text) {
    if (!condition) throw new Error(text);
}

export function concatenate(...parts) {
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let offset = 0;
    for (const part of parts) {
        whole.set(part, offset);
        offset += part.length;
    }
    return whole;
}

export function hex(bytes) {
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export const framings = {
    abridged: {
        write(payload) {
            const words = payload.length / 4;
            const header = words < 127 ? [words] : [127, words & 255, (words >> 8) & 255, words >> 16];
            return concatenate(Uint8Array.from(header), payload);
        },
        read(bytes) {
            if (bytes.length < 1) return null;
            let [words, start] = [bytes[0], 1];
            if (words === 127) {
                if (bytes.length < 4) return null;
                [words, start] = [bytes[1] | (bytes[2] << 8) | (bytes[3] << 16), 4];
            }
            const end = start + 4 * words;
            return bytes.length < end ? null : { payload: bytes.slice(start, end), end };
        },
    },
    intermediate: lengthPrefixed(0),
    padded: lengthPrefixed(15),
};

function lengthPrefixed(longestPadding) {
    return {
        write(payload) {
            const padding = crypto.getRandomValues(new Uint8Array(Math.floor(Math.random() * (longestPadding + 1))));
            const header = new Uint8Array(4);
            new DataView(header.buffer).setUint32(0, payload.length + padding.length, true);
            return concatenate(header, payload, padding);
        },
        read(bytes) {
            if (bytes.length < 4) return null;
            const end = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
            return bytes.length < end ? null : { payload: bytes.slice(4, end), end };
        },
    };
}

let lastIdentifier = 0n;

export function requestPQ() {
    const nonce = crypto.getRandomValues(new Uint8Array(16));
    const payload = new Uint8Array(40);
    const view = new DataView(payload.buffer);
    const identifier = (BigInt(Date.now()) << 32n) / 1000n & ~3n;
    lastIdentifier = identifier > lastIdentifier ? identifier : lastIdentifier + 4n;
    view.setBigUint64(8, lastIdentifier, true);
    view.setUint32(16, 20, true);
    view.setUint32(20, 0xbe7e8ef1, true);
    payload.set(nonce, 24);
    return { payload, nonce };
}

// Checks an answer; padding behind it is allowed where the framing has any.
export function checkResultPQ(payload, nonce, fingerprint, longestPadding = 0) {
    check(payload.length >= 20, `an answer of ${payload.length} bytes: ${hex(payload)}`);
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    const [low, high] = [view.getUint32(0, true), view.getUint32(4, true)];
    check(low === 0 && high === 0, "an answer that is not in plain text");
    check(view.getBigUint64(8, true) % 4n === 1n, "an answer whose message identifier is not one");
    const length = view.getUint32(16, true);
    check(payload.length - 20 - length >= 0, "an answer that is cut short");
    check(payload.length - 20 - length <= longestPadding, "bytes behind an answer");
    check(view.getUint32(20, true) === 0x05162463, "an answer that is not resPQ");
    check(hex(payload.slice(24, 40)) === hex(nonce), "an answer to another nonce");
    check(payload[56] === 8, "a pq that is not 8 bytes long");
    const product = view.getBigUint64(57, false);
    check(product % 2n === 1n && product > 1n << 40n, "a pq that is no product of two odd primes");
    check(view.getUint32(68, true) === 0x1cb5c415, "no vector of fingerprints");
    const count = view.getUint32(72, true);
    check(length === 56 + 8 * count, "a resPQ of the wrong length");
    const fingerprints = Array.from({ length: count }, (_, index) => hex(payload.slice(76 + 8 * index, 84 + 8 * index)));
    check(fingerprints.includes(fingerprint), "the server's key is not among the fingerprints");
}
