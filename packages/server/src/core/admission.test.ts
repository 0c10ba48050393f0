/** How long a session stands: expiry, renewal, revocation, and that revocations are kept as long as they matter. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fail, ok } from "@parley/protocol";
import { type CoreFixture, login, openCore, TestConnection, turns } from "../../testing/core-fixture.ts";
import { MemoryEngine } from "../engine/memory.ts";
import { type Authenticate, everydayRights, type Identity } from "./identity.ts";
import type { RevocationRequest } from "./revocations.ts";

const start = 1_800_000_000_000;

/** Tokens are `name field=value …`, as a test writes them. */
const authenticate: Authenticate = async ({ token = "" }) => {
  const [user = "", ...words] = token.split(" ");
  if (user === "bad") return fail("unauthorized", "a bad token");
  const fields = new Map(words.map((word) => word.split("=") as [string, string]));
  const identity: Identity = {
    user,
    device: fields.get("device"),
    rights: everydayRights,
    expiresAt: fields.has("exp") ? start + Number(fields.get("exp")) : Infinity,
    issuedAt: start + Number(fields.get("iat") ?? 0),
    tokenId: fields.get("jti"),
  };
  return ok(identity);
};

const day = 86_400_000;
const open = (engine?: MemoryEngine) =>
  openCore({ authenticate, longestTokenMs: day, ...(engine === undefined ? {} : { engine }) });

async function begin(fixture: CoreFixture, token: string, device?: string) {
  const { session, connection } = await login(fixture, "", { device, token } as never);
  connection.take();
  return { session, connection, renew: renewal(fixture, session, connection) };
}

function renewal({ core }: CoreFixture, session: Parameters<CoreFixture["core"]["handle"]>[0], to: TestConnection) {
  return async (token: string) => {
    core.handle(session, { op: "renew", token });
    await turns();
    return to.take();
  };
}

/** Waits until a sweep has ended it. */
async function closed(connection: TestConnection): Promise<string> {
  for (let waited = 0; connection.closed === undefined && waited < 5_000; waited += 10) await setTimeout(10);
  return connection.closed ?? "still there";
}

async function refusal({ core }: CoreFixture, token: string, device?: string): Promise<string> {
  const result = await core.login(new TestConnection(), { token, ...(device === undefined ? {} : { device }) });
  if (result.ok) result.value.session.end();
  return result.ok ? "let in" : result.fault.code;
}

describe("expiry", () => {
  it("ends a session when its time has come, and no other", async () => {
    const fixture = await open();
    const short = await begin(fixture, "ann exp=1000");
    const long = await begin(fixture, "bob exp=5000");
    const endless = await begin(fixture, "cid");
    fixture.clock.time = start + 999;
    await setTimeout(600);
    assert.deepEqual([short.connection.closed, long.connection.closed], [undefined, undefined]);
    fixture.clock.time = start + 1000;
    assert.equal(await closed(short.connection), "token_expired");
    assert.ok(short.session.ended);
    assert.deepEqual([long.connection.closed, endless.connection.closed], [undefined, undefined]);
    fixture.clock.time = start + 5000;
    assert.equal(await closed(long.connection), "token_expired");
    assert.equal(endless.connection.closed, undefined);
  });

  it("refuses a login and tells who is let in when the end is", async () => {
    const fixture = await open();
    assert.equal(await refusal(fixture, "ann exp=0"), "token_expired");
    const told = async (token: string) => {
      const result = await fixture.core.login(new TestConnection(), { token });
      return result.ok && result.value.welcome.expiresIn;
    };
    assert.deepEqual([await told("ann exp=1"), await told("ann")], [1, undefined]);
  });

  it("is put off by a renewal, for good by one without an end", async () => {
    const fixture = await open();
    const { connection, renew } = await begin(fixture, "ann exp=1000");
    assert.deepEqual(await renew("ANN exp=2000"), [{ op: "ok", expiresIn: 2000 }]);
    fixture.clock.time = start + 1500;
    await setTimeout(600);
    assert.equal(connection.closed, undefined);
    assert.deepEqual(await renew("ann"), [{ op: "ok" }]);
    fixture.clock.time = start + 9999;
    await setTimeout(600);
    assert.equal(connection.closed, undefined);
  });
});

describe("a renewal that does not serve", () => {
  for (const [what, token] of [
    ["a bad token", "bad"],
    ["another user", "bob exp=5000"],
    ["another device", "ann device=laptop exp=5000"],
    ["an expired one", "ann exp=0"],
    ["a revoked one", "ann jti=gone exp=5000"],
  ] as const)
    it(`leaves the session as it was: ${what}`, async () => {
      const fixture = await open();
      await fixture.core.revoke({ tokenId: "gone" });
      const { session, connection, renew } = await begin(fixture, "ann exp=1000", "phone");
      const before = session.identity;
      assert.partialDeepStrictEqual(await renew(token), [{ op: "error", code: "forbidden" }] as never);
      assert.equal(session.identity, before);
      fixture.clock.time = start + 1000;
      assert.equal(await closed(connection), "token_expired");
    });
});

