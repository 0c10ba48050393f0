/** `parley backup` and `parley restore` as an operator uses them: under load, over a `kill -9`, and where they refuse. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { filePersistence, nodeTransport } from "@parley/client/node";
import { until } from "../../packages/client/testing/wait.ts";
import type { Engine } from "../../packages/server/src/engine/engine.ts";
import { openLevel } from "../contract/store-files.ts";
import { freePorts } from "../support/free-ports.ts";
import { openClient } from "../support/open-client.ts";
import { RawSession } from "../support/raw-session.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { parley } from "./parley-process.ts";

interface Served {
  readonly process: ServerProcess;
  readonly url: string;
  readonly tcpPort: number;
}

async function serve(t: TestContext, dataDir: string): Promise<Served> {
  const [wsPort = 0, tcpPort = 0] = await freePorts(2);
  const process = await startServer({ dataDir, wsPort, tcpPort, gateways: "native-websocket,native-tcp,push" });
  t.after(() => process.kill());
  return { process, url: `http://127.0.0.1:${wsPort}`, tcpPort };
}

/** Sends numbered messages from alice to bob, some in flight at a time, until it is stopped. */
async function startLoad(tcpPort: number): Promise<{ acknowledged: number; stop: () => void }> {
  const session = await RawSession.login(tcpPort, "alice");
  const load = { acknowledged: 0, stop: () => session.close() };
  let next = 0;
  const send = () => {
    const clientId = String(next++);
    session.send({ op: "send", ref: clientId, clientId, to: "bob", body: `message ${clientId}` });
  };
  session.onMessage((message) => {
    if (message.op !== "ok") return;
    load.acknowledged += 1;
    send();
  });
  for (let i = 0; i < 32; i++) send();
  return load;
}

async function messagesOf(engine: Engine, name: string): Promise<{ clientId?: string; body?: string }[]> {
  const all: { clientId?: string; body?: string }[] = [];
  for (let from = 0; ; ) {
    const page = await engine.read(name as never, from, "forward", 1000);
    const last = page.at(-1);
    if (!last) return all;
    for (const { payload } of page) all.push(JSON.parse(payload));
    from = last.seq;
  }
}

/** Users, rooms, members, secrets: what must be the same, epochs apart. */
async function recordsOf(engine: Engine): Promise<unknown> {
  const kinds = ["room", "member", "counter", "secret"] as const;
  const found = await Promise.all(kinds.map((kind) => engine.scan(kind, "")));
  const users = (await engine.scan("user", "")).map(([key, { name, createdAt }]) => [key, name, createdAt]);
  const records = JSON.stringify([users, ...found]);
  return JSON.parse(records.replaceAll(/"epoch":"\w+"/g, '"epoch":""'));
}

