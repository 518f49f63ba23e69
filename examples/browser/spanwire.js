"use strict";

// Scalability protocols in a browser: each message is one binary WebSocket message. No library is needed.

/** Opens a WebSocket. `protocol` is the one of the side that listens: pub, rep, pair. */
function open(url, protocol) {
    return new Promise((resolve, reject) => {
        const ws = new WebSocket(url, `${protocol}.sp.nanomsg.org`);
        ws.binaryType = "arraybuffer";
        ws.onopen = () => resolve(ws);
        ws.onerror = () => reject(new Error(`cannot connect to ${url}`));
    });
}

const encode = (text) => new TextEncoder().encode(text);
const decode = (bytes) => new TextDecoder().decode(bytes);

/** Hears what begins with one of its topics. As with every SP subscriber, everything arrives and the filter is here. */
class Sub {
    constructor(ws, topics, heard) {
        const wanted = topics.map(encode);
        const begins = (bytes, topic) => topic.length <= bytes.length && topic.every((byte, i) => byte === bytes[i]);
        ws.onmessage = ({ data }) => {
            const bytes = new Uint8Array(data);
            if (wanted.some((topic) => begins(bytes, topic))) {
                heard(decode(bytes));
            }
        };
    }
}

/** Asks, and gets the answer. A request's id, with its top bit set, stands before the body, there and back. */
class Req {
    #ws;
    #next = Math.floor(Math.random() * 0x7fffffff);
    #waiting = new Map();

    constructor(ws) {
        this.#ws = ws;
        ws.onmessage = ({ data }) => {
            if (data.byteLength >= 4) {
                const id = new DataView(data).getUint32(0);
                this.#waiting.get(id)?.(decode(new Uint8Array(data, 4)));
                this.#waiting.delete(id);
            }
        };
    }

    ask(text) {
        this.#next = (this.#next + 1) % 0x80000000;
        const id = (0x80000000 | this.#next) >>> 0;
        const body = encode(text);
        const bytes = new Uint8Array(4 + body.length);
        new DataView(bytes.buffer).setUint32(0, id);
        bytes.set(body, 4);
        return new Promise((resolve) => {
            this.#waiting.set(id, resolve);
            this.#ws.send(bytes);
        });
    }
}

/** Talks to one peer. */
class Pair {
    #ws;

    constructor(ws, heard) {
        this.#ws = ws;
        ws.onmessage = ({ data }) => heard(decode(new Uint8Array(data)));
    }

    send(text) {
        this.#ws.send(encode(text));
    }
}
