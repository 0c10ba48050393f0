/** Rates of the native protocol: what is refused and until when, in which order, and who is not read from or closed. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { ServerMessage, ServerMessages } from "@parley/protocol";
import { overEachCarrier, tcp } from "../native/carriers.ts";
import { type Settings, startNativeServer } from "../native/native-server.ts";
import { Peer } from "../native/peer.ts";
import { clientFrame, opcodes } from "../native/web-socket-wire.ts";

type Answer = ServerMessages["ok"] | ServerMessages["error"];

const isAnswer = (message: ServerMessage): message is Answer => message.op === "ok" || message.op === "error";

/** Sends these in one write; their answers by `ref`, once all are there. */
async function ask(peer: Peer, requests: readonly Record<string, unknown>[]): Promise<Map<string, Answer>> {
  peer.send(...requests);
  const answers = new Map<string, Answer>();
  while (answers.size < requests.length) {
    const message = await peer.next();
    if (isAnswer(message) && message.ref !== undefined) answers.set(message.ref, message);
  }
  return answers;
}

const sends = (prefix: string, count: number, to: string, body = "") =>
  Array.from({ length: count }, (_, i) => ({ op: "send", ref: `${prefix}${i}`, to, body: body || `${prefix}${i}` }));

const refusalsIn = (answers: Iterable<Answer>) =>
  [...answers].flatMap((answer) => (answer.op === "error" ? answer : []));

/** How many more a rate of 20 a second lets through by now. */
const flowedIn = (began: number) => Math.ceil(((performance.now() - began) / 1000) * 20);

const free = {
  "limits.connection.messagesPerSecond": 0,
  "limits.user.messagesPerSecond": 0,
  "limits.exemptAddresses": [],
  "limits.address.messagesPerSecond": 0,
} satisfies Settings;