describe("parley backup and restore", () => {
  it("keep what a server under load acknowledged before, and clients that were further are told", async (t) => {
    const directory = temporaryDirectory(t);
    const dataDir = join(directory, "data");
    const first = await serve(t, dataDir);

    const dave = await RawSession.login(first.tcpPort, "dave", { device: "phone" });
    dave.send({ op: "join", ref: "j", room: "#general" });
    await dave.next("ok");
    dave.close();
    const carol = await RawSession.login(first.tcpPort, "carol");
    carol.send({ op: "send", clientId: "late", to: "dave", body: "too late", ttl: 1 });
    await carol.next("ok");
    carol.close();
    const again = await RawSession.login(first.tcpPort, "dave", { device: "phone" });
    assert.equal((await again.next("gap")).reason, "expired");
    again.close();

    const journal = filePersistence(join(directory, "bob"));
    const options = { user: "bob", device: "phone", transport: nodeTransport(), persistence: journal } as const;
    const bob = openClient(t, { url: `tcp://127.0.0.1:${first.tcpPort}`, ...options });
    const received: string[] = [];
    bob.on("message", ({ body }) => void received.push(body));
    await bob.connect();

    const load = await startLoad(first.tcpPort);
    await until("messages to back up", () => load.acknowledged > 500);
    const before = load.acknowledged;
    const file = join(directory, "backup");
    const made = await parley(t, ["backup", file, "--url", first.url, "--user", "alice"]);
    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stdout, /^Backed up: \d+\.\d MB in .*read back and found whole/);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const after = load.acknowledged;
    await until("messages after the backup", () => load.acknowledged > after + 500 && received.length > after + 200);
    await bob.saved();
    const former = bob.positions.find(({ log }) => log === "bob");
    await first.process.kill("SIGKILL");
    load.stop();
    await bob.close({ timeoutMs: 10 });

    const elsewhere = join(directory, "elsewhere");
    const restored = await parley(t, ["restore", file, "--data-dir", elsewhere]);
    assert.equal(restored.code, 0, restored.stderr);

    const original = await openLevel(join(dataDir, "store"));
    const engine = await openLevel(join(elsewhere, "store"));
    const kept = await messagesOf(engine, "bob");
    assert.ok(kept.length >= before, `${kept.length} of ${before}`);
    assert.deepEqual(
      kept.map(({ body }) => body),
      kept.map((_, i) => `message ${i}`),
    );
    assert.deepEqual(await recordsOf(engine), await recordsOf(original));
    assert.equal((await engine.scan("secret", "")).length, 3);
    assert.deepEqual((await messagesOf(engine, "$dead")).length, (await messagesOf(original, "$dead")).length);
    const tail = (await engine.head("bob" as never)).tail;
    assert.ok(former && former.seq > tail, "the client is further than the backup");
    for (const each of [original, engine]) await each.close();

    const second = await serve(t, elsewhere);
    const back = openClient(t, { url: `tcp://127.0.0.1:${second.tcpPort}`, ...options });
    const resets: { log: string; seq: number }[] = [];
    const anew: string[] = [];
    back.on("reset", (reset) => resets.push(reset));
    back.on("message", ({ body }) => void anew.push(body));
    await back.connect();
    assert.deepEqual(
      resets.map(({ log }) => log).filter((log) => log === "bob"),
      ["bob"],
    );
    assert.ok(resets.every(({ log, seq }) => log !== "bob" || seq <= tail));
    const alice = await RawSession.login(second.tcpPort, "alice");
    // As many as would take the log past where the client was: with the former epoch they would be taken for known ones.
    for (let i = 0; i < 50; i++) alice.send({ op: "send", clientId: `new-${i}`, to: "bob", body: `new ${i}` });
    await until("all new messages", () => anew.includes("new 49"));
    assert.deepEqual(
      anew.filter((body) => body.startsWith("new")),
      Array.from({ length: 50 }, (_, i) => `new ${i}`),
    );
    const everything = new Set([...received, ...anew]);
    for (const { body = "" } of kept) assert.ok(everything.has(body), `bob never got ${body}`);
    // What was sent before the backup is known again.
    alice.send({ op: "send", ref: "again", clientId: "3", to: "bob", body: "message 3" });
    for (;;) {
      const { ref, positions } = await alice.next("ok");
      if (ref !== "again") continue;
      assert.equal(positions?.find(({ log }) => log === "bob")?.seq, 4);
      break;
    }
    alice.close();
    await back.close();
  });

  it("work on a store that nobody has open, and refuse what would do harm", async (t) => {
    const directory = temporaryDirectory(t);
    const dataDir = join(directory, "data");
    const file = join(directory, "backup");
    const server = await serve(t, dataDir);
    const alice = await RawSession.login(server.tcpPort, "alice");
    alice.send({ op: "send", clientId: "1", to: "alice", body: "kept" });
    await alice.next("ok");

    const running = await parley(t, ["backup", file, "--data-dir", dataDir]);
    assert.equal(running.code, 1);
    assert.match(running.stderr, /in use by another process.*A running server is backed up by --url/);
    const inUse = await parley(t, ["restore", file, "--data-dir", dataDir, "--force"]);
    assert.equal(inUse.code, 1);
    assert.match(inUse.stderr, /no such file/);
    const nobody = await parley(t, ["backup", file, "--url", server.url]);
    assert.equal(nobody.code, 1);
    assert.match(nobody.stderr, /refuses: say who you are/);
    alice.close();

    const online = join(directory, "online");
    assert.equal((await parley(t, ["backup", online, "--url", server.url, "--user", "alice"])).code, 0);
    const forced = await parley(t, ["restore", online, "--data-dir", dataDir, "--force"]);
    assert.equal(forced.code, 1);
    assert.match(forced.stderr, /in use by another process/);
    await server.process.stop();
    const gone = await parley(t, ["backup", file, "--url", server.url, "--user", "alice"]);
    assert.equal(gone.code, 3);

    const missing = await parley(t, ["backup", file, "--data-dir", join(directory, "nothing")]);
    assert.deepEqual([missing.code, existsSync(join(directory, "nothing"))], [1, false]);
    assert.match(missing.stderr, /There is no store/);
    assert.equal((await parley(t, ["backup", file, "--data-dir", dataDir])).code, 0);
    const there = await parley(t, ["backup", file, "--data-dir", dataDir]);
    assert.equal(there.code, 1);
    assert.match(there.stderr, /is there already/);

    const checked = await parley(t, ["restore", file, "--check"]);
    assert.equal(checked.code, 0, checked.stderr);
    assert.match(checked.stdout, /is whole: backed up at 20/);
    const bytes = readFileSync(file);
    const damaged = join(directory, "damaged");
    writeFileSync(damaged, Buffer.concat([bytes.subarray(0, 200), Buffer.of(0xff), bytes.subarray(201)]));
    const cut = join(directory, "cut");
    writeFileSync(cut, bytes.subarray(0, -1));
    const other = join(directory, "other");
    for (const [bad, message] of [
      [damaged, /damaged/],
      [cut, /incomplete: it was cut off/],
      [import.meta.filename, /not a backup of Parley/],
    ] as const) {
      const refused = await parley(t, ["restore", bad, "--data-dir", other]);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, message);
      assert.deepEqual(readdirSync(other), []);
    }

    const occupied = await parley(t, ["restore", file, "--data-dir", dataDir]);
    assert.equal(occupied.code, 1);
    assert.match(occupied.stderr, /There is a store .* already.*--force/);
    assert.deepEqual(readdirSync(dataDir), ["store"]);
    const aside = await parley(t, ["restore", file, "--data-dir", dataDir, "--force"]);
    assert.equal(aside.code, 0, aside.stderr);
    assert.deepEqual(readdirSync(dataDir).length, 2);
    const [, moved = ""] = /The store that was there is now (.*)\.\n/.exec(aside.stdout) ?? [];
    assert.ok(existsSync(moved), aside.stdout);

    const piped = await parley(t, ["restore", "-", "--data-dir", other], { input: bytes });
    assert.equal(piped.code, 0, piped.stderr);
    const engine = await openLevel(join(other, "store"));
    assert.deepEqual(
      (await messagesOf(engine, "alice")).map(({ body }) => body),
      ["kept"],
    );
    await engine.close();
  });

  it("tell how they are used", async (t) => {
    for (const command of ["backup", "restore"]) {
      const { code, stdout } = await parley(t, [command, "--help"]);
      assert.equal(code, 0);
      assert.match(stdout, /Examples:\n {2}\$ parley/);
    }
    assert.equal((await parley(t, ["backup"])).code, 2);
  });
});
