// Lays out a folder that plain workerd can serve: the Worker as it was built, its configuration, the files it serves.
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const OWN = import.meta.dirname;
/** Modules of each service besides the Worker: ours, and of wrangler the ones that serve files as Cloudflare does. */
const MODULES = ['front.js', 'files.js', 'limiter.js'];
const TYPES = {
  '.css': 'text/css', '.html': 'text/html', '.ico': 'image/vnd.microsoft.icon', '.js': 'text/javascript',
  '.json': 'application/json', '.png': 'image/png', '.svg': 'image/svg+xml', '.txt': 'text/plain',
  '.webmanifest': 'application/manifest+json', '.zip': 'application/zip',
};
const OTHER_TYPE = 'application/octet-stream';
const HASH_BYTES = 16;

const hash = (data) => createHash('sha256').update(data).digest().subarray(0, HASH_BYTES);
const list = (parts) => `[${parts.join(', ')}]`;

/** A text of Cap'n Proto: beyond printable ASCII every byte is an escape. */
export function text(value) {
  const plain = (byte) => byte >= 32 && byte < 127 && byte !== 0x22 && byte !== 0x5c;
  const bytes = [...Buffer.from(value)];
  return `"${bytes.map((byte) => (plain(byte) ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`)).join('')}"`;
}

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== '.assetsignore')
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name));
}

/** Copies what is served as files; returns the manifest of the asset server and the content types by hash. */
function layOutAssets(source, folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const types = {};
  const entries = filesBelow(source).map((file) => {
    const content = readFileSync(file);
    const key = hash(content);
    writeFileSync(path.join(folder, key.toString('hex')), content);
    types[key.toString('hex')] = TYPES[path.extname(file)] ?? OTHER_TYPE;
    return Buffer.concat([hash(`/${path.relative(source, file).split(path.sep).join('/')}`), key, Buffer.alloc(8)]);
  });
  return { manifest: Buffer.concat([Buffer.alloc(20), ...entries.sort(Buffer.compare)]).toString('hex'), types };
}

function worker(modules, date, bindings, flags = []) {
  const embedded = modules.map((name) => {
    const kind = name.endsWith('.wasm') ? 'wasm' : 'esModule';
    return `(name = ${text(name)}, ${kind} = embed ${text(`modules/${name}`)})`;
  });
  return `modules = ${list(embedded)}, compatibilityDate = ${text(date)}, compatibilityFlags = ${list(flags.map(text))},
    bindings = ${list(bindings)}`;
}

function assetServices(config, { manifest, types }) {
  const settings = {
    compatibility_date: config.compatibility_date, compatibility_flags: [], html_handling: config.assets.html_handling,
    not_found_handling: 'none', debug: false, has_static_routing: false,
  };
  const json = (name, value) => `(name = ${text(name)}, json = ${text(JSON.stringify(value))})`;
  const served = [
    '(name = "ASSETS_KV_NAMESPACE", kvNamespace = "files")',
    `(name = "ASSETS_MANIFEST", data = 0x"${manifest}")`,
    json('CONFIG', settings),
  ];
  const routed = ['(name = "ASSET_WORKER", service = "assets")', '(name = "USER_WORKER", service = "main")',
    json('CONFIG', { has_user_worker: true })];
  return `
  (name = "content", disk = (writable = false)),
  (name = "files", worker = (${worker(['files.js'], '2026-11-01', ['(name = "FILES", service = "content")', json('TYPES', types)])})),
  (name = "assets", worker = (${worker(['assets.worker.js'], '2024-07-31', served, ['nodejs_compat', 'enable_ctx_exports'])})),
  (name = "router", worker = (${worker(['router.worker.js'], '2024-07-31', routed, ['nodejs_compat', 'no_nodejs_compat_v2', 'enable_ctx_exports'])})),`;
}

/** The Worker's bindings: variables by name from the environment of the process, so that no secret is written to disk. */
function bindings(config, names) {
  return [
    ...names.map((name) => `(name = ${text(name)}, fromEnvironment = ${text(`BUS_VAR_${name}`)})`),
    ...config.durable_objects.bindings.map(
      ({ name, class_name: kind }) => `(name = ${text(name)}, durableObjectNamespace = ${text(kind)})`,
    ),
    ...config.ratelimits.map(({ name, simple: { limit, period } }) => `(name = ${text(name)}, wrapped = (
      moduleName = "bus:limiter",
      innerBindings = [(name = "limit", json = "${limit}"), (name = "period", json = "${period}")]))`),
  ];
}

function capnp(config, assets, { names, proxied }) {
  const kinds = [...new Set(config.durable_objects.bindings.map((binding) => binding.class_name))];
  const spaces = kinds.map((kind) => `(className = ${text(kind)}, uniqueKey = ${text(kind)}, enableSql = true)`);
  const front = ['(name = "NEXT", service = "router")', `(name = "PROXIED", json = "${proxied}")`];
  const http = proxied ? '(forwardedProtoHeader = "X-Forwarded-Proto")' : '()';
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
  (name = "main", worker = .main),
  (name = "objects", disk = (writable = true)),
  (name = "front", worker = (${worker(['front.js'], '2026-11-01', front)})),${assetServices(config, assets)}
  ],
  sockets = [(name = "http", http = ${http}, service = "front")],
  extensions = [(modules = [(name = "bus:limiter", internal = true, esModule = embed "modules/limiter.js")])],
);
const main :Workerd.Worker = (
  ${worker(['index.js', 'index_bg.wasm'], config.compatibility_date, bindings(config, names), config.compatibility_flags)},
  durableObjectNamespaces = ${list(spaces)},
  durableObjectStorage = (localDisk = "objects"),
);
`;
}

/** Writes `folder` from the built Worker in `root`. `names` are the variables that are set; `proxied` trusts the headers
 *  of a reverse proxy. */
export function layOut(folder, { root, config, names, proxied }) {
  const modules = path.join(folder, 'modules');
  mkdirSync(modules, { recursive: true });
  for (const name of MODULES) copyFileSync(path.join(OWN, name), path.join(modules, name));
  for (const name of ['index.js', 'index_bg.wasm']) copyFileSync(path.join(root, 'build', name), path.join(modules, name));
  const wrangler = createRequire(createRequire(import.meta.url).resolve('wrangler/package.json'));
  const asCloudflare = path.join(path.dirname(wrangler.resolve('miniflare')), 'workers', 'assets');
  for (const name of ['router.worker.js', 'assets.worker.js']) {
    copyFileSync(path.join(asCloudflare, name), path.join(modules, name));
  }
  const assets = layOutAssets(path.join(root, config.assets.directory), path.join(folder, 'content'));
  writeFileSync(path.join(folder, 'config.capnp'), capnp(config, assets, { names, proxied }));
}
