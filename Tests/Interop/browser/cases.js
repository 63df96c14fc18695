// SPDX-License-Identifier: Apache-2.0
// What the page does, case after case; each result goes to the script that serves the page.
import { initiate } from "./obfuscation.js";
import { check, checkResultPQ, concatenate, framings, requestPQ } from "./protocol.js";

const parameters = new URLSearchParams(location.search);
const fingerprint = parameters.get("fingerprint");
const dataCenter = Number(parameters.get("dc"));
const limit = 15000;

// A WebSocket as a stream of bytes.
class Connection {
    constructor(url, protocol = "binary") {
        this.received = new Uint8Array();
        this.wake = () => {};
        this.socket = new WebSocket(url, protocol);
        this.socket.binaryType = "arraybuffer";
        this.socket.onmessage = (event) => {
            this.received = concatenate(this.received, new Uint8Array(event.data));
            this.wake();
        };
        this.socket.onclose = (event) => {
            this.closed = event;
            this.wake();
        };
        this.opened = new Promise((resolve, reject) => {
            this.socket.onopen = resolve;
            this.socket.onerror = () => reject(new Error("the WebSocket does not open"));
        });
    }

    async until(find) {
        for (;;) {
            const found = find();
            if (found) return found;
            check(!this.closed, "the WebSocket is closed");
            await new Promise((resolve) => (this.wake = resolve));
        }
    }
}

async function open(url, framing) {
    const connection = new Connection(url);
    await connection.opened;
    check(connection.socket.protocol === "binary", "the server has not chosen the subprotocol binary");
    check(connection.socket.extensions === "", "the server has chosen an extension");
    return { connection, ...(await initiate(framing, dataCenter)) };
}

// Two queries on one WebSocket. The second goes out in messages of three bytes, the block and the first in one.
async function webSocket(url, framing) {
    const { connection, block, outgoing, incoming } = await open(url, framing);
    const { write, read } = framings[framing];
    let plain = new Uint8Array();
    for (const isFirst of [true, false]) {
        const { payload, nonce } = requestPQ();
        const packet = await outgoing.apply(write(payload));
        if (isFirst) {
            connection.socket.send(concatenate(block, packet));
        } else {
            for (let start = 0; start < packet.length; start += 3) {
                connection.socket.send(packet.slice(start, start + 3));
            }
        }
        for (;;) {
            const found = read(plain);
            if (found) {
                checkResultPQ(found.payload, nonce, fingerprint, framing === "padded" ? 15 : 0);
                plain = plain.slice(found.end);
                break;
            }
            await connection.until(() => connection.received.length > 0);
            const bytes = connection.received;
            connection.received = new Uint8Array();
            plain = concatenate(plain, await incoming.apply(bytes));
        }
    }
    connection.socket.close(1000);
    await connection.until(() => connection.closed);
    check(connection.closed.wasClean, "the server has not answered the closing of the WebSocket");
    check(connection.closed.code === 1000, `closed with ${connection.closed.code}`);
}

// A key that the server does not know: the error as a packet, then the code 1000 with the error as its reason.
async function webSocketError(url) {
    const { connection, block, outgoing, incoming } = await open(url, "intermediate");
    const payload = crypto.getRandomValues(new Uint8Array(88));
    payload[0] |= 1;
    connection.socket.send(concatenate(block, await outgoing.apply(framings.intermediate.write(payload))));
    await connection.until(() => connection.closed);
    const packet = await incoming.apply(connection.received);
    const words = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
    check(packet.length === 8 && words.getInt32(0, true) === 4, `${packet.length} bytes where an error belongs`);
    check(words.getInt32(4, true) === -404, `error ${words.getInt32(4, true)}`);
    check(connection.closed.wasClean && connection.closed.code === 1000, `closed with ${connection.closed.code}`);
    check(connection.closed.reason.trim().replace("-", "") === "404", `the reason '${connection.closed.reason}'`);
}

