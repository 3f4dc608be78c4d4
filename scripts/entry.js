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

/** What the module promises in `call`; rejected when it traps, or when the instance is replaced before it is kept. */
function kept(call) {
  return new Promise((resolve, reject) => {
    const lose = () => reject(new Error('the instance that worked on this has trapped'));
    __lost.add(lose);
    call().then(
      (value) => {
        __lost.delete(lose);
        resolve(value);
      },
      (error) => {
        __lost.delete(lose);
        reject(error);
      },
    );
  });
}

class Entry extends WorkerEntrypoint {}
Entry.prototype.fetch = function (request) {
  mend();
  return kept(() => answer(request, this.env, this.ctx));
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

    fetch(request) {
      return kept(() => this.#living().fetch(request));
    }

    alarm() {
      return kept(() => this.#living().alarm());
    }

    webSocketMessage(socket, message) {
      return kept(() => this.#living().webSocketMessage(socket, message));
    }

    webSocketClose(socket, code, reason, wasClean) {
      return kept(() => this.#living().webSocketClose(socket, code, reason, wasClean));
    }

    webSocketError(socket, error) {
      return kept(() => this.#living().webSocketError(socket, error));
    }
  };
}
