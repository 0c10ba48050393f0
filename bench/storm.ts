/**
 * `npm run bench:storm`: thousands of clients lose their connections at once and come back; how long it takes until the
 * last is welcome, and that nothing is lost. Ends by itself.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { reconnectStorm, type StormKind } from "../test/faults/reconnect-storm.ts";
import { freePorts } from "../test/support/free-ports.ts";

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "5000" },
    kinds: { type: "string", default: "kill,cut" },
    help: { type: "boolean", default: false },
  },
});

const usage = `npm run bench:storm -- [--clients 5000] [--kinds kill,cut]

CLIENTS of the client library, half over WebSocket, half over TCP, lose their connections while they send: kill ends the
server by kill -9 and starts it again, cut tears the connections of a server that lives on. Needs more file descriptors
than clients, for this process and for the server (ulimit -n).`;

const timeoutMs = 180_000;
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

async function measure(kind: StormKind, clients: number): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "parley-storm-"));
  try {
    const [wsPort = 0, tcpPort = 0] = await freePorts(2);
    const report = await reconnectStorm({ kind, clients, dataDir, ports: { wsPort, tcpPort }, timeoutMs });
    const { sent, wrong, welcomeMs, serverBackMs, recoveredMs, failedAttempts } = report;
    const server = kind === "kill" ? `server back after ${seconds(serverBackMs)}; ` : "";
    console.log(
      `${kind.padEnd(4)} ${clients} clients: ${server}welcome p50 ${seconds(welcomeMs.p50)}, p99 ${seconds(welcomeMs.p99)}, ` +
        `last ${seconds(welcomeMs.max)}; all ${sent} messages answered and delivered after ${seconds(recoveredMs)}; ` +
        `${(failedAttempts / clients).toFixed(1)} lost connections or failed attempts each; ${wrong.length} clients lack, repeat or reorder something`,
    );
    for (const one of wrong.slice(0, 10)) console.log(`  ${one}`);
    if (wrong.length > 0) process.exitCode = 1;
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

if (values.help) console.log(usage);
else for (const kind of values.kinds.split(",")) await measure(kind as StormKind, Number(values.clients));
