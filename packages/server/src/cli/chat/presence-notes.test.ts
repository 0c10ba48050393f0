import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { PresenceNotes } from "./presence-notes.ts";

function notes(context: { after(work: () => void): void }): { readonly said: string[]; readonly notes: PresenceNotes } {
  mock.timers.enable({ apis: ["setTimeout"] });
  context.after(() => mock.timers.reset());
  const said: string[] = [];
  return { said, notes: new PresenceNotes((text) => said.push(text)) };
}

test("the first word is told about the recipient only", (context) => {
  const { said, notes: presence } = notes(context);
  presence.heard({ user: "bob", online: true }, "Bob");
  presence.heard({ user: "carol", online: true }, "Bob");
  assert.deepEqual(said, ["bob: online"]);
});

test("a change is told when it has lasted", (context) => {
  const { said, notes: presence } = notes(context);
  presence.heard({ user: "carol", online: true }, undefined);
  presence.heard({ user: "carol", online: false }, undefined);
  assert.deepEqual(said, []);
  mock.timers.tick(2_000);
  assert.deepEqual(said, ["carol: offline"]);
});

test("a connection that was made again at once is not told", (context) => {
  const { said, notes: presence } = notes(context);
  presence.heard({ user: "carol", online: true }, undefined);
  presence.heard({ user: "carol", online: false }, undefined);
  presence.heard({ user: "carol", online: true }, undefined);
  mock.timers.tick(2_000);
  assert.deepEqual(said, []);
});
