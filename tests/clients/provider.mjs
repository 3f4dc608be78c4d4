// A real OpenID provider for the sign-in tests: `node provider.mjs PORT CLIENT_ID CLIENT_SECRET REDIRECT_URI`. Its own
// development pages ask for any login name and then for consent; the name becomes the subject.
import { createRequire } from 'node:module';
import path from 'node:path';

const folder = process.env.BUS_NODE_CLIENTS;
const { default: Provider } = await import(createRequire(path.join(folder, 'package.json')).resolve('oidc-provider'));
const [port, client_id, client_secret, redirect_uri] = process.argv.slice(2);

const claims = (sub) => ({
  sub, preferred_username: `${sub}-of-idp`, email: `${sub}@example.com`, email_verified: sub !== 'mallory',
});
const provider = new Provider(`http://localhost:${port}`, {
  clients: [{ client_id, client_secret, redirect_uris: [redirect_uri], id_token_signed_response_alg: 'RS256' }],
  claims: { openid: ['sub'], profile: ['preferred_username'], email: ['email', 'email_verified'] },
  findAccount: (_context, id) => ({ accountId: id, claims: () => claims(id) }),
  cookies: { keys: ['for tests'] },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
