/**
 * `/metrics` of a real server: its numbers against what was done, its names against the page and the dashboard, and who
 * may read it; `/readyz` against a disk that fails.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { networkInterfaces } from "node:os";
import { describe, it, type TestContext } from "node:test";
import { until } from "../../packages/client/testing/wait.ts";
import type { ServerParts } from "../../packages/server/src/server.ts";
import { type NativeServer, type Settings, startNativeServer } from "../native/native-server.ts";
import { shakeHands } from "../native/web-socket-link.ts";
import { RawSession } from "../support/raw-session.ts";

async function metricsAt(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  return response.text();
}

/** The value of one sample, as it is written: `parley_sends_total{outcome="accepted"}`. */
function sampleOf(text: string, sample: string): number | undefined {
  const line = text.split("\n").find((each) => each.startsWith(`${sample} `));
  return line === undefined ? undefined : Number(line.slice(sample.length + 1));
}

/** By name of the metric: its type. */
function exposed(text: string): Map<string, string> {
  const lines = text.matchAll(/^# TYPE (\w+) (\w+)$/gm);
  return new Map(Array.from(lines, ([, name = "", type = ""]) => [name, type]));
}

const level: Settings = { engine: "level" };

describe("/metrics", () => {
  it("counts what was done, to the one", async (t) => {
    const { tcpPort, webSocketPort } = await startNativeServer(t, level);
    const bob = await RawSession.login(tcpPort, "bob", { device: "d" });
    const alice = await RawSession.login(tcpPort, "alice", { device: "d" });
    for (let n = 0; n < 5; n++) alice.send({ op: "send", to: "bob", body: `${n}`, clientId: `c${n}` });
    for (let n = 0; n < 5; n++) await alice.next("ok");
    alice.send({ op: "send", to: "bob", body: "0", clientId: "c0" });
    await alice.next("ok");
    for (const to of ["nobody", "#nowhere", "nobody"]) {
      alice.send({ op: "send", to, body: "?" });
      await alice.next("error");
    }
    for (let n = 0; n < 5; n++) await bob.next("message");
    bob.send({ op: "ack", log: "bob", seq: 3 });
    bob.send({ op: "ping" });
    await bob.next("pong");
    const carol = await RawSession.login(tcpPort, "carol", { device: "d" });
    carol.send({ op: "bye" });
    await until("carol to be gone", () => carol.closed);
    const text = await metricsAt(webSocketPort);
    const wanted: Record<string, number> = {
      'parley_connections{gateway="native-tcp"}': 2,
      'parley_connections_opened_total{gateway="native-tcp"}': 3,
      'parley_connections_ended_total{reason="bye"}': 1,
      'parley_sessions{gateway="native-tcp"}': 2,
      parley_sessions_behind: 0,
      'parley_sends_total{outcome="accepted"}': 5,
      'parley_sends_total{outcome="duplicate"}': 1,
      'parley_sends_total{outcome="refused"}': 3,
      'parley_sends_refused_total{code="unknown_user"}': 2,
      'parley_sends_refused_total{code="unknown_room"}': 1,
      parley_deliveries_total: 5,
      parley_acknowledgements_total: 3,
      parley_unacknowledged_messages: 2,
      parley_unacknowledged_max_messages: 2,
      parley_outbox_bytes: 0,
      parley_appends_waiting: 0,
      parley_store_writable: 1,
      parley_ready: 1,
    };
    for (const [sample, value] of Object.entries(wanted)) assert.equal(sampleOf(text, sample), value, sample);
    // The repeat is settled by a commit, too.
    assert.equal(sampleOf(text, "parley_commit_messages_sum"), 6);
    const commits = sampleOf(text, "parley_append_settle_seconds_count") ?? 0;
    assert.ok(commits >= 2 && commits <= 6, `${commits}`);
    for (const name of ["append_settle", "commit", "sync"])
      assert.ok((sampleOf(text, `parley_${name}_seconds_sum`) ?? 0) > 0, name);
    assert.ok((sampleOf(text, "parley_journal_bytes") ?? 0) > 500);
    assert.ok((sampleOf(text, "parley_disk_free_bytes") ?? 0) > 1e6);
    assert.ok((sampleOf(text, "process_resident_memory_bytes") ?? 0) > 1e7);
  });

  it("shows who does not read", async (t) => {
    const { tcpPort, webSocketPort } = await startNativeServer(t);
    const frozen = await RawSession.login(tcpPort, "frozen", { device: "d", window: 65_536 });
    frozen.socket.pause();
    const sender = await RawSession.login(tcpPort, "sender", { device: "d" });
    for (let n = 0; n < 60; n++) sender.send({ op: "send", to: "frozen", body: "x".repeat(200_000), copy: false });
    for (let n = 0; n < 60; n++) await sender.next("ok");
    const text = await metricsAt(webSocketPort);
    assert.equal(sampleOf(text, "parley_sessions_behind"), 1);
    const most = sampleOf(text, "parley_outbox_max_bytes") ?? 0;
    assert.ok(most > 200_000 && most <= (sampleOf(text, "parley_outbox_bytes") ?? 0), `${most}`);
    frozen.close();
  });

  it("counts dead letters by reason", async (t) => {
    const { tcpPort, webSocketPort } = await startNativeServer(t);
    const bob = await RawSession.login(tcpPort, "bob", { device: "d" });
    bob.send({ op: "bye" });
    await until("bob to be gone", () => bob.closed);
    const alice = await RawSession.login(tcpPort, "alice", { device: "d" });
    alice.send({ op: "send", to: "bob", body: "too late", ttl: 1 });
    await alice.next("ok");
    const sent = Date.now();
    while (Date.now() <= sent + 2) await new Promise(setImmediate);
    const back = await RawSession.login(tcpPort, "bob", { device: "d" });
    await back.next("gap");
    assert.equal(sampleOf(await metricsAt(webSocketPort), 'parley_dead_letters_total{reason="expired"}'), 1);
  });
});

const page = readFileSync(new URL("../../docs/observability.md", import.meta.url), "utf8");
const dashboard = readFileSync(new URL("../../docs/grafana-dashboard.json", import.meta.url), "utf8");

/** What the page's table lists: names and types. */
function listed(text: string): Map<string, string> {
  const rows = text.matchAll(/^\| `(parley_\w+)` \| (\w+) \|/gm);
  return new Map(Array.from(rows, ([, name = "", type = ""]) => [name, type]));
}

/** The names of metrics in all queries of a dashboard, without what is added to those of histograms. */
function queried(json: string): Set<string> {
  const { panels } = JSON.parse(json) as { panels: { targets?: { expr: string }[] }[] };
  const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  const names = queries.flatMap((query) => query.match(/\b(parley|process|nodejs)_\w+/g) ?? []);
  return new Set(names.map((name) => name.replace(/_(bucket|sum|count)$/, "")));
}

describe("docs/observability.md and docs/grafana-dashboard.json", () => {
  it("name the metrics that there are", async (t) => {
    const { webSocketPort } = await startNativeServer(t, level);
    const there = exposed(await metricsAt(webSocketPort));
    const own = [...there].filter(([name]) => name.startsWith("parley_"));
    assert.deepEqual([...listed(page)].sort(), own.sort());
    const asked = queried(dashboard);
    assert.ok(asked.size > 20, `${asked.size}`);
    for (const name of asked) assert.ok(there.has(name), `the dashboard asks for ${name}`);
    for (const [name] of own) assert.ok(asked.has(name) || name === "parley_build_info", `no panel shows ${name}`);
  });

  it("are compared in a way that finds a mistake", () => {
    assert.notDeepEqual([...listed(page.replace("`parley_ready`", "`parley_reedy`"))], [...listed(page)]);
    assert.ok(queried(dashboard.replace("parley_sends_total", "parley_sent_total")).has("parley_sent_total"));
  });
});

/** Asks over loopback with these headers; `fetch` does not let one choose `Host`. */
function statusOf(
  port: number,
  headers: Record<string, string>,
  host = "127.0.0.1",
  path = "/metrics",
): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ host, port, path, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });
}

