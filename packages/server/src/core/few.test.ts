/** Few against a plain set. */
import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { Few } from "./few.ts";

const members = Array.from({ length: 4 }, (_, number) => ({ number }));

it("has what was added and not deleted, in that order, as a set has", () => {
  const step = fc.record({ adds: fc.boolean(), which: fc.nat(members.length - 1) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const few = new Few<object>();
      const expected = new Set<object>();
      for (const { adds, which } of steps) {
        const member = members[which] as object;
        if (adds) {
          few.add(member);
          expected.add(member);
        } else assert.equal(few.delete(member), expected.delete(member));
        assert.deepEqual([...few], [...expected]);
        assert.equal(few.size, expected.size);
        for (const one of members) assert.equal(few.has(one), expected.has(one));
        if (few.only) assert.deepEqual([few.only], [...expected]);
      }
    }),
  );
});
