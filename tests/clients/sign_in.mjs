// Signs in with the TypeScript SDK and stays until the access token has ended and been renewed: `node --input-type=module -
// URL SDK SECONDS`, with this text on standard input and a working directory that has the packages. SDK is sdk1 or client.
// The browser is the program that BROWSER names. The last line of the output is the report that test_sign_in.py reads.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';

const [url, sdk, seconds] = process.argv.slice(2);

async function load() {
  if (sdk === 'client') return import('@modelcontextprotocol/client');
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
  return { Client, ...(await import('@modelcontextprotocol/sdk/client/streamableHttp.js')) };
}

/** The client's end of the redirect: `callback` resolves to the parameters that came. */
async function listen() {
  let arrived;
  const callback = new Promise((resolve) => (arrived = resolve));
  const server = createServer((request, response) => {
    response.end('done');
    arrived(new URL(request.url, 'http://localhost').searchParams);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { redirect: `http://127.0.0.1:${server.address().port}/callback`, callback, server };
}

const { Client, StreamableHTTPClientTransport } = await load();
const { redirect, callback, server } = await listen();
const kept = { tokens: [] };
const provider = {
  redirectUrl: redirect,
  clientMetadata: { client_name: `sign-in-${sdk}`, redirect_uris: [redirect], token_endpoint_auth_method: 'none' },
  clientInformation: () => kept.client,
  saveClientInformation: (client) => (kept.client = client),
  tokens: () => kept.tokens.at(-1),
  saveTokens: (tokens) => kept.tokens.push(tokens),
  saveCodeVerifier: (verifier) => (kept.verifier = verifier),
  codeVerifier: () => kept.verifier,
  saveDiscoveryState: (state) => (kept.discovery = state),
  discoveryState: () => kept.discovery,
  redirectToAuthorization(authorize) {
    const [program, ...options] = process.env.BROWSER.split(' ');
    spawn(program, options.map((option) => (option === '%s' ? authorize.href : option)), { stdio: 'ignore' });
  },
};
const transport = () => new StreamableHTTPClientTransport(new URL(url), { authProvider: provider });
const client = () => new Client({ name: `sign-in-${sdk}`, version: '1' });

const first = transport();
await client().connect(first).then(
  () => { throw new Error('connected without a token'); },
  (error) => { if (error.constructor.name !== 'UnauthorizedError') throw error; },
);
const came = await callback;
server.close();
await (sdk === 'client' ? first.finishAuth(came) : first.finishAuth(came.get('code')));
const signedIn = client();
await signedIn.connect(transport());
await signedIn.listTools();
await new Promise((next) => setTimeout(next, Number(seconds) * 1000));
const tools = (await signedIn.listTools()).tools.length;
await signedIn.close();
console.log(JSON.stringify({ tools, access_tokens: new Set(kept.tokens.map((tokens) => tokens.access_token)).size }));
process.exit(0);
