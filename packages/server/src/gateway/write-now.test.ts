/** Writing past the stream: over real sockets, to a peer that reads, one that does not, and one that is gone. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { writeNow } from "./write-now.ts";

/** Both ends of a connection over loopback. */
async function pair(t: TestContext): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const far = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [near] = (await once(server, "connection")) as [Socket];
  t.after(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return { near, far };
}

/** Numbers, so that each byte tells where it belongs. */
function numbered(count: number): Buffer {
  return Buffer.from(Uint32Array.from({ length: count }, (_, index) => index).buffer);
}

describe("writing now", () => {
  it("hands over all where there is room, before the turn ends", async (t) => {
    const { near, far } = await pair(t);
    assert.equal(writeNow(near, Buffer.from("one ")), 4);
    assert.equal(near.writableLength, 0);
    assert.equal(writeNow(near, Buffer.from("two")), 3);
    near.end();
    const parts = await far.toArray();
    assert.equal(Buffer.concat(parts).toString(), "one two");
  });

  it("takes what has room of what a peer does not read, and nothing while the stream holds the rest; nothing is out of order", async (t) => {
    const { near, far } = await pair(t);
    far.pause();
    const all = numbered(2_000_000);
    let at = 0;
    let short = 0;
    while (at < all.length) {
      const part = all.subarray(at, at + 100_000);
      const taken = writeNow(near, part);
      if (taken < part.length) {
        short += 1;
        near.write(part.subarray(taken));
        assert.equal(writeNow(near, Buffer.from("x")), 0, "past what waits");
      }
      at += part.length;
    }
    assert.ok(short > 0, "a peer that reads nothing leaves no room");
    near.end();
    assert.ok(Buffer.concat(await far.toArray()).equals(all));
  });

  it("takes nothing for a socket that has ended or is destroyed, and throws nothing", async (t) => {
    const { near, far } = await pair(t);
    near.end();
    assert.equal(writeNow(near, Buffer.from("late")), 0);
    near.destroy();
    assert.equal(writeNow(near, Buffer.from("later")), 0);
    assert.equal(Buffer.concat(await far.toArray()).toString(), "");
  });

  it("leaves it to the stream to tell that the peer is gone", async (t) => {
    const { near, far } = await pair(t);
    const told = once(near, "error");
    far.resetAndDestroy();
    // Until the reset is here, the system takes what is written.
    while (writeNow(near, Buffer.from("anybody?")) > 0) await new Promise(setImmediate);
    near.write("anybody?");
    const [error] = await told;
    assert.match(error.code, /EPIPE|ECONNRESET/);
  });
});
