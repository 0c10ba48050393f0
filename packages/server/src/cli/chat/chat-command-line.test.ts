import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChatCommand, chatHelp, parseChatLine } from "./chat-command-line.ts";

const understood: readonly (readonly [line: string, command: ChatCommand])[] = [
  ["hello /who", { type: "text", text: "hello /who" }],
  ["//who", { type: "text", text: "/who" }],
  ["/to Bob", { type: "to", to: "Bob" }],
  ["/to *", { type: "to", to: "*" }],
  ["/to  #general ", { type: "to", to: "#general" }],
  ["/join #general", { type: "join", room: "#general" }],
  ["/join general", { type: "join", room: "#general" }],
  ["/leave", { type: "leave", room: undefined }],
  ["/leave #x", { type: "leave", room: "#x" }],
  ["/who", { type: "who", room: undefined }],
  ["/who #x", { type: "who", room: "#x" }],
  ["/history", { type: "history", count: 20 }],
  ["/history 5", { type: "history", count: 5 }],
  ["/rooms", { type: "rooms" }],
  ["/help", { type: "help" }],
  ["/quit", { type: "quit" }],
];

for (const [line, command] of understood)
  test(`${line} is understood`, () => {
    assert.deepEqual(parseChatLine(line), command);
  });

for (const line of [
  "/",
  "/foo",
  "/to",
  "/to two words",
  "/join",
  "/join a,b",
  "/history 0",
  "/history x",
  "/constructor",
])
  test(`${line} is a mistake that is explained`, () => {
    const command = parseChatLine(line);
    assert.ok(command.type === "mistake" && command.why.length > 10, JSON.stringify(command));
  });

test("/help names every command", () => {
  for (const [line] of understood.slice(2)) assert.ok(chatHelp.includes(line.split(" ")[0] as string), line);
});
