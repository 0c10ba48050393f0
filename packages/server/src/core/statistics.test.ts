/** Counting: by what, over a restart, over days and clocks that are put right, and where the store refuses for a while. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { Address, UserKey } from "@parley/protocol";
import { type RecordWrite, StorageUnavailable } from "../engine/engine.ts";
import { MemoryEngine } from "../engine/memory.ts";
import { type Counted, otherTypes, Statistics } from "./statistics.ts";

const noon = Date.UTC(2026, 10, 21, 12);
const day = 86_400_000;

async function open(t: TestContext, engine = new MemoryEngine(() => "epoch")): Promise<Statistics> {
  const statistics = await Statistics.open(engine, (error) => assert.fail(String(error)));
  t.after(() => statistics.stop());
  return statistics;
}

function message(about: Partial<Counted> & { readonly to?: string } = {}): Counted {
  const key = about.to ?? "bob";
  const recipients = [{ kind: key.startsWith("#") ? "room" : "user", key, name: key } as Address];
  return { from: "ann" as UserKey, gateway: "tcp", type: undefined, recipients, bytes: 10, ts: noon, ...about };
}

const plain = async (statistics: Statistics, ...query: Parameters<Statistics["by"]>) =>
  Object.fromEntries(
    Array.from(await statistics.by(...query), ([key, { messages, bytes }]) => [key, [messages, bytes]]),
  );

describe("statistics", () => {
  it("tell messages apart by sender, room, day, gateway and type", async (t) => {
    const statistics = await open(t);
    statistics.count(message());
    statistics.count(message({ to: "#room", bytes: 5, type: "note one" }));
    statistics.count(message({ from: "eve" as UserKey, gateway: "http", to: "#room", bytes: 1, ts: noon + day }));
    assert.deepEqual(await plain(statistics, "user"), { ann: [2, 15], eve: [1, 1] });
    assert.deepEqual(await plain(statistics, "room"), { "#room": [2, 6] });
    assert.deepEqual(await plain(statistics, "day"), { "2026-11-21": [2, 15], "2026-11-22": [1, 1] });
    assert.deepEqual(await plain(statistics, "gateway"), { tcp: [2, 15], http: [1, 1] });
    assert.deepEqual(await plain(statistics, "type"), { "": [2, 11], "note one": [1, 5] });
    assert.deepEqual(await plain(statistics, "gateway", "2026-11-22"), { http: [1, 1] });
    assert.deepEqual(await plain(statistics, "day", undefined, "2026-11-21"), { "2026-11-21": [2, 15] });
  });

  it("go on after a restart, and after the clock was put right", async (t) => {
    const engine = new MemoryEngine(() => "epoch");
    const first = await open(t, engine);
    for (let n = 0; n < 3; n++) first.count(message());
    await first.flush();
    const second = await open(t, engine);
    second.count(message());
    second.count(message({ ts: noon + day }));
    await second.flush();
    second.count(message());
    second.count(message({ ts: noon + day }));
    second.count(message());
    assert.deepEqual(await plain(second, "day"), { "2026-11-21": [6, 60], "2026-11-22": [2, 20] });
    assert.deepEqual(await plain(second, "user"), { ann: [8, 80] });
    const third = await open(t, engine);
    assert.deepEqual(await plain(third, "gateway"), { tcp: [8, 80] });
  });

  it("are written once each, though several ask at once and more comes meanwhile", async (t) => {
    const engine = new MemoryEngine(() => "epoch");
    const before = await open(t, engine);
    before.count(message());
    await before.flush();
    const statistics = await open(t, engine);
    const asked = [];
    for (let n = 0; n < 20; n++) {
      statistics.count(message({ from: `user-${n}` as UserKey }));
      asked.push(statistics.by("day"));
    }
    await Promise.all(asked);
    assert.deepEqual(await plain(statistics, "day"), { "2026-11-21": [21, 210] });
  });

  it("are written once a flush, however often they change while that is written", async (t) => {
    const engine = new MemoryEngine(() => "epoch");
    const write = engine.write.bind(engine);
    let written = 0;
    const statistics = await open(t, engine);
    engine.write = async (records: readonly RecordWrite[]) => {
      written += records.length;
      if (written < 10_000) statistics.count(message({ from: `user-${written % 1500}` as UserKey }));
      return write(records);
    };
    for (let n = 0; n < 1500; n++) statistics.count(message({ from: `user-${n}` as UserKey }));
    await statistics.flush();
    // The users, the day, its gateway, its type.
    assert.equal(written, 1503);
    assert.equal((await plain(statistics, "day"))["2026-11-21"]?.[0], 1502);
  });

  it("forget nothing while the store refuses", async (t) => {
    const engine = new MemoryEngine(() => "epoch");
    const write = engine.write.bind(engine);
    let refuses = true;
    engine.write = async (records: readonly RecordWrite[]) => {
      if (refuses) throw new StorageUnavailable("full");
      return write(records);
    };
    const statistics = await open(t, engine);
    statistics.count(message());
    await assert.rejects(statistics.flush(), StorageUnavailable);
    statistics.count(message());
    await assert.rejects(statistics.by("user"), StorageUnavailable);
    refuses = false;
    assert.deepEqual(await plain(statistics, "user"), { ann: [2, 20] });
    assert.deepEqual(await plain(statistics, "type"), { "": [2, 20] });
  });

  it("tell apart as many types in a day as are reasonable", async (t) => {
    const statistics = await open(t);
    for (let n = 0; n < 500; n++) statistics.count(message({ type: `type-${n}` }));
    const types = await statistics.by("type");
    assert.equal(types.size, 201);
    assert.equal(types.get(otherTypes)?.messages, 300);
  });
});
