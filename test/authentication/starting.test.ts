/** What `parley serve` refuses to start with: each with what to do, and exit code 2. Each through a real process. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import { parley, startParley } from "../cli/parley-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { ec, jwkOf, pemOf, rsa, rsaSigner } from "./keys.ts";
import { fileOf } from "./token-server.ts";

const token = { PARLEY_AUTH_MODE: "token", PARLEY_AUTH_AUDIENCE: "chat.example" };
const good = "Zm9yIHRlc3RzIG9ubHksIDQ4IGJ5dGVzIG9mIHRleHQgYXQgbGVhc3Q";

type Env = Readonly<Record<string, string>>;

function serve(t: TestContext, env: Env, ...args: readonly string[]) {
  const ports = { PARLEY_HTTP_PORT: "0", PARLEY_NATIVE_TCP_PORT: "0", PARLEY_GATEWAYS: "native-tcp" };
  return { args: ["serve", "--data-dir", temporaryDirectory(t), ...args], env: { ...ports, ...env } };
}

async function refusal(t: TestContext, env: Env, ...args: readonly string[]): Promise<string> {
  const command = serve(t, env, ...args);
  const { code, stderr, stdout } = await parley(t, command.args, { env: command.env });
  assert.equal(code, 2, `${stdout}${stderr}`);
  assert.ok(!stdout.includes("ready"));
  return stderr;
}

const p521 = () => generateKeyPairSync("ec", { namedCurve: "P-521" });
const privatePem = () => generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string;

describe("parley serve refuses", { concurrency: 2 }, () => {
  for (const { what, env, says } of [
    { what: "mode token without keys", env: () => token, says: /no key to check tokens by: set auth\.secret/ },
    {
      what: "mode token without an audience",
      env: () => ({ PARLEY_AUTH_MODE: "token", PARLEY_AUTH_SECRET: good }),
      says: /auth\.audience is empty: set it/,
    },
    {
      what: "a short secret, which it does not repeat",
      env: () => ({ ...token, PARLEY_AUTH_SECRET: "hunter2" }),
      says: /^(?!.*hunter2).*at least 32 bytes.*openssl rand/,
    },
    {
      what: "a secret that repeats itself",
      env: () => ({ ...token, PARLEY_AUTH_SECRET: "ab".repeat(40) }),
      says: /repeats itself/,
    },
    {
      what: "a public key as secret",
      env: () => ({ ...token, PARLEY_AUTH_SECRET: pemOf(rsa) }),
      says: /which is no secret: put it in a file/,
    },
    {
      what: "a key file that is not there",
      env: () => ({ ...token, PARLEY_AUTH_KEY_FILES: "/nowhere/key.pem" }),
      says: /\/nowhere\/key\.pem cannot be read/,
    },
    {
      what: "a file that is no key",
      env: (t: TestContext) => ({ ...token, PARLEY_AUTH_KEY_FILES: fileOf(t, "key.pem", "hello") }),
      says: /neither PEM nor JSON/,
    },
    {
      what: "a private key",
      env: (t: TestContext) => ({ ...token, PARLEY_AUTH_KEY_FILES: fileOf(t, "key.pem", privatePem()) }),
      says: /private key.*give the public one/,
    },
    {
      what: "a weak RSA key",
      env: (t: TestContext) => ({ ...token, PARLEY_AUTH_KEY_FILES: fileOf(t, "key.pem", pemOf(rsaSigner(1024))) }),
      says: /at least 2048 bits, this one has 1024/,
    },
    {
      what: "another curve",
      env: (t: TestContext) => ({ ...token, PARLEY_AUTH_KEY_FILES: fileOf(t, "key.pem", pemOf(p521())) }),
      says: /not P-256/,
    },
    {
      what: "a JWK for another algorithm",
      env: (t: TestContext) => ({
        ...token,
        PARLEY_AUTH_KEY_FILES: fileOf(t, "key.jwk", JSON.stringify({ ...jwkOf(ec, "k"), alg: "ES512" })),
      }),
      says: /"ES512" is not one of ES256/,
    },
    {
      what: "a set over plain http",
      env: () => ({ ...token, PARLEY_AUTH_JWKS_URL: "http://backend.example/jwks.json" }),
      says: /use https/,
    },
    { what: "a URL that is none", env: () => ({ ...token, PARLEY_AUTH_JWKS_URL: "jwks.json" }), says: /not an http/ },
    {
      what: "keys that would not count",
      env: () => ({ PARLEY_AUTH_SECRET: good }),
      says: /auth\.mode is open: set auth\.mode to token/,
    },
    {
      what: "accounts that would be gone",
      env: () => ({ PARLEY_AUTH_MODE: "accounts", PARLEY_ENGINE: "memory" }),
      says: /set engine to level/,
    },
    { what: "a mode that there is not", env: () => ({ PARLEY_AUTH_MODE: "jwt" }), says: /open, token, accounts/ },
  ])
    it(what, async (t) => {
      assert.match((await refusal(t, env(t))).replaceAll("\n", " "), says);
    });

  it("all at once", async (t) => {
    const said = await refusal(t, {
      PARLEY_AUTH_MODE: "token",
      PARLEY_AUTH_SECRET: "short",
      PARLEY_AUTH_KEY_FILES: "/no",
    });
    assert.equal(said.trim().split("\n").length, 3, said);
  });

  it("a key file that cannot be read", async (t) => {
    assert.match(
      await refusal(t, { ...token, PARLEY_AUTH_KEY_FILES: temporaryDirectory(t) }),
      /cannot be read: EISDIR/,
    );
  });

  it("an address beyond loopback with open login, and says what to do", async (t) => {
    assert.match(await refusal(t, {}, "--host", "0.0.0.0"), /Refusing to listen on 0\.0\.0\.0.*auth\.mode.*--insecure/);
  });
});

/** An address that does not look like loopback, and is: nobody else gets to the tests' servers. */
const elsewhere = "127.1";

describe("parley serve listens beyond loopback", () => {
  for (const { what, env, args, says } of [
    { what: "in mode token", env: { ...token, PARLEY_AUTH_SECRET: good }, args: [], says: /^(?!.*login is open)/s },
    { what: "in mode accounts", env: { PARLEY_AUTH_MODE: "accounts" }, args: [], says: /^(?!.*login is open)/s },
    { what: "with --insecure, loudly", env: {}, args: ["--insecure"], says: /WARNING: login is open on 127\.1/ },
  ])
    it(what, async (t) => {
      const command = serve(t, env as Env, "--host", elsewhere, ...args);
      const server = startParley(t, command.args, { env: command.env });
      await server.stdout.until(() => /^ready/m.test(server.stdout.text), "ready");
      server.child.kill("SIGTERM");
      const { code, stderr } = await server.outcome();
      assert.equal(code, 0);
      assert.match(stderr, says);
    });
});
