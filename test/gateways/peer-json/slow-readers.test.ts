/** `peer-json`, peers that do not read: nobody else waits, memory is bounded, and they get everything when they read. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { JsonPeer, startPeerJsonServer } from "./json-peer.ts";

const limits = { "limits.maxOutboxBytes": 65_536 };
const body = (n: number) => `${n} ${"x".repeat(40_000)}`;
const count = 400;

/** Sends everything, and waits now and then until it is stored. */
async function sayAll(sender: JsonPeer, to: string): Promise<void> {
  for (let n = 0; n < count; n++) {
    sender.say(to, body(n));
    if (n % 20 === 19) await sender.told();
  }
}

/** What this process holds in buffers, the server's included. */
function bufferedBytes(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().arrayBuffers;
}

it("a receiver that never reads delays nobody, costs bounded memory, and gets the rest in order", {
  timeout: 10_000,
}, async (t) => {
  const server = await startPeerJsonServer(t, limits);
  const slow = await JsonPeer.join(server, "slow");
  const quick = await JsonPeer.join(server, "quick");
  const alice = await JsonPeer.join(server, "alice");
  slow.text.link.pause();
  const before = bufferedBytes();
  for (let n = 0; n < count; n++) {
    alice.say("*", body(n));
    const { msg } = await quick.next();
    assert.equal(msg, body(n));
  }
  // Buffers are freed a little after they are collected.
  while (bufferedBytes() - before > 1_000_000) await setTimeout(20);
  alice.say("slow", "for slow alone");
  slow.text.link.resume();
  for (let n = 0; n < count; n++) assert.equal((await slow.next()).msg, body(n));
  await slow.expectFrom("alice", "for slow alone");
  assert.deepEqual([await slow.told(), await alice.told()], [[], []]);
});

it("a receiver that dies while it does not read gets what it did not have on return", async (t) => {
  const server = await startPeerJsonServer(t, limits);
  const slow = await JsonPeer.join(server, "slow");
  const alice = await JsonPeer.join(server, "alice");
  slow.text.link.pause();
  await sayAll(alice, "slow");
  slow.text.link.cut();
  const again = await JsonPeer.login(server, "slow");
  const first = Number(String((await again.next()).msg).split(" ")[0]);
  // What had been handed to the operating system counts as received; most of it cannot have been.
  assert.ok(first < count / 2, `${first} messages are lost with the connection`);
  for (let n = first + 1; n < count; n++) assert.equal((await again.next()).msg, body(n));
});

it("a receiver that logs in again by the same name while it does not read gets nothing twice", async (t) => {
  const server = await startPeerJsonServer(t, limits);
  const slow = await JsonPeer.join(server, "slow");
  const alice = await JsonPeer.join(server, "alice");
  slow.text.link.pause();
  await sayAll(alice, "slow");
  slow.send({ login: "slow" }, { login: "SLOW" });
  await alice.told();
  slow.text.link.resume();
  for (let n = 0; n < count; n++) assert.equal((await slow.next()).msg, body(n));
  assert.deepEqual(await slow.told(), []);
});

it("a peer that asks and does not read the answers is not asked what it wants next", async (t) => {
  const server = await startPeerJsonServer(t, limits);
  const alice = await JsonPeer.join(server, "alice");
  const bob = await JsonPeer.join(server, "bob");
  alice.text.link.pause();
  const nobody = "n".repeat(60_000);
  for (let n = 0; n < 300; n++) alice.say(nobody, `${n}`);
  alice.say("bob", "after all that");
  for (let n = 0; n < 20; n++) assert.deepEqual(await bob.told(), []);
  alice.text.link.resume();
  for (let n = 0; n < 300; n++) await alice.expectError(`peer ${nobody} does not exist`);
  await bob.expectFrom("alice", "after all that");
});
