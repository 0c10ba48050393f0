/**
 * The receiver against the one of `ws`: whatever the bytes and however they are cut, both take the same messages, and end
 * with the same close code. The rules themselves, over the real listener: test/native/web-socket-conformance.test.ts.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { helloFrameBytes } from "@parley/protocol";
import fc from "fast-check";
import * as ws from "ws";
import { clientFrame, closeFrame, type FrameOptions, opcodes } from "../../../../test/native/web-socket-wire.ts";
import { WebSocketReceiver } from "./websocket-receiver.ts";

const maxBytes = 300;

/** What was received, in words, in order. */
type Heard = string[];

interface Reference extends NodeJS.EventEmitter {
  write(chunk: Buffer): void;
}

/** Of `ws`, whose types leave it out. */
const { Receiver } = ws as unknown as { Receiver: new (options: object) => Reference };

/** What our receiver makes of the chunks. */
function ours(chunks: readonly Buffer[], limit = maxBytes, admits = true): Heard {
  const heard: Heard = [];
  const receiver = new WebSocketReceiver(limit, {
    text: (text, bytes) => heard.push(`text ${bytes} ${text}`),
    binary: (bytes) => heard.push(`binary ${bytes.toString("hex")}`),
    ping: (payload) => heard.push(`ping ${payload.toString("hex")}`),
    pong: () => heard.push("pong"),
    closed: (payload) => heard.push(`closed ${payload.toString("hex")}`),
    failed: (code) => heard.push(`failed ${code}`),
    admits: (bytes) => {
      heard.push(`asked for ${bytes}`);
      return admits;
    },
  });
  const memory = Buffer.alloc(8 + Math.max(0, ...chunks.map(({ length }) => length)));
  for (const chunk of chunks) {
    // All sockets read into the same memory (`shared-reads.ts`), which has something else behind what came.
    memory.fill(0x81);
    chunk.copy(memory);
    receiver.push(memory, chunk.length);
    assert.ok(memory.subarray(chunk.length).every((byte) => byte === 0x81));
  }
  return heard;
}

/** What that of `ws` makes of them. */
async function reference(chunks: readonly Buffer[]): Promise<Heard> {
  const heard: Heard = [];
  const receiver = new Receiver({ isServer: true, maxPayload: maxBytes, maxFragments: 4096 });
  receiver.on("message", (data: Buffer, isBinary: boolean) =>
    heard.push(isBinary ? `binary ${data.toString("hex")}` : `text ${data.length} ${data}`),
  );
  receiver.on("ping", (payload: Buffer) => heard.push(`ping ${payload.toString("hex")}`));
  receiver.on("pong", () => heard.push("pong"));
  receiver.on("conclude", (code: number, reason: Buffer) => {
    const payload = code === 1005 ? "" : code.toString(16).padStart(4, "0") + reason.toString("hex");
    heard.push(`closed ${payload}`);
  });
  receiver.on("error", (error: object) => {
    const status = Object.getOwnPropertySymbols(error).find(({ description }) => description === "status-code");
    if (status) heard.push(`failed ${(error as Record<symbol, unknown>)[status]}`);
  });
  for (const chunk of chunks) receiver.write(Buffer.from(chunk));
  await setImmediate();
  return heard;
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  const edges = [0, ...sorted, bytes.length];
  return edges.slice(1).map((to, at) => bytes.subarray(edges[at], to));
}

const payload = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: "binary", maxLength: 160 }).map((text) => Buffer.from(text)) },
  { weight: 3, arbitrary: fc.string({ maxLength: 160 }).map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 320 }).map((bytes) => Buffer.from(bytes)) },
);
const data: fc.Arbitrary<Buffer[]> = fc
  .tuple(fc.constantFrom(opcodes.text, opcodes.binary), payload, fc.array(fc.nat(), { maxLength: 4 }))
  .map(([opcode, bytes, places]) => {
    const parts = cut(bytes, places);
    return parts.map((part, at) =>
      clientFrame(part, { opcode: at === 0 ? opcode : opcodes.continuation, fin: at === parts.length - 1 }),
    );
  });
