import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CursorTable } from "./cursors.ts";

test("admits each seq of a log once and only upwards, whatever is repeated", () => {
  const arrivals = fc.array(fc.record({ log: fc.constantFrom("a", "#b", "*"), seq: fc.integer({ min: 1, max: 30 }) }));
  fc.assert(
    fc.property(arrivals, (messages) => {
      const cursors = new CursorTable();
      for (const log of ["a", "#b", "*"]) cursors.begin({ log, epoch: "e", seq: 0 });
      const admitted = messages.filter(({ log, seq }) => cursors.admit(log, seq));
      for (const log of ["a", "#b", "*"]) {
        const seqs = admitted.filter((message) => message.log === log).map(({ seq }) => seq);
        assert.deepEqual(
          seqs,
          [...new Set(seqs)].sort((x, y) => x - y),
        );
        const last = Math.max(0, ...messages.filter((message) => message.log === log).map(({ seq }) => seq));
        assert.equal(seqs.at(-1) ?? 0, last);
      }
    }),
  );
});

test("a log that is known keeps its position when the server begins it again", () => {
  const cursors = new CursorTable();
  assert.equal(cursors.begin({ log: "a", epoch: "e", seq: 5 }), true);
  cursors.admit("a", 6);
  assert.equal(cursors.begin({ log: "a", epoch: "e", seq: 9 }), false);
  assert.equal(cursors.admit("a", 6), undefined);
  assert.ok(cursors.admit("a", 7));
});

test("resumes from what is saved, not from what was received or handled, and only in a known epoch", () => {
  const cursors = new CursorTable();
  const cursor = cursors.set({ log: "a", epoch: "e", seq: 5 });
  cursors.admit("a", 8);
  cursor.handled = 7;
  cursor.saved = 6;
  cursors.admit("#unannounced", 3);
  assert.deepEqual(cursors.resumePositions(), [{ log: "a", epoch: "e", seq: 6 }]);
  cursors.begin({ log: "#unannounced", epoch: "f", seq: 9 });
  assert.deepEqual(cursors.resumePositions()[1], { log: "#unannounced", epoch: "f", seq: 2 });
});

test("a cursor that was replaced is not current", () => {
  const cursors = new CursorTable();
  const old = cursors.set({ log: "a", epoch: "e", seq: 5 });
  assert.ok(cursors.isCurrent(old));
  cursors.set({ log: "a", epoch: "f", seq: 0 });
  assert.ok(!cursors.isCurrent(old));
  assert.ok(cursors.admit("a", 1));
});
