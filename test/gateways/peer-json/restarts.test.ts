/** `peer-json` over restarts of the server, in good order and by `kill -9`: peers, rooms and what waits outlive it. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { startRestartable } from "../../support/restartable-server.ts";
import { JsonPeer } from "./json-peer.ts";

const start = (t: TestContext) => startRestartable(t, "peer-json", "peerJson.port");

describe("a restart", () => {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    it(`by ${signal} forgets neither peers nor what waits for them`, async (t) => {
      const server = await start(t);
      await (await JsonPeer.join(server, "Bob")).leave();
      const alice = await JsonPeer.join(server, "alice");
      const texts = Array.from({ length: 200 }, (_, n) => `waiting ${n}`);
      alice.say("bob", ...texts);
      for (const _ of texts) await alice.expectError("connection to bob closed");
      await server.restart(signal);
      const end = await alice.text.ended();
      if (signal === "SIGTERM") assert.equal(end.code, 1012);
      const again = await JsonPeer.join(server, "alice");
      again.say("bob", "after");
      await again.expectError("connection to bob closed");
      again.say("nobody", "x");
      await again.expectError("peer nobody does not exist");
      const bob = await JsonPeer.login(server, "bob");
      await bob.expect(...[...texts, "after"].map((msg) => ({ from: "alice", to: "Bob", msg })));
    });
  }

  it("by kill -9 in the middle of a stream loses nothing that the sender was told is stored, and reorders nothing", async (t) => {
    const server = await start(t);
    await (await JsonPeer.join(server, "bob")).leave();
    const alice = await JsonPeer.join(server, "alice");
    let sent = 0;
    let stored = 0;
    const { promise: enough, resolve: haveEnough } = Promise.withResolvers<void>();
    const answers = (async () => {
      for (;;) {
        const { error } = await alice.next();
        assert.equal(error, "connection to bob closed");
        stored += 1;
        if (stored === 300) haveEnough();
        if (sent - stored < 50) for (let n = 0; n < 50; n++) alice.say("bob", `${sent++}`);
      }
    })();
    for (let n = 0; n < 100; n++) alice.say("bob", `${sent++}`);
    await Promise.all([assert.rejects(answers, /the connection ended/), enough.then(() => server.restart("SIGKILL"))]);
    const bob = await JsonPeer.login(server, "bob");
    bob.name = "bob";
    for (let n = 0; n < stored; n++) await bob.expect({ from: "alice", to: "bob", msg: `${n}` });
    const more = await bob.told();
    assert.deepEqual(
      more.map(({ msg }) => msg),
      more.map((_, n) => `${stored + n}`),
    );
    assert.ok(stored + more.length <= sent);
  });
});
