// `npm run release`: dist/ with what an operator without Rust needs: the built Worker with a small command (a package for
// npx), the extension, a bundle for desktop clients, a list of what is in them, and checksums. The same commit gives the same
// bytes, on any day.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { billOfMaterials } from './bill-of-materials.mjs';
import { desktopBundle } from './desktop-bundle.mjs';
import { Complaint, ROOT, main, onEnd, run } from './process.mjs';
import { tarOf } from './tar.mjs';

const DIST = path.join(ROOT, 'dist');
/** What the package holds of this folder. */
const TAKEN = ['build/index.js', 'build/index_bg.wasm', 'build/config.json', 'public', 'scripts/runtime', 'LICENSE', 'README.md', 'docs/how-to/self-host.md',
  ...['backup', 'leash', 'options', 'process', 'process-tree', 'release-command', 'serve'].map((name) => `scripts/${name}.mjs`)];

const text = (name) => readFileSync(path.join(ROOT, name), 'utf8');

/** The one version there is: the workspace's, which the Worker tells at /health. */
export function version() {
  const found = /\[workspace\.package\]\nversion = "([^"]+)"/.exec(text('Cargo.toml'))?.[1];
  if (!found) throw new Complaint('Cargo.toml has no version in [workspace.package]');
  return found;
}

function packageJson() {
  const { name, description, license, type, devDependencies, optionalDependencies } = JSON.parse(text('package.json'));
  const dependencies = { wrangler: devDependencies.wrangler };
  const bin = { [name]: 'scripts/release-command.mjs' };
  const engines = { node: '>=20' };
  return { name, version: version(), description, license, type, bin, engines, dependencies, optionalDependencies };
}

/** wrangler.toml without the build, which has been done. */
function wranglerToml() {
  const whole = text('wrangler.toml');
  const cut = whole.replace(/\[build\]\n(?:[^[\n].*\n)*\n/, '');
  if (cut === whole) throw new Complaint('wrangler.toml has no [build] that can be left out');
  return cut;
}

function filesOf(name) {
  const file = path.join(ROOT, name);
  if (statSync(file).isFile()) return [name];
  return readdirSync(file).sort().flatMap((inner) => filesOf(`${name}/${inner}`));
}

function packageFiles() {
  const files = TAKEN.flatMap(filesOf).map((name) => [name, readFileSync(path.join(ROOT, name))]);
  files.push(['package.json', Buffer.from(`${JSON.stringify(packageJson(), null, 2)}\n`)]);
  files.push(['wrangler.toml', Buffer.from(wranglerToml())]);
  return files.sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, data]) => [`package/${name}`, data]);
}

await main(async () => {
  onEnd(() => process.exit(130));
  await run(process.execPath, [path.join(ROOT, 'scripts', 'build-worker.mjs')], { tells: true });
  const outputs = {
    [`blender-bus-${version()}.tgz`]: gzipSync(tarOf(packageFiles()), { level: 9 }),
    [`blender-bus-extension-${version()}.zip`]: readFileSync(path.join(ROOT, 'public', 'addon.zip')),
    [`blender-bus-${version()}.mcpb`]: desktopBundle(version()),
    [`blender-bus-${version()}.cdx.json`]: Buffer.from(`${JSON.stringify(billOfMaterials(version()), null, 1)}\n`),
  };
  const sums = Object.entries(outputs).map(([name, data]) => `${createHash('sha256').update(data).digest('hex')}  ${name}\n`);
  rmSync(DIST, { recursive: true, force: true });
  mkdirSync(DIST);
  for (const [name, data] of Object.entries(outputs)) writeFileSync(path.join(DIST, name), data);
  writeFileSync(path.join(DIST, 'SHA256SUMS'), sums.join(''));
  process.stdout.write(sums.join(''));
});
