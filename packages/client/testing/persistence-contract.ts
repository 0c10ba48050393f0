/**
 * What every persistence owes the client (`persistence.ts`), as tests. An implementation's own test calls this once; a
 * new implementation needs nothing else to be held to the port.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Change, Persistence, StoredSend } from "../src/persistence.ts";

/** `open` gives a persistence on the same storage each time, as a restarted process would get it. */
export type OpenPersistence = () => Promise<Persistence>;

export function send(clientId: string, body = `body of ${clientId}`): StoredSend {
  return { clientId, to: "bob", body };
}

export function queued(clientId: string, body?: string): Change {
  return { type: "queued", send: send(clientId, body) };
}

export function moved(log: string, seq: number, epoch = "e"): Change {
  return { type: "position", position: { log, epoch, seq } };
}

/** Declares the tests; `create` makes a fresh storage and returns what opens it. */
export function testPersistence(name: string, create: () => Promise<OpenPersistence>): void {
  /** Saves batches, reopens, and loads. */
  async function afterRestart(batches: Change[][]) {
    const open = await create();
    const first = await open();
    await first.load();
    for (const batch of batches) await first.save(batch);
    await first.close();
    const second = await open();
    const state = await second.load();
    await second.close();
    return state;
  }

  test(`${name}: is empty at first`, async () => {
    assert.deepEqual(await afterRestart([]), { positions: [], outbox: [] });
  });

  test(`${name}: gives back identity, the last position of each log, and the outbox in order`, async () => {
    const state = await afterRestart([
      [{ type: "identity", user: "alice", device: "phone" }, moved("alice", 1), queued("c"), queued("b")],
      [moved("#room", 7), moved("alice", 9, "other"), queued("a")],
    ]);
    assert.equal(state.user, "alice");
    assert.equal(state.device, "phone");
    assert.deepEqual(new Set(state.positions), new Set([position("alice", 9, "other"), position("#room", 7)]));
    assert.deepEqual(state.outbox, [send("c"), send("b"), send("a")]);
  });

  test(`${name}: forgets what was settled and left, keeps the order of the rest`, async () => {
    const state = await afterRestart([
      [queued("1"), queued("2"), queued("3"), queued("4")],
      [{ type: "settled", clientId: "2" }, moved("#room", 5)],
      [{ type: "forget", log: "#room" }, { type: "settled", clientId: "4" }, queued("5")],
      [{ type: "settled", clientId: "unknown" }],
    ]);
    assert.deepEqual(state.outbox, [send("1"), send("3"), send("5")]);
    assert.deepEqual(state.positions, []);
  });

  test(`${name}: appends after what a former process left`, async () => {
    const open = await create();
    for (const clientId of ["first", "second", "third"]) {
      const persistence = await open();
      await persistence.load();
      await persistence.save([queued(clientId)]);
      await persistence.close();
    }
    const last = await open();
    const { outbox } = await last.load();
    await last.close();
    assert.deepEqual(outbox, [send("first"), send("second"), send("third")]);
  });

  test(`${name}: carries any text`, async () => {
    const body = `line\nbreak "quoted" \u0000 \u2028 \ud83d\ude00 ${"x".repeat(100_000)}`;
    const state = await afterRestart([[queued("odd", body), moved("#große-räume", 2 ** 53 - 1)]]);
    assert.deepEqual(state.outbox, [send("odd", body)]);
    assert.deepEqual(state.positions, [position("#große-räume", 2 ** 53 - 1)]);
  });
}

function position(log: string, seq: number, epoch = "e") {
  return { log, epoch, seq };
}
