/**
 * The only way in for untrusted JSON: what is not a message of the right direction is refused with the documented code
 * and a sentence that helps, nothing throws, and nothing in a frame can reach beyond its own fields.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { maxDepth, parseClientMessage, parseServerMessage } from "./validate.ts";

function fault(text: string, parse: typeof parseClientMessage | typeof parseServerMessage = parseClientMessage) {
  const parsed = parse(text);
  assert.ok(!parsed.ok, `${text.slice(0, 200)} is accepted`);
  return parsed.fault;
}

function refused(fields: object, message: string | RegExp): void {
  const { code, message: actual } = fault(JSON.stringify(fields));
  assert.equal(code, "bad_message");
  if (typeof message === "string") assert.equal(actual, message);
  else assert.match(actual, message);
}

function accepted(text: string) {
  const parsed = parseClientMessage(text);
  assert.ok(parsed.ok, `${text.slice(0, 200)}: ${parsed.ok ? "" : parsed.fault.message}`);
  return parsed.value;
}

describe("a frame that is not one JSON object", () => {
  it("is bad_json", () => {
    for (const text of [
      "",
      " ",
      "{",
      "}",
      "hello",
      "{'op':'ping'}",
      '{"op":"ping",}',
      '{"op":"ping"}{"op":"ping"}',
      '{"op":"ping"}\0',
      "NaN",
      '{"seq":01}',
      '\ufeff{"op":"ping"}',
    ]) {
      assert.deepEqual(fault(text), { code: "bad_json", message: "the frame is not JSON" }, text);
    }
    for (const text of ["null", "5", '"ping"', "true", "[]", '[{"op":"ping"}]']) {
      assert.deepEqual(fault(text), { code: "bad_json", message: "the frame is not a JSON object" }, text);
    }
  });
});

describe("op", () => {
  it("that is missing, not text or unknown is unknown_op", () => {
    assert.deepEqual(fault("{}"), { code: "unknown_op", message: 'field "op" is missing' });
    assert.deepEqual(fault('{"op":5}'), { code: "unknown_op", message: 'field "op" must be a string' });
    assert.deepEqual(fault('{"op":"fly"}'), { code: "unknown_op", message: 'unknown op "fly"' });
    assert.deepEqual(fault('{"op":"\\u001b[2J"}'), { code: "unknown_op", message: 'unknown op "\\u{1b}[2J"' });
    assert.ok(fault(`{"op":"${"x".repeat(100_000)}"}`).message.length < 100);
    for (const op of ["__proto__", "constructor", "toString", "Ping", "ping ", ""]) {
      assert.equal(fault(JSON.stringify({ op })).code, "unknown_op");
    }
  });

  it("of the other direction is unknown_op", () => {
    assert.equal(fault('{"op":"live"}').code, "unknown_op");
    assert.equal(fault('{"op":"ack","log":"a","seq":1}', parseServerMessage).code, "unknown_op");
    assert.ok(parseServerMessage('{"op":"live"}').ok);
  });
});

describe("a field", () => {
  it("that is missing is named", () => {
    refused({ op: "send" }, 'send: field "to" is missing');
    refused({ op: "send", to: "bob" }, 'send: field "body" is missing');
    refused({ op: "hello", positions: [{ log: "a", epoch: "e" }] }, 'hello: field "positions[0].seq" is missing');
  });

  it("of a wrong type is named, with what it has to be and what came", () => {
    const send = { op: "send", to: "bob", body: "" };
    refused({ ...send, body: null }, 'send: field "body" must be a string (got null)');
    refused({ ...send, body: { text: "x" } }, 'send: field "body" must be a string (got an object)');
    refused({ ...send, copy: "yes" }, 'send: field "copy" must be true or false (got "yes")');
    refused({ ...send, durability: "disk" }, 'send: field "durability" must be "fsync" or "memory" (got "disk")');
    refused({ ...send, encoding: "hex" }, 'send: field "encoding" must be "base64" (got "hex")');
    refused({ ...send, to: ["bob", 5] }, 'send: field "to[1]" must be a string of 1 to 256 characters (got 5)');
    refused({ ...send, to: [] }, /field "to" must be a string .* or a list of 1 to 100 items \(got an empty list\)/);
    refused({ ...send, to: Array(101).fill("bob") }, /\(got a list of 101\)/);
    refused(
      { ...send, clientId: "a b" },
      'send: field "clientId" must be 1 to 64 printable ASCII characters without a space (got "a b")',
    );
    refused(
      { op: "hello", positions: {} },
      'hello: field "positions" must be a list of at most 10000 items (got an object)',
    );
    refused({ op: "hello", positions: [5] }, 'hello: field "positions[0]" must be an object (got 5)');
  });

  it("is not given back at length", () => {
    refused(
      { op: "ping", ref: "x".repeat(65) },
      'ping: field "ref" must be a string of 1 to 64 characters (got a longer string)',
    );
    refused(
      { op: "hello", token: "secret".repeat(2000) },
      'hello: field "token" must be a string of at most 8192 characters (got a longer string)',
    );
  });

  it("is measured in code points", () => {
    accepted(JSON.stringify({ op: "ping", ref: "😀".repeat(64) }));
    refused({ op: "ping", ref: "😀".repeat(65) }, /"ref"/);
    refused({ op: "ping", ref: `a${"\u0301".repeat(64)}` }, /"ref"/);
  });

  it("that is not documented is ignored", () => {
    accepted('{"op":"ping","new":{"field":[1,2,3]},"constructor":1,"toString":null}');
  });
});

describe("a number", () => {
  const ack = (seq: string) => `{"op":"ack","log":"alice","seq":${seq}}`;

  it("for a seq is whole and exact", () => {
    for (const seq of ["0", "5", "5.0", "5e3", "-0", "9007199254740991"]) accepted(ack(seq));
    for (const seq of [
      "-1",
      "0.5",
      "1e-9",
      "9007199254740992",
      "9007199254740993",
      "1e308",
      "1e309",
      "-1e309",
      "1".repeat(500),
      '"5"',
      "null",
      "true",
      "[1]",
      "{}",
    ]) {
      assert.equal(fault(ack(seq)).code, "bad_message", seq);
    }
    assert.match(
      fault(ack("1e309")).message,
      /"seq" must be a whole number from 0 to 9007199254740991 \(got Infinity\)/,
    );
  });

  it("has its field's limits", () => {
    for (const limit of [1, 500]) accepted(JSON.stringify({ op: "history", log: "a", limit }));
    for (const limit of [0, 501, -1, 2.5])
      refused({ op: "history", log: "a", limit }, /"limit" must be a whole number from 1 to 500/);
  });
});

describe("nesting", () => {
  /** A `ping` with `levels` of `open` in a field that is not documented; the message itself is one more. */
  const nested = (levels: number, open: string, close: string) =>
    `{"op":"ping","x":${open.repeat(levels)}0${close.repeat(levels)}}`;

  it("is allowed to the limit and refused beyond it", () => {
    for (const [open, close] of [
      ["[", "]"],
      ['{"x":', "}"],
    ] as const) {
      accepted(nested(maxDepth - 1, open, close));
      assert.deepEqual(fault(nested(maxDepth, open, close)), {
        code: "bad_message",
        message: `ping: nested deeper than ${maxDepth}`,
      });
      assert.equal(fault(nested(200_000, open, close)).code, "bad_message");
    }
  });

  it("is found beside other fields", () => {
    assert.equal(fault(`{"op":"ping","a":[[1],[2]],"b":[{},[[[[[[[0]]]]]]]]}`).code, "bad_message");
  });
});

