/** Keys that change while the server runs: in a file, and in a set behind a URL, with an overlap of old and new. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { keysAt } from "../../packages/server/src/auth/key-source.ts";
import { hmac, jwkOf, otherRsa, rightClaims, rsa, type Signer, tokenOf } from "./keys.ts";
import { fileOf, startAuthServer, type TokenServer } from "./token-server.ts";

const oldKey = { signer: rsa, jwk: jwkOf(rsa, "2026-01") };
const newKey = { signer: otherRsa, jwk: jwkOf(otherRsa, "2026-02") };
const setOf = (...keys: readonly { readonly jwk: object }[]) => JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });

async function isTaken(server: TokenServer, { signer, jwk }: { signer: Signer; jwk: object }): Promise<boolean> {
  const token = tokenOf(rightClaims(), signer, { kid: (jwk as { kid: string }).kid });
  const { status, json } = await server.askWith(`Bearer ${token}`, "/me");
  assert.ok(status === 200 || (json as { code: string }).code === "unauthorized", JSON.stringify(json));
  return status === 200;
}

/** Asks until the answer is that: the file is looked at now and then, and a set has its age. */
async function until(expected: boolean, ask: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 10_000; (await ask()) !== expected; )
    assert.ok(Date.now() < end, `not ${expected} within 10 s`);
}

