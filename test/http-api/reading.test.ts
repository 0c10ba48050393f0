/** Reading a log over HTTP: pages both ways, what is searched for, and exports that cost no more the longer they are. */
import assert from "node:assert/strict";
import { request } from "node:http";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { residentBytes } from "../../bench/targets/process-figures.ts";
import { freePorts } from "../support/free-ports.ts";
import { RawSession } from "../support/raw-session.ts";
import { startServer } from "../support/server-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { type ApiServer, ask, basic, startApiServer } from "./api-server.ts";

interface Page {
  readonly messages: readonly { readonly seq: number; readonly body: string; readonly from: string }[];
  readonly next?: number;
}

async function fill({ ask }: ApiServer, messages: readonly object[], as = "bob"): Promise<void> {
  await ask("/me", { as: "alice" });
  for (const message of messages) {
    const { status } = await ask("/messages", { as, method: "POST", body: { to: "alice", body: "x", ...message } });
    assert.equal(status, 201);
  }
}

async function pages(server: ApiServer, query: string, way: "after" | "before", as = "alice"): Promise<number[]> {
  const seqs: number[] = [];
  for (let next: number | undefined, n = 0; n === 0 || next !== undefined; n++) {
    const at = next === undefined ? (way === "after" ? "after=0" : "") : `${way}=${next}`;
    const { status, json, text } = await server.ask(`/logs/alice/messages?${query}&${at}`, { as });
    assert.equal(status, 200, text);
    const page = json as Page;
    const got = page.messages.map(({ seq }) => seq);
    assert.deepEqual(
      got,
      got.toSorted((a, b) => a - b),
    );
    if (way === "after") seqs.push(...got);
    else seqs.unshift(...got);
    next = page.next;
    assert.ok(n < 100);
  }
  return seqs;
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n + 1);

describe("a log", () => {
  it("is read in pages, forward and backward, each message once", async (t) => {
    const server = await startApiServer(t);
    await fill(
      server,
      upTo(23).map((n) => ({ body: `${n}` })),
    );
    for (const limit of [1, 5, 23, 24, 500]) {
      assert.deepEqual(await pages(server, `limit=${limit}`, "after"), upTo(23));
      assert.deepEqual(await pages(server, `limit=${limit}`, "before"), upTo(23));
    }
  });

  it("is searched by sender, type and time", async (t) => {
    const server = await startApiServer(t);
    await fill(server, [{ type: "a" }, { type: "b" }, {}]);
    await fill(server, [{ type: "a" }], "Carol");
    const { json } = await server.ask("/logs/alice/messages", { as: "alice" });
    const ts = (json as { messages: { ts: number }[] }).messages.map((one) => one.ts);
    const found = async (query: string) => pages(server, query, "before");
    assert.deepEqual(await found("from=bob"), [1, 2, 3]);
    assert.deepEqual(await found("from=CAROL"), [4]);
    assert.deepEqual(await found("type=a"), [1, 4]);
    assert.deepEqual(await found("type=a&from=bob"), [1]);
    assert.deepEqual(
      await found(`since=${ts[3]}`),
      upTo(4).filter((seq) => (ts[seq - 1] ?? 0) >= (ts[3] ?? 0)),
    );
    assert.deepEqual(await found(`until=${ts[0]}`), []);
    assert.deepEqual(await found("from=no%20name"), []);
    assert.deepEqual(await found("type=c"), []);
  });

  it("is exported as lines, all of it or a part", async (t) => {
    const server = await startApiServer(t);
    await fill(
      server,
      upTo(1200).map((n) => ({ body: `${n}\n`, type: n % 2 === 0 ? "even" : "odd" })),
    );
    const lines = async (query: string) => {
      const headers = { accept: "application/x-ndjson" };
      const { headers: got, text } = await server.ask(`/logs/alice/messages?${query}`, { as: "alice", headers });
      assert.equal(got.get("content-type"), "application/x-ndjson");
      return text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => (JSON.parse(line) as { seq: number }).seq);
    };
    assert.deepEqual(await lines(""), upTo(1200));
    assert.deepEqual(await lines("after=1000&before=1004"), [1001, 1002, 1003]);
    assert.deepEqual(await lines("limit=3&type=even"), [2, 4, 6]);
    assert.deepEqual(await lines("from=nobody"), []);
    assert.deepEqual(await lines("after=1200"), []);
  });

  it("is not read by a wrong request", async (t) => {
    const server = await startApiServer(t);
    await fill(server, [{}]);
    const refused = [
      ["/logs/alice/messages?before=1&after=1", 400, "bad_message"],
      ["/logs/alice/messages?limit=501", 400, "bad_message"],
      ["/logs/alice/messages?limit=0", 400, "bad_message"],
      ["/logs/alice/messages?limit=1&limit=2", 400, "bad_message"],
      ["/logs/alice/messages?limt=1", 400, "bad_message"],
      ["/logs/alice/messages?after=-1", 400, "bad_message"],
      ["/logs/alice/messages?after=1e99", 400, "bad_message"],
      ["/logs/a%20b/messages", 400, "bad_name"],
      ["/logs/$dead/messages", 400, "bad_name"],
      ["/logs/nobody/messages", 404, "unknown_user"],
      ["/logs/%23nowhere", 404, "unknown_room"],
      ["/logs/%zz", 404, "unknown_path"],
      [`/logs/${"a".repeat(2000)}`, 404, "unknown_path"],
      ["/nothing", 404, "unknown_path"],
    ] as const;
    for (const [path, status, code] of refused) {
      const { json, ...answer } = await server.ask(path, { as: "alice" });
      assert.deepEqual([answer.status, (json as { code: string }).code], [status, code], path);
    }
  });
});

