/** Passwords: how they are kept, that guessing is slow, and that checking them stops nothing else. */
import assert from "node:assert/strict";
import { scryptSync } from "node:crypto";
import { describe, it } from "node:test";
import { ManualClock } from "../../testing/core-fixture.ts";
import { MemoryEngine } from "../engine/memory.ts";
import { Accounts } from "./accounts.ts";
import { Attempts } from "./attempts.ts";
import { PasswordLogin } from "./password-login.ts";
import { PasswordHasher } from "./passwords.ts";

const password = "correct horse";
const from = (host: string) => ({ gateway: "http", address: `${host}:1234` });

async function open() {
  const clock = new ManualClock();
  const engine = new MemoryEngine(() => "e");
  const accounts = await Accounts.load(engine, clock);
  const login = new PasswordLogin({ accounts, now: () => clock.now(), sessionMs: 1000 });
  const added = await accounts.add("Alice", password, false);
  assert.ok(added.ok);
  /** What comes of an attempt, and how long to wait. */
  const attempt = async (user: string, secret: string, host = "192.0.2.1") => {
    const result = await login.check(user, secret, from(host));
    return result.ok ? "in" : [result.fault.code, result.fault.retryAfterMs ?? 0].join(" ");
  };
  return { clock, engine, accounts, login, attempt };
}

describe("a password", () => {
  it("is kept as scrypt's hash with its parameters and a salt of its own", async () => {
    const { engine, accounts } = await open();
    await accounts.add("bob", password, true);
    const [alice, bob] = (await engine.scan("account", "")).map(([, account]) => account.password);
    assert.match(alice ?? "", /^scrypt\$32768\$8\$3\$[\w-]{22}\$[\w-]{43}$/);
    assert.notEqual(alice, bob);
  });

  it("that was kept with other parameters still counts", async () => {
    const hasher = new PasswordHasher();
    const salt = Buffer.from("SodiumChloride\0\0").toString("base64url");
    assert.deepEqual(await hasher.verify("x", `scrypt$1024$8$1$${salt}$${"A".repeat(43)}`), { ok: true, value: false });
    const hash = scryptSync("pässword", "SodiumChloride\0\0", 32, { N: 1024, r: 8, p: 1 }).toString("base64url");
    assert.deepEqual(await hasher.verify("pässword", `scrypt$1024$8$1$${salt}$${hash}`), { ok: true, value: true });
    assert.deepEqual(await hasher.verify("pa\u0308ssword", `scrypt$1024$8$1$${salt}$${hash}`), {
      ok: true,
      value: true,
    });
  });

  it("is checked without stopping anything else", async () => {
    const hasher = new PasswordHasher();
    let turns = 0;
    let done = false;
    const turn = () => {
      turns += 1;
      if (!done) setImmediate(turn);
    };
    setImmediate(turn);
    await hasher.hash(password);
    done = true;
    assert.ok(turns > 100, `only ${turns} turns of the event loop`);
  });

  it("is not checked beside too many others", async () => {
    const hasher = new PasswordHasher();
    const cheap = `scrypt$1024$8$1$${"A".repeat(22)}$${"A".repeat(43)}`;
    const results = await Promise.all(Array.from({ length: 40 }, () => hasher.verify("x", cheap)));
    const codes = results.map((result) => (result.ok ? "checked" : result.fault.code));
    assert.deepEqual([...new Set(codes)], ["checked", "rate_limited"]);
    assert.equal(codes.filter((code) => code === "checked").length, 32);
    assert.ok((await hasher.verify("x", cheap)).ok, "and later again");
  });

  for (const [what, secret] of [
    ["short", "1234567"],
    ["long", "x".repeat(1025)],
    ["no text", "\ud800".repeat(10)],
  ] as const)
    it(`is refused where it is ${what}`, async () => {
      const { accounts } = await open();
      const added = await accounts.add("bob", secret, false);
      assert.equal(!added.ok && added.fault.code, "bad_message");
    });
});

describe("logging in by a password", () => {
  it("makes an identity for a time, whose end is told", async () => {
    const { login, clock } = await open();
    const result = await login.check("ALICE", password, from("::1"));
    assert.ok(result.ok);
    const { user, expiresAt, issuedAt, rights } = result.value;
    assert.deepEqual([user, expiresAt - clock.time, issuedAt, rights.administer], ["Alice", 1000, clock.time, false]);
  });

  it("is refused alike for who is there and who is not, and limited alike", async () => {
    const { attempt } = await open();
    for (const user of ["alice", "nobody"]) {
      for (let n = 0; n < 5; n++) assert.equal(await attempt(user, "wrong"), "unauthorized 0");
      assert.equal(await attempt(user, "wrong"), "rate_limited 60000");
    }
  });

  it("waits after five failures from an address, for that account there; who was in before stays in", async () => {
    const { attempt, clock } = await open();
    for (let n = 0; n < 5; n++) await attempt("alice", "wrong");
    clock.time += 20_000;
    assert.equal(await attempt("alice", password), "rate_limited 40000");
    assert.equal(await attempt("alice", password, "192.0.2.2"), "in");
    assert.equal(await attempt("alice", password), "in", "it was proved elsewhere");
    assert.equal(await attempt("Alice", "wrong"), "rate_limited 40000", "by any spelling");
    clock.time += 40_000;
    assert.equal(await attempt("alice", "wrong"), "unauthorized 0");
  });

  it("waits after twenty failures from an address, whomever they were for", async () => {
    const { attempt } = await open();
    for (let n = 0; n < 20; n++) assert.equal(await attempt(`user-${n}`, "wrong"), "unauthorized 0");
    assert.match(await attempt("another", "wrong"), /^rate_limited/);
    assert.equal(await attempt("another", "wrong", "192.0.2.2"), "unauthorized 0");
  });

  it("counts attempts that are made at once", async () => {
    const { attempt } = await open();
    const results = await Promise.all(Array.from({ length: 10 }, () => attempt("alice", "wrong")));
    assert.equal(results.filter((result) => result.startsWith("unauthorized")).length, 5);
  });

  it("ends with the account, and with another password", async () => {
    const { attempt, accounts } = await open();
    assert.equal(await attempt("alice", password), "in");
    await accounts.setPassword("alice", "another horse");
    assert.equal(await attempt("alice", password), "unauthorized 0");
    assert.equal(await attempt("alice", "another horse"), "in");
    await accounts.remove("alice");
    assert.equal(await attempt("alice", "another horse"), "unauthorized 0");
  });

  it("is for whom the name was first given to", async () => {
    const { accounts, attempt } = await open();
    const added = await Promise.all(
      ["first secret", "second secret"].map((secret) => accounts.add("bob", secret, false)),
    );
    assert.deepEqual(
      added.map((result) => result.ok || result.fault.code),
      [true, "account_exists"],
    );
    assert.equal(await attempt("bob", "first secret"), "in");
  });

  it("is not done by a password that was replaced while it was checked", async () => {
    const { attempt, accounts } = await open();
    const [, result] = await Promise.all([accounts.remove("alice"), attempt("alice", password)]);
    assert.equal(result, "unauthorized 0");
  });
});

it("remembers no more failures than it should", () => {
  const attempts = new Attempts({ failures: 1, windowMs: 1000 });
  for (let n = 0; n < 10_001; n++) attempts.began(`key ${n}`, 0);
  assert.equal(attempts.waitMs("key 0", 0), 0);
  assert.equal(attempts.waitMs("key 1", 0), 1000);
  assert.equal(attempts.waitMs("key 10000", 999), 1);
  assert.equal(attempts.waitMs("key 10000", 1000), 0);
});