// A text message: closed, with no harm done to the next one.
async function webSocketText(url) {
    const { connection, block } = await open(url, "intermediate");
    connection.socket.send(block);
    connection.socket.send("text");
    await connection.until(() => connection.closed);
    check(connection.closed.code === 1000, `closed with ${connection.closed.code}`);
}

async function refused(url, protocol) {
    const connection = new Connection(url, protocol);
    await connection.opened.then(
        () => check(false, "the WebSocket opens"),
        () => {},
    );
}

// Several queries by POST. Without a content type the request is "simple" and needs no preflight.
async function post(url, headers, count = 3) {
    for (let round = 0; round < count; round++) {
        const { payload, nonce } = requestPQ();
        const response = await fetch(url, { method: "POST", body: payload, headers });
        check(response.status === 200, `status ${response.status}`);
        checkResultPQ(new Uint8Array(await response.arrayBuffer()), nonce, fingerprint);
    }
}

async function postError(url) {
    const payload = crypto.getRandomValues(new Uint8Array(88));
    payload[0] |= 1;
    const response = await fetch(url, { method: "POST", body: payload });
    check(response.status === 404, `status ${response.status}`);
}

async function postWithoutPermission(url) {
    const response = await fetch(url, { method: "POST", body: requestPQ().payload, mode: "no-cors" });
    check(response.type === "opaque", `an answer of type ${response.type}`);
    await post(url, {}, 1).then(
        () => check(false, "a page of another origin may read the answer of /api"),
        (error) => check(error instanceof TypeError, `${error}`),
    );
}

// Queries side by side, on as many connections as the browser likes.
async function postInParallel(url) {
    await Promise.all(Array.from({ length: 12 }, () => post(url, {}, 2)));
}

function casesOf(webSocketScheme, httpScheme, host) {
    const socket = `${webSocketScheme}://${host}`;
    const http = `${httpScheme}://${host}`;
    const list = Object.keys(framings).map((framing) => [
        `${webSocketScheme}, ${framing}`,
        () => webSocket(`${socket}/apiws`, framing),
    ]);
    return list.concat([
        [`${webSocketScheme}, path /apiws_test`, () => webSocket(`${socket}/apiws_test`, "intermediate")],
        [`${webSocketScheme}, transport error and reason`, () => webSocketError(`${socket}/apiws`)],
        [`${webSocketScheme}, text message`, () => webSocketText(`${socket}/apiws`)],
        [`${webSocketScheme}, no subprotocol`, () => refused(`${socket}/apiws`, [])],
        [`${webSocketScheme}, path without s`, () => refused(`${socket}/apiw`, "binary")],
        [`${httpScheme}, fetch without preflight`, () => post(`${http}/apiw`, {})],
        [
            `${httpScheme}, fetch with preflight`,
            () => post(`${http}/apiw`, { "Content-Type": "application/octet-stream" }),
        ],
        [`${httpScheme}, fetch side by side`, () => postInParallel(`${http}/apiw`)],
        [`${httpScheme}, transport error as a status`, () => postError(`${http}/apiw`)],
        [`${httpScheme}, fetch without w is not for other origins`, () => postWithoutPermission(`${http}/api`)],
    ]);
}

async function report(result) {
    await fetch("/result", { method: "POST", body: JSON.stringify(result) });
}

const cases = [];
if (parameters.get("plain")) cases.push(...casesOf("ws", "http", parameters.get("plain")));
if (parameters.get("tls")) cases.push(...casesOf("wss", "https", parameters.get("tls")));
for (const [name, run] of cases) {
    const start = performance.now();
    let error = null;
    try {
        await Promise.race([
            run(),
            new Promise((_, reject) => setTimeout(() => reject(new Error(`nothing within ${limit} ms`)), limit)),
        ]);
    } catch (caught) {
        error = `${caught}`;
    }
    await report({ name, error, milliseconds: Math.round(performance.now() - start) });
}
await report({ isLast: true });
