/** Statistics of a real server: each message once, by whatever it came; exact over a restart, never too many after a kill. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { freePorts } from "../support/free-ports.ts";
import { RawSession } from "../support/raw-session.ts";
import { startServer } from "../support/server-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { ask } from "./api-server.ts";

interface Statistics {
  readonly total: { readonly messages: number; readonly bytes: number };
  readonly counts: readonly { readonly key: string; readonly messages: number; readonly bytes: number }[];
}

it("counts are kept over restarts, and a kill costs the latest at most", { timeout: 60_000 }, async (t) => {
  const [wsPort = 0, tcpPort = 0] = await freePorts(2);
  const options = { dataDir: temporaryDirectory(t), wsPort, tcpPort };
  let server = await startServer(options);
  t.after(() => server.kill());
  const url = `http://127.0.0.1:${wsPort}`;
  const post = async (body: object, key: string) => {
    const headers = { "idempotency-key": key };
    assert.equal((await ask(url, "/messages", { as: "alice", method: "POST", body, headers })).status, 201);
  };
  const statistics = async (by: string) => (await ask(url, `/statistics?by=${by}`, { as: "alice" })).json as Statistics;
  const counts = async (by: string) =>
    Object.fromEntries((await statistics(by)).counts.map(({ key, messages }) => [key, messages]));

  await ask(url, "/rooms", { as: "alice", method: "POST", body: { room: "team" } });
  const bob = await RawSession.login(tcpPort, "bob");
  for (let n = 0; n < 3; n++) await post({ to: ["bob", "alice"], body: "x".repeat(1000), type: "note" }, `n-${n}`);
  // A repeat is no message.
  await post({ to: ["bob", "alice"], body: "x".repeat(1000), type: "note" }, "n-0");
  await post({ to: "#team", body: "x" }, "room");
  bob.send({ op: "send", to: "alice", body: "x" });
  await bob.next("ok");
  const expected = {
    user: { alice: 4, bob: 1 },
    room: { "#team": 1 },
    gateway: { http: 4, "native-tcp": 1 },
    type: { note: 3, "": 2 },
  };
  const all = async () => ({
    user: await counts("user"),
    room: await counts("room"),
    gateway: await counts("gateway"),
    type: await counts("type"),
  });
  assert.deepEqual(await all(), expected);
  const { total, counts: days } = await statistics("day");
  assert.equal(total.messages, 5);
  assert.ok(total.bytes > 3000 && total.bytes < 5000, `${total.bytes}`);
  assert.match(days[0]?.key ?? "", /^\d{4}-\d\d-\d\d$/);

  await post({ to: "bob", body: "late" }, "late");
  await server.stop();
  server = await startServer(options);
  assert.deepEqual((await all()).gateway, { http: 5, "native-tcp": 1 }, "what came just before the end is missing");

  for (let n = 0; n < 10; n++) await post({ to: "bob", body: "x" }, `k-${n}`);
  await server.kill();
  server = await startServer(options);
  const after = await statistics("user");
  assert.ok(after.total.messages >= 6 && after.total.messages <= 16, JSON.stringify(after));
});
