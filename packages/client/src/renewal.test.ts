import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { ManualEnvironment } from "../testing/manual-environment.ts";
import { Renewal } from "./renewal.ts";

/** `answers`: what the server says to each renewal, ms or an error; the last one again and again. */
function start(
  answers: readonly (number | undefined | Error)[],
  token: () => Promise<string | undefined> = async () => "t",
) {
  const environment = new ManualEnvironment();
  const events: string[] = [];
  let asked = 0;
  const renewal = new Renewal({
    environment,
    token,
    renew: async () => {
      events.push(`renew at ${environment.now}`);
      const answer = answers[Math.min(asked++, answers.length - 1)];
      if (answer instanceof Error) throw answer;
      return answer;
    },
    failed: ({ message }, retryInMs) => events.push(`${message}, again in ${retryInMs}`),
  });
  const advance = async (ms: number) => {
    for (const end = environment.now + ms; environment.now < end; await setImmediate())
      environment.advance(Math.min(end, environment.timers[0] ?? end) - environment.now);
    await setImmediate();
  };
  return { environment, events, renewal, advance };
}

test("renews when three quarters of the time have passed, and goes by each answer", async () => {
  const { events, renewal, advance } = start([100_000, undefined]);
  renewal.begin(60_000);
  await advance(44_999);
  assert.deepEqual(events, []);
  await advance(200_000);
  assert.deepEqual(events, ["renew at 45000", "renew at 120000"]);
});

test("does nothing for a session without an end, nor after the end", async () => {
  const { environment, events, renewal, advance } = start([60_000]);
  renewal.begin(undefined);
  renewal.begin(60_000);
  renewal.stop();
  await advance(1_000_000);
  assert.deepEqual([events, environment.timers], [[], []]);
});

test("tries again in what is left, not more often than each second", async () => {
  const { events, renewal, advance } = start([new Error("no"), new Error("no"), new Error("no"), 60_000]);
  renewal.begin(16_000);
  await advance(16_000);
  assert.deepEqual(events, [
    "renew at 12000",
    "no, again in 3000",
    "renew at 15000",
    "no, again in 1000",
    "renew at 16000",
    "no, again in 1000",
  ]);
});

test("tells where there is no new token, and ignores one that comes after the end", async () => {
  const { events, renewal, advance } = start([60_000], async () => undefined);
  renewal.begin(60_000);
  await advance(45_000);
  assert.deepEqual(events, ["there is no new token, again in 11250"]);
  const late = Promise.withResolvers<string>();
  const other = start([60_000], () => late.promise);
  other.renewal.begin(60_000);
  await other.advance(45_000);
  other.renewal.stop();
  late.resolve("t");
  await other.advance(60_000);
  assert.deepEqual(other.events, []);
});
