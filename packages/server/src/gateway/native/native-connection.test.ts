/** A native connection without a socket: the time for `hello`, backpressure, what the store refuses, and the end. */
import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { describe, it, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { errors, helloFrameBytes, type ServerMessage } from "@parley/protocol";
import { type CoreFixture, openCore, turns } from "../../../testing/core-fixture.ts";
import { GatedEngine } from "../../../testing/gated-engine.ts";
import { MemoryEngine } from "../../engine/memory.ts";
import type { Framing } from "../frames.ts";
import { Outbox } from "../outbox.ts";
import type { Wire } from "../wire.ts";
import { type Carrier, NativeConnection } from "./native-connection.ts";

/** One text a line. */
const lines: Framing = { headerBytes: () => 1, writeHeader: (buffer, offset) => buffer.write("\n", offset) };

class TestCarrier implements Wire, Carrier {
  readonly info = { gateway: "test", address: "nowhere" };
  readonly calls: string[] = [];
  readonly outbox: Outbox;
  readonly encodeShared = () => Buffer.alloc(0);
  #written = "";
  #waiting: (() => void) | undefined;
  /** Whether the peer leaves what it is told unread. */
  deaf = false;
  readonly connection: NativeConnection;

  constructor({ core, problems }: CoreFixture) {
    const write = (chunk: Buffer, _: string, done: () => void) => {
      this.#written += chunk;
      if (this.deaf) this.#waiting = done;
      else done();
    };
    const owner = { drained: () => this.connection.drained() };
    this.outbox = new Outbox(new Writable({ highWaterMark: 100, write }), lines, 10_000, owner);
    const log = { error: (message: string, error: unknown) => problems.push(`${message}: ${error}`) };
    this.connection = new NativeConnection(core, this, this, log);
  }

  limitFrames(maxBytes: number): void {
    this.calls.push(`limit ${maxBytes}`);
  }
  pause(): void {
    this.calls.push("pause");
  }
  resume(): void {
    this.calls.push("resume");
  }
  probe(): void {
    this.calls.push("probe");
  }
  end(code: number, reason: string): void {
    this.calls.push(`end ${code} ${reason}`);
  }

  /** The peer reads what was written. */
  async reads(): Promise<void> {
    this.deaf = false;
    this.#waiting?.();
    await turns();
  }

  say(message: object): void {
    this.connection.receive(JSON.stringify(message));
  }

  /** What the peer was told since the last call. */
  async told(): Promise<ServerMessage[]> {
    await turns();
    const texts = this.#written.split("\n").filter((text) => text !== "");
    this.#written = "";
    return texts.map((text) => JSON.parse(text) as ServerMessage);
  }
}

async function connect(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const engine = new GatedEngine(new MemoryEngine(() => "e1"));
  const fixture = await openCore({ engine });
  const carrier = new TestCarrier(fixture);
  const hello = async () => {
    carrier.say({ op: "hello", user: "alice" });
    await carrier.told();
    carrier.calls.splice(0);
  };
  return { fixture, engine, carrier, hello };
}

describe("the time for hello", () => {
  it("ends after 10 s, whatever else was said", async (t) => {
    const { carrier } = await connect(t);
    t.mock.timers.tick(9_999);
    carrier.say({ op: "ping" });
    carrier.say({ op: "hello", user: "no name" });
    assert.deepEqual(
      (await carrier.told()).map(({ op }) => op),
      ["pong", "error"],
    );
    t.mock.timers.tick(1);
    const [error] = await carrier.told();
    assert.partialDeepStrictEqual(error, { op: "error", code: "hello_timeout", reconnect: true });
    assert.deepEqual(carrier.calls, [`limit ${helloFrameBytes}`, `end ${errors.hello_timeout.wsClose} hello_timeout`]);
    carrier.say({ op: "ping" });
    assert.deepEqual(await carrier.told(), []);
  });

  it("does not end once hello has succeeded", async (t) => {
    const { carrier, hello } = await connect(t);
    await hello();
    t.mock.timers.tick(100_000);
    assert.deepEqual([await carrier.told(), carrier.calls], [[], []]);
  });

  it("ends also while the store keeps hello waiting, and leaves nobody online", async (t) => {
    const { carrier, engine, fixture } = await connect(t);
    const other = new TestCarrier(fixture);
    other.say({ op: "hello", user: "alice" });
    await other.told();
    const release = engine.hold("head");
    carrier.say({ op: "hello", user: "bob" });
    await turns();
    t.mock.timers.tick(10_000);
    release();
    assert.deepEqual(
      (await carrier.told()).map((message) => message.op === "error" && message.code),
      ["hello_timeout"],
    );
    other.say({ op: "users" });
    const [presence] = await other.told();
    assert.ok(presence?.op === "presence");
    assert.equal(
      presence.users.some(({ user, online }) => user === "bob" && online),
      false,
    );
  });
});

describe("a store that refuses", () => {
  it("makes hello fail with storage_unavailable and a time to wait; it may be tried again", async (t) => {
    const { carrier, engine, fixture } = await connect(t);
    engine.fail("head");
    carrier.say({ op: "hello", ref: "1", user: "alice" });
    const [error] = await carrier.told();
    assert.partialDeepStrictEqual(error, { op: "error", ref: "1", code: "storage_unavailable", retryAfter: 1000 });
    engine.heal();
    carrier.say({ op: "hello", ref: "2", user: "alice" });
    assert.deepEqual(
      (await carrier.told()).map(({ op }) => op),
      ["welcome", "live"],
    );
    assert.deepEqual(fixture.problems, []);
  });

  it("is told apart from a bug, which is internal and reported", async (t) => {
    const { carrier, fixture } = await connect(t);
    fixture.core.login = async () => {
      throw new Error("a bug");
    };
    carrier.say({ op: "hello", ref: "1", user: "alice" });
    const [error] = await carrier.told();
    assert.partialDeepStrictEqual(error, { op: "error", ref: "1", code: "internal" });
    assert.match(fixture.problems.join(), /a bug/);
  });
});

describe("a peer that does not read", () => {
  it("is not read from while its answers wait, and is again when it has read", async (t) => {
    const { carrier, hello } = await connect(t);
    await hello();
    carrier.deaf = true;
    const body = "x".repeat(6000);
    for (const ref of ["1", "2"]) carrier.say({ op: "send", ref, to: "alice", body, copy: false });
    carrier.say({ op: "users", ref: "3" });
    await turns();
    assert.deepEqual(carrier.calls, ["pause"]);
    await carrier.reads();
    assert.deepEqual(carrier.calls, ["pause", "resume"]);
    const told = await carrier.told();
    assert.deepEqual(told.map(({ op }) => op).sort(), ["message", "message", "ok", "ok", "presence"]);
  });

  it("and has much under way is read from only when both are over", async (t) => {
    const { carrier, hello } = await connect(t);
    await hello();
    carrier.connection.pause();
    carrier.connection.pause();
    carrier.connection.resume();
    assert.equal(carrier.calls.includes("resume"), false);
    carrier.connection.resume();
    assert.equal(carrier.calls.at(-1), "resume");
  });
});

describe("the end", () => {
  it("is said once, and nothing is said after it", async (t) => {
    const { carrier, hello } = await connect(t);
    await hello();
    carrier.connection.close("shutting_down", "the end");
    carrier.connection.close("replaced", "again");
    carrier.connection.idle();
    carrier.connection.probe();
    carrier.connection.stop();
    carrier.say({ op: "ping" });
    carrier.connection.gone();
    await setImmediate();
    assert.deepEqual(await carrier.told(), [{ op: "bye", code: "shutting_down", message: "the end", reconnect: true }]);
    assert.deepEqual(carrier.calls, [`end ${errors.shutting_down.wsClose} shutting_down`]);
  });

  it("of the gateway is told to who is not logged in; sessions are told by the core", async (t) => {
    const { carrier, fixture, hello } = await connect(t);
    await hello();
    const early = new TestCarrier(fixture);
    for (const { connection } of [carrier, early]) connection.stop();
    assert.deepEqual(await carrier.told(), []);
    assert.partialDeepStrictEqual(await early.told(), [{ op: "bye", code: "shutting_down", reconnect: true }]);
    t.mock.timers.tick(20_000);
    assert.deepEqual(await early.told(), [], "its time for hello is over too");
  });
});
