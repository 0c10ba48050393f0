/** What many agents, and one that asks too much or cannot be reached, cost: bounded, and no message. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { MemoryEngine } from "../../../packages/server/src/engine/memory.ts";
import { Broker, type SendTo } from "../../../packages/server/src/gateway/udp-agent/broker.ts";
import { parseDatagram } from "../../../packages/server/src/gateway/udp-agent/codec.ts";
import { login, openCore, turns } from "../../../packages/server/testing/core-fixture.ts";
import { GatedEngine } from "../../../packages/server/testing/gated-engine.ts";
import { datagram } from "./raw-agent.ts";

interface Sent {
  readonly port: number;
  readonly id: string;
  readonly text: string | undefined;
  readonly done: (taken: boolean) => void;
}

/** A broker without sockets: what would be sent stays in `sent`, and is taken at once unless the test wants otherwise. */
async function open(t: TestContext, options: { isLocal?: boolean; maxOutboxBytes?: number } = {}) {
  const engine = new GatedEngine(new MemoryEngine(() => "e1"));
  const fixture = await openCore({ engine });
  const sent: Sent[] = [];
  const behaviour = { takes: true as boolean | undefined };
  const sendTo: SendTo = (bytes, port, _address, done) => {
    const { message_id: id, message_content: content } = JSON.parse(bytes.toString());
    sent.push({ port, id, text: content.message_text, done });
    const { takes } = behaviour;
    if (takes !== undefined) queueMicrotask(() => done(takes));
  };
  const { isLocal = true, maxOutboxBytes = 1e6 } = options;
  const limits = {
    maxAgents: 100,
    maxOutboxBytes,
    inactivityMs: 300_000,
    maxDatagramBytes: 8192,
    isLocal: () => isLocal,
  };
  const complaints: string[] = [];
  const log = { error: (message: string, error: unknown) => complaints.push(`${message}: ${error}`) };
  const broker = new Broker({ core: fixture.core, log, ...limits }, sendTo);
  t.after(() => {
    broker.stop();
    fixture.core.close();
    assert.deepEqual(complaints, []);
  });
  const say = (id: string, sender_username: string, content: object = {}) => {
    const bytes = Buffer.from(datagram(id, { sender_username, ...content }));
    const message = parseDatagram(bytes);
    assert.ok(message);
    broker.handle(message, { address: "192.0.2.1", port: 5000, bytes: bytes.length });
  };
  const logIn = (name: string, sender_port = 6000) => say("log_in", name, { sender_port });
  const messages = () => sent.filter(({ id }) => id === "receive_message").map(({ text }) => text);
  return { ...fixture, engine, broker, sent, behaviour, say, logIn, messages };
}

describe("an agent that cannot be reached", () => {
  it("is offline; what was not taken waits for it", async (t) => {
    const { behaviour, logIn, messages, core, ...fixture } = await open(t);
    logIn("bob");
    await turns();
    behaviour.takes = false;
    const native = await login({ core }, "nat");
    await native.send("bob", "1");
    assert.deepEqual(core.online(), ["nat"]);
    behaviour.takes = true;
    fixture.sent.splice(0);
    logIn("bob");
    await turns();
    assert.deepEqual(messages(), ["1"]);
  });

  it("has a bounded queue, and gets the rest from its log when there is room, in order", async (t) => {
    const { behaviour, logIn, messages, core, sent } = await open(t, { maxOutboxBytes: 5000 });
    logIn("bob");
    await turns();
    behaviour.takes = undefined;
    const native = await login({ core }, "nat");
    for (let n = 0; n < 500; n++) await native.send("bob", `${n}`);
    const waiting = sent.length;
    assert.ok(waiting < 50, `${waiting} datagrams wait`);
    behaviour.takes = true;
    for (const { done } of sent) done(true);
    while (messages().length < 500) await new Promise((resolve) => setTimeout(resolve, 4));
    assert.deepEqual(
      messages(),
      Array.from({ length: 500 }, (_, n) => `${n}`),
    );
  });
});

