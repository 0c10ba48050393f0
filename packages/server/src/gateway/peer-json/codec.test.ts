/** What is known of a send that was read is what writing it would come to. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LogName } from "@parley/protocol";
import fc from "fast-check";
import { asRead, encodeContent, encodePayload, parsePayload } from "../../core/message.ts";
import { Entry } from "../../engine/entry.ts";
import { encodePeerMessage, type PeerSend, parsePeerMessage } from "./codec.ts";

const name = fc.stringMatching(/^[a-zA-Zäß漢0-9._-]{1,12}$/);
const text = fc.oneof(
  fc.string({ unit: "binary" }).filter((one) => one.isWellFormed()),
  fc.string({ unit: "grapheme" }),
  fc.constantFrom('"', "\\", "\u0000", "\u001f", "\u007f", "\u2028", '","msg":"', "\\u0041"),
);

function read(frame: string): PeerSend {
  const result = parsePeerMessage(frame);
  assert.ok(result.ok && result.value.kind === "send");
  return result.value;
}

/** The message as it is stored, with what is known of it or without. */
function stored({ from, to, text: body }: PeerSend, known?: PeerSend): Entry {
  const envelope = {
    id: "0".repeat(36),
    from,
    to: `"${to}"`,
    ts: 1,
    expiresAt: 0,
    clientId: undefined,
    receipt: false,
  };
  const content = encodeContent({ op: "send", to, body, ...(known === undefined ? {} : { [asRead]: known }) });
  return new Entry(to as LogName, "e1", 1, encodePayload(envelope, content), "", 0);
}

describe("a send that was read", () => {
  it("is stored the same whether it is known to be plain or not", () => {
    fc.assert(
      fc.property(name, name, text, (from, to, msg) => {
        const send = read(JSON.stringify({ from, to, msg }));
        assert.equal(stored(send, send).payload, stored(send).payload);
        assert.equal(parsePayload(stored(send, send).payload).body, msg);
      }),
    );
  });

  it("is told by its own frame only where that is what it would be told by", () => {
    let known = 0;
    fc.assert(
      fc.property(name, name, text, fc.constantFrom("", " "), (from, to, msg, space) => {
        const send = read(`{"from":${space}"${from}","to":${space}"${to}","msg":${JSON.stringify(msg)}}`);
        assert.equal(send.text, msg);
        if (send.frame === undefined) return;
        known += 1;
        assert.equal(send.frame, encodePeerMessage(stored(send)));
      }),
      { numRuns: 500 },
    );
    assert.ok(known > 50, `${known} were`);
  });

  it("with spaces, escapes or other fields is told anew", () => {
    for (const frame of [
      '{ "from":"a","to":"b","msg":"c"}',
      '{"from":"a", "to":"b","msg":"c"}',
      '{"from":"a","to":"b","msg":"\\u0063"}',
      '{"to":"b","from":"a","msg":"c"}',
      '{"from":"a","to":"b","msg":"c","more":1}',
    ])
      assert.equal(read(frame).frame, undefined, frame);
    assert.equal(read('{"from":"a","to":"b","msg":"c"}').frame, '{"from":"a","to":"b","msg":"c"}');
  });
});
