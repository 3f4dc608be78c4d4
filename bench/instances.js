// Keeps the newest instance of a WebAssembly module where inside.js finds it. Imported before the module is.
WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
  construct(target, args) {
    globalThis.__instance = new target(...args);
    return globalThis.__instance;
  },
});