describe("an agent that leaves", () => {
  it("gets nothing after the farewell, but on return", async (t) => {
    const { behaviour, logIn, say, messages, core, sent } = await open(t);
    logIn("bob");
    await turns();
    behaviour.takes = undefined;
    say("log_out", "bob");
    const native = await login({ core }, "nat");
    await native.send("bob", "late");
    assert.deepEqual(messages(), []);
    for (const { done } of sent.splice(0)) done(true);
    await turns();
    assert.deepEqual(core.online(), ["nat"]);
    behaviour.takes = true;
    logIn("bob");
    await turns();
    assert.deepEqual(messages(), ["late"]);
  });
});

describe("an agent that is slow", () => {
  it("is told who is online when it has room again, a second later", async (t) => {
    const { behaviour, logIn, core, sent } = await open(t, { maxOutboxBytes: 3000 });
    logIn("bob");
    await turns();
    behaviour.takes = undefined;
    const native = await login({ core }, "nat");
    for (let n = 0; n < 50; n++) await native.send("bob", `${n}`);
    const updates = () => sent.filter(({ id }) => id === "update_user_set").length;
    await new Promise((resolve) => setTimeout(resolve, 1100));
    assert.equal(updates(), 0);
    behaviour.takes = true;
    for (const { done } of sent) done(true);
    while (updates() === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  });
});

describe("an agent that asks too much at once", () => {
  it("is refused what exceeds 1,024 requests, and told so", async (t) => {
    const { engine, logIn, say, messages } = await open(t);
    const release = engine.hold("head");
    logIn("bob");
    for (let n = 0; n < 1030; n++) say("broadcast_message", "bob", { message_text: "x" });
    const refusal = "too much at once: a broadcast_message was not taken";
    assert.deepEqual(
      messages(),
      Array.from({ length: 6 }, () => refusal),
    );
    release();
    await turns();
    assert.equal((await engine.head("*" as Parameters<typeof engine.head>[0])).tail, 1024);
  });
});

describe("an agent that moves all the time", () => {
  it("is logged in once at a time, and in the end where it was last", async (t) => {
    const { engine, logIn, sent, core } = await open(t);
    const release = engine.hold("head");
    for (let n = 0; n < 100; n++) logIn("bob", 6000 + n);
    await turns();
    assert.equal(engine.waiting("head"), 1);
    release();
    const last = () => sent.filter(({ id }) => id === "acknowledge_log_in").at(-1)?.port;
    while (last() !== 6099) await turns();
    assert.deepEqual(core.online(), ["bob"]);
    sent.splice(0);
    const native = await login({ core }, "nat");
    await native.send("bob", "here");
    const ports = sent.filter(({ id }) => id === "receive_message").map(({ port }) => port);
    assert.deepEqual(ports, [6099]);
  });
});

describe("as many agents as there may be", () => {
  it("are enough: where all have shown that they receive, no more log in", async (t) => {
    const { logIn, messages, core, broker } = await open(t);
    for (let n = 0; n <= 100; n++) logIn(`u${n}`);
    await turns();
    assert.deepEqual(messages(), ["too many agents are logged in"]);
    assert.equal(core.online().length, 100);
    assert.equal(broker.refused, 1);
    logIn("u5", 6001);
    await turns();
    assert.equal(messages().length, 1, "one that is there may move");
  });

  it("lose the oldest that has shown nothing to a new one", async (t) => {
    const { engine, logIn, say, core } = await open(t, { isLocal: false });
    logIn("u0");
    await turns();
    say("ping", "u0");
    const release = engine.hold("head");
    for (let n = 1; n < 100; n++) logIn(`u${n}`);
    logIn("new");
    release();
    await turns(50);
    const online = new Set(core.online());
    assert.deepEqual([online.size, online.has("u0"), online.has("u1"), online.has("new")], [100, true, false, true]);
  });
});