/** An export of 100,000 messages, taken slowly, beside what the process holds anyway. */
const exported = 100_000;
const bodyBytes = 1000;
const growthBytes = 64 * 1024 * 1024;

it("exports 100,000 messages to a slow reader in memory that does not grow with them", {
  timeout: 180_000,
}, async (t) => {
  const [wsPort = 0, tcpPort = 0] = await freePorts(2);
  // One connection that sends more than a client may, to somebody who reads nothing.
  const unlimited = ["CONNECTION_MESSAGES_PER_SECOND", "USER_MESSAGES_PER_SECOND", "INBOX_MESSAGES"];
  const env = Object.fromEntries(unlimited.map((limit) => [`PARLEY_LIMITS_${limit}`, "0"]));
  const server = await startServer({ dataDir: temporaryDirectory(t), wsPort, tcpPort, env });
  t.after(() => server.kill());
  const url = `http://127.0.0.1:${wsPort}`;
  await ask(url, "/me", { as: "alice" });
  const sender = await RawSession.login(tcpPort, "bob");
  const body = "x".repeat(bodyBytes);
  let [sent, stored] = [0, 0];
  const done = Promise.withResolvers<void>();
  const send = () => {
    for (; sent < exported && sent - stored < 1000; sent++)
      sender.send({ op: "send", to: "alice", body, copy: false, durability: "memory" });
  };
  sender.onMessage(({ op }) => {
    if (op === "ok") stored += 1;
    if (stored === exported) done.resolve();
    send();
  });
  send();
  await done.promise;
  const before = residentBytes(server.pid);
  assert.ok(before > 0);
  const headers = { authorization: basic("alice"), accept: "application/x-ndjson" };
  const reading = Promise.withResolvers<{ lines: number; bytes: number; peak: number }>();
  request(`${url}/v1/logs/alice/messages`, { headers }, async (response) => {
    let [lines, bytes, peak, next] = [0, 0, 0, 10_000_000];
    // Before it reads at all, the server has had the time to read ahead.
    await delay(500);
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      for (const byte of chunk) if (byte === 0x0a) lines += 1;
      if (bytes < next) continue;
      next += 10_000_000;
      await delay(50);
      peak = Math.max(peak, residentBytes(server.pid));
    }
    reading.resolve({ lines, bytes, peak });
  }).end();
  const { lines, bytes, peak } = await reading.promise;
  assert.equal(lines, exported);
  assert.ok(bytes > exported * bodyBytes);
  const growth = peak - before;
  t.diagnostic(`${(bytes / 1e6).toFixed(0)} MB exported, the server grew by ${(growth / 1e6).toFixed(0)} MB`);
  assert.ok(growth < growthBytes, `the server grew by ${growth} bytes`);
  sender.close();
});
