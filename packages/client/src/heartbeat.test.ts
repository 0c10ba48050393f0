import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualEnvironment } from "../testing/manual-environment.ts";
import { Heartbeat } from "./heartbeat.ts";

function start() {
  const environment = new ManualEnvironment();
  const events: string[] = [];
  const heartbeat = new Heartbeat({
    environment,
    intervalMs: 25_000,
    timeoutMs: 10_000,
    ping: () => events.push(`ping at ${environment.now}`),
    dead: () => events.push(`dead at ${environment.now}`),
  });
  return { environment, events, heartbeat };
}

test("a peer that is heard after a ping lives on, by whatever it sends", () => {
  const { environment, events, heartbeat } = start();
  environment.advance(30_000);
  heartbeat.heard();
  environment.advance(30_000);
  assert.deepEqual(events, ["ping at 25000", "ping at 60000"]);
});

test("a peer that was heard only before the ping is dead after the timeout, once", () => {
  const { environment, events, heartbeat } = start();
  environment.advance(24_999);
  heartbeat.heard();
  environment.advance(100_000);
  assert.deepEqual(events, ["ping at 25000", "dead at 35000"]);
});

test("stops at any time", () => {
  for (const at of [0, 10_000, 26_000]) {
    const { environment, events, heartbeat } = start();
    environment.advance(at);
    heartbeat.stop();
    const before = events.length;
    environment.advance(100_000);
    assert.equal(events.length, before);
    assert.deepEqual(environment.timers, []);
  }
});
