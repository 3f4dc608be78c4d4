// The entry of the Worker, which the build bundles with what wasm-bindgen writes. It hands requests and events to the
// module, and has the module made anew when it is broken: a panic or any other trap ends an instance for good.
import { WorkerEntrypoint } from 'cloudflare:workers';
import { __lost, __wbg_call_guard, __wbg_instance_id, __wbg_reset_state, fetch as answer } from './index.js';

// Most of the frames of a panic are those of the panic itself.
Error.stackTraceLimit = 50;

/** Replaces an instance that has trapped. Without one it reads a flag and returns. */
function mend() {
  try {
    __wbg_call_guard();
  } catch {
    __wbg_reset_state(); // too broken to say so itself
  }
}

/** What the module makes of the call that `begin` begins: it ends the promise by the ticket that it is given. Rejected when the
 *  module traps, or when the instance is replaced before it is kept. */
function kept(begin) {
  return new Promise((resolve, reject) => {
    const lose = () => reject(new Error('the instance that worked on this has trapped'));
    const ending = (end) => (value) => {
      __lost.delete(lose);
      end(value);
    };
    __lost.add(lose);
    begin({ resolve: ending(resolve), reject: ending(reject) });
  });
}

/** The same of a call that makes a promise of its own. */
const promised = (call) => kept(({ resolve, reject }) => call().then(resolve, reject));

/** `METHOD URL`, and a line `name: value` for each header. */
function head(request) {
  let text = `${request.method} ${request.url}`;
  for (const [name, value] of request.headers) text += `\n${name}: ${value}`;
  return text;
}

/** Longer bodies are read by the module, once it is known who sends them. In bytes. */
const SHORT = 64 * 1024;

/** The body of a request if it is short and JSON, as that of most calls. */
async function short(request) {
  const length = Number(request.headers.get('content-length') ?? NaN);
  const kind = request.headers.get('content-type') ?? '';
  if (request.method !== 'POST' || !(length > 0 && length <= SHORT) || !kind.startsWith('application/json')) return undefined;
  return new Uint8Array(await request.arrayBuffer());
}

class Entry extends WorkerEntrypoint {}
Entry.prototype.fetch = function (request) {
  return short(request).then((body) => {
    mend();
    return kept((ticket) => answer(head(request), body, request, this.env, this.ctx, ticket));
  });
};
export default Entry;

/** A Durable Object whose Rust half lives in the module: made again with each new instance, since its memory is gone.
 *  It has to be looked at before each call: its pointer means something else in another instance. */
function object(Half) {
  return class {
    #context;
    #env;
    #half;
    #instance;

    constructor(context, env) {
      this.#context = context;
      this.#env = env;
      this.#living();
    }

    #living() {
      mend();
      if (this.#instance !== __wbg_instance_id) {
        this.#half = new Half(this.#context, this.#env);
        this.#instance = __wbg_instance_id;
      }
      return this.#half;
    }

    async fetch(request) {
      if (!Half.prototype.command || request.method !== 'POST') return promised(() => this.#living().fetch(request));
      // A short text comes in a header (`durable/runtime/src/shim.js`): a body costs a stream at both ends.
      const text = request.headers.get('bus-text') ?? (await request.text());
      return kept((ticket) => this.#living().command(text, ticket));
    }

    alarm() {
      return promised(() => this.#living().alarm());
    }

    webSocketMessage(socket, message) {
      const attachment = socket.deserializeAttachment() ?? undefined;
      const text = typeof message === 'string' ? message : undefined;
      return kept((ticket) => this.#living().heard(socket, attachment, text, ticket));
    }

    webSocketClose(socket, code, reason, wasClean) {
      return promised(() => this.#living().webSocketClose(socket, code, reason, wasClean));
    }

    webSocketError(socket, error) {
      return promised(() => this.#living().webSocketError(socket, error));
    }
  };
}
