// What a release is made of, as CycloneDX: crates by Cargo.lock, npm packages by package-lock.json, wheels of the extension.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './process.mjs';

const text = (name) => readFileSync(path.join(ROOT, name), 'utf8');

function crates() {
  const entry = /\[\[package\]\]\nname = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "(.+)"/g;
  return [...text('Cargo.lock').matchAll(entry)].map(([, name, version, checksum]) => ({
    type: 'library', name, version, purl: `pkg:cargo/${name}@${version}`, hashes: [{ alg: 'SHA-256', content: checksum }],
  }));
}

function npmPackages() {
  const packages = Object.entries(JSON.parse(text('package-lock.json')).packages).filter(([place]) => place !== '');
  return packages.map(([place, { version, integrity, license }]) => {
    const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const content = integrity?.startsWith('sha512-') ? Buffer.from(integrity.slice(7), 'base64').toString('hex') : null;
    return {
      type: 'library', name, version, purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
      ...(content && { hashes: [{ alg: 'SHA-512', content }] }),
      ...(license && { licenses: [{ expression: license }] }),
    };
  });
}

function wheels() {
  const folder = path.join(ROOT, 'addon', 'wheels');
  return readdirSync(folder).filter((file) => file.endsWith('.whl')).map((file) => {
    const [name, version] = file.split('-');
    const content = createHash('sha256').update(readFileSync(path.join(folder, file))).digest('hex');
    return { type: 'library', name, version, purl: `pkg:pypi/${name}@${version}`, hashes: [{ alg: 'SHA-256', content }] };
  });
}

export function billOfMaterials(version) {
  const unique = new Map([...crates(), ...npmPackages(), ...wheels()].map((one) => [one.purl, { 'bom-ref': one.purl, ...one }]));
  const components = [...unique.values()].sort((one, other) => (one.purl < other.purl ? -1 : 1));
  const component = { type: 'application', name: 'blender-bus', version, 'bom-ref': `blender-bus@${version}` };
  return { bomFormat: 'CycloneDX', specVersion: '1.5', version: 1, metadata: { component }, components };
}