/** A backend that publishes its keys; `status` and `body` are what it answers. */
async function publish(t: TestContext, body: string) {
  const backend = { body, status: 200, asked: 0, url: "" };
  const server = createServer((_, response) => {
    backend.asked += 1;
    response.writeHead(backend.status, { location: "/elsewhere" }).end(backend.body);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  backend.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
  return backend;
}

const settings = { "auth.mode": "token", "auth.audience": "chat.example" } as const;

describe("keys that rotate", () => {
  it("in a file: the new one counts as soon as it is there, the old one as long", async (t) => {
    const file = fileOf(t, "jwks.json", setOf(oldKey));
    const server = await startAuthServer(t, { ...settings, "auth.keyFiles": [file] });
    assert.deepEqual([await isTaken(server, oldKey), await isTaken(server, newKey)], [true, false]);
    writeFileSync(file, setOf(oldKey, newKey));
    await until(true, () => isTaken(server, newKey));
    assert.equal(await isTaken(server, oldKey), true);
    writeFileSync(file, setOf(newKey));
    await until(false, () => isTaken(server, oldKey));
    assert.equal(await isTaken(server, newKey), true);
    writeFileSync(file, "half a fi");
    await until(true, async () => server.complaints.length > 0 || !(await isTaken(server, newKey)));
    assert.equal(await isTaken(server, newKey), true, "the last good ones stay");
    assert.match(server.complaints.splice(0).join("\n"), /jwks\.json could not be had; 1 known before stay in force/);
  });

  it("behind a URL: within the age of a set", async (t) => {
    const backend = await publish(t, setOf(oldKey));
    const server = await startAuthServer(t, { ...settings, "auth.jwksUrl": backend.url, "auth.jwksSeconds": 1 });
    assert.deepEqual([await isTaken(server, oldKey), await isTaken(server, newKey)], [true, false]);
    backend.body = setOf(oldKey, newKey);
    await until(true, () => isTaken(server, newKey));
    assert.equal(await isTaken(server, oldKey), true);
    backend.body = setOf(newKey);
    await until(false, () => isTaken(server, oldKey));
    backend.status = 500;
    await until(true, async () => server.complaints.length > 0 || !(await isTaken(server, newKey)));
    assert.equal(await isTaken(server, newKey), true, "the last good ones stay");
    assert.match(server.complaints.splice(0).join("\n"), /could not be had; 1 known before stay in force/);
  });

  it("a backend that is down at the start is asked again, and who comes before is told to come later", async (t) => {
    const backend = await publish(t, setOf(oldKey));
    backend.status = 503;
    const server = await startAuthServer(t, { ...settings, "auth.jwksUrl": backend.url, "auth.jwksSeconds": 1 });
    const token = tokenOf(rightClaims(), rsa, { kid: "2026-01" });
    const { status, json } = await server.askWith(`Bearer ${token}`, "/me");
    assert.deepEqual([status, (json as { retryAfter: number }).retryAfter], [500, 5000]);
    backend.status = 200;
    await until(true, async () => (await server.askWith(`Bearer ${token}`, "/me")).status === 200);
    assert.match(server.complaints.splice(0).join("\n"), /HTTP status 503/);
  });

  it("of a set, only what is for signatures and strong enough counts; a secret may be in it", async (t) => {
    const shared = Buffer.from("0123456789abcdefghijklmnopqrstuv");
    const keys = [
      { ...jwkOf(rsa, "encrypts"), use: "enc" },
      { ...jwkOf(rsa, "alg"), alg: "RS512" },
      { kty: "oct", k: "AAAA", kid: "weak" },
      { kty: "EC", crv: "P-521", x: "AA", y: "AA", kid: "curve" },
      { kty: "oct", k: shared.toString("base64url"), kid: "shared" },
    ];
    const file = fileOf(t, "jwks.json", JSON.stringify({ keys }));
    const server = await startAuthServer(t, { ...settings, "auth.keyFiles": [file] });
    const status = async (signer: Pick<Signer, "algorithm" | "sign">, kid: string) =>
      (await server.askWith(`Bearer ${tokenOf(rightClaims(), signer, { kid })}`, "/me")).status;
    assert.equal(await status(hmac(shared), "shared"), 200);
    for (const kid of ["encrypts", "alg"]) assert.equal(await status(rsa, kid), 401, kid);
    assert.equal(await status(hmac(Buffer.alloc(3)), "weak"), 401);
  });
});

describe("a set behind a URL", () => {
  it("is fetched once in its age, and no more often for keys that nobody knows", async (t) => {
    const backend = await publish(t, setOf(oldKey));
    let now = 1_000_000;
    const source = keysAt(backend.url, { maxAgeMs: 300_000, now: () => now, onFault: assert.fail });
    await Promise.all([source.keys(false), source.keys(false), source.keys(false)]);
    for (let i = 0; i < 100; i++) await source.keys(true);
    assert.equal(backend.asked, 1);
    now += 10_000;
    for (let i = 0; i < 100; i++) await source.keys(true);
    assert.equal(backend.asked, 2);
    now += 300_000;
    for (let i = 0; i < 100; i++) await source.keys(false);
    assert.equal(backend.asked, 3);
  });

  it("keeps nobody waiting who has a known key", async (t) => {
    const { promise: never, resolve: letGo } = Promise.withResolvers<void>();
    let asked = 0;
    const server = createServer(async (_, response) => {
      asked += 1;
      if (asked > 1) await never;
      response.end(setOf(oldKey));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    t.after(() => server.close());
    let now = 0;
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const source = keysAt(url, { maxAgeMs: 300_000, now: () => now, onFault: assert.fail });
    await source.keys(false);
    now += 10_000;
    const unknown = source.keys(true);
    assert.equal((await source.keys(false)).length, 1);
    assert.equal(asked <= 2, true);
    letGo();
    assert.equal((await unknown).length, 1);
  });

  for (const { what, change, fault } of [
    { what: "sends elsewhere", change: { status: 302 }, fault: /redirect|fetch failed/ },
    { what: "is huge", change: { body: `{"keys":[${" ".repeat(300_000)}]}` }, fault: /more than 262144 bytes/ },
    { what: "is no set", change: { body: "<html>" }, fault: /neither PEM nor JSON/ },
    { what: "has no key of use", change: { body: '{"keys":[]}' }, fault: /no key of the set is of use/ },
  ])
    it(`changes nothing where it ${what}`, async (t) => {
      const backend = await publish(t, setOf(oldKey));
      let now = 0;
      const faults: string[] = [];
      const onFault = (_: string, error: unknown) => faults.push(String(error));
      const source = keysAt(backend.url, { maxAgeMs: 1000, now: () => now, onFault });
      const first = await source.keys(false);
      assert.equal(first.length, 1);
      Object.assign(backend, change);
      now += 1000;
      assert.equal(await source.keys(false), first);
      assert.match(faults.join(), fault);
    });
});
