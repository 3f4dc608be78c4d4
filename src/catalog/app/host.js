// The protocol of MCP Apps: JSON-RPC with the host, by postMessage.
const host = { capabilities: {}, context: {}, on: {}, waiting: new Map(), last: 0 };

host.post = (message) => window.parent.postMessage({ jsonrpc: '2.0', ...message }, '*');
host.notify = (method, params = {}) => host.post({ method, params });

/** Sends a request. `id` of the promise names it, for `giveUp`. */
host.ask = (method, params = {}) => {
  const id = ++host.last;
  const answer = new Promise((resolve, reject) => host.waiting.set(id, { resolve, reject }));
  host.post({ id, method, params });
  return Object.assign(answer, { id });
};

/** Tells the host that nobody waits for a request any more; it ends as cancelled. */
host.giveUp = (id) => {
  const waiting = host.waiting.get(id);
  if (!waiting) return;
  host.waiting.delete(id);
  host.notify('notifications/cancelled', { requestId: id, reason: 'cancelled by the user' });
  waiting.reject(Object.assign(new Error('cancelled'), { cancelled: true }));
};

host.take = ({ source, data }) => {
  if (source !== window.parent || data?.jsonrpc !== '2.0') return;
  if (data.method === undefined) {
    const waiting = host.waiting.get(data.id);
    host.waiting.delete(data.id);
    if (waiting && data.error) waiting.reject(new Error(String(data.error.message ?? 'the host refused')));
    else if (waiting) waiting.resolve(data.result ?? {});
    return;
  }
  const handler = Object.hasOwn(host.on, data.method) ? host.on[data.method] : undefined;
  if (data.id === undefined) handler?.(data.params ?? {});
  else if (handler) host.post({ id: data.id, result: handler(data.params ?? {}) ?? {} });
  else host.post({ id: data.id, error: { code: -32601, message: `no method ${data.method}` } });
};

/** Takes what the host says of itself: theme, colours, fonts that are there, and how it shows the app. */
host.dress = (context) => {
  Object.assign(host.context, context);
  const root = document.documentElement;
  if (context.theme === 'light' || context.theme === 'dark') root.dataset.theme = context.theme;
  if (context.displayMode) root.dataset.mode = context.displayMode;
  for (const [name, value] of Object.entries(context.styles?.variables ?? {})) {
    if (/^--(color|font|border|shadow)-[a-z0-9-]+$/.test(name) && typeof value === 'string') root.style.setProperty(name, value);
  }
};

/** Calls a tool of the server that this app comes from. */
host.tool = (name, args) => {
  const given = Object.entries(args).filter(([, value]) => value !== undefined && value !== null);
  return host.ask('tools/call', { name, arguments: Object.fromEntries(given) });
};

/** A link to elsewhere: the host opens it, or not. Only what the server has given out. */
host.open = async (url) => {
  if (!/^https?:\/\//.test(url)) throw new Error('not an address of the web');
  const answer = await host.ask('ui/open-link', { url });
  if (answer.isError) throw new Error('the host did not open it');
};

host.start = async () => {
  window.addEventListener('message', host.take);
  const told = await host.ask('ui/initialize', {
    protocolVersion: '2026-01-26',
    appInfo: { name: 'blender-bus-viewport', version: '1' },
    appCapabilities: { availableDisplayModes: ['inline', 'fullscreen'] },
  });
  host.capabilities = told.hostCapabilities ?? {};
  host.dress(told.hostContext ?? {});
  host.notify('ui/notifications/initialized');
  let height = 0;
  new ResizeObserver(() => {
    const now = Math.ceil(document.body.getBoundingClientRect().height);
    if (now !== height) host.notify('ui/notifications/size-changed', { height: (height = now) });
  }).observe(document.body);
};
