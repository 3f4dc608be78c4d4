// The yardstick: a bare Durable Object that passes a request's body to its WebSocket peer and answers with what comes
// back. No protocol, no token, and no row unless it is told to keep what it did.
import { DurableObject } from 'cloudflare:workers';

const TABLE = `CREATE TABLE IF NOT EXISTS jobs (
  seq INTEGER PRIMARY KEY, job_id TEXT NOT NULL UNIQUE, target TEXT, state TEXT, record TEXT, result TEXT) STRICT;
CREATE INDEX IF NOT EXISTS jobs_open ON jobs (target, state, seq) WHERE state = 'running'`;

export class Echo extends DurableObject {
  waiting = new Map();
  next = Date.now() * 1000; // an object that was evicted meanwhile must not begin anew

  constructor(context, env) {
    super(context, env);
    if (env.ROWS) context.storage.sql.exec(TABLE);
  }

  begun(id, body) {
    const statement = "INSERT INTO jobs (job_id, target, state, record) VALUES (?, 'peer', 'running', ?)";
    if (this.env.ROWS) this.ctx.storage.sql.exec(statement, id, body);
  }

  ended(id, result) {
    const statement = "UPDATE jobs SET state = 'completed', result = ? WHERE job_id = ?";
    if (this.env.ROWS) this.ctx.storage.sql.exec(statement, result, id);
  }

  async fetch(request) {
    if (request.headers.get('Upgrade') === 'websocket') {
      const [client, server] = Object.values(new WebSocketPair());
      this.ctx.acceptWebSocket(server);
      return new Response(null, { status: 101, webSocket: client });
    }
    const body = await request.text();
    const id = String((this.next += 1));
    this.begun(id, body);
    const answered = new Promise((resolve) => this.waiting.set(id, resolve));
    this.ctx.getWebSockets()[0].send(`${id} ${body}`);
    return new Response(await answered, { headers: { 'Content-Type': 'application/json' } });
  }

  webSocketMessage(_socket, text) {
    const space = text.indexOf(' ');
    const id = text.slice(0, space);
    this.ended(id, text.slice(space + 1));
    this.waiting.get(id)?.(text.slice(space + 1));
    this.waiting.delete(id);
  }

  webSocketClose(socket, code) {
    socket.close(code);
  }
}

export default { fetch: (request, env) => env.ECHO.get(env.ECHO.idFromName('one')).fetch(request) };
