/**
 * `npm run bench:connections`: how many connections one server holds, what each costs in memory, and how fast they
 * come. Each logs in as a user of its own and then only listens.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { connectRaw, type RawClient } from "./raw-client.ts";
import { residentBytes, type ServerUnderTest, startServer, stopServer } from "./server-under-test.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "10000" },
    over: { type: "string", default: "tcp,ws,peerJson" },
    help: { type: "boolean", default: false },
  },
});

const usage = `npm run bench:connections -- [--count 10000] [--over tcp,ws,peerJson]

Connects COUNT users over each carrier, a new server for each. Prints the time it took, from the first connection to the
last login, and how much the server's memory grew. Needs as many file descriptors as connections (ulimit -n).`;

type Over = "tcp" | "ws" | "peerJson";

const atOnce = 100;
const settleMs = 3_000;

/** Connects and logs in; resolves when the server has answered, where the protocol has an answer. */
async function arrive(over: Over, server: ServerUnderTest, user: string): Promise<RawClient> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const carrier = over === "tcp" ? "tcp" : "ws";
  const upgrade = over === "peerJson" ? { path: "/" } : undefined;
  const client = await connectRaw(carrier, server[over], () => resolve(), upgrade);
  client.send(JSON.stringify(over === "peerJson" ? { login: user } : { op: "hello", user, device: "d" }));
  // peer-json answers a login with nothing: a message to nobody comes back as an error, after it.
  if (over === "peerJson") client.send(JSON.stringify({ from: user, to: "nobody", msg: "" }));
  await promise;
  return client;
}

async function measure(over: Over, count: number): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "parley-bench-"));
  const server = await startServer(dataDir);
  const clients: RawClient[] = [];
  try {
    const before = residentBytes(server.process.pid);
    const began = performance.now();
    let next = 0;
    const worker = async () => {
      while (next < count) clients.push(await arrive(over, server, `user-${next++}`));
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    const seconds = (performance.now() - began) / 1000;
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const grown = residentBytes(server.process.pid) - before;
    console.log(
      `${over.padEnd(9)} ${count} connections in ${seconds.toFixed(1)} s (${Math.round(count / seconds)}/s), ` +
        `${(grown / count / 1024).toFixed(1)} KiB each (${Math.round(grown / 1024 / 1024)} MiB in all)`,
    );
  } finally {
    for (const client of clients) client.close();
    await stopServer(server);
    rmSync(dataDir, { recursive: true, force: true });
  }
}

if (values.help) console.log(usage);
else for (const over of values.over.split(",")) await measure(over as Over, Number(values.count));
