/** Sessions are told to go a few at a time, each when it is answered, and all of them in the end. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type LoggedInTester, login, openCore } from "../../testing/core-fixture.ts";
import { GatedEngine } from "../../testing/gated-engine.ts";
import { MemoryEngine } from "../engine/memory.ts";

const many = 120;

it("tells a few at a time, and all in the end; nobody new comes in", async () => {
  const fixture = await openCore();
  const testers: LoggedInTester[] = [];
  for (let n = 0; n < many; n++) testers.push(await login(fixture, `user-${n}`));
  const closed = () => testers.filter(({ connection }) => connection.closed === "shutting_down").length;
  const drained = fixture.core.drain(2_000);
  await delay(0);
  assert.ok(closed() > 0 && closed() < many, `${closed()} at once`);
  const late = await fixture.core.login(testers[0]?.connection ?? assert.fail(), { user: "late" });
  assert.equal(late.ok ? "" : late.fault.code, "shutting_down");
  await drained;
  assert.equal(closed(), many);
});

it("waits for what a session has asked, but not for ever", async () => {
  const engine = new GatedEngine(new MemoryEngine(() => "e1"));
  const fixture = await openCore({ engine });
  const waiting = await login(fixture, "alice");
  const release = engine.hold("write");
  waiting.do({ op: "join", room: "#room", ref: "1" });
  const began = performance.now();
  await fixture.core.drain(100);
  assert.ok(performance.now() - began >= 95);
  assert.equal(waiting.connection.closed, "shutting_down");
  assert.ok(waiting.connection.paused);
  release();
});
