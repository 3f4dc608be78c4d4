// `node scripts/cold-start.mjs`: how long a first start takes, step by step, with folders of its own for HOME, cargo, npm
// and the build. It downloads everything again, and takes minutes.
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { ROOT, main, onEnd, outputOf, run } from './process.mjs';

const STEPS = [
  ['npm packages', "(await import('./scripts/toolchain.mjs')).ensureNpmPackages()"],
  ['bindings generator', "(await import('./scripts/toolchain.mjs')).ensureBindgen()"],
  ['Worker, for development', "(await import('./scripts/worker.mjs')).compile({ forEditing: true, quiet: true })"],
  ['extension', "(await import('./scripts/worker.mjs')).buildExtension({ quiet: true })"],
];

await main(async () => {
  onEnd(() => process.exit(130));
  const home = mkdtempSync(path.join(tmpdir(), 'blender-bus-cold-'));
  process.once('exit', () => rmSync(home, { recursive: true, force: true }));
  const clone = path.join(home, 'clone');
  const files = outputOf('git', ['ls-files', '--cached', '--others', '--exclude-standard']).split('\n');
  for (const file of files) cpSync(path.join(ROOT, file), path.join(clone, file), { verbatimSymlinks: true });
  const cargo = path.join(home, '.cargo');
  mkdirSync(cargo);
  // The compiler itself is not what is measured; what registries are used instead of the usual ones is kept.
  const { CARGO_HOME = path.join(homedir(), '.cargo'), RUSTUP_HOME = path.join(homedir(), '.rustup'), CARGO_TARGET_DIR: _own, ...env } = process.env;
  symlinkSync(path.join(CARGO_HOME, 'bin'), path.join(cargo, 'bin'));
  try {
    cpSync(path.join(CARGO_HOME, 'config.toml'), path.join(cargo, 'config.toml'));
  } catch {
    // there is none
  }
  const fresh = { ...env, HOME: home, CARGO_HOME: cargo, RUSTUP_HOME, XDG_CACHE_HOME: path.join(home, '.cache'),
    npm_config_cache: path.join(home, '.npm'), npm_config_userconfig: path.join(homedir(), '.npmrc') };
  let total = 0;
  for (const [name, code] of STEPS) {
    const started = Date.now();
    await run('node', ['--input-type=module', '-e', `await ${code}`], { env: fresh, cwd: clone });
    const took = (Date.now() - started) / 1000;
    total += took;
    console.log(`${took.toFixed(1).padStart(7)} s  ${name}`);
  }
  console.log(`${total.toFixed(1).padStart(7)} s  together; \`npm run dev\` takes some of these steps at the same time`);
});
