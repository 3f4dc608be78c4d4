// `node bench/pages.mjs [--jobs N] [--rounds N] [--json FILE]`: what a page of the dashboard costs with 30 Blenders and 5,000 jobs,
// as a ratio to one with the same Blenders and no jobs. `tests/dashboard/pace.py` does it. It takes what `npm run build` has built.
import { main, run } from '../scripts/process.mjs';
import { pythonEnv } from '../scripts/python-env.mjs';

await main(async () => {
  await run(await pythonEnv('clients'), ['tests/dashboard/pace.py', ...process.argv.slice(2)]);
});
