import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { splitLines, wholeInput, withoutLineBreak } from "./input.ts";

async function* chunks(...texts: readonly (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

async function linesOf(stream: AsyncIterable<Buffer>): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of splitLines(stream)) lines.push(line.toString("latin1"));
  return lines;
}

test("lines are the same however the bytes arrive", async () => {
  const part = fc.string({ unit: fc.constantFrom("a", "b", "\n", "\r"), maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(fc.array(part), async (parts) => {
      const text = parts.join("");
      const expected = text.split("\n");
      if (expected.at(-1) === "") expected.pop();
      assert.deepEqual(await linesOf(chunks(...parts)), expected);
    }),
  );
});

test("bytes that are not UTF-8 stay as they are", async () => {
  assert.deepEqual(await linesOf(chunks(Buffer.from([0x61, 0xff, 0x0a, 0x80]))), ["a\xff", "\x80"]);
});

test("the whole input is what was written", async () => {
  assert.equal((await wholeInput(chunks("a", "b\n")))?.toString(), "ab\n");
});

test("input beyond the limit is refused before it fills the memory", async () => {
  let taken = 0;
  async function* endless(): AsyncGenerator<Buffer> {
    const chunk = Buffer.alloc(1024 * 1024);
    while (true) {
      taken += 1;
      yield chunk;
    }
  }
  assert.equal(await wholeInput(endless()), undefined);
  assert.equal(taken, 65);
});

test("one line break at the end is taken away, no more", () => {
  const ends = ["a\n", "a\r\n", "a\n\n", "a", "", "\n"].map((text) => withoutLineBreak(Buffer.from(text)).toString());
  assert.deepEqual(ends, ["a", "a", "a\n", "a", "", ""]);
});
