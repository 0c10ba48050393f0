/** The error table: every row is usable on every carrier, and codes of a peer cannot reach into the prototype. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ErrorKind, errors, isErrorCode } from "./errors.ts";
import { fail, ok } from "./result.ts";

/** Close codes that a server may send: those of RFC 6455 that are not reserved, and the private range. */
function mayBeSent(code: number): boolean {
  return (code >= 4000 && code <= 4999) || [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013].includes(code);
}

const rows: readonly (readonly [string, ErrorKind])[] = Object.entries(errors);

describe("the error table", () => {
  it("has codes, statuses and close codes that may be sent", () => {
    for (const [code, kind] of rows) {
      assert.match(code, /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/);
      assert.ok(kind.http >= 400 && kind.http <= 599, `${code}: HTTP ${kind.http}`);
      assert.ok(mayBeSent(kind.wsClose), `${code}: close code ${kind.wsClose}`);
      assert.match(kind.meaning, /^[A-Z`].*\.$/, code);
      assert.doesNotMatch(kind.meaning, /\|/, `${code}: would break PROTOCOL.md's table`);
    }
  });

  it("asks to reconnect only where the connection closes", () => {
    for (const [code, kind] of rows) if (kind.retry === "reconnect") assert.ok(kind.closes, code);
  });

  it("gives each private close code to one error", () => {
    const codes = rows.map(([, kind]) => kind.wsClose).filter((code) => code >= 4000);
    assert.equal(new Set(codes).size, codes.length);
  });
});

describe("isErrorCode", () => {
  it("knows the table's codes and nothing else", () => {
    for (const [code] of rows) assert.ok(isErrorCode(code));
    for (const code of ["", "nonsense", "constructor", "__proto__", "toString", "BAD_NAME"])
      assert.ok(!isErrorCode(code));
  });
});

describe("a result", () => {
  it("is a value or a fault", () => {
    assert.deepEqual(ok(5), { ok: true, value: 5 });
    assert.deepEqual(fail("idle", "slept"), { ok: false, fault: { code: "idle", message: "slept" } });
    const fault = { code: "internal", message: "oops", retryAfterMs: 100 };
    assert.deepEqual(fail("internal", "oops", 100), { ok: false, fault });
  });
});
