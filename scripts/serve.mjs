// `npm run serve [-- --port N] [--host ADDRESS] [--state FOLDER] [--behind-proxy]`: the Worker on this machine for good.
import path from 'node:path';
import { parsed, portOf } from './options.mjs';
import { Complaint, ROOT, main, onEnd } from './process.mjs';
import { Server, requireFreePort } from './runtime/server.mjs';

const LOOPBACK = ['127.0.0.1', '::1', 'localhost'];
const USAGE = 'usage: npm run serve -- [--port N] [--host ADDRESS] [--state FOLDER] [--behind-proxy]';
/** What docs/configuration.md lists, but for DEV_ACCOUNTS, whose passwords everybody knows. */
const SETTINGS = /^(?:PUBLIC_ORIGIN|SIGNUP|SETUP_CODE|OIDC_(?:ISSUER|CLIENT_ID|CLIENT_SECRET|NAME|ALLOW)|PASSWORD_LOGIN|ACCESS_TOKEN_TTL|ALLOWED_ORIGINS|OAUTH_CLIENTS|METRICS_TOKEN|LIMIT_[A-Z_]+)$/;

function settings() {
  return Object.fromEntries(Object.entries(process.env).filter(([name, value]) => SETTINGS.test(name) && value !== ''));
}

function requireOrigin({ PUBLIC_ORIGIN: origin }, host, proxied) {
  if (origin === undefined && (!LOOPBACK.includes(host) || proxied)) {
    throw new Complaint('others are to reach this server: set PUBLIC_ORIGIN to its address, such as https://bus.example.com');
  }
  if (origin !== undefined && (!URL.canParse(origin) || new URL(origin).origin !== origin)) {
    throw new Complaint(`PUBLIC_ORIGIN must be an origin, such as https://bus.example.com without a path, not "${origin}"`);
  }
}

/** The Worker goes by the host that a request names, and a request from elsewhere may name this machine. */
function requireNoStrangers(host, proxied) {
  if (!LOOPBACK.includes(host) || proxied) {
    throw new Complaint('--demo makes an account whose password everybody knows: it goes with no --host but loopback, and without --behind-proxy');
  }
}

async function serve() {
  const values = parsed({
    port: { type: 'string', default: '8787' },
    host: { type: 'string', default: '127.0.0.1' },
    state: { type: 'string', default: path.join(ROOT, '.wrangler', 'serve') },
    'behind-proxy': { type: 'boolean', default: false },
    demo: { type: 'boolean', default: false },
  }, USAGE);
  const [port, proxied, variables] = [portOf(values.port), values['behind-proxy'], settings()];
  if (values.demo) variables.DEV_ACCOUNTS = 'demo:demo'; // the Worker honours it on loopback only
  requireOrigin(variables, values.host, proxied);
  if (values.demo) requireNoStrangers(values.host, proxied);
  await requireFreePort(values.host, port, (other) => `npm run serve -- --port ${other}`);
  const server = new Server({ state: values.state, host: values.host, port, variables, proxied, say: (line) => console.log(line) });
  const told = new Promise((resolve) => onEnd(() => resolve('told')));
  try {
    await server.start();
    console.log(`Blender Bus serves ${variables.PUBLIC_ORIGIN ?? `http://${values.host}:${port}`}, state in ${server.state}`);
    const code = await Promise.race([server.ended, told]);
    if (code !== 'told') throw new Complaint(`the runtime ended by itself (${code}); what it said is above`);
    console.log('Stopping ...');
  } finally {
    await server.stop();
  }
}

await main(serve);