describe("who may read /metrics", () => {
  it("is who asks from this machine for itself; what comes through a proxy or another name is asked who it is", async (t) => {
    const { webSocketPort: port } = await startNativeServer(t);
    for (const host of ["127.0.0.1", "localhost", "[::1]", "127.0.0.1:8080"])
      assert.equal(await statusOf(port, { host }), 200, host);
    const elsewhere = ["example.org", "127.0.0.1.example.org", "localhost.example.org", "10.0.0.1"];
    // The listener itself refuses another name where login is open to this machine; where it is not, this is what is left.
    for (const host of elsewhere) assert.equal(await statusOf(port, { host }), 403, host);
    const { webSocketPort: other } = await startNativeServer(t, {
      "auth.mode": "token",
      "auth.secret": randomBytes(24).toString("base64"),
      "auth.audience": "parley",
    });
    for (const host of elsewhere) assert.equal(await statusOf(other, { host }), 401, host);
    for (const header of ["forwarded", "x-forwarded-for", "via"])
      assert.equal(await statusOf(port, { host: "127.0.0.1", [header]: "10.0.0.1" }), 401, header);
  });

  it("is not a stranger, who may see health", async (t) => {
    const outside = Object.values(networkInterfaces())
      .flatMap((each) => each ?? [])
      .find(({ family, internal }) => family === "IPv4" && !internal)?.address;
    const host = outside ?? "127.0.0.1";
    const headers: Record<string, string> = outside === undefined ? { host: "example.org" } : {};
    const { webSocketPort: port } = await startNativeServer(t, { host, insecure: true });
    assert.equal(await statusOf(port, headers, host), 401);
    assert.equal(await statusOf(port, headers, host, "/healthz"), 200);
    assert.equal(await statusOf(port, headers, host, "/readyz"), 200);
  });
});

