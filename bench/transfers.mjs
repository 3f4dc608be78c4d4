// The last part of `npm run bench`: files up and down through the Worker, on both stores, beside a bare JavaScript Worker that
// does the same (bench/files.js). `tests/files/memory.py` does it, and has options.
import { main, run } from '../scripts/process.mjs';
import { pythonEnv } from '../scripts/python-env.mjs';

await main(async () => {
  const python = await pythonEnv('clients');
  for (const store of ['sqlite', 'r2']) await run(python, ['tests/files/memory.py', '--store', store]);
});
