/** Message ids: the form of RFC 9562, and that each is above all before it, whatever the clock does. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "../../testing/core-fixture.ts";
import { systemClock } from "./clock.ts";
import { createIds } from "./ids.ts";

const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const msOf = (id: string) => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

/** Each next one sorts above the one before. */
function assertIncreasing(ids: readonly string[]): void {
  for (const [at, id] of ids.entries()) {
    assert.match(id, uuidV7);
    if (at > 0) assert.ok((ids[at - 1] as string) < id, `${ids[at - 1]} ${id}`);
  }
}

describe("ids", () => {
  it("have the form and the time of a UUIDv7", () => {
    const clock = new ManualClock();
    for (const time of [1, 0x1234_5678, 1_800_000_000_000, 2 ** 48 - 1]) {
      clock.time = time;
      const id = createIds(clock)();
      assert.match(id, uuidV7);
      assert.equal(msOf(id), time);
    }
  });

  it("increase within a millisecond, beyond what 16 bits of counter hold", () => {
    const newId = createIds(new ManualClock());
    const ids = Array.from({ length: 200_000 }, newId);
    assertIncreasing(ids);
    assert.equal(new Set(ids.map(msOf)).size, 1);
  });

  it("increase when the clock goes on, stands still or goes backwards", () => {
    const clock = new ManualClock();
    const newId = createIds(clock);
    const start = clock.time;
    const ids = [0, 1, 1, 0, -5000, -4999, 2, 1, 3].map((ms) => {
      clock.time = start + ms;
      return newId();
    });
    assertIncreasing(ids);
    assert.deepEqual(
      ids.map((id) => msOf(id) - start),
      [0, 1, 1, 1, 1, 1, 2, 2, 3],
    );
  });

  it("of two makers differ, and increase under the real clock", () => {
    const makers = [createIds(systemClock), createIds(systemClock)];
    const ids = makers.map((newId) => Array.from({ length: 50_000 }, newId));
    for (const one of ids) assertIncreasing(one);
    assert.equal(new Set(ids.flat()).size, 100_000);
  });
});
