/** The stored form of a message: what goes in comes out, whatever characters; digests; base64. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { digestOf, encodeContent, encodePayload, isBase64, parsePayload, wantsReceipt } from "./message.ts";

const text = fc.string({ unit: "binary" }).filter((value) => value.isWellFormed());
const envelope = { id: "i", from: "alice", to: '"bob"', ts: 5, expiresAt: 0, clientId: undefined, receipt: false };
const send = { op: "send", to: "bob", body: "" } as const;

describe("a payload", () => {
  it("parses to what was put in, and no field shows that was not", () => {
    const fields = fc.record(
      { contentType: text, type: text, encoding: fc.constant("base64" as const) },
      { requiredKeys: [] },
    );
    const clientId = fc.option(fc.stringMatching(/^[!-~]{1,64}$/), { nil: undefined });
    const property = fc.property(
      text,
      fields,
      clientId,
      fc.boolean(),
      fc.nat(),
      (body, more, id, receipt, expiresAt) => {
        const about = { ...envelope, to: '["bob","#room"]', clientId: id, receipt, expiresAt };
        const payload = encodePayload(about, encodeContent({ ...send, body, ...more }));
        assert.deepEqual(parsePayload(payload), {
          ...{ id: "i", from: "alice", to: ["bob", "#room"], ts: 5, body, ...more },
          ...(id === undefined ? {} : { clientId: id }),
          ...(expiresAt === 0 ? {} : { expiresAt }),
          ...(receipt ? { receipt } : {}),
        });
        assert.equal(wantsReceipt(payload), receipt);
      },
    );
    fc.assert(property);
  });

  it("asks for a receipt only where the sender did, whatever the texts end with", () => {
    const trick = '","receipt":true}';
    for (const more of [{ body: trick }, { body: "", type: trick }, { body: "", contentType: trick }]) {
      const content = encodeContent({ ...send, ...more });
      assert.equal(wantsReceipt(encodePayload(envelope, content)), false);
      assert.equal(wantsReceipt(encodePayload({ ...envelope, clientId: trick }, content)), false);
      assert.equal(wantsReceipt(encodePayload({ ...envelope, receipt: true }, content)), true);
    }
  });
});

describe("a digest", () => {
  const digest = (to: string, content: Partial<Parameters<typeof encodeContent>[0]>) =>
    digestOf(to, encodeContent({ ...send, ...content }));

  it("is the same for the same content and no other", () => {
    const contents = [
      digest('"bob"', { body: "a" }),
      digest('["bob"]', { body: "a" }),
      digest('"bo"', { body: "a" }),
      digest('"bob"', { body: "b" }),
      digest('"bob"', { body: "a", type: "t" }),
      digest('"bob"', { body: "a", contentType: "t" }),
      digest('"bob"', { body: "a", encoding: "base64" }),
      digest('"bob"', { body: 'a","type":"t' }),
      digest('"bob"', { body: "" }),
    ];
    assert.equal(new Set(contents).size, contents.length);
    assert.ok(contents.every((one) => /^[\w-]{22}$/.test(one)));
    assert.equal(digest('"bob"', { body: "a", type: "t" }), digest('"bob"', { type: "t", body: "a" }));
  });

  it("leaves out how the message is carried", () => {
    assert.equal(digest('"bob"', { body: "a" }), digest('"bob"', { body: "a", ttl: 5, copy: false, receipt: true }));
  });
});

describe("base64", () => {
  it("is what Buffer writes", () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => assert.ok(isBase64(Buffer.from(bytes).toString("base64")))));
  });

  it("is nothing else", () => {
    for (const good of ["", "AA==", "AAA=", "AAAA", "+/+/"]) assert.equal(isBase64(good), true, good);
    const bad = [
      "A",
      "AA",
      "AAA",
      "A===",
      "====",
      "=AAA",
      "AA=A",
      "AA==AAAA",
      "AA==\n",
      " AAAA",
      "-_-_",
      "AAé=",
      "ＡＡＡＡ",
    ];
    for (const text of bad) assert.equal(isBase64(text), false, text);
  });

  it("is decided quickly for a long text, however hostile", () => {
    const long = "A".repeat(1024 * 1024);
    const hostile = [
      long,
      `${long}!!!!`,
      `${long}A===`,
      `!${long}AAA`,
      `${long}${"=".repeat(1024 * 1024)}`,
      "=A".repeat(2 ** 19),
    ];
    const began = performance.now();
    for (let times = 0; times < 5; times++)
      assert.deepEqual(hostile.map(isBase64), [true, false, false, false, false, false]);
    assert.ok(performance.now() - began < 2000, `${performance.now() - began} ms`);
  });
});
