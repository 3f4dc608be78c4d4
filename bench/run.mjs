// `npm run bench -- [--all] [--json FILE] [--rounds N] [--state FOLDER]`: what the bus costs, in ratios of one run.
//
// `--all` adds what takes minutes; `--part NAME` does one of the parts alone, and `--scale 0.01` with a hundredth of all
// counts, to see whether it runs. The objects' rows are in memory (/dev/shm) where there is such a thing: how long this
// machine's disk takes to sync them says nothing about the platform the Worker is made for. `--state` puts them on a disk.
import { existsSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { Complaint, main, onEnd } from '../scripts/process.mjs';
import { inBlender } from './blender.mjs';
import { coldStarts } from './cold.mjs';
import { dispatches } from './dispatch.mjs';
import { growth } from './growth.mjs';
import { memory } from './memory.mjs';

/** Each prints its table and resolves to figures: `{ key, value, goal }`, where a goal is the most that the value may be. */
const PARTS = { dispatch: dispatches, growth, memory, cold: coldStarts, blender: inBlender };

function chosen({ all, part }) {
  const unknown = part.find((name) => !Object.hasOwn(PARTS, name));
  if (unknown) throw new Complaint(`--part must be one of ${Object.keys(PARTS).join(', ')}, got ${unknown}`);
  if (all) return Object.keys(PARTS);
  return part.length > 0 ? part : ['dispatch'];
}

function written(figures) {
  const rounded = (value) => Number(value.toFixed(3));
  const values = figures.map(({ key, value }) => [key, rounded(value)]);
  const goals = figures.filter(({ goal }) => goal !== undefined).map(({ key, goal }) => [key, goal]);
  const all = goals.length > 0 ? [...values, ['goals', Object.fromEntries(goals)]] : values;
  return `${JSON.stringify(Object.fromEntries(all), null, 2)}\n`;
}

async function bench() {
  const options = {
    all: { type: 'boolean', default: false },
    part: { type: 'string', multiple: true, default: [] },
    json: { type: 'string' },
    rounds: { type: 'string', default: '7' },
    scale: { type: 'string', default: '1' },
    state: { type: 'string', default: existsSync('/dev/shm') ? '/dev/shm' : tmpdir() },
  };
  const { values } = parseArgs({ options });
  const [rounds, scale] = [Number(values.rounds), Number(values.scale)];
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new Complaint(`--rounds must be a whole number from 1, got ${values.rounds}`);
  }
  if (!(scale > 0 && scale <= 1)) throw new Complaint(`--scale must be above 0 and at most 1, got ${values.scale}`);
  const parts = chosen(values);
  onEnd(() => process.exit(130)); // the servers end with this process
  const figures = [];
  for (const [index, name] of parts.entries()) {
    if (index > 0) console.log('');
    if (parts.length > 1) console.log(`${name}; load of the machine ${loadavg()[0].toFixed(1)}`);
    figures.push(...await PARTS[name]({ rounds, scale, state: values.state }));
  }
  if (values.json) writeFileSync(values.json, written(figures));
  process.exit(0);
}

await main(bench);
