// Around the Worker as it was built: tells at `/inside` how much memory of WebAssembly its isolate has, once garbage is
// collected, and how often a bus was made.
import './instances.js';
import Worker, * as built from './index.js';
export * from './index.js';

let made = 0;

export class UserBus extends built.UserBus {
  constructor(...args) {
    super(...args);
    made += 1;
  }
}

export default class extends Worker {
  fetch(request) {
    if (new URL(request.url).pathname !== '/inside') return super.fetch(request);
    gc();
    return Response.json({ made, wasmBytes: globalThis.__instance.exports.memory.buffer.byteLength });
  }
}
