// The MCP client in Rust that tests run: a package of its own in tests/clients/rmcp, compiled into the user's cache folder,
// so that every clone shares what it depends on.
import path from 'node:path';
import { CACHE, exclusively } from './cache.mjs';
import { ROOT, run } from './process.mjs';
import { toolEnv } from './toolchain.mjs';

const MANIFEST = path.join(ROOT, 'tests', 'clients', 'rmcp', 'Cargo.toml');

/** The program, compiled where it is not up to date. */
export async function rustClient() {
  const folder = path.join(CACHE, 'rmcp');
  await exclusively(`${folder}.lock`, async () => {
    const args = ['build', '--quiet', '--locked', '--manifest-path', MANIFEST, '--target-dir', folder];
    await run('cargo', args, { env: toolEnv(), hint: 'Is crates.io reachable?' });
  });
  return path.join(folder, 'debug', 'tour');
}
