/** What is remembered of deliveries: the latest, per device, with their acknowledgements. */
import assert from "node:assert/strict";
import { it } from "node:test";
import type { LogName, Receiver } from "@parley/protocol";
import { ManualClock } from "../../testing/core-fixture.ts";
import { DeliveryRecord } from "./delivery-record.ts";

/** Notes of one turn share their time. */
const nextTurn = () => Promise.resolve();
const log = "alice" as LogName;
const receiver = (device: string): Receiver => ({ user: "alice", device, session: `s-${device}`, gateway: "test" });

it("knows who was given a message when, and who acknowledged it", async () => {
  const clock = new ManualClock();
  const record = new DeliveryRecord(clock, 100);
  const start = clock.time;
  const [phone, laptop] = [receiver("phone"), receiver("laptop")];
  const at = async (ms: number, note: () => void) => {
    clock.time = start + ms;
    note();
    await nextTurn();
  };
  await at(1, () => record.delivered(phone, log, 7, 7));
  await at(2, () => record.delivered(phone, "bob" as LogName, 7, 7));
  await at(3, () => record.delivered(laptop, log, 7, 7));
  await at(4, () => record.acknowledged(phone, log, 6));
  await at(5, () => record.acknowledged(phone, log, 9));
  await at(6, () => record.acknowledged(phone, log, 12));
  await at(7, () => record.delivered(phone, log, 7, 7));
  assert.deepEqual(record.of(log, 7), [
    { ...phone, deliveredAt: start + 1, acknowledgedAt: start + 5 },
    { ...laptop, deliveredAt: start + 3 },
    { ...phone, deliveredAt: start + 7 },
  ]);
  assert.deepEqual(record.of(log, 8), []);
  assert.equal(record.since, start);
});

it("forgets the oldest, and says since when it is complete", async () => {
  const clock = new ManualClock();
  const record = new DeliveryRecord(clock, 3);
  const start = clock.time;
  for (let seq = 1; seq <= 5; seq++) {
    clock.time += 10;
    record.delivered(receiver("phone"), log, seq, seq);
    await nextTurn();
  }
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((seq) => record.of(log, seq).length),
    [0, 0, 1, 1, 1],
  );
  assert.equal(record.since, start + 30);
});

it("of size 0 remembers nothing, and says so", () => {
  const record = new DeliveryRecord(new ManualClock(), 0);
  record.delivered(receiver("phone"), log, 1, 1);
  record.acknowledged(receiver("phone"), log, 1);
  assert.deepEqual(record.of(log, 1), []);
  assert.equal(record.since, Number.POSITIVE_INFINITY);
});
