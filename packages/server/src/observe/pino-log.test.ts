/** Every line can be parsed, stays one line whatever is in it, has no secrets, and does not come without end. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { createPinoLog, type PinoLogOptions } from "./pino-log.ts";

function logTo(options: Partial<PinoLogOptions> = {}) {
  const written: string[] = [];
  const write = (text: string) => void written.push(text);
  const log = createPinoLog({ level: "debug", format: "json", inColour: false, write, ...options });
  const lines = () => written.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { log, written, lines };
}

/** What could break a line, a terminal, or a reader's eyes: C0, DEL, C1, separators, bidi. */
const hostile = "a\nb\r\u001b[2J\u007f\u009b31m\u2028\u2029\u202e\u2066\ud800z";
const control = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

describe("a line of JSON", () => {
  it("has its level, time, message and what it is about", () => {
    const { log, lines } = logTo();
    log.warn("slow commit", { ms: 1200, user: "alice" });
    const [{ time, ...line } = {}] = lines();
    assert.deepEqual(line, { level: "warn", msg: "slow commit", ms: 1200, user: "alice" });
    assert.ok(Math.abs(Date.parse(String(time)) - Date.now()) < 60_000);
  });

  it("stays one line without control characters, and says what was there", () => {
    const { log, written, lines } = logTo();
    log.info(hostile, { user: hostile });
    assert.equal(written.length, 1);
    assert.doesNotMatch(written[0]?.trimEnd() ?? "", control);
    assert.equal(lines()[0]?.user, hostile);
  });

  it("is left out below the level", () => {
    const { log, lines } = logTo({ level: "warn" });
    log.debug("d");
    log.info("i");
    log.warn("w");
    log.error("e", undefined);
    assert.deepEqual(
      lines().map(({ msg }) => msg),
      ["w", "e"],
    );
  });

  it("has of an exception name, code and stack, and never a text that could not be parsed", () => {
    const { log, written, lines } = logTo();
    log.error("disk", Object.assign(new Error("no space"), { code: "ENOSPC" }), { messageId: "m1" });
    const parse = () => JSON.parse("geheim geheim");
    assert.throws(parse, (error) => {
      log.error("bug", error);
      return true;
    });
    const [disk, bug] = lines() as { error: { name: string; code?: string; stack: string }; messageId?: string }[];
    assert.deepEqual([disk?.error.code, disk?.messageId], ["ENOSPC", "m1"]);
    assert.match(disk?.error.stack ?? "", /^Error: no space\n {4}at /);
    assert.match(bug?.error.stack ?? "", /^SyntaxError: .*\n {4}at /);
    assert.doesNotMatch(written.join(""), /geheim/);
  });

  it("has nothing that is named like a secret", () => {
    const { log, written } = logTo();
    const secrets = { body: "geheim", token: "geheim", password: "geheim", authorization: "geheim", payload: "geheim" };
    log.info("named", { ...secrets, user: "alice" });
    log.error("nested", undefined, { about: secrets } as never);
    assert.doesNotMatch(written.join(""), /geheim/);
    assert.match(written.join(""), /alice/);
  });
});

describe("a line for people", () => {
  it("is words, in colour only where asked, and as harmless", () => {
    const { log, written } = logTo({ format: "text" });
    log.warn("slow commit", { ms: 1200, user: hostile });
    assert.match(written[0] ?? "", /^\d\d:\d\d:\d\d warn {2}slow commit {2}ms=1200 {2}user="a\\nb/);
    assert.doesNotMatch(written[0]?.trimEnd() ?? "", control);
    const colourful = logTo({ format: "text", inColour: true });
    colourful.log.error("oh", new Error("deep\u001b[2J down"));
    const [text = ""] = colourful.written;
    assert.ok(text.includes("\u001b[31merror"));
    assert.doesNotMatch(stripVTControlCharacters(text).replaceAll("\n", ""), control);
    assert.match(text, /deep\\u001b\[2J down\n {8}at /);
  });
});

describe("lines that say the same", () => {
  it("are written a few times, then counted", () => {
    const { log, lines } = logTo({ repetition: { limit: 3, intervalMs: 60_000 } });
    for (let n = 0; n < 100; n++) log.error("the store cannot write", new Error("EIO"), { n });
    log.error("something else", undefined);
    log.flush();
    for (let n = 0; n < 2; n++) log.error("the store cannot write", undefined);
    const said = lines().map(({ msg, omitted }) => [msg, omitted]);
    const [again, other] = [
      ["the store cannot write", undefined],
      ["something else", undefined],
    ];
    const counted = ["the store cannot write (more of the same)", 97];
    assert.deepEqual(said, [again, again, again, other, counted, again, again]);
  });
});
