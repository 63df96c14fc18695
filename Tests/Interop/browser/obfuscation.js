// SPDX-License-Identifier: Apache-2.0
// The obfuscation of a stream with the browser's own AES-CTR (page: MTProto transports, transport obfuscation).

const tags = {
    abridged: [0xef, 0xef, 0xef, 0xef],
    intermediate: [0xee, 0xee, 0xee, 0xee],
    padded: [0xdd, 0xdd, 0xdd, 0xdd],
};

// One direction. WebCrypto keeps no state between calls: the counter is moved on here, and a begun block is entered again.
class KeyStream {
    constructor(key, vector) {
        this.raw = key;
        this.counter = vector.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
        this.offset = 0;
    }

    async apply(bytes) {
        this.key ??= await crypto.subtle.importKey("raw", this.raw, "AES-CTR", false, ["encrypt"]);
        const skipped = this.offset % 16;
        const number = BigInt.asUintN(128, this.counter + BigInt((this.offset - skipped) / 16));
        const counter = new Uint8Array(16);
        for (let index = 0; index < 16; index++) counter[15 - index] = Number((number >> BigInt(8 * index)) & 0xffn);
        const padded = new Uint8Array(skipped + bytes.length);
        padded.set(bytes, skipped);
        this.offset += bytes.length;
        const parameters = { name: "AES-CTR", counter, length: 128 };
        return new Uint8Array(await crypto.subtle.encrypt(parameters, this.key, padded)).slice(skipped);
    }
}

function isForbidden(block) {
    const view = new DataView(block.buffer);
    const starts = [0xeeeeeeee, 0xdddddddd, 0x44414548, 0x54534f50, 0x20544547, 0x4954504f, 0x02010316];
    return block[0] === 0xef || starts.includes(view.getUint32(0, true)) || view.getUint32(4, true) === 0;
}

// Makes the 64 bytes that a client sends first, and the two key streams that go on behind them.
export async function initiate(framing, dataCenter) {
    const block = new Uint8Array(64);
    do {
        crypto.getRandomValues(block);
    } while (isForbidden(block));
    block.set(tags[framing], 56);
    new DataView(block.buffer).setInt16(60, dataCenter, true);
    const reversed = block.slice().reverse();
    const outgoing = new KeyStream(block.slice(8, 40), block.slice(40, 56));
    const incoming = new KeyStream(reversed.slice(8, 40), reversed.slice(40, 56));
    const encrypted = await outgoing.apply(block);
    block.set(encrypted.slice(56), 56);
    return { block, outgoing, incoming };
}
