/** `device-text`, sending: what arrives, the exact answers, and repeats on a clock that the test turns. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { MemoryEngine } from "../../../packages/server/src/engine/memory.ts";
import { startDeviceText } from "../../../packages/server/src/gateway/device-text/device-text.ts";
import { HttpListener } from "../../../packages/server/src/http/http-listener.ts";
import { type ManualClock, openCore } from "../../../packages/server/testing/core-fixture.ts";
import { GatedEngine } from "../../../packages/server/testing/gated-engine.ts";
import { tcp } from "../../native/carriers.ts";
import { Peer } from "../../native/peer.ts";
import { Device, startDeviceTextServer } from "./device.ts";

describe("a message", () => {
  it("arrives as sender and text, and is not answered", async (t) => {
    const server = await startDeviceTextServer(t);
    const a = await Device.connect(server);
    const b = await Device.connect(server);
    a.say(`send,${b.id},hello`);
    await b.expect("100000000:hello");
    assert.deepEqual([await a.told(), await b.told()], [[], []]);
  });

  for (const text of ["a,b,,c", " spaces kept ", "", "1:2:3", "two\nlines", "größer 🎉 漢字", "x".repeat(100_000)]) {
    it(`has as its text all the rest of the line: ${JSON.stringify(text).slice(0, 20)}`, async (t) => {
      const server = await startDeviceTextServer(t);
      const a = await Device.connect(server);
      const b = await Device.connect(server);
      a.say(`send,${b.id},${text}`);
      await b.expect(`${a.id}:${text}`);
    });
  }

  it("may have spaces around its first fields, and its number any spelling of its value", async (t) => {
    const server = await startDeviceTextServer(t);
    const a = await Device.connect(server);
    const b = await Device.connect(server);
    const lines = [` send , ${b.id} ,1`, `\tsend,+${b.id},2`, `send,000${b.id},3`, `send,${a.id},to myself`];
    a.say(...lines);
    await b.expect(`${a.id}:1`, `${a.id}:2`, `${a.id}:3`);
    await a.expect(`${a.id}:to myself`);
  });

  it("to a user's name is kept where the user is away, and is not answered", async (t) => {
    const server = await startDeviceTextServer(t);
    const a = await Device.connect(server);
    await (await Peer.login(tcp, server, "Alice")).cut();
    a.say("send,alice,hello", "send, ALICE ,you");
    assert.deepEqual(await a.told(), []);
    const alice = await Peer.connect(tcp, server);
    await alice.hello({ user: "alice" });
    await alice.expectBodies("hello", "you");
  });

  it("of a thousand in one write, each arrives, in order", async (t) => {
    const server = await startDeviceTextServer(t);
    const a = await Device.connect(server);
    const b = await Device.connect(server);
    const texts = Array.from({ length: 1000 }, (_, n) => `${n}`);
    a.say(...texts.map((text) => `send,${b.id},${text}`));
    await b.expect(...texts.map((text) => `${a.id}:${text}`));
  });
});

describe("an answer", () => {
  it("says what was wrong in the original's words, to the sender alone", async (t) => {
    const server = await startDeviceTextServer(t);
    const a = await Device.connect(server);
    const b = await Device.connect(server);
    await (await Peer.login(tcp, server, "alice")).cut();
    const answers: readonly [string, string][] = [
      ["send,100000002,hello", "Invalid destinationId"],
      ["send,0,hello", "Invalid destinationId"],
      ["send,-1,hello", "Invalid destinationId"],
      [`send,${"9".repeat(100)},hello`, "Invalid destinationId"],
      [`sent,${b.id},hello`, "Invalid Command"],
      [`SEND,${b.id},hello`, "Invalid Command"],
      [`,${b.id},hello`, "Invalid Command"],
      ["sent,100000002,hello", "Invalid Command"],
      ["help,alice,hello", "Invalid Command"],
      ["sent,*,hello", "Invalid Command"],
      ["sent,nobody,hello", "Error reading the command"],
      ["send,nobody,hello", "Error reading the command"],
      ["send,not a name,hello", "Error reading the command"],
      ["send,,hello", "Error reading the command"],
      ["send,1.5,hello", "Error reading the command"],
      ["send,#nowhere,hello", "Error reading the command"],
      ["send,#,hello", "Error reading the command"],
      ["send,server,hello", "Error reading the command"],
      [`send,${b.id}`, "Error reading the command"],
      ["send", "Error reading the command"],
      ["", "Error reading the command"],
      [",", "Error reading the command"],
      ["help ", "Error reading the command"],
      ["Help", "Error reading the command"],
      ['{"op":"send"}', "Error reading the command"],
    ];
    a.say(...answers.map(([line]) => line));
    for (const [line, answer] of answers) assert.equal(await a.peer.next(), answer, line);
    assert.deepEqual([await a.told(), await b.told()], [[], []]);
  });

  it("to a number that is not connected leaves nothing stored", async (t) => {
    const server = await startDeviceTextServer(t);
    const a = await Device.connect(server);
    const gone = await Device.connect(server);
    await gone.leave();
    await a.ask(`send,${gone.id},hello`, "Invalid destinationId");
    const native = await Peer.login(tcp, server, String(gone.id));
    a.say(`send,${gone.id},you are there in another way`);
    await native.expect("message", { seq: 1, body: "you are there in another way" });
    assert.deepEqual(await a.told(), []);
  });

  it("to what the original had no words for is Parley's own", async (t) => {
    const engine = new GatedEngine(new MemoryEngine(() => "e1"));
    const server = await startDeviceTextServer(t, { "limits.maxBodyBytes": 100 }, { wrapEngine: () => engine });
    const a = await Device.connect(server);
    await a.ask(`send,${a.id},${"x".repeat(101)}`, "Message too long");
    engine.fail("append");
    await a.ask(`send,${a.id},hello`, "Temporarily unavailable");
    engine.heal();
    a.say(`send,${a.id},hello`);
    await a.expect(`${a.id}:hello`);
  });
});

const limits = { maxFrameBytes: 100_000, maxBodyBytes: 1_000, maxWindow: 1_000, idleMs: 90_000 };

/** The gateway alone, on a real socket, and a clock that stands still. */
async function onManualClock(t: TestContext): Promise<{ server: { webSocketPort: number }; clock: ManualClock }> {
  const { core, clock, problems } = await openCore({ limits });
  const onError = (message: string) => problems.push(message);
  const http = await HttpListener.start({ host: "127.0.0.1", port: 0, origins: [], onError });
  const gateway = startDeviceText({ core, http, maxOutboxBytes: 1_000_000, log: { error: onError } });
  t.after(async () => {
    const stopped = gateway.stop();
    core.close();
    await stopped;
    assert.deepEqual(problems, []);
  });
  return { server: { webSocketPort: Number(new URL(http.url).port) }, clock };
}

