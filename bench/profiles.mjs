// `node bench/profiles.mjs`: what the tool list of each profile costs a client. Bytes of the whole list, and of what clients
// pass on to their model (names, descriptions, input schemas). Tokens are estimated at 4.4 bytes each, which is what the list
// came to with the o200k vocabulary.
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Complaint, main } from '../scripts/process.mjs';
import { bus } from './sides.mjs';
import { Connection } from './sockets.mjs';

const BYTES_A_TOKEN = 4.4;
const METHOD = 'tools/list';

async function listed(connection, call, path) {
  const { _meta } = JSON.parse(call.body).params;
  const headers = { ...call.headers, 'Mcp-Method': METHOD };
  delete headers['Mcp-Name'];
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: METHOD, params: { _meta } });
  const answer = await connection.ask({ path, headers, body });
  if (answer.status !== 200) throw new Complaint(`${path} answered ${answer.status}: ${answer.body.slice(0, 500)}`);
  return JSON.parse(answer.body).result.tools;
}

async function profiles() {
  const { server, call, peer } = await bus(false)(existsSync('/dev/shm') ? '/dev/shm' : tmpdir());
  try {
    const connection = await Connection.to(server.port);
    console.log('endpoint        tools   whole list   to the model   tokens, about');
    for (const path of ['/mcp/core', '/mcp/scene', '/mcp/assets', '/mcp/full']) {
      const tools = await listed(connection, call, path);
      const told = tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema }));
      const [whole, shown] = [tools, told].map((list) => Buffer.byteLength(JSON.stringify(list)));
      const cells = [String(tools.length).padStart(5), String(whole).padStart(12), String(shown).padStart(14),
        (shown / BYTES_A_TOKEN).toFixed(0).padStart(15)];
      console.log(`${path.padEnd(15)} ${cells.join(' ')}`);
    }
    connection.close();
  } finally {
    peer.close();
    await server.stop();
  }
  process.exit(0);
}

await main(profiles);
