// The .mcpb bundle: for desktop clients that install a server from a file. It asks for the server's address and a token.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './process.mjs';
import { zipOf } from './zip.mjs';

const setting = (title, description, more) => ({ type: 'string', title, description, required: true, ...more });

/** The manifest of MCP bundles, revision 0.3. */
export function manifest(version) {
  return {
    manifest_version: '0.3',
    name: 'blender-bus',
    display_name: 'Blender Bus',
    version,
    description: 'Work in your own Blender, wherever it runs.',
    author: { name: 'Blender Bus' },
    license: 'Apache-2.0',
    server: {
      type: 'node',
      entry_point: 'server.mjs',
      mcp_config: {
        command: 'node',
        args: ['${__dirname}/server.mjs'],
        env: { BUS_URL: '${user_config.server}', BUS_TOKEN: '${user_config.token}' },
      },
    },
    user_config: {
      server: setting('Server', 'The address of your Blender Bus, such as https://bus.example.com', {}),
      token: setting('Access token', 'Made at /tokens of your server', { sensitive: true }),
    },
    tools_generated: true,
    prompts_generated: true,
    compatibility: { runtimes: { node: '>=20' } },
  };
}

/** The bundle's bytes, the same for the same commit. */
export function desktopBundle(version) {
  const file = (name) => readFileSync(path.join(ROOT, name));
  const told = Buffer.from(`${JSON.stringify(manifest(version), null, 2)}\n`);
  return zipOf([['manifest.json', told], ['server.mjs', file('scripts/desktop/server.mjs')], ['LICENSE', file('LICENSE')]]);
}
