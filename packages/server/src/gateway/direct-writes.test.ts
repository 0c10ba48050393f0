/** Writes past a socket's stream: that this Node has them, and that nobody who reads can tell. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { reset } from "../../../../test/support/reset.ts";
import { socketPair } from "../../../../test/support/socket-pair.ts";
import { type WriteEnd, writeDirectly } from "./direct-writes.ts";

/** More than the system takes for a peer that does not read. */
const large = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => `${i},`).join(""));

class Told implements WriteEnd {
  readonly ends: boolean[] = [];
  #met = () => {};
  readonly once = new Promise<void>((resolve) => {
    this.#met = resolve;
  });

  ended(ok: boolean): void {
    this.ends.push(ok);
    this.#met();
  }
}

/** For a write that is over when it returns. */
const nobody: WriteEnd = { ended: () => assert.fail("told of a write that was over") };

async function readAll(peer: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of peer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe("direct writes", () => {
  it("are taken at once, among those of the stream", async (t) => {
    const { accepted, peer } = await socketPair(t);
    // Else this Node has no such writes, or has them by other names.
    assert.equal(writeDirectly(accepted, Buffer.from("one,"), nobody), "taken");
    accepted.write("two,");
    assert.equal(writeDirectly(accepted, Buffer.from("three"), nobody), "taken");
    accepted.end();
    assert.equal(String(await readAll(peer)), "one,two,three");
  });

  it("are under way where the peer does not read, before what is written later, and told when they are over", async (t) => {
    const { accepted, peer } = await socketPair(t);
    const told = new Told();
    assert.equal(writeDirectly(accepted, large, told), "under way");
    assert.equal(writeDirectly(accepted, Buffer.from("not yet"), nobody), "not");
    accepted.write("later,");
    accepted.end("last");
    await sleep(20);
    assert.deepEqual(told.ends, []);
    const read = await readAll(peer);
    assert.ok(read.equals(Buffer.concat([large, Buffer.from("later,last")])));
    assert.deepEqual(told.ends, [true]);
    const other = await socketPair(t);
    assert.equal(writeDirectly(other.accepted, Buffer.from("of another"), nobody), "taken");
  });

  it("are told to have failed when the connection goes meanwhile", async (t) => {
    for (const lose of [
      ({ peer }: { peer: Socket }) => reset(peer),
      ({ accepted }: { accepted: Socket }) => accepted.destroy(),
    ]) {
      const pair = await socketPair(t);
      pair.accepted.on("error", () => {});
      const told = new Told();
      assert.equal(writeDirectly(pair.accepted, large, told), "under way");
      lose(pair);
      await told.once;
      assert.deepEqual(told.ends, [false]);
    }
  });

  it("are not, where the stream holds something, has ended, or is gone", async (t) => {
    const [first, second, third] = [await socketPair(t), await socketPair(t), await socketPair(t)];
    first.accepted.cork();
    assert.equal(writeDirectly(first.accepted, large, nobody), "not");
    first.accepted.write("waits");
    assert.equal(writeDirectly(first.accepted, large, nobody), "not");
    second.accepted.end("last");
    assert.equal(writeDirectly(second.accepted, large, nobody), "not");
    third.accepted.destroy();
    assert.equal(writeDirectly(third.accepted, large, nobody), "not");
  });

  it("are not, where the system refuses: the stream tells why", async (t) => {
    const { accepted, peer } = await socketPair(t);
    // Past the stream, which would do it turns later: the system knows of it, and `accepted` would have to read to.
    (peer as unknown as { readonly _handle: { reset(done: () => void): void } })._handle.reset(() => {});
    assert.equal(writeDirectly(accepted, Buffer.from("x"), nobody), "not");
    const failed = once(accepted, "error");
    accepted.write("x");
    assert.match(String((await failed)[0]), /EPIPE|ECONNRESET/);
  });

  it("are not, where Node's sockets have no such thing", async (t) => {
    const { accepted } = await socketPair(t);
    // The project pins its Node: one that lacks it is this one, less what is looked for.
    const inside = accepted as unknown as { _handle: { writeBuffer?: unknown } };
    inside._handle.writeBuffer = undefined;
    assert.equal(writeDirectly(accepted, Buffer.from("x"), nobody), "not");
  });
});
