/**
 * Length-prefixed framing (PROTOCOL.md, "TCP"): the same frames come out however the stream is cut, faults end it, and
 * memory and time follow the bytes that arrived, not the length that was announced.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { encodeFrame, FrameDecoder, type FrameFault } from "./framing.ts";

const maxBytes = 1000;

/** Feeds `chunks` to a new decoder, from a buffer that is overwritten after each, and returns copies of what came out. */
function decode(chunks: Iterable<Uint8Array>, limit = maxBytes) {
  const payloads: Buffer[] = [];
  const decoder = new FrameDecoder(limit, (payload) => payloads.push(Buffer.from(payload)));
  let fault: FrameFault | undefined;
  for (const chunk of chunks) {
    const reused = Uint8Array.from(chunk);
    fault = decoder.push(reused);
    reused.fill(0xee);
  }
  return { payloads, fault, buffered: decoder.bufferedBytes };
}

function payload(size: number, seed = 1): Buffer {
  return Buffer.from(Uint8Array.from({ length: size }, (_, index) => (index * 31 + seed) & 0xff));
}

function stream(payloads: readonly Uint8Array[]): Buffer {
  return Buffer.concat(payloads.map(encodeFrame));
}

function prefix(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  return bytes;
}

/** `bytes`, cut at the given offsets. */
function* cut(bytes: Buffer, offsets: readonly number[]): Generator<Buffer> {
  let from = 0;
  for (const to of [...offsets, bytes.length]) {
    yield bytes.subarray(from, to);
    from = to;
  }
}

describe("encodeFrame", () => {
  it("prefixes the length, big-endian", () => {
    assert.deepEqual([...encodeFrame(Buffer.from("hi"))], [0, 0, 0, 2, 0x68, 0x69]);
    assert.deepEqual([...encodeFrame(new Uint8Array(0x010203)).subarray(0, 4)], [0, 1, 2, 3]);
  });
});

