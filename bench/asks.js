// What a dispatch would cost if the module cost nothing: plain JavaScript that asks of the runtime what a dispatch asks, and computes
// next to nothing. The edge reads the headers and the body, and the object gets the body in a header; the job is written into
// the bus's own tables with the bus's own statements, and goes to the peer; the peer's answer is written and confirmed to it, a line
// goes to the log, and the answer to the caller.
import { DurableObject, WorkerEntrypoint } from 'cloudflare:workers';
import schema from './schema.js';

const INSERT = `INSERT INTO jobs (job_id, command, target_uuid, from_uuid, priority, state, record, batch_id,
  idempotency_key, created_at, traceparent, expires_at, sender, frame, frame_end, tries_left, progress, guest, consent)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const UPDATE = `UPDATE jobs SET state = ?, result = ?, error = ?, finished_at = ?, extra = ?, picture = ? WHERE job_id = ?`;
const HOUR_MS = 3_600_000;
const SENDER = '{"grant":"0123456789abcdef","client":"bench"}';
const ATTACHMENT = JSON.stringify({ socket_id: '0123456789abcdef', user_id: 'demo', grant_id: '0123456789abcdef', scopes: 'bus:dispatch' });
const CONFIRMED = '"result":{"content":[{"type":"text","text":"recorded"}],"structuredContent":{"status":"success"}}';

export class Asks extends DurableObject {
  #waiting = new Map();
  #next = Date.now() * 1000; // an object that was evicted meanwhile must not begin anew

  constructor(context, env) {
    super(context, env);
    const isNew = [...context.storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'jobs'").raw()].length === 0;
    if (isNew) context.storage.sql.exec(schema);
  }

  async fetch(request) {
    if (request.headers.get('Upgrade') === 'websocket') {
      const [client, server] = Object.values(new WebSocketPair());
      this.ctx.acceptWebSocket(server, ['peer']);
      server.serializeAttachment(ATTACHMENT);
      return new Response(null, { status: 101, webSocket: client });
    }
    const record = request.headers.get('text');
    const id = String((this.#next += 1));
    const now = Date.now();
    this.ctx.storage.sql.exec(INSERT, id, 'get_object_info', 'bench', 'server:demo', 4, 'running', record, null, null, now, null,
      now + HOUR_MS, SENDER, null, null, null, null, null, null);
    const answered = new Promise((resolve) => this.#waiting.set(id, resolve));
    this.ctx.getWebSockets('peer')[0].send(`${id} ${record}`);
    return new Response(await answered, { headers: { 'Content-Type': 'application/json' } });
  }

  webSocketMessage(socket, text) {
    socket.deserializeAttachment();
    const space = text.indexOf(' ');
    const [id, result] = [text.slice(0, space), text.slice(space + 1)];
    const now = Date.now();
    this.ctx.storage.sql.exec(UPDATE, 'completed', result, '', now, null, null, id);
    socket.send(`{"jsonrpc":"2.0","id":${id},${CONFIRMED}}`);
    console.log(`{"event":"job_ended","job_id":"${id}","state":"completed","at_ms":${now}}`);
    this.#waiting.get(id)?.(result);
    this.#waiting.delete(id);
  }

  webSocketClose(socket, code) {
    socket.close(code);
  }
}

function head(request) {
  let text = `${request.method} ${request.url}`;
  for (const [name, value] of request.headers) text += `\n${name}: ${value}`;
  return text;
}

export default class extends WorkerEntrypoint {
  async fetch(request) {
    const object = this.env.ASKS.getByName('one');
    if (!head(request).startsWith('POST')) return object.fetch(request);
    const text = new TextDecoder().decode(await request.arrayBuffer());
    return object.fetch('http://object/', { method: 'POST', headers: { text } });
  }
}
