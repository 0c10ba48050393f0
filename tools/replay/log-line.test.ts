import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLine } from "./log-line.ts";

test("each form of the format is told apart", () => {
  for (const [line, expected] of [
    ["[09:14] <crimsun> kleedrac: I'm afraid", { type: "said", nick: "crimsun", text: "kleedrac: I'm afraid" }],
    ["[07:54] <rosendahl>", { type: "said", nick: "rosendahl", text: "" }],
    ["[07:54] <a>  two  spaces ", { type: "said", nick: "a", text: " two  spaces " }],
    ["[07:54] <a> x\r", { type: "said", nick: "a", text: "x\r" }],
    ["[07:54] <\xe9\xff> \x00\x03\xa0", { type: "said", nick: "\xe9\xff", text: "\x00\x03\xa0" }],
    ["[09:15]  * will waves at all", { type: "action", nick: "will", text: "waves at all" }],
    ["[09:15]  * will", { type: "action", nick: "will", text: "" }],
    ["=== jeb_ [n=j@host.tld]  has joined #ubuntu", { type: "joined", nick: "jeb_" }],
    ["=== jeb_ [n=j@host.tld]  has joined #Ubuntu\r", { type: "joined", nick: "jeb_" }],
    ['=== jeb [n=j@host]  has left #ubuntu ["Leaving, [now]"] ', { type: "left", nick: "jeb" }],
    ["=== jeb [n=j@host] has quit [Ping timeout]", { type: "quit", nick: "jeb" }],
    ["=== jeb has quit", { type: "quit", nick: "jeb" }],
    ["=== jeb has joined #ubuntu", { type: "joined", nick: "jeb" }],
    ["=== [A] ndy80 [n=w@h]  has joined #ubuntu", { type: "joined", nick: "[A]ndy80" }],
    ["=== [FiDo]  [n=P@h.ca]  has left #ubuntu []", { type: "left", nick: "[FiDo]" }],
    ["=== bob is now known as bob|away", { type: "renamed", nick: "bob", to: "bob|away" }],
    ["=== linner has an ATI device too", { type: "notice", nick: "linner", text: "has an ATI device too" }],
    ["=== bob has left the building", { type: "notice", nick: "bob", text: "has left the building" }],
    ["=== mode/#ubuntu [+o x]  by ChanServ", { type: "notice", nick: "mode/#ubuntu", text: "[+o x]  by ChanServ" }],
    ["[9:14] <a> x", { type: "unknown" }],
    ["", { type: "unknown" }],
    ["anything", { type: "unknown" }],
  ] as const)
    assert.deepEqual(parseLine(line), expected);
});
