/** The outbox: one write a turn, bytes that many share, and how full it says it is. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { Writable } from "node:stream";
import { describe, it, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { socketPair } from "../../../../test/support/socket-pair.ts";
import { encodeOne, type Framing } from "./frames.ts";
import { Outbox } from "./outbox.ts";

/** A stream that takes what is written only when told to. */
class SlowStream extends Writable {
  readonly writes: string[] = [];
  readonly #waiting: (() => void)[] = [];
  slow = false;

  constructor() {
    super({ highWaterMark: 50 });
  }

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.writes.push(chunk.toString());
    if (this.slow) this.#waiting.push(done);
    else done();
  }

  async take(): Promise<void> {
    this.#waiting.shift()?.();
    await setImmediate();
  }
}

/** `<length>` before each payload. */
const framing: Framing = {
  headerBytes: (length) => String(length).length + 2,
  writeHeader: (buffer, offset, length) => buffer.write(`<${length}>`, offset),
};

function open(maxBytes = 100): { stream: SlowStream; outbox: Outbox; drained: string[] } {
  const stream = new SlowStream();
  const drained: string[] = [];
  const outbox = new Outbox(stream, framing, maxBytes, { drained: () => void drained.push("drained") });
  return { stream, outbox, drained };
}

/** Over a socket that takes all at once. */
async function connected(t: TestContext): Promise<{ socket: Socket; outbox: Outbox }> {
  const { accepted: socket, peer } = await socketPair(t);
  peer.resume();
  return { socket, outbox: new Outbox(socket, framing, 100, { drained: () => {} }) };
}