const control: fc.Arbitrary<Buffer[]> = fc
  .tuple(fc.constantFrom(opcodes.ping, opcodes.pong), fc.uint8Array({ maxLength: 125 }))
  .map(([opcode, bytes]) => [clientFrame(bytes, { opcode })]);
const close: fc.Arbitrary<Buffer[]> = fc
  .tuple(fc.option(fc.integer({ min: 0, max: 5100 })), fc.string({ unit: "binary", maxLength: 20 }))
  .map(([code, reason]) => [closeFrame(code ?? undefined, reason)]);
/** Anything, right or wrong. */
const odd: fc.Arbitrary<Buffer[]> = fc
  .record({
    payload: fc.uint8Array({ maxLength: 130 }),
    opcode: fc.nat(15),
    fin: fc.boolean(),
    reserved: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(7) }),
    masked: fc.oneof({ weight: 6, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.boolean() }),
    length: fc.option(fc.constantFrom(0, 1, 125, 126, 301, 65_535, 2 ** 31, 2 ** 40, 2n ** 53n, 2n ** 63n), {
      freq: 6,
    }),
  })
  .map(({ payload, length, ...options }) => [
    clientFrame(payload, { ...options, ...(length === null ? {} : { length }) } as FrameOptions),
  ]);
const piece = fc.oneof(
  { weight: 8, arbitrary: data },
  { weight: 4, arbitrary: control },
  { weight: 1, arbitrary: odd },
  { weight: 1, arbitrary: close },
);

/** Frames in which control frames stand between fragments, and some bytes are wrong, in chunks of any size. */
const streams = fc
  .record({
    pieces: fc.array(piece, { minLength: 1, maxLength: 12 }),
    between: fc.array(fc.tuple(fc.nat(), control), { maxLength: 4 }),
    flips: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 1 }),
    places: fc.array(fc.nat(), { maxLength: 12 }),
  })
  .map(({ pieces, between, flips, places }) => {
    const frames = pieces.flat();
    for (const [place, more] of between) frames.splice(place % (frames.length + 1), 0, ...more);
    const bytes = Buffer.concat(frames);
    for (const [place, bits] of flips)
      if (place % 3 === 0) bytes[place % bytes.length] = (bytes[place % bytes.length] ?? 0) ^ bits;
    return cut(bytes, places);
  });