describe("metrics.serve", () => {
  it("own: on a listener of their own, and not on the shared one", async (t) => {
    const server = await startNativeServer(t, { "metrics.serve": "own", "metrics.port": 0 });
    assert.equal(await statusOf(server.webSocketPort, {}), 404);
    assert.equal(await statusOf(server.webSocketPort, {}, "127.0.0.1", "/readyz"), 200);
    const own = await ownPort(server);
    assert.ok((await metricsAt(own)).includes("parley_ready 1"));
    assert.equal(await statusOf(own, {}, "127.0.0.1", "/healthz"), 200);
    assert.equal((await shakeHands(own)).status, 404);
  });

  it("off: nowhere", async (t) => {
    const { webSocketPort } = await startNativeServer(t, { "metrics.serve": "off" });
    assert.equal(await statusOf(webSocketPort, {}), 404);
    assert.equal(await statusOf(webSocketPort, {}, "127.0.0.1", "/healthz"), 200);
  });
});

describe("/readyz", () => {
  it("says no while the disk refuses, and yes when it does not any more", async (t) => {
    let broken = false;
    const parts: Partial<ServerParts> = {
      level: {
        onStep: (step) => {
          if (broken && step === "before-write") throw new Error("the test refuses to write");
        },
      },
    };
    const { tcpPort, webSocketPort, complaints, stop } = await startNativeServer(t, level, parts);
    const alice = await RawSession.login(tcpPort, "alice", { device: "d" });
    broken = true;
    alice.send({ op: "send", to: "alice", body: "hi" });
    assert.equal((await alice.next("error")).code, "storage_unavailable");
    const answer = await fetch(`http://127.0.0.1:${webSocketPort}/readyz`);
    assert.equal(answer.status, 503);
    assert.deepEqual(await answer.json(), { status: "not ready", reasons: ["the store cannot be written"] });
    const text = await metricsAt(webSocketPort);
    for (const [sample, value] of [
      ["parley_store_writable", 0],
      ["parley_ready", 0],
      ["parley_store_faults_total", 1],
      ['parley_sends_refused_total{code="storage_unavailable"}', 1],
    ] as const)
      assert.equal(sampleOf(text, sample), value, sample);
    broken = false;
    const isReady = async () => (await fetch(`http://127.0.0.1:${webSocketPort}/readyz`)).status === 200;
    const end = performance.now() + 20_000;
    while (!(await isReady())) assert.ok(performance.now() < end, "it does not become ready");
    alice.send({ op: "send", to: "alice", body: "hi again" });
    await alice.next("ok");
    await stop();
    assert.match(complaints.splice(0).join(), /the store cannot write/);
  });
});

it("a commit that took long is a warning", async (t: TestContext) => {
  const warned: object[] = [];
  const log = { error: () => {}, warn: (message: string, about = {}) => void warned.push({ message, ...about }) };
  const settings: Settings = { ...level, "log.slowCommitMs": 1 };
  const onStep = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
  const { tcpPort } = await startNativeServer(t, settings, { log, level: { onStep } });
  const alice = await RawSession.login(tcpPort, "alice", { device: "d" });
  alice.send({ op: "send", to: "alice", body: "hi" });
  await alice.next("ok");
  const [{ message, messages, ms } = {}] = warned as { message?: string; messages?: number; ms?: number }[];
  assert.deepEqual([message, messages], ["slow commit", 1]);
  assert.ok((ms ?? 0) >= 1);
});

async function ownPort({ urls }: NativeServer): Promise<number> {
  const own = urls.find(({ pathname }) => pathname === "/metrics");
  assert.ok(own);
  return Number(own.port);
}
