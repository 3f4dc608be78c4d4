// The yardstick: a bare Durable Object that passes a request's body to its WebSocket peer and answers with what comes
// back. No protocol, no token, no row.
import { DurableObject } from 'cloudflare:workers';

export class Echo extends DurableObject {
  waiting = new Map();
  next = 0;

  async fetch(request) {
    if (request.headers.get('Upgrade') === 'websocket') {
      const [client, server] = Object.values(new WebSocketPair());
      this.ctx.acceptWebSocket(server);
      return new Response(null, { status: 101, webSocket: client });
    }
    const body = await request.text();
    const id = String((this.next += 1));
    const answered = new Promise((resolve) => this.waiting.set(id, resolve));
    this.ctx.getWebSockets()[0].send(`${id} ${body}`);
    return new Response(await answered, { headers: { 'Content-Type': 'application/json' } });
  }

  webSocketMessage(_socket, text) {
    const space = text.indexOf(' ');
    const id = text.slice(0, space);
    this.waiting.get(id)?.(text.slice(space + 1));
    this.waiting.delete(id);
  }

  webSocketClose(socket, code) {
    socket.close(code);
  }
}

export default { fetch: (request, env) => env.ECHO.get(env.ECHO.idFromName('one')).fetch(request) };