describe("keys and text", () => {
  it("__proto__ is a key like any other and changes no prototype", () => {
    assert.equal(fault('{"__proto__":{"op":"ping"}}').code, "unknown_op");
    assert.equal(fault('{"op":"send","__proto__":{"to":"bob","body":"x"}}').message, 'send: field "to" is missing');
    const message = accepted(
      '{"op":"ping","__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
    );
    assert.equal(Object.getPrototypeOf(message), Object.prototype);
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    assert.equal((message as { polluted?: boolean }).polluted, undefined);
  });

  it("of two equal keys the last one counts, for the check as for the message", () => {
    assert.deepEqual(accepted('{"op":"send","op":"ping"}'), { op: "ping" });
    assert.equal(fault('{"op":"ack","log":"a","seq":1,"seq":"1"}').code, "bad_message");
    assert.deepEqual(accepted('{"op":"ack","log":"a","seq":"1","seq":1}'), { op: "ack", log: "a", seq: 1 });
  });

  it("may hold any text that UTF-8 can carry", () => {
    for (const body of ["", "\0", "\x1b[31m\r\n", "😀", "\u202e", "\uffff", "\u{10ffff}"]) {
      assert.deepEqual(accepted(JSON.stringify({ op: "send", to: "bob", body })), { op: "send", to: "bob", body });
    }
  });

  it("may not hold half of a surrogate pair, in any field", () => {
    for (const text of [
      '{"op":"send","to":"bob","body":"\\ud83d"}',
      '{"op":"send","to":["bob","\\ude00"],"body":""}',
      '{"op":"ping","unknown":{"deep":["\\ude00\\ud83d"]}}',
    ]) {
      const { code, message } = fault(text);
      assert.equal(code, "bad_message");
      assert.match(message, /half of a surrogate pair/);
    }
  });
});

describe("whatever comes", () => {
  const json = fc.json({ maxDepth: 12, stringUnit: "binary" });
  const almost = fc.record(
    {
      op: fc.constantFrom(
        "hello",
        "send",
        "ack",
        "join",
        "leave",
        "history",
        "users",
        "rooms",
        "watch",
        "unwatch",
        "ping",
        "bye",
      ),
      to: fc.jsonValue(),
      body: fc.jsonValue(),
      log: fc.jsonValue(),
      seq: fc.jsonValue(),
      users: fc.jsonValue(),
      positions: fc.jsonValue(),
      limit: fc.jsonValue(),
      ref: fc.jsonValue(),
    },
    { requiredKeys: ["op"] },
  );

  it("is a message or a fault with one of three codes, and a sentence for it", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary" }),
          json,
          almost.map((value) => JSON.stringify(value)),
        ),
        (text) => {
          const parsed = parseClientMessage(text);
          if (parsed.ok) return;
          assert.ok(["bad_json", "unknown_op", "bad_message"].includes(parsed.fault.code));
          assert.doesNotMatch(parsed.fault.message, /not of the documented shape|undefined/);
          assert.ok(parsed.fault.message.length < 300 && !/\p{C}/u.test(parsed.fault.message), parsed.fault.message);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("is refused in a time that follows its length", () => {
    const start = performance.now();
    const million = 1024 * 1024;
    fault(`{"op":"ping","x":${"[".repeat(million / 2)}${"]".repeat(million / 2)}}`);
    fault(`{"op":"hello","positions":[${"{},".repeat(9999)}{}]}`);
    fault(JSON.stringify({ op: "ping", ref: `a${"\u0301".repeat(million)}` }));
    fault(JSON.stringify({ op: "watch", users: Array(million / 4).fill("a") }));
    fault(`{"op":"ack","log":"a","seq":1,"x":[${"0,".repeat(million / 2)}"\\ud800"]}`);
    assert.ok(performance.now() - start < 3000);
  });
});