describe("an outbox", () => {
  it("writes once what was pushed within a turn, in order, text and shared bytes alike", async () => {
    const { stream, outbox } = open();
    outbox.push("a");
    outbox.push(encodeOne("shared", framing));
    outbox.push("é😀");
    await Promise.resolve().then(() => assert.deepEqual(stream.writes, ["<1>a<6>shared<6>é😀"]));
    outbox.push("later");
    await setImmediate();
    assert.deepEqual(stream.writes, ["<1>a<6>shared<6>é😀", "<5>later"]);
  });

  it("hands over large shared bytes among others without copying them, in order, and is told once", async () => {
    const { stream, outbox } = open(1_000_000);
    const parts: Buffer[] = [];
    let writes = 0;
    stream._writev = (chunks, done) => {
      writes += 1;
      for (const { chunk } of chunks) parts.push(chunk);
      done();
    };
    let written = 0;
    outbox.observe({ left: () => (written += 100), writing: () => {}, written: () => (written += 1) });
    const large = encodeOne("x".repeat(5000), framing);
    for (const frame of ["a", large, large, "b", encodeOne("c", framing)]) outbox.push(frame);
    await setImmediate();
    assert.deepEqual(parts.map(String), ["<1>a", String(large), String(large), "<1>b<1>c"]);
    assert.ok(parts[1] === large && parts[2] === large);
    assert.deepEqual([writes, written], [1, 1]);
  });

  it("is written before the turn ends where many are, until that cuts in two what could have left at once", async () => {
    const many = Array.from({ length: 100 }, () => open());
    const pushAll = () => {
      for (const { outbox } of many) outbox.push("x");
    };
    const written = () => many.map(({ stream }) => stream.writes.splice(0).join("|"));
    pushAll();
    const early = written().filter((text) => text !== "").length;
    assert.ok(early >= 32 && early < 100, `${early} before the end`);
    await setImmediate();
    assert.equal(written().filter((text) => text !== "").length, 100 - early);

    pushAll();
    pushAll();
    await setImmediate();
    assert.ok(written().includes("<1>x|<1>x"));
    for (let turn = 0; turn < 3; turn++) {
      pushAll();
      pushAll();
      assert.deepEqual(new Set(written()), new Set([""]));
      await setImmediate();
      assert.deepEqual(new Set(written()), new Set(["<1>x<1>x"]));
    }
  });

  it("tells that all has left after the others of the turn are written, and not before what was queued since is", async (t) => {
    const [first, second] = [await connected(t), await connected(t)];
    const told: string[] = [];
    const tells = (name: string, left: () => void) => ({
      left,
      writing: () => told.push(name),
      written: () => told.push(name),
    });
    first.outbox.observe(
      tells("first", () => {
        told.push(`first, when second has written ${second.socket.bytesWritten}`);
        second.outbox.push("more");
      }),
    );
    second.outbox.observe(tells("second", () => told.push(`second, having written ${second.socket.bytesWritten}`)));
    first.outbox.push("a");
    second.outbox.push("b");
    await setImmediate();
    assert.deepEqual(told, ["first, when second has written 4", "second, having written 11"]);
  });

  it("keeps what a peer does not take, says how much, and tells in order when it is over", async (t) => {
    const { accepted, peer } = await socketPair(t);
    const told: string[] = [];
    const maxBytes = 1_000_000;
    const outbox = new Outbox(accepted, framing, maxBytes, { drained: () => told.push("drained") });
    outbox.observe({
      left: () => told.push("left"),
      writing: () => told.push("writing"),
      written: () => told.push("written"),
    });
    // More than the system takes for a peer that does not read.
    const large = encodeOne("x".repeat(20_000_000), framing);
    outbox.push("a");
    await setImmediate();
    outbox.push(large);
    await setImmediate();
    assert.ok(outbox.waitingBytes >= maxBytes && outbox.full, `${outbox.waitingBytes} bytes wait`);
    for (const text of ["b", "c"]) {
      outbox.push(text);
      await setImmediate();
    }
    assert.deepEqual(told, ["left", "writing", "writing", "writing"]);
    let read = Buffer.alloc(0);
    const chunks: Buffer[] = [];
    for await (const chunk of peer) {
      chunks.push(chunk as Buffer);
      if (!(chunk as Buffer).includes("<1>c")) continue;
      read = Buffer.concat(chunks);
      break;
    }
    assert.ok(read.equals(Buffer.concat([Buffer.from("<1>a"), large, Buffer.from("<1>b<1>c")])));
    assert.deepEqual(told.slice(4).sort(), ["drained", "written", "written", "written"]);
    assert.ok(!outbox.full);
    assert.equal(outbox.waitingBytes, 0);
  });

  it("writes shared bytes that are alone without copying them", async () => {
    const { stream, outbox } = open();
    const shared = encodeOne("x", framing);
    const written: Buffer[] = [];
    stream.write = ((chunk: Buffer) => {
      written.push(chunk);
      return true;
    }) as typeof stream.write;
    outbox.push(shared);
    await setImmediate();
    assert.equal(written[0], shared);
  });

  it("is written when asked, and writes nothing twice", async () => {
    const { stream, outbox } = open();
    outbox.push("now");
    outbox.write();
    assert.deepEqual(stream.writes, ["<3>now"]);
    await setImmediate();
    assert.equal(stream.writes.length, 1);
  });

  it("is full while more waits than the limit, queued or written, until the stream has taken it all", async () => {
    const { stream, outbox, drained } = open();
    stream.slow = true;
    outbox.push("x".repeat(60));
    assert.equal(outbox.full, false);
    outbox.push("y".repeat(60));
    assert.equal(outbox.full, true);
    await setImmediate();
    assert.equal(outbox.full, true);
    assert.deepEqual(drained, []);
    await stream.take();
    assert.deepEqual(drained, ["drained"]);
    assert.equal(outbox.full, false);
  });

  it("is told drained only after it was full", async () => {
    const { stream, outbox, drained } = open();
    stream.slow = true;
    outbox.push("x".repeat(70));
    await setImmediate();
    await stream.take();
    assert.equal(stream.writableNeedDrain, false);
    assert.deepEqual(drained, []);
  });

  it("is drained also where the stream took everything at once", async () => {
    const { outbox, drained } = open(20);
    outbox.push("x".repeat(30));
    assert.equal(outbox.full, true);
    await setImmediate();
    assert.deepEqual(drained, ["drained"]);
    assert.equal(outbox.full, false);
  });

  it("writes what waits when it closes, then takes nothing more and is silent", async () => {
    const { stream, outbox, drained } = open(20);
    stream.slow = true;
    outbox.push("last".repeat(10));
    assert.equal(outbox.full, true);
    outbox.close();
    outbox.push("too late");
    outbox.write();
    await stream.take();
    await setImmediate();
    assert.deepEqual(stream.writes, [`<40>${"last".repeat(10)}`]);
    assert.deepEqual(drained, []);
  });
});
