/** What the gateway answers while the store takes its time, or cannot serve at all. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fail } from "@parley/protocol";
import { type Append, type Engine, StorageUnavailable } from "../../../packages/server/src/engine/engine.ts";
import { startNativeServer } from "../../native/native-server.ts";
import { appToken, ask, PushSocket, sendMessage } from "./push-client.ts";

/** An engine whose appends wait, and whose writes fail, as long as the test wants. */
class Store {
  readonly waiting: Append[] = [];
  isHeld = false;
  isBroken = false;
  #append: (append: Append) => void = () => {};

  wrap = (engine: Engine): Engine => {
    const write = engine.write.bind(engine);
    this.#append = engine.append.bind(engine);
    return Object.assign(engine, {
      append: (append: Append) => {
        if (this.isBroken) append.settled(fail("storage_unavailable", "the disk is full", 1000));
        else if (this.isHeld) this.waiting.push(append);
        else this.#append(append);
      },
      write: (...records: Parameters<Engine["write"]>) =>
        this.isBroken ? Promise.reject(new StorageUnavailable("the disk is full")) : write(...records),
    });
  };

  release(): void {
    this.isHeld = false;
    for (const append of this.waiting) this.#append(append);
  }
}

describe("while the store", { timeout: 10_000 }, () => {
  it("has not written a message, nobody is answered and nobody gets it", async (t) => {
    const store = new Store();
    const { webSocketPort: port } = await startNativeServer(t, { gateways: ["push"] }, { wrapEngine: store.wrap });
    const socket = await PushSocket.of(port, "u");
    store.isHeld = true;
    let isAnswered = false;
    const answer = sendMessage(port, "u", "hi there").finally(() => {
      isAnswered = true;
    });
    while (store.waiting.length === 0) await ask(port, "/healthcheck", { method: "GET" });
    await socket.echo("time has passed");
    assert.equal(isAnswered, false);
    assert.deepEqual(
      store.waiting.map(({ durability, logs }) => [durability, logs]),
      [["fsync", ["u"]]],
    );
    store.release();
    assert.equal((await answer).status, 200);
    assert.equal(await socket.next(), "hi there");
  });

  it("cannot serve, requests and handshakes are answered 503, and served again afterwards", async (t) => {
    const store = new Store();
    const { webSocketPort: port } = await startNativeServer(t, { gateways: ["push"] }, { wrapEngine: store.wrap });
    const socket = await PushSocket.of(port, "known");
    const token = await appToken(port, "new");
    store.isBroken = true;
    for (const [name, sentence] of [
      ["known", "503: the disk is full"],
      ["new", "503: the store cannot serve this now"],
    ] as const) {
      const { status, body, headers } = await sendMessage(port, name, "lost");
      assert.deepEqual([status, body, headers["retry-after"]], [503, sentence, "1"]);
    }
    await assert.rejects(PushSocket.open(port, `?authorization=${token}`), /refused: 503/);
    await socket.echo("still open");
    store.isBroken = false;
    assert.equal((await sendMessage(port, "new", "kept")).status, 200);
    assert.equal(await (await PushSocket.open(port, `?authorization=${token}`)).next(), "kept");
  });
});
