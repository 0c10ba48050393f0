/** What each `auth.mode` makes of who asks. Tokens and passwords at large: test/authentication, `password-login.test.ts`. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { authSettings } from "../../testing/auth-settings.ts";
import { ManualClock } from "../../testing/core-fixture.ts";
import type { Credentials } from "../core/identity.ts";
import { MemoryEngine } from "../engine/memory.ts";
import { Authentication } from "./authentication.ts";
import { identityOf, parseParley } from "./claims.ts";
import { givenKeys } from "./key-source.ts";
import { operatorFileName } from "./operator-file.ts";
import type { AuthSettings } from "./token-keys.ts";

/** `drawn`: random bytes that were drawn before, which makes other secrets. */
async function open(more: Partial<AuthSettings> = {}, engine = new MemoryEngine(() => "e"), drawn = 0) {
  const clock = new ManualClock();
  clock.random(drawn);
  const auth = await Authentication.open({
    settings: { ...authSettings, ...more },
    keys: givenKeys([{ id: "a backend's", algorithms: ["HS256"], key: Buffer.alloc(32, "k") }]),
    engine,
    clock,
  });
  const ask = async (credentials: Credentials, address = "127.0.0.1:5000", gateway = "http") => {
    const result = await auth.authenticate(credentials, { gateway, address });
    return result.ok ? result.value : result.fault.code;
  };
  return { auth, ask, clock };
}

const administers = (identity: Awaited<ReturnType<Awaited<ReturnType<typeof open>>["ask"]>>) =>
  typeof identity === "object" && identity.rights.administer;

describe("open login", () => {
  it("lets only who is on this machine administer", async () => {
    const { ask } = await open();
    for (const address of ["127.0.0.1:5000", "::1:5000", "::ffff:127.0.0.1:5000"])
      assert.equal(administers(await ask({ user: "ann" }, address)), true, address);
    for (const address of ["192.0.2.1:5000", "2001:db8::1:5000", "::ffff:192.0.2.1:5000", "undefined:undefined"])
      assert.equal(administers(await ask({ user: "ann" }, address)), false, address);
  });

  it("needs a name", async () => {
    assert.equal(await (await open()).ask({}), "bad_message");
  });
});

/** The token that the server leaves in its data directory, checked for who can read it. */
function announcedToken(auth: Authentication): string {
  const directory = mkdtempSync(join(tmpdir(), "parley-operator-"));
  const path = join(directory, operatorFileName);
  // One that all may read must not stay so.
  writeFileSync(path, "old", { mode: 0o644 });
  const withdraw = auth.operator.announce(directory, "http://127.0.0.1:1");
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const { token } = JSON.parse(readFileSync(path, "utf8")) as { token: string };
  withdraw();
  assert.throws(() => statSync(path), { code: "ENOENT" });
  rmSync(directory, { recursive: true });
  return token;
}

describe("the operator's token", () => {
  it("administers over HTTP, in every mode, and nowhere else", async () => {
    for (const mode of ["open", "token", "accounts"] as const) {
      const { auth, ask } = await open({ mode });
      const token = announcedToken(auth);
      assert.equal(administers(await ask({ token })), true, mode);
      if (mode !== "open") assert.equal(await ask({ token }, "127.0.0.1:1", "native-tcp"), "unauthorized");
      assert.notEqual(administers(await ask({ token: `${token}x` })), true);
      const { ask: another } = await open({ mode });
      assert.notEqual(administers(await another({ token })), true);
    }
  });
});

describe("the server's own tokens", () => {
  it("carry who it is, as which device, with which rights, until when", async () => {
    const { auth, ask, clock } = await open({ mode: "token" });
    const rights = { send: ["#Team-*", "@self"], read: [], join: ["@*"], administer: true };
    const identity = { user: "Ann", device: "phone", rights, expiresAt: clock.time + 9e6, issuedAt: 0, tokenId: "t" };
    const { token, expiresAt } = await auth.ownTokens.connectToken(identity);
    assert.equal(expiresAt, clock.time + 60_000);
    assert.deepEqual(await ask({ token }), { ...identity, issuedAt: clock.time });
    clock.time += 59_999;
    assert.equal(typeof (await ask({ token })), "object");
    clock.time += 1;
    assert.equal(await ask({ token }), "token_expired");
  });

  it("are the same after a restart, and another server's are not", async () => {
    const engine = new MemoryEngine(() => "e");
    const first = await open({ mode: "token" }, engine);
    const { token } = await first.auth.ownTokens.issue("ann", first.clock.time + 1000);
    assert.equal(typeof (await (await open({ mode: "accounts" }, engine)).ask({ token })), "object");
    const another = await open({ mode: "accounts" }, undefined, 1);
    assert.equal(await another.ask({ token }), "unauthorized");
  });

  it("that were issued while login was open do not count when it no longer is", async () => {
    const engine = new MemoryEngine(() => "e");
    const { auth, ask, clock } = await open({}, engine);
    const { token } = await auth.ownTokens.issue("ann", clock.time + 1000, { admin: true });
    assert.equal(administers(await ask({ token })), true);
    for (const mode of ["token", "accounts"] as const)
      assert.equal(await (await open({ mode }, engine, 1)).ask({ token }), "unauthorized");
  });
});

describe("the claim parley", () => {
  const rightsOf = (claim: unknown) => {
    const result = parseParley(claim);
    return result.ok ? result.value : result.fault.code;
  };

  it("restricts nothing where it says nothing", () => {
    const unrestricted = { send: undefined, read: undefined, join: undefined, administer: false };
    assert.deepEqual(rightsOf({}), { device: undefined, rights: unrestricted });
    assert.deepEqual(rightsOf({ send: [] }), { device: undefined, rights: { ...unrestricted, send: [] } });
  });

  for (const pattern of ["bob", "#general", "*", "#*", "@*", "@self", "dev-*", "#team-*", "Ünal*"])
    it(`takes ${pattern}`, () => assert.equal(typeof rightsOf({ send: [pattern] }), "object"));
  for (const pattern of ["", "two words", "*bob", "b*b", "**", "##*", "@bob", "@", "a/*", `${"x".repeat(65)}*`])
    it(`refuses ${JSON.stringify(pattern)}`, () => assert.equal(rightsOf({ send: [pattern] }), "unauthorized"));
});

describe("the skew", () => {
  const now = 1_000_000_000;
  const verdict = (claims: object, skewMs: number) => {
    const all = { sub: "ann", exp: now / 1000 + 60, ...claims };
    const result = identityOf(all, now, { longestMs: 86_400_000, skewMs });
    return result.ok ? "taken" : result.fault.code;
  };

  it("bounds how far iat may be ahead, to the second", () => {
    assert.equal(verdict({ iat: now / 1000 + 5 }, 5000), "taken");
    assert.equal(verdict({ iat: now / 1000 + 5.001 }, 5000), "unauthorized");
    assert.equal(verdict({ iat: now / 1000 + 1 }, 0), "unauthorized");
  });

  it("is not for exp: a session ends when it says", () => {
    assert.equal(verdict({ exp: now / 1000 + 0.001 }, 5000), "taken");
    assert.equal(verdict({ exp: now / 1000 }, 5000), "token_expired");
  });
});