describe("the receiver and that of ws", () => {
  it("take the same messages from the same bytes, and end with the same code", async () => {
    const ends = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(streams, async (chunks) => {
        const heard = ours(chunks);
        assert.deepEqual(heard, await reference(chunks));
        const end =
          heard
            .at(-1)
            ?.split(" ")
            .slice(0, heard.at(-1)?.startsWith("failed") ? 2 : 1)
            .join(" ") ?? "";
        ends.set(end, (ends.get(end) ?? 0) + 1);
      }),
      { numRuns: 3_000 },
    );
    for (const end of ["text", "binary", "ping", "closed", "failed 1002", "failed 1007", "failed 1009"])
      assert.ok((ends.get(end) ?? 0) > 5, `${end} is among what was tried`);
  });

  it("agree on pure noise", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))),
        async (chunks) => {
          assert.deepEqual(ours(chunks), await reference(chunks));
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe("the receiver", () => {
  const conversation = Buffer.concat([
    clientFrame("plain"),
    clientFrame("größer 🎉"),
    clientFrame("x".repeat(200)),
    clientFrame("in ", { fin: false }),
    clientFrame("between", { opcode: opcodes.ping }),
    clientFrame("", { fin: false, opcode: opcodes.continuation }),
    clientFrame("pieces é", { opcode: opcodes.continuation }),
    clientFrame("", { opcode: opcodes.pong }),
    clientFrame(Buffer.of(0, 255), { opcode: opcodes.binary }),
    closeFrame(1001, "going"),
    clientFrame("never"),
  ]);
  const expected = [
    "text 5 plain",
    "text 13 größer 🎉",
    `text 200 ${"x".repeat(200)}`,
    `ping ${Buffer.from("between").toString("hex")}`,
    "text 12 in pieces é",
    "pong",
    "binary 00ff",
    `closed 03e9${Buffer.from("going").toString("hex")}`,
  ];

  it("takes a conversation cut at any two bytes, and byte by byte", () => {
    for (let first = 0; first <= conversation.length; first++)
      for (let second = first; second <= conversation.length; second += 7)
        assert.deepEqual(ours(cut(conversation, [first, second])), expected, `cut at ${first} and ${second}`);
    assert.deepEqual(ours(cut(conversation, [...conversation.keys()])), expected);
  });

  it("says whether a chunk completed a frame", () => {
    const quiet = { text() {}, binary() {}, ping() {}, pong() {}, closed() {}, failed() {}, admits: () => true };
    const receiver = new WebSocketReceiver(maxBytes, quiet);
    const frame = clientFrame("some text");
    assert.equal(receiver.push(frame.subarray(0, 3)), false);
    assert.equal(receiver.push(frame.subarray(3, 8)), false);
    assert.equal(receiver.push(Buffer.concat([frame.subarray(8), frame.subarray(0, 1)])), true);
    assert.equal(receiver.push(frame.subarray(1, 9)), false);
    assert.equal(receiver.push(Buffer.from(frame.subarray(9))), true);
    assert.equal(receiver.push(clientFrame("ping", { opcode: opcodes.ping })), true);
  });

  it("asks before a message becomes longer than a hello, in its header, and takes nothing after a no", () => {
    const header = clientFrame("", { length: helloFrameBytes + 1 }).subarray(0, 10);
    assert.deepEqual(ours([clientFrame("early"), header], 2 ** 30, false), [
      "text 5 early",
      `asked for ${helloFrameBytes + 1}`,
    ]);
    const first = clientFrame("x".repeat(helloFrameBytes), { fin: false });
    const second = clientFrame("y", { opcode: opcodes.continuation });
    const asked = ours([first, second, clientFrame("after")], 2 ** 30, false);
    assert.deepEqual(asked, [`asked for ${helloFrameBytes + 1}`]);
    assert.deepEqual(
      ours([first, second], 2 ** 30)
        .at(-1)
        ?.slice(0, 10),
      "text 65537",
    );
  });

  it("takes memory for what has come, not for what is announced", () => {
    const announced = 2 ** 28;
    const start = clientFrame("", { length: announced }).subarray(0, 14);
    const receivers: WebSocketReceiver[] = [];
    const before = process.memoryUsage().arrayBuffers;
    for (let n = 0; n < 100; n++) {
      const receiver = new WebSocketReceiver(announced, {
        text() {},
        binary() {},
        ping() {},
        pong() {},
        closed() {},
        failed: (code) => assert.fail(`${code}`),
        admits: () => true,
      });
      receiver.push(Buffer.concat([start, Buffer.alloc(1000)]));
      receivers.push(receiver);
    }
    const grown = process.memoryUsage().arrayBuffers - before;
    assert.ok(grown < 1_000_000, `${grown} bytes for ${receivers.length} times 1000`);
  });

  it("counts fragments, empty ones too", () => {
    const begin = clientFrame("", { fin: false });
    const more = clientFrame("", { fin: false, opcode: opcodes.continuation });
    const last = clientFrame("", { opcode: opcodes.continuation });
    const message = (count: number) => [Buffer.concat([begin, ...new Array<Buffer>(count - 2).fill(more), last])];
    assert.deepEqual(ours(message(4096)), ["text 0 "]);
    assert.deepEqual(ours(message(4097)), ["failed 1008"]);
  });
});