describe("a repeat", () => {
  it("within five seconds is refused, whoever it is for; afterwards it is a message again", async (t) => {
    const { server, clock } = await onManualClock(t);
    const a = await Device.connect(server);
    const b = await Device.connect(server);
    const toSelf = `send,${a.id},again`;
    const toOther = `send,${b.id},again`;
    a.say(toOther);
    await b.expect(`${a.id}:again`);
    await a.ask(toOther, "Duplicate message");
    clock.time += 4_999;
    await a.ask(toSelf, "Duplicate message");
    clock.time += 1;
    await a.ask(toSelf, `${a.id}:again`);
    await a.ask(toSelf, "Duplicate message");
  });

  it("is told by the text alone: other texts, and other senders, are none", async (t) => {
    const { server } = await onManualClock(t);
    const a = await Device.connect(server);
    const b = await Device.connect(server);
    const texts = ["one", "two", "one", "One", " One", "One "];
    a.say(...texts.map((text) => `send,${b.id},${text}`));
    await b.expect(...texts.map((text) => `${a.id}:${text}`));
    await b.ask(`send,${b.id},One `, `${b.id}:One `);
  });

  it("is compared with what was sent, not with what was refused", async (t) => {
    const { server } = await onManualClock(t);
    const a = await Device.connect(server);
    await a.ask(`send,${a.id},one`, `${a.id}:one`);
    await a.ask("send,5,two", "Invalid destinationId");
    await a.ask(`send,${a.id},one`, "Duplicate message");
    await a.ask("send,5,one", "Invalid destinationId");
    await a.ask(`send,${a.id},two`, `${a.id}:two`);
    await a.ask(`send,${a.id},${"x".repeat(1_001)}`, "Message too long");
    await a.ask(`send,${a.id},two`, "Duplicate message");
  });

  it("in the same write is refused too", async (t) => {
    const { server } = await onManualClock(t);
    const a = await Device.connect(server);
    const b = await Device.connect(server);
    a.say(...Array.from({ length: 3 }, () => `send,${b.id},hello`));
    await a.expect("Duplicate message", "Duplicate message");
    assert.deepEqual(await b.told(), [`${a.id}:hello`]);
  });
});
