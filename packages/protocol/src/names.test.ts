/**
 * The name rule (PROTOCOL.md, "Names"): what is a name, what folds to the same key, and that a key is a name again,
 * because keys travel on the wire as log names. Checked by examples, over every code point, and by properties.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { maxNameCharacters, parseAddress, parseDevice, parseRoom, parseUser } from "./names.ts";

function key(text: string): string {
  const parsed = parseUser(text);
  assert.ok(parsed.ok, `${JSON.stringify(text)} is refused: ${parsed.ok ? "" : parsed.fault.message}`);
  return parsed.value.key;
}

function refusal(text: string, parse: (text: string) => ReturnType<typeof parseAddress> = parseUser): string {
  const parsed = parse(text);
  assert.ok(!parsed.ok, `${JSON.stringify(text)} is accepted`);
  assert.equal(parsed.fault.code, "bad_name");
  return parsed.fault.message;
}

describe("a user's name", () => {
  it("may be of any script", () => {
    for (const name of [
      "alice",
      "Zoë",
      "Łukasz",
      "Ольга",
      "李小龙",
      "محمد",
      "אברהם",
      "ไพศาล",
      "हिन्दी",
      "x",
      "007",
      "a.b_c-d",
      "_",
      "-x-",
      "𝒶",
      "५",
    ]) {
      key(name);
    }
  });

  it("keeps the spelling in NFKC and is compared folded", () => {
    for (const [one, other] of [
      ["Alice", "aLICE"],
      ["ａｌｉｃｅ", "alice"],
      ["ﬁn", "FIN"],
      ["e\u0301", "É"],
      ["ОЛЬГА", "ольга"],
      ["Ⅷ", "viii"],
      ["²", "2"],
      ["\u212A", "k"],
      ["ΟΔΟΣ", "οδος"],
    ] as const) {
      assert.equal(key(one), key(other), `${one} and ${other}`);
    }
    const parsed = parseUser("Ａlice");
    assert.deepEqual(parsed, { ok: true, value: { kind: "user", key: "alice", name: "Alice" } });
  });

  it("does not confuse names that look alike", () => {
    assert.notEqual(key("a\u0430"), key("aa"));
    assert.notEqual(key("ı"), key("i"));
    assert.notEqual(key("straße"), key("strasse"));
  });

  it("may be a word that means something to JavaScript", () => {
    for (const word of ["__proto__", "constructor", "hasOwnProperty", "toString", "undefined", "null"]) {
      assert.equal(key(word), word.toLowerCase());
    }
    assert.deepEqual(parseRoom("#__proto__"), {
      ok: true,
      value: { kind: "room", key: "#__proto__", name: "#__proto__" },
    });
  });

  it("has none of the characters that mean something else", () => {
    for (const character of [
      ..."#*+>/$@,:;!?\"'`´^~|\\()[]{}<=&% \t\n\r\v\f\0",
      "\x7f",
      "\x85",
      "\xa0",
      "\u1680",
      "\u2003",
      "\u3000",
      "€",
      "→",
      "😀",
    ]) {
      refusal(character);
      refusal(`a${character}`);
      refusal(`a${character}b`);
    }
  });

  it("has no zero-width, bidirectional or otherwise invisible character", () => {
    const invisible =
      "00ad 034f 061c 115f 1160 17b4 17b5 180b 180e 200b 200c 200d 200e 200f 2028 2029 202a 202e 2060 2061 2064 2066 2069 206f 3164 fe00 fe0f feff ffa0 fff9 fffd fffe e0001 e0041 e0100 e01ef";
    for (const hex of invisible.split(" ")) {
      const character = String.fromCodePoint(Number.parseInt(hex, 16));
      refusal(character);
      refusal(`alice${character}`);
    }
  });

  it("does not begin with a combining mark", () => {
    refusal("\u0301a");
    refusal("\u20dd");
    key("q\u0301");
  });

  it("is well-formed Unicode", () => {
    for (const half of ["\ud800", "a\udc00", "\udc00\ud800", "a\ud835"]) refusal(half);
  });

  it("has 1 to 64 code points after normalising", () => {
    refusal("");
    key("x".repeat(64));
    refusal("x".repeat(65));
    key("𐍈".repeat(64));
    refusal("𐍈".repeat(65));
    key("e\u0301".repeat(64));
    refusal("ﷺ"); // 18 characters and spaces
    refusal("ﬃ".repeat(22)); // 66 letters
    key("ﬃ".repeat(21));
    refusal("x".repeat(1_000_000));
  });

  it("folds to a key of 64 code points at most, because a key has to be a name", () => {
    refusal("İ".repeat(33));
    const folded = key("İ".repeat(32));
    assert.equal([...folded].length, 64);
    assert.equal(key(folded), folded);
  });

  it("over every code point: refused, or folded to a name that is its own key", () => {
    const forbidden = /[\p{C}\p{Z}\p{S}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}#*+>/$@,:]/u;
    for (let codePoint = 0; codePoint <= 0x10ffff; codePoint++) {
      for (const text of [String.fromCodePoint(codePoint), `a${String.fromCodePoint(codePoint)}`]) {
        const parsed = parseUser(text);
        if (!parsed.ok) continue;
        const { key: folded, name } = parsed.value;
        const again = parseUser(folded);
        assert.ok(again.ok && again.value.key === folded, `U+${codePoint.toString(16)}`);
        assert.ok(!forbidden.test(name) && !forbidden.test(folded), `U+${codePoint.toString(16)}`);
      }
    }
  });

  const unit = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom(..."aAzZ09._-ßẞİıſKÅΣσςΆ\u0345\u0301\u0307\u0327ﬃǅⅧ가\u1112\u1161\u11ab𝒳𐐀ꭰ"),
    },
    { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 1 }) },
  );
  const text = fc.array(unit, { minLength: 1, maxLength: 70 }).map((units) => units.join(""));

  it("folds idempotently, and its spelling and its case do not matter", () => {
    let accepted = 0;
    const property = fc.property(text, (candidate) => {
      const parsed = parseUser(candidate);
      if (!parsed.ok) return;
      accepted++;
      const { key: folded, name } = parsed.value;
      assert.equal(key(folded), folded);
      assert.equal(key(name), folded);
      assert.equal(name, name.normalize("NFKC"));
      assert.ok([...name].length <= maxNameCharacters && [...folded].length <= maxNameCharacters);
    });
    fc.assert(property, { numRuns: 3000 });
    assert.ok(accepted > 300, `only ${accepted} names were tried`);
  });

  it("of ASCII is compared without case", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/), (name) => {
        assert.equal(key(name.toUpperCase()), name.toLowerCase());
      }),
    );
  });

  it("is parsed or refused with bad_name, whatever comes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (anything) => {
        const parsed = parseAddress(anything);
        if (!parsed.ok) assert.equal(parsed.fault.code, "bad_name");
      }),
      { numRuns: 1000 },
    );
  });
});

describe("an address", () => {
  it("is a user, a room or everybody", () => {
    assert.deepEqual(parseAddress("*"), { ok: true, value: { kind: "everyone", key: "*", name: "*" } });
    assert.deepEqual(parseAddress("#General"), {
      ok: true,
      value: { kind: "room", key: "#general", name: "#General" },
    });
    assert.deepEqual(parseAddress("Bob"), { ok: true, value: { kind: "user", key: "bob", name: "Bob" } });
    for (const text of ["", "#", "##a", "a#b", "**", "*a", "alice/phone", "@bob"]) refusal(text, parseAddress);
  });

  it("of a room begins with #, also where NFKC would make one", () => {
    refusal("general", parseRoom);
    refusal("＃general", parseAddress); // U+FF03 normalises to #
    refusal("*", parseRoom);
    refusal("＊", parseAddress); // U+FF0A normalises to *
  });

  it("of a room has up to 64 characters beside its #", () => {
    assert.ok(parseRoom(`#${"x".repeat(64)}`).ok);
    refusal(`#${"x".repeat(65)}`, parseRoom);
  });
});

describe("a device's name", () => {
  it("has the rule of a user's and is kept folded", () => {
    assert.deepEqual(parseDevice("Phone-1"), { ok: true, value: "phone-1" });
    assert.ok(!parseDevice("").ok && !parseDevice("my phone").ok && !parseDevice("#x").ok);
  });
});

describe("a refused name", () => {
  it("is shown so that it can be seen", () => {
    assert.equal(refusal("bob smith"), 'a user name has only letters, digits, ".", "_" and "-" (got "bob smith")');
    assert.match(refusal("bob\u200b"), /got "bob\\u\{200b\}"/);
    assert.match(refusal("x".repeat(65)), /has 1 to 64 characters \(got "x{40}…"\)/);
    assert.match(refusal("general", parseRoom), /a room name begins with "#" \(got "general"\)/);
  });
});