describe("FrameDecoder", () => {
  const payloads = [payload(1), payload(3), payload(255), payload(256), payload(maxBytes), payload(2)];

  it("gives back what was encoded, merged in one chunk", () => {
    assert.deepEqual(decode([stream(payloads)]), { payloads, fault: undefined, buffered: 0 });
  });

  it("takes one byte at a time, empty chunks in between", () => {
    const bytes = stream(payloads);
    const chunks = [...bytes].flatMap((byte) => [Buffer.of(byte), Buffer.alloc(0)]);
    assert.deepEqual(decode(chunks), { payloads, fault: undefined, buffered: 0 });
  });

  it("takes a stream split at every boundary", () => {
    const few = [payload(5), payload(1), payload(9)];
    const bytes = stream(few);
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second++) {
        assert.deepEqual(decode(cut(bytes, [first, second])).payloads, few, `split at ${first} and ${second}`);
      }
    }
  });

  it("hands a frame over as soon as its last byte is there, and says what it holds of the next", () => {
    const bytes = stream([payload(5), payload(5)]);
    const { payloads: got, buffered } = decode([bytes.subarray(0, 12)]);
    assert.deepEqual({ got, buffered }, { got: [payload(5)], buffered: 3 });
  });

  it("gives the same frames for any chunking", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: maxBytes }), { maxLength: 12 });
    const cuts = fc.array(fc.nat({ max: 12 * (maxBytes + 4) }), { maxLength: 30 });
    fc.assert(
      fc.property(sizes, cuts, (lengths, offsets) => {
        const sent = lengths.map(payload);
        const bytes = stream(sent);
        const inside = offsets.map((offset) => offset % (bytes.length + 1)).sort((one, other) => one - other);
        assert.deepEqual(decode(cut(bytes, inside)), { payloads: sent, fault: undefined, buffered: 0 });
      }),
      { numRuns: 500 },
    );
  });

  it("gives the same frames and the same fault for any chunking of any bytes", () => {
    const bytes = fc.array(fc.oneof(fc.constantFrom(0, 0, 0, 1, 2, 3), fc.nat({ max: 255 })), { maxLength: 60 });
    fc.assert(
      fc.property(bytes, fc.array(fc.nat({ max: 60 })), (raw, offsets) => {
        const inside = offsets.map((offset) => Math.min(offset, raw.length)).sort((one, other) => one - other);
        const whole = decode([Buffer.from(raw)], 8);
        assert.deepEqual(decode(cut(Buffer.from(raw), inside), 8), whole);
      }),
      { numRuns: 1000 },
    );
  });

  it("takes a frame of exactly the limit and refuses one byte more, before the payload arrives", () => {
    assert.equal(decode([encodeFrame(payload(maxBytes))]).fault, undefined);
    assert.equal(decode([prefix(maxBytes + 1)]).fault, "frame_too_large");
    assert.equal(decode([prefix(0xffff_ffff)]).fault, "frame_too_large");
    assert.equal(decode([prefix(0x8000_0000)]).fault, "frame_too_large");
  });

  it("refuses length 0", () => {
    assert.equal(decode([prefix(0)]).fault, "bad_frame");
    assert.equal(decode([...prefix(0)].map((byte) => Buffer.of(byte))).fault, "bad_frame");
  });

  it("hands over the frames before a fault, none after it, and keeps nothing", () => {
    for (const bad of [prefix(0), prefix(maxBytes + 1)]) {
      const bytes = Buffer.concat([stream([payload(7)]), bad, stream([payload(8)])]);
      const fault = bad.readUInt32BE() === 0 ? "bad_frame" : "frame_too_large";
      const expected = { payloads: [payload(7)], fault, buffered: 0 };
      assert.deepEqual(decode([bytes]), expected);
      assert.deepEqual(decode([...bytes].map((byte) => Buffer.of(byte))), expected);
    }
  });

  it("applies a limit that is raised while a frame is handed over to the next frame of the same chunk", () => {
    const sizes: number[] = [];
    const decoder = new FrameDecoder(10, (bytes) => {
      sizes.push(bytes.length);
      decoder.maxBytes = 100;
    });
    assert.equal(decoder.push(stream([payload(10), payload(100)])), undefined);
    assert.deepEqual(sizes, [10, 100]);
  });

  it("allocates nothing for an announced length", () => {
    const huge = 0x7fff_ffff;
    const before = process.memoryUsage().arrayBuffers;
    const decoders = Array.from(
      { length: 200 },
      () => new FrameDecoder(huge, () => assert.fail("no frame is complete")),
    );
    for (const decoder of decoders) {
      for (const chunk of [prefix(huge), Buffer.alloc(1), Buffer.alloc(99)])
        assert.equal(decoder.push(chunk), undefined);
      assert.equal(decoder.bufferedBytes, 104);
    }
    const grown = process.memoryUsage().arrayBuffers - before;
    assert.ok(grown < 1024 * 1024, `200 connections that announced 2 GiB each take ${grown} bytes`);
  });

  it("takes time in proportion to the bytes, one at a time", () => {
    const small = encodeFrame(payload(16 * 1024));
    const large = encodeFrame(payload(256 * 1024));
    const timeMs = (bytes: Uint8Array): number => {
      const start = performance.now();
      pushBytewise(bytes);
      return performance.now() - start;
    };
    timeMs(small); // warm up
    const smallMs = Math.min(timeMs(small), timeMs(small), timeMs(small));
    const largeMs = timeMs(large);
    // 16 times the bytes: about 16 times the time where it is linear, 256 times where it is quadratic.
    assert.ok(largeMs < 64 * smallMs + 100, `16 KiB took ${smallMs} ms, 256 KiB ${largeMs} ms`);
  });

  it("takes memory in proportion to the bytes, one at a time", () => {
    const frame = encodeFrame(payload(512 * 1024));
    const before = memoryBytes();
    let most = 0;
    pushBytewise(frame, (index) => {
      if (index % 50_000 === 0) most = Math.max(most, memoryBytes() - before);
    });
    // Garbage of the test itself included; keeping every chunk takes more than 90 MiB.
    assert.ok(most < 64 * 1024 * 1024, `a frame of 512 KiB took ${most} bytes while it arrived`);
  });
});

/** Pushes one frame, every byte in a chunk of its own. */
function pushBytewise(frame: Uint8Array, onByte?: (index: number) => void): void {
  let frames = 0;
  const decoder = new FrameDecoder(frame.length, () => frames++);
  for (let index = 0; index < frame.length; index++) {
    decoder.push(frame.slice(index, index + 1));
    onByte?.(index);
  }
  assert.equal(frames, 1);
}

function memoryBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
