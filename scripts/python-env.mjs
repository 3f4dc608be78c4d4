// Python environments for the tests: in the user's cache folder, one for each content of its requirements file, so that
// every clone shares them and a changed pin makes a new one.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CACHE, exclusively } from './cache.mjs';
import { Complaint, ROOT, outputOf, run } from './process.mjs';

const PYTHON_MINOR = '3.11'; // the Python of Blender 4.2, and the only one its module is built for
const BLENDER_LIBRARIES = {
  'libx11-6': 'libX11.so.6', libxrender1: 'libXrender.so.1', libxxf86vm1: 'libXxf86vm.so.1',
  libxfixes3: 'libXfixes.so.3', libxi6: 'libXi.so.6', libxkbcommon0: 'libxkbcommon.so.0', libsm6: 'libSM.so.6',
  libgomp1: 'libgomp.so.1', libgl1: 'libGL.so.1', libegl1: 'libEGL.so.1',
};

/** The interpreter of Python 3.11, or with `orLater` of any later one too. */
export function findPython({ orLater = false } = {}) {
  const version = 'import sys; print("%d.%d" % sys.version_info[:2], sys.executable)';
  const fits = (minor) => minor === PYTHON_MINOR || (orLater && Number(minor.split('.')[1]) > 11);
  const others = [];
  for (const name of [`python${PYTHON_MINOR}`, 'python3', 'python']) {
    const [minor, ...executable] = (outputOf(name, ['-c', version]) ?? '').split(' ');
    if (minor.startsWith('3.') && fits(minor)) return executable.join(' ');
    if (minor !== '') others.push(`${name} is ${minor}`);
  }
  const tried = `python${PYTHON_MINOR}, python3 or python${others.length > 0 ? ` (${others.join(', ')})` : ''}`;
  throw new Complaint(`Python ${PYTHON_MINOR}${orLater ? ' or later' : ''} was not found, as ${tried}. Install it first.`);
}

/** The interpreter of the environment for tests/requirements/NAME.txt, made on first use. */
export async function pythonEnv(name) {
  const requirements = path.join(ROOT, 'tests', 'requirements', `${name}.txt`);
  const hash = createHash('sha256').update(`${PYTHON_MINOR}\n`).update(readFileSync(requirements)).digest('hex');
  const folder = path.join(CACHE, 'venv', `${name}-${hash.slice(0, 12)}`);
  const interpreter = path.join(folder, 'bin', 'python');
  const complete = path.join(folder, '.complete');
  if (existsSync(complete)) return interpreter;
  mkdirSync(path.dirname(folder), { recursive: true });
  await exclusively(`${folder}.lock`, async () => {
    if (existsSync(complete)) return;
    rmSync(folder, { recursive: true, force: true }); // what an interrupted install left
    console.log(`Making the Python environment ${name} (once) ...`);
    await run(findPython(), ['-m', 'venv', folder], { hint: 'Is the venv module installed?' });
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '-r', requirements];
    await run(interpreter, pip, { hint: 'Is the Python package index reachable?' });
    writeFileSync(complete, '');
  });
  return interpreter;
}

/** Blender links against X11 and GL even without a window. Installs what is missing, where that is possible. */
export async function ensureBlenderLibraries() {
  if (process.platform !== 'linux') return;
  const known = outputOf('/sbin/ldconfig', ['-p']) ?? outputOf('ldconfig', ['-p']);
  if (known === null) return; // not a glibc system: `import bpy` will tell
  const missing = Object.entries(BLENDER_LIBRARIES).filter(([, file]) => !known.includes(`${file} `));
  if (missing.length === 0) return;
  const files = missing.map(([, file]) => file).join(', ');
  await installPackages(missing.map(([name]) => name), `Blender needs ${files}.`);
}

const isThere = (program) => outputOf(program, ['--version']) !== null;

/** The page tests drive the system's browser, so Playwright downloads none. Installs one where that is possible and none
 *  is there, and beside it the same without windows, which starts in half the time. The tests go without that where it cannot be had. */
export async function ensureChromium() {
  const names = ['chromium', 'chromium-browser', 'google-chrome'];
  if (!names.some(isThere)) await installPackages(['chromium'], `The page tests need one of ${names.join(', ')}.`);
  const windowless = 'chromium-headless-shell';
  if (isThere(windowless)) return;
  await installPackages([windowless], `The page tests are quicker with ${windowless}.`).catch((error) => console.log(error.message));
}

let installing = Promise.resolve(); // apt runs once at a time

async function installPackages(packages, why) {
  const command = `apt-get update && apt-get install -y ${packages.join(' ')}`;
  const able = process.platform === 'linux' && process.getuid() === 0 && outputOf('apt-get', ['--version']) !== null;
  if (!able) throw new Complaint(`${why} On Debian or Ubuntu run: sudo sh -c '${command}'`);
  const before = installing;
  installing = before.catch(() => {}).then(() => aptInstall(packages));
  await installing;
}

async function aptInstall(packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-q'], { env });
  await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], { env });
}
