// Many users of one server.
import { BUS, login } from './bus.mjs';
import { layOut } from './workerd.mjs';

/** Makes so many accounts, each by its first sign-in; resolves to their access tokens. The server starts again before that, which
 *  lists them in its configuration, and after it, as it was. */
export async function users(server, count, worker = BUS) {
  const names = Array.from({ length: count }, (_, number) => `user${number}`);
  const listed = { DEV_ACCOUNTS: ['demo', ...names].map((name) => `${name}:${name}`).join() };
  await server.restart(() => layOut({ ...worker, variables: { ...worker.variables, ...listed } }, server.folder));
  const tokens = [];
  for (const name of names) tokens.push(await login(server.port, name));
  await server.restart(() => layOut(worker, server.folder));
  return tokens;
}
