// HTTP/1.1 and WebSocket over plain TCP, as little as the load needs: the generator must cost a fraction of what it
// measures. One request is in flight on a connection at a time, and a frame to the server is masked with zeros.
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';

const EMPTY = Buffer.alloc(0);

async function open(port) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return socket;
}

/** The answer at the head of `bytes` as `{ status, head, body, length }`, or null while it is not complete. */
function parseAnswer(bytes) {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const head = bytes.latin1Slice(0, end);
  const status = Number(head.slice(9, 12));
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (length) {
    const total = end + 4 + Number(length[1]);
    return bytes.length < total ? null : { status, head, body: bytes.utf8Slice(end + 4, total), length: total };
  }
  let body = '';
  for (let at = end + 4; ; ) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return null;
    const size = Number.parseInt(bytes.latin1Slice(at, line), 16);
    const next = line + 2 + size + 2;
    if (bytes.length < next) return null;
    if (size === 0) return { status, head, body, length: next };
    body += bytes.utf8Slice(line + 2, line + 2 + size);
    at = next;
  }
}

const lines = (headers) => Object.entries(headers).map(([name, value]) => `${name}: ${value}`);

/** One kept-alive connection. */
export class Connection {
  static async to(port) {
    return new Connection(await open(port), port);
  }

  constructor(socket, port) {
    this.socket = socket;
    this.port = port;
    this.bytes = EMPTY;
    this.waiting = null;
    socket.on('data', (chunk) => this.take(chunk));
    for (const event of ['error', 'close']) {
      socket.on(event, () => this.waiting?.reject(new Error('the server closed the connection')));
    }
  }

  take(chunk) {
    this.bytes = this.bytes.length === 0 ? chunk : Buffer.concat([this.bytes, chunk]);
    const answer = parseAnswer(this.bytes);
    if (!answer) return;
    this.bytes = this.bytes.subarray(answer.length);
    const { resolve } = this.waiting;
    this.waiting = null;
    resolve(answer);
  }

  /** Posts `{ path, headers, body }`; resolves to `{ status, head, body }`. */
  ask(call) {
    if (call !== this.call) {
      const { path, headers, body } = call;
      const sent = { Host: `localhost:${this.port}`, ...headers, 'Content-Length': Buffer.byteLength(body) };
      this.call = call;
      this.text = `${[`POST ${path} HTTP/1.1`, ...lines(sent)].join('\r\n')}\r\n\r\n${body}`;
    }
    return new Promise((resolve, reject) => {
      if (this.socket.destroyed) return reject(new Error('the server has closed the connection'));
      this.waiting = { resolve, reject };
      this.socket.write(this.text);
    });
  }

  close() {
    this.socket.destroy();
  }
}

function frame(text) {
  const payload = Buffer.from(text);
  const extended = payload.length < 126 ? 0 : payload.length < 65_536 ? 2 : 8;
  const head = Buffer.alloc(2 + extended + 4); // the mask's four zeros come last
  head[0] = 0x81;
  head[1] = 0x80 | (extended === 0 ? payload.length : extended === 2 ? 126 : 127);
  if (extended === 2) head.writeUInt16BE(payload.length, 2);
  if (extended === 8) head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, payload]);
}

/** A WebSocket peer: `heard(text, send)` gets every text frame. */
export async function openPeer(port, path, headers, heard) {
  const socket = await open(port);
  const upgrade = {
    Host: `localhost:${port}`, Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': 13,
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'), ...headers,
  };
  socket.write(`${[`GET ${path} HTTP/1.1`, ...lines(upgrade)].join('\r\n')}\r\n\r\n`);
  let bytes = EMPTY;
  let opened = null;
  const ready = new Promise((resolve, reject) => (opened = { resolve, reject }));
  const send = (text) => socket.write(frame(text));
  socket.on('data', (chunk) => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    if (opened) {
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) return;
      const status = bytes.latin1Slice(9, 12);
      if (status !== '101') return opened.reject(new Error(`the upgrade was answered with ${status}`));
      bytes = bytes.subarray(end + 4);
      opened.resolve();
      opened = null;
    }
    socket.cork();
    for (;;) {
      if (bytes.length < 2) break;
      const short = bytes[1] & 0x7f;
      const start = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (bytes.length < start) break;
      const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
      if (bytes.length < start + length) break;
      if ((bytes[0] & 0x0f) === 1) heard(bytes.utf8Slice(start, start + length), send);
      bytes = bytes.subarray(start + length);
    }
    socket.uncork();
  });
  socket.on('error', (error) => opened?.reject(error));
  await ready;
  return { send, close: () => socket.destroy() };
}