overEachCarrier("a rate", (carrier) => {
  const start = (t: TestContext, settings: Settings) => startNativeServer(t, { ...free, ...settings });

  it("of the connection refuses what is beyond it, says until when, and is told in welcome", async (t) => {
    const server = await start(t, { "limits.connection.messagesPerSecond": 20 });
    const peer = await Peer.connect(carrier, server);
    const { limits } = await peer.hello({ user: "alice" });
    assert.equal(limits.messagesPerSecond, 20);
    await peer.expect("live");
    const answers = await ask(peer, sends("a", 60, "alice"));
    const refused = refusalsIn(answers.values());
    for (const { code, retryAfter = 0 } of refused) {
      assert.equal(code, "rate_limited");
      assert.ok(retryAfter >= 1000 && retryAfter <= 3000, `${retryAfter}`);
    }
    // Two seconds' worth, less hello, and what flowed in while they came.
    assert.ok(refused.length >= 10 && refused.length <= 21, `${refused.length} refused`);
    const accepted = [...Array(60).keys()].filter((i) => answers.get(`a${i}`)?.op === "ok");
    assert.deepEqual(accepted, [...Array(accepted.length).keys()], "nothing overtakes what was refused");
    assert.equal(
      refusalsIn((await ask(peer, sends("b", 1, "alice"))).values()).length,
      1,
      "the silence has begun anew",
    );
    await delay(1100);
    assert.equal(refusalsIn((await ask(peer, sends("c", 15, "alice"))).values()).length, 0);
  });

  it("of the user counts all connections of that user, and nobody else's", async (t) => {
    const server = await start(t, { "limits.user.messagesPerSecond": 20 });
    const phone = await Peer.login(carrier, server, "alice", { device: "phone" });
    const laptop = await Peer.login(carrier, server, "alice", { device: "laptop" });
    const bob = await Peer.login(carrier, server, "bob");
    const began = performance.now();
    await ask(phone, sends("p", 60, "bob"));
    const refused = refusalsIn((await ask(laptop, sends("l", 20, "bob"))).values()).length;
    assert.ok(refused >= 20 - flowedIn(began), `${refused} refused`);
    assert.equal(refusalsIn((await ask(bob, sends("b", 20, "alice"))).values()).length, 0);
  });

  it("of the address counts all users who come from there", async (t) => {
    const server = await start(t, { "limits.address.messagesPerSecond": 20 });
    const alice = await Peer.login(carrier, server, "alice");
    const bob = await Peer.login(carrier, server, "bob");
    const began = performance.now();
    await ask(alice, sends("a", 60, "bob"));
    const refused = refusalsIn((await ask(bob, sends("b", 20, "alice"))).values()).length;
    assert.ok(refused >= 20 - flowedIn(began), `${refused} refused`);
  });

  it("does not count addresses that are exempt, as loopback is by default", async (t) => {
    const { "limits.exemptAddresses": _, ...settings } = free;
    const server = await startNativeServer(t, { ...settings, "limits.address.messagesPerSecond": 1 });
    const alice = await Peer.login(carrier, server, "alice");
    assert.equal(refusalsIn((await ask(alice, sends("a", 100, "alice"))).values()).length, 0);
  });

  it("in bytes refuses as one in messages does", async (t) => {
    const server = await start(t, { "limits.connection.bytesPerSecond": 10_000, "limits.maxFrameBytes": 10_000 });
    const alice = await Peer.login(carrier, server, "alice");
    const answers = await ask(alice, sends("a", 8, "alice", "x".repeat(5000)));
    const refused = refusalsIn(answers.values());
    assert.ok(refused.length >= 4 && refused.length <= 6, `${refused.length} refused`);
    assert.ok(refused.every(({ code, retryAfter = 0 }) => code === "rate_limited" && retryAfter >= 1000));
  });

  it("is kept to by pings, which are answered late instead of refused", async (t) => {
    const server = await start(t, { "limits.connection.messagesPerSecond": 50 });
    const alice = await Peer.login(carrier, server, "alice");
    const began = performance.now();
    for (let i = 0; i < 10; i++) {
      alice.send(...Array.from({ length: 20 }, (_, n) => ({ op: "ping", ref: `${i}-${n}` })));
      // Writes of their own: what is read at once cannot be held back.
      for (let n = 0; n < 20; n++) await alice.expect("pong", { ref: `${i}-${n}` });
    }
    // 200 of them, 100 at once: the others need two seconds; some are owed.
    const tookMs = performance.now() - began;
    assert.ok(tookMs > 1200, `${tookMs} ms`);
  });

  it("closes the connection of who sends nothing of the protocol", async (t) => {
    const server = await start(t, {});
    const alice = await Peer.login(carrier, server, "alice");
    const bob = await Peer.login(carrier, server, "bob");
    alice.sendTexts(...Array.from({ length: 5000 }, () => "{garbage"));
    let last: ServerMessage | undefined;
    for (let ended = false; !ended; ) {
      await alice.next().then(
        (message) => {
          last = message;
        },
        () => {
          ended = true;
        },
      );
    }
    assert.partialDeepStrictEqual(last, { op: "error", code: "rate_limited", reconnect: true, retryAfter: 10_000 });
    await bob.deliver("alice", "still here");
  });

  it("is not read from when it goes on after thousands of refusals", async (t) => {
    const server = await start(t, { "limits.connection.messagesPerSecond": 10 });
    const alice = await Peer.login(carrier, server, "alice");
    const began = performance.now();
    let refused = 0;
    for (let i = 0; i < 12; i++)
      refused += refusalsIn((await ask(alice, sends(`${i}.`, 500, "alice", "x"))).values()).length;
    // 4000 refusals at once and 2000 per second after that.
    assert.ok(refused > 5900, `${refused}`);
    assert.ok(performance.now() - began > 700, `${performance.now() - began} ms`);
  });
});

describe("control frames of WebSocket", () => {
  it("count like all others", async (t) => {
    const server = await startNativeServer(t, { ...free, "limits.connection.messagesPerSecond": 50 });
    let pongs = 0;
    const peer = await Peer.webSocket(server, {
      onFrame: ({ opcode }) => {
        if (opcode === opcodes.pong) pongs += 1;
      },
    });
    await peer.hello({ user: "alice" });
    await peer.expect("live");
    const began = performance.now();
    for (let i = 0; i < 20; i++) {
      peer.link.write(Buffer.concat(Array.from({ length: 10 }, () => clientFrame("", { opcode: opcodes.ping }))));
      peer.send({ op: "ping", ref: `${i}` });
      await peer.expect("pong", { ref: `${i}` });
    }
    assert.equal(pongs, 200);
    assert.ok(performance.now() - began > 1200, `${performance.now() - began} ms`);
  });
});

describe("acknowledgements beyond the rate", () => {
  it("are carried out, and hold up what comes after them", async (t) => {
    const server = await startNativeServer(t, { ...free, "limits.connection.messagesPerSecond": 50 });
    const alice = await Peer.login(tcp, server, "alice");
    alice.send({ op: "send", to: "alice", body: "to myself" });
    const { seq } = await alice.expect("message");
    await alice.expect("ok");
    const began = performance.now();
    for (let i = 0; i < 10; i++) {
      alice.send(...Array.from({ length: 20 }, () => ({ op: "ack", log: "alice", seq })));
      alice.send({ op: "ping", ref: `${i}` });
      await alice.expect("pong", { ref: `${i}` });
    }
    assert.ok(performance.now() - began > 1200, `${performance.now() - began} ms`);
  });
});
