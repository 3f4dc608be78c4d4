// The npm packages that tests run and the project does not need: MCP clients as they are published, the conformance suite
// and an OpenID provider. They stay out of the project's own node_modules, in the user's cache folder, one for each content
// of the lock file.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CACHE, exclusively } from './cache.mjs';
import { ROOT, run } from './process.mjs';

/** The folder whose node_modules has what package.json in a folder of tests/ names, made on first use. */
export async function nodeEnv(folderOfTests = 'clients') {
  const source = path.join(ROOT, 'tests', folderOfTests);
  const hash = createHash('sha256').update(readFileSync(path.join(source, 'package-lock.json'))).digest('hex');
  const folder = path.join(CACHE, 'node', hash.slice(0, 12));
  const complete = path.join(folder, '.complete');
  if (existsSync(complete)) return folder;
  mkdirSync(path.dirname(folder), { recursive: true });
  await exclusively(`${folder}.lock`, async () => {
    if (existsSync(complete)) return;
    rmSync(folder, { recursive: true, force: true }); // what an interrupted install left
    mkdirSync(folder);
    for (const name of ['package.json', 'package-lock.json']) {
      copyFileSync(path.join(source, name), path.join(folder, name));
    }
    console.log(`Installing what tests/${folderOfTests}/package.json names from npm (once) ...`);
    const args = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    await run('npm', args, { cwd: folder, hint: 'Is the npm registry reachable?' });
    writeFileSync(complete, '');
  });
  return folder;
}
