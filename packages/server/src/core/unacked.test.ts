/** Ranges of seqs against a plain set of them. */
import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { Unacked } from "./unacked.ts";

it("knows what was added and not acknowledged, whatever the order of adding and acknowledging", () => {
  const add = fc.record({ gap: fc.nat(2), count: fc.integer({ min: 1, max: 5 }) });
  const step = fc.oneof(add, fc.record({ share: fc.double({ min: 0, max: 1.2, noNaN: true }) }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 800 }), (steps) => {
      const unacked = new Unacked();
      const expected = new Set<number>();
      let last = 0;
      for (const one of steps) {
        if ("count" in one) {
          const first = last + 1 + one.gap;
          last = first + one.count - 1;
          unacked.add(first, last);
          for (let seq = first; seq <= last; seq++) expected.add(seq);
        } else {
          const upTo = Math.floor(last * one.share);
          const gone = [...expected].filter((seq) => seq <= upTo);
          for (const seq of gone) expected.delete(seq);
          assert.equal(unacked.ack(upTo), gone.length);
        }
        assert.equal(unacked.count, expected.size);
      }
      for (let seq = 0; seq <= last + 1; seq++) assert.equal(unacked.has(seq), expected.has(seq));
    }),
  );
});
