/**
 * A client that follows another on the same file, as after a restart of the process, against the server that the test
 * scripts: what it takes over, and what it refuses. What a killed process leaves is in `process-crash.test.ts`.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { type Client, type ClientOptions, createClient, ParleyError } from "@parley/client";
import { filePersistence, nodeTransport } from "@parley/client/node";
import { until } from "../../packages/client/testing/wait.ts";
import { ReferenceServer } from "./reference-server.ts";

let server: ReferenceServer;
let folder: string;
const clients: Client[] = [];

beforeEach(async () => {
  server = await new ReferenceServer().start();
  folder = await mkdtemp(join(tmpdir(), "parley-restart-"));
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close({ timeoutMs: 100 })));
  server.stop();
  await rm(folder, { recursive: true });
  assert.deepEqual(server.faults, []);
});

function create(options: Partial<ClientOptions> = {}): Client {
  const client = createClient({
    url: server.tcpUrl,
    user: "alice",
    transport: nodeTransport(),
    persistence: filePersistence(join(folder, "journal")),
    backoff: { baseMs: 5, capMs: 20 },
    ...options,
  });
  clients.push(client);
  return client;
}

const hellos = () => server.heard.filter((message) => message.op === "hello");

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "resolved",
    (error: unknown) => (error instanceof ParleyError ? error.code : error),
  );

test("is the same device and goes on where the former was", async () => {
  const first = create();
  const received: string[] = [];
  first.on("message", ({ body }) => received.push(body));
  await first.connect();
  for (const body of ["1", "2"]) server.post("alice", body);
  await until("delivery", () => received.length === 2);
  await first.close();
  const [ack, bye] = server.heard.slice(-2);
  assert.deepEqual([ack, bye], [{ op: "ack", log: "alice", seq: 2 }, { op: "bye" }]);
  server.post("alice", "3");

  const second = create();
  second.on("message", ({ body }) => received.push(body));
  await second.connect();
  await until("delivery", () => received.length === 3);
  await second.close();
  assert.deepEqual(received, ["1", "2", "3"]);
  assert.match(hellos()[0]?.device ?? "", /^[0-9a-v]{20}$/);
  assert.equal(hellos()[1]?.device, hellos()[0]?.device);
  assert.deepEqual(hellos()[1]?.positions?.[0], { log: "alice", epoch: "epoch-alice", seq: 2 });
});

test("sends what the former could not, before its own, and tells by events what became of it", async () => {
  const first = create();
  await first.connect();
  server.intercept = ({ op }) => op === "send";
  const lost = ["1", "2"].map((body) => codeOf(first.send("bob", body, { clientId: `former-${body}` })));
  await first.saved();
  await first.close({ timeoutMs: 20 });
  assert.deepEqual(await Promise.all(lost), ["closed", "closed"]);

  server.intercept = (message, { tell }) => {
    if (message.op !== "send" || message.clientId !== "former-2") return false;
    tell({ op: "error", ref: message.ref, code: "unknown_user", message: "bob has left" });
    return true;
  };
  const second = create();
  const told: string[] = [];
  second.on("sent", ({ clientId }) => told.push(`${clientId} sent`));
  second.on("rejected", ({ clientId, error }) => told.push(`${clientId} ${error.code}`));
  const own = second.send("bob", "3", { clientId: "own" });
  await second.connect();
  await own;
  assert.deepEqual(told, ["former-1 sent", "former-2 unknown_user", "own sent"]);
  assert.deepEqual(
    server.log("bob").entries.map(({ body }) => body),
    ["1", "3"],
  );
  await second.close();

  const third = create();
  await third.connect();
  assert.equal(third.pendingSends, 0, "what was answered is not in the journal any more");
  await third.close();
});

test("is refused the state of another user, and what another client uses", async () => {
  const first = create();
  await first.connect();
  await first.saved();
  assert.equal(await codeOf(create().connect()), "persistence_failed");
  await first.close();
  assert.equal(await codeOf(create({ user: "mallory" }).connect()), "wrong_user");
  const { user: _, ...byToken } = { user: undefined, token: "of token-user" };
  const other = createClient({
    ...byToken,
    url: server.tcpUrl,
    transport: nodeTransport(),
    persistence: filePersistence(join(folder, "journal")),
  });
  assert.equal(await codeOf(other.connect()), "wrong_user");
  const again = create();
  await again.connect();
  await again.close();
});

test("a client that is closed while it loads lets go of the file", async () => {
  for (let n = 0; n < 20; n++) {
    const early = create();
    const connected = codeOf(early.connect());
    for (let turns = 0; turns < n; turns++) await new Promise((resolve) => setImmediate(resolve));
    await early.close();
    assert.match(String(await connected), /closed|resolved/);
  }
  const last = create();
  await last.connect();
  await last.close();
});
