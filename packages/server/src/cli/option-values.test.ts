import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidArgumentError } from "commander";
import {
  addresses,
  deviceName,
  duration,
  positiveNumber,
  roomNames,
  serverUrl,
  userName,
  wholeNumber,
} from "./option-values.ts";

const taken: readonly (readonly [parse: (text: string) => unknown, text: string, value: unknown])[] = [
  [duration, "500ms", 500],
  [duration, "30s", 30_000],
  [duration, "7d", 604_800_000],
  [addresses, "bob", "bob"],
  [addresses, "bob,#x,*", ["bob", "#x", "*"]],
  [serverUrl, "tcp://127.0.0.1:5790", "tcp://127.0.0.1:5790"],
  [serverUrl, "wss://example.org/chat", "wss://example.org/chat"],
  [positiveNumber, "12", 12],
  [wholeNumber, "0", 0],
  [userName, "Ålice", "Ålice"],
];

const refused: readonly (readonly [parse: (text: string) => unknown, text: string])[] = [
  [duration, "30"],
  [duration, "0s"],
  [duration, "-1s"],
  [duration, "99999999999999d"],
  [addresses, "bob,,carol"],
  [addresses, "#"],
  [serverUrl, "localhost:8080"],
  [serverUrl, "http://localhost"],
  [serverUrl, "ws://"],
  [positiveNumber, "0"],
  [positiveNumber, "1.5"],
  [positiveNumber, "1e3"],
  [wholeNumber, ""],
  [userName, "#alice"],
  [userName, "al ice"],
  [deviceName, ""],
  [(text) => roomNames(text), "general"],
];

for (const [parse, text, value] of taken)
  test(`${parse.name} takes ${text}`, () => {
    assert.deepEqual(parse(text), value);
  });

for (const [parse, text] of refused)
  test(`${parse.name} refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parse(text), InvalidArgumentError);
  });
