/** Pieces of text against the strings that they are. */
import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { TextWriter } from "./text-writer.ts";

it("holds what was appended since it was cleared, as UTF-8, however much that is", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: "binary-ascii", maxLength: 200 }),
    fc.constant("é".repeat(50_000)),
  );
  const piece = fc.oneof(text, fc.maxSafeNat(), fc.constant(true as const));
  const writer = new TextWriter();
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      writer.clear();
      let expected = "";
      for (const one of pieces) {
        if (typeof one === "string") assert.equal(writer.text(one), Buffer.byteLength(one));
        else if (one === true) writer.character(0x0a);
        else writer.number(one);
        expected += one === true ? "\n" : one;
      }
      assert.equal(writer.length, Buffer.byteLength(expected));
      assert.equal(writer.written.toString(), Buffer.from(expected).toString());
    }),
  );
});