describe("a device that the token is bound to", () => {
  it("is the session's, and no other", async () => {
    const fixture = await open();
    assert.equal((await begin(fixture, "ann device=Phone")).session.origin, "ann/phone");
    assert.equal((await begin(fixture, "ann device=Phone", "PHONE")).session.origin, "ann/phone");
    assert.equal(await refusal(fixture, "ann device=phone", "laptop"), "forbidden");
  });
});

describe("a revocation", () => {
  const everybody = async () => {
    const fixture = await open();
    return {
      fixture,
      phone: await begin(fixture, "ann jti=1", "phone"),
      laptop: await begin(fixture, "ann jti=2", "laptop"),
      other: await begin(fixture, "bob jti=3", "phone"),
    };
  };

  for (const { what, request, ends, refuses } of [
    { what: "a token", request: { tokenId: "1" }, ends: ["phone"], refuses: ["ann jti=1"] },
    { what: "a user", request: { user: "Ann" }, ends: ["phone", "laptop"], refuses: ["ann jti=1", "ann", "ann iat=0"] },
    { what: "a device", request: { user: "ann", device: "Phone" }, ends: ["phone"], refuses: [] },
  ] as const)
    it(`of ${what} ends its sessions at once, and refuses what it is about`, async () => {
      const { fixture, ...sessions } = await everybody();
      const result = await fixture.core.revoke(request as RevocationRequest);
      assert.deepEqual(result, ok({ sessionsClosed: ends.length }));
      const closed = Object.entries(sessions).filter(([, { connection }]) => connection.closed === "revoked");
      assert.deepEqual(
        closed.map(([name]) => name),
        [...ends],
      );
      for (const token of refuses) assert.equal(await refusal(fixture, token), "revoked", token);
      assert.equal(await refusal(fixture, "ann iat=1 jti=9", "phone"), "let in", "issued later");
      assert.equal(await refusal(fixture, "bob jti=3", "phone"), "let in");
    });

  it("of a device leaves the user's others alone", async () => {
    const fixture = await open();
    await fixture.core.revoke({ user: "ann", device: "phone" });
    assert.equal(await refusal(fixture, "ann", "phone"), "revoked");
    assert.equal(await refusal(fixture, "ann", "laptop"), "let in");
  });

  it("that comes while a login is under way is not missed", async () => {
    const fixture = await open();
    const login = refusal(fixture, "newcomer jti=x");
    await fixture.core.revoke({ tokenId: "x" });
    assert.equal(await login, "revoked");
  });

  it("is remembered over a restart, until no token can be about it", async () => {
    const engine = new MemoryEngine(() => "e1");
    const first = await open(engine);
    await first.core.revoke({ tokenId: "short", expiresAt: start + 1000 });
    await first.core.revoke({ tokenId: "unknown" });
    await first.core.revoke({ user: "ann" });
    const second = await open(engine);
    for (const token of ["x jti=short", "x jti=unknown", "ann"])
      assert.equal(await refusal(second, token), "revoked", token);
    const kept = async (time: number) => {
      second.clock.time = start + time;
      await second.core.trim();
      return (await engine.scan("revocation", "")).map(([key]) => key);
    };
    assert.deepEqual(await kept(999), ["token short", "token unknown", "user ann"]);
    assert.deepEqual(await kept(1000), ["token unknown", "user ann"]);
    assert.deepEqual(await kept(day - 1), ["token unknown", "user ann"]);
    assert.deepEqual(await kept(day), []);
    assert.equal(await refusal(second, "ann"), "let in");
  });

  it("of devices is bounded for each user, in names that may be anything", async () => {
    const { core, engine } = await open();
    const code = async (device: string, user = "ann") => {
      const result = await core.revoke({ user, device });
      return result.ok ? "ok" : result.fault.code;
    };
    for (let n = 0; n < 64; n++) assert.equal(await code(`d${n}`), "ok");
    assert.deepEqual([await code("d64"), await code("d0"), await code("d", "bob")], ["forbidden", "ok", "ok"]);
    assert.equal((await engine.scan("revocation", "")).length, 65);
  });

  it("is refused where it names what cannot be", async () => {
    const { core } = await open();
    const code = async (request: RevocationRequest) => {
      const result = await core.revoke(request);
      return result.ok ? "ok" : result.fault.code;
    };
    assert.equal(await code({ user: "two words" }), "bad_name");
    assert.equal(await code({ user: "ann", device: "a/b" }), "bad_name");
    for (const tokenId of ["", "x".repeat(257), "\ud800"]) assert.equal(await code({ tokenId }), "bad_message");
  });
});
