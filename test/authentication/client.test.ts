/** The client library against a server that takes tokens: it renews in time, gets new ones, and knows when to stop. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { type Client, type ClientOptions, createClient, type StateChange } from "@parley/client";
import { nodeTransport } from "@parley/client/node";
import { until } from "../../packages/client/testing/wait.ts";
import { hmac, rightClaims, secret, tokenOf } from "./keys.ts";
import { startAuthServer, type TokenServer, tokenSettings } from "./token-server.ts";

/** A token that lives for so many seconds, to the millisecond. */
const token = (seconds: number, jti?: string) =>
  tokenOf(rightClaims({ exp: Date.now() / 1000 + seconds, ...(jti === undefined ? {} : { jti }) }), hmac(secret));

async function connect(t: TestContext, server: TokenServer, options: Partial<ClientOptions>) {
  const url = `ws://127.0.0.1:${server.webSocketPort}`;
  const client: Client = createClient({
    url,
    transport: nodeTransport(),
    backoff: { baseMs: 5, capMs: 20 },
    ...options,
  });
  t.after(() => client.close());
  const states: StateChange[] = [];
  client.on("state", (change) => states.push(change));
  await client.connect();
  return { client, states };
}

const revoke = (server: TokenServer, body: object) =>
  server.askWith(
    `Bearer ${tokenOf(rightClaims({ sub: "root", parley: { admin: true } }), hmac(secret))}`,
    "/revocations",
    body,
  );

describe("the client library", () => {
  it("renews before the token expires, on the same connection", async (t) => {
    const server = await startAuthServer(t, tokenSettings(t));
    let asked = 0;
    const { client, states } = await connect(t, server, {
      token: () => {
        asked += 1;
        return token(2.5);
      },
    });
    await until("three renewals", () => asked >= 4);
    assert.deepEqual(
      states.map(({ state }) => state),
      ["connecting", "online"],
    );
    assert.equal((await client.send("alice", "still here")).duplicate, false);
  });

  it("gets a new token and comes back where renewing failed", async (t) => {
    const server = await startAuthServer(t, tokenSettings(t));
    let asked = 0;
    // The second, for the renewal, is nonsense.
    const { client, states } = await connect(t, server, {
      token: () => (++asked === 2 ? "nonsense" : token(asked === 1 ? 1.2 : 600)),
    });
    const problems: string[] = [];
    client.on("error", (problem) => problems.push(problem.type));
    await until("back", () => states.filter(({ state }) => state === "online").length === 2);
    assert.deepEqual(problems, ["token"]);
    const lost = states.find((change) => change.state === "offline");
    assert.equal(lost?.error.code, "token_expired");
  });

  it("ends with a token that nobody renews, and with one that was revoked", async (t) => {
    const server = await startAuthServer(t, tokenSettings(t));
    const ends = async (options: Partial<ClientOptions>, then: () => unknown) => {
      const { states } = await connect(t, server, options);
      await then();
      await until("the end", () => states.at(-1)?.state === "closed");
      const last = states.at(-1);
      return last?.state === "closed" ? last.error?.code : undefined;
    };
    assert.equal(await ends({ token: token(1) }, () => {}), "token_expired");
    assert.equal(await ends({ token: token(60, "x") }, () => revoke(server, { tokenId: "x" })), "revoked");
    await assert.rejects(connect(t, server, { token: token(0) }), { code: "token_expired" });
  });
});
