/**
 * Datagrams where tokens are needed: the sender of one can be forged, so that a login by token gives a secret which
 * every later one has to have, and which only who receives at the address can know.
 */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { fail, ok } from "@parley/protocol";
import { type Authenticate, everydayRights } from "../../packages/server/src/core/identity.ts";
import { startBroker } from "../gateways/udp-agent/broker-under-test.ts";
import { RawAgent } from "../gateways/udp-agent/raw-agent.ts";

/** Long enough that an acknowledgement is no longer than its login. */
const tokenFor = (user: string) => `token of ${user} ${"x".repeat(100)}`;

const authenticate: Authenticate = async ({ user, token }) =>
  typeof user === "string" && token === tokenFor(user)
    ? ok({
        user,
        device: undefined,
        rights: everydayRights,
        expiresAt: Number.POSITIVE_INFINITY,
        issuedAt: 0,
        tokenId: undefined,
      })
    : fail("unauthorized", "the token is not valid");

const start = (t: TestContext, isLocal: boolean) => startBroker(t, { isLocal: () => isLocal }, { authenticate });

async function logIn(agent: RawAgent): Promise<string> {
  agent.logIn({ token: tokenFor(agent.name) });
  return String((await agent.next("acknowledge_log_in")).content.session);
}

describe("a datagram in somebody's name", () => {
  it("counts only with the session's secret, from whatever socket it comes", async (t) => {
    const { port, gateway, core } = await start(t, true);
    const ann = await RawAgent.open(t, "ann", port);
    const session = await logIn(ann);
    assert.match(session, /^[\w-]{22}$/);
    // On the same machine, in her name: without the secret, and with wrong ones.
    const forger = await RawAgent.open(t, "ann", port);
    for (const wrong of [undefined, "", session.slice(1), `${session}x`, "A".repeat(22)]) {
      forger.say("send_message", { receiver_username: "ann", message_text: "forged", session: wrong });
      assert.equal(await forger.hears(), "broker: ann is not logged in: send log_in first");
    }
    forger.say("log_out");
    assert.equal(await forger.hears(), "broker: ann is not logged in: send log_in first");
    assert.equal(gateway.datagrams.refused, 6);
    assert.deepEqual(core.online(), ["ann"]);
    // Her other socket, which was told the secret, is hers.
    forger.say("send_message", { receiver_username: "ann", message_text: "mine", session });
    assert.equal(await ann.hears(), "ann: mine");
    ann.say("log_out", { session });
    assert.equal((await ann.next()).id, "acknowledge_log_out");
  });

  it("has no use of a login without a good token, which changes nothing for who is there", async (t) => {
    const { port, core } = await start(t, true);
    const ann = await RawAgent.open(t, "ann", port);
    const session = await logIn(ann);
    const forger = await RawAgent.open(t, "ann", port);
    for (const token of [undefined, "", "guessed", tokenFor("eve")]) {
      forger.logIn({ token });
      assert.equal(await forger.hears(), "broker: the token is not valid");
    }
    ann.say("send_message", { receiver_username: "ann", message_text: "still here", session });
    assert.equal(await ann.hears(), "ann: still here");
    assert.deepEqual(core.online(), ["ann"]);
  });

  it("of another address is refused even with the secret", async (t) => {
    const { port } = await start(t, true);
    const ann = await RawAgent.open(t, "ann", port);
    const session = await logIn(ann);
    const elsewhere = await RawAgent.open(t, "ann", port, "127.0.0.2");
    elsewhere.say("ping", { session });
    assert.equal(await elsewhere.hears(), "broker: ann is logged in from another address");
    elsewhere.logIn({ token: tokenFor("ann") });
    assert.equal(await elsewhere.hears(), "broker: ann is logged in from another address");
  });

  it("of a session that has moved is refused by its old secret", async (t) => {
    const { port } = await start(t, true);
    const first = await RawAgent.open(t, "ann", port);
    const old = await logIn(first);
    const second = await RawAgent.open(t, "ann", port);
    const session = await logIn(second);
    assert.notEqual(session, old);
    first.say("ping", { session: old });
    assert.equal(await first.hears(), "broker: ann is not logged in: send log_in first");
    second.say("send_message", { receiver_username: "ann", message_text: "moved", session });
    assert.equal(await second.hears(), "ann: moved");
  });
});

describe("an address that has not shown that it receives", () => {
  it("gets no messages and no more bytes than came, however often it logs in", async (t) => {
    const { port, core } = await start(t, false);
    assert.ok((await core.register("ann")).ok);
    assert.ok((await core.post("broker", { to: "ann", body: "waits" })).ok);
    const ann = await RawAgent.open(t, "ann", port);
    let session = "";
    for (let n = 0; n < 5; n++) session = await logIn(ann);
    assert.ok(ann.receivedBytes <= ann.sentBytes, `${ann.receivedBytes} bytes for ${ann.sentBytes}`);
    assert.deepEqual(ann.received, [], "a login that is repeated shows nothing: it may be somebody else's");
    // Who knows the secret was told it at that address.
    ann.say("ping", { session });
    assert.equal(await ann.hears(), "broker: waits");
  });

  it("gets no more bytes than came for logins that are refused", async (t) => {
    const { port } = await start(t, false);
    const forger = await RawAgent.open(t, "ann", port);
    for (let n = 0; n < 20; n++) forger.logIn({ token: n % 2 === 0 ? "guessed" : undefined });
    const ann = await RawAgent.open(t, "ann", port);
    await logIn(ann);
    assert.ok(forger.receivedBytes <= forger.sentBytes);
  });
});
