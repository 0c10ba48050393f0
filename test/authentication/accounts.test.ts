/** Accounts end to end: from an empty server to people who log in by passwords, by the command line alone. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { binary, linesOf, parley, startParley, testEnvironment } from "../cli/parley-process.ts";
import { WatchedOutput } from "../cli/watched-output.ts";
import { freePorts } from "../support/free-ports.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const password = "correct horse";

interface Service {
  readonly dataDir: string;
  readonly wsUrl: string;
  readonly httpUrl: string;
  run(...words: readonly string[]): ReturnType<typeof parley>;
  /** The same with standard input. */
  tell(input: string, ...words: readonly string[]): ReturnType<typeof parley>;
  as(user: string, secret: string, path: string, init?: RequestInit): Promise<Response>;
  readonly server: ReturnType<typeof startParley>;
}

async function serve(t: TestContext, env: Readonly<Record<string, string>> = {}): Promise<Service> {
  const [wsPort = 0] = await freePorts(1);
  const dataDir = join(temporaryDirectory(t), "data");
  const server = startParley(t, ["serve", "--data-dir", dataDir, "--ws-port", `${wsPort}`], {
    env: { PARLEY_AUTH_MODE: "accounts", PARLEY_GATEWAYS: "native-websocket", ...env },
  });
  await server.stdout.until(() => /^ready/m.test(server.stdout.text), "ready");
  const httpUrl = `http://127.0.0.1:${wsPort}`;
  const wsUrl = `ws://127.0.0.1:${wsPort}`;
  const environment = { PARLEY_URL: wsUrl, PARLEY_DATA_DIR: dataDir };
  return {
    dataDir,
    wsUrl,
    httpUrl,
    server,
    run: (...words) => parley(t, words, { env: environment }),
    tell: (input, ...words) => parley(t, words, { env: environment, input }),
    as: (user, secret, path, init = {}) =>
      fetch(`${httpUrl}/v1${path}`, {
        ...init,
        headers: { authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}`, ...init.headers },
      }),
  };
}

/** A command in a pseudo terminal, where each `[prompt, answer]` is typed. */
async function inTerminal(
  t: TestContext,
  env: Readonly<Record<string, string>>,
  words: readonly string[],
  dialogue: readonly (readonly [prompt: string, answer: string])[],
): Promise<{ code: number; output: string }> {
  const command = [process.execPath, binary, ...words].map((word) => `'${word}'`).join(" ");
  const child = spawn("script", ["-q", "-e", "-f", "-c", command, "/dev/null"], { env: testEnvironment(t, env) });
  t.after(() => child.kill("SIGKILL"));
  const output = new WatchedOutput(child.stdout);
  const ended = new Promise<number>((resolve) => child.once("close", (code) => resolve(code ?? -1)));
  for (const [prompt, answer] of dialogue) {
    await output.until(() => output.text.includes(prompt), prompt);
    child.stdin.write(`${answer}\r`);
  }
  return { code: await ended, output: output.text };
}

describe("accounts", () => {
  it("from the first one on: add, list, talk, passwd, remove", async (t) => {
    const service = await serve(t);
    const operatorFile = join(service.dataDir, "operator.json");
    assert.equal(statSync(operatorFile).mode & 0o777, 0o600);
    assert.match(service.server.stdout.text, /Logging in takes an account: `parley user add NAME` makes one/);

    const added = await service.tell(`${password}\n`, "user", "add", "Alice", "--admin");
    assert.deepEqual([added.code, added.stderr], [0, ""]);
    assert.equal((await service.tell(password, "user", "add", "bob")).code, 0);
    const again = await service.tell(password, "user", "add", "ALICE");
    assert.deepEqual([again.code, /account_exists/.test(again.stderr)], [1, true]);
    assert.deepEqual(
      linesOf((await service.run("user", "list", "--json")).stdout).map((line) => {
        const { user, admin } = JSON.parse(line);
        return [user, admin];
      }),
      [
        ["Alice", true],
        ["bob", false],
      ],
    );

    assert.equal((await service.as("alice", "wrong password", "/me")).status, 401);
    assert.equal((await service.as("bob", password, "/accounts")).status, 403);
    const { user, administers, expiresAt } = (await (await service.as("alice", password, "/me")).json()) as never;
    assert.deepEqual([user, administers, typeof expiresAt], ["Alice", true, "number"]);

    const token = (await service.tell(password, "token", "connect", "bob")).stdout.trim();
    assert.equal((await service.run("send", "--user", "bob", "bob", "hi")).code, 1, "without a token");
    const sent = await service.run("send", "--user", "bob", "--token", token, "bob", "hi");
    assert.deepEqual([sent.code, sent.stderr], [0, ""]);

    assert.equal((await service.tell("another horse", "user", "passwd", "bob")).code, 0);
    assert.equal((await service.as("bob", password, "/me")).status, 401);
    assert.equal((await service.as("bob", "another horse", "/me")).status, 200);
    assert.match((await service.run("send", "--user", "bob", "--token", token, "bob", "hi")).stderr, /revoked/);

    const { code } = await service.run("user", "remove", "bob");
    assert.equal(code, 0);
    assert.equal((await service.as("bob", "another horse", "/me")).status, 401);
    assert.match((await service.run("user", "remove", "bob")).stderr, /unknown_user/);

    service.server.child.kill("SIGTERM");
    assert.equal((await service.server.outcome()).code, 0);
    assert.throws(() => statSync(operatorFile), { code: "ENOENT" });
    const without = await service.run("user", "list");
    assert.deepEqual([without.code, /no server runs on/.test(without.stderr)], [3, true]);
  });

  it("nothing of a password is kept or told", async (t) => {
    const service = await serve(t);
    await service.tell(password, "user", "add", "alice");
    const listed = await service.run("user", "list", "--json");
    assert.deepEqual(Object.keys(JSON.parse(listed.stdout)), ["user", "admin", "createdAt"]);
    service.server.child.kill("SIGTERM");
    const { stdout, stderr } = await service.server.outcome();
    assert.ok(!`${stdout}${stderr}`.includes(password));
    assert.throws(() => execFileSync("grep", ["-r", "-q", password, service.dataDir]), { status: 1 });
    // To show that it would be found: the name is.
    execFileSync("grep", ["-r", "-q", "alice", service.dataDir]);
  });

  it("are administered from elsewhere by an account that administers, and by nobody else", async (t) => {
    const service = await serve(t);
    await service.tell(password, "user", "add", "root", "--admin");
    await service.tell(password, "user", "add", "bob");
    const elsewhere = { PARLEY_URL: service.wsUrl, PARLEY_DATA_DIR: "/nowhere" };
    const tokenOf = async (name: string) => (await service.tell(password, "token", "connect", name)).stdout.trim();
    const list = async (name: string) =>
      parley(t, ["user", "list"], { env: { ...elsewhere, PARLEY_TOKEN: await tokenOf(name) } });
    assert.match((await list("root")).stdout, /^bob .*\nroot .* administers\n$/);
    const refused = await list("bob");
    assert.deepEqual([refused.code, /only who administers/.test(refused.stderr)], [1, true]);
    const { token } = JSON.parse(readFileSync(join(service.dataDir, "operator.json"), "utf8"));
    const asUser = await parley(t, ["send", "--user", "server", "bob", "hi"], {
      env: { ...elsewhere, PARLEY_TOKEN: token },
    });
    assert.equal(asUser.code, 1, "the operator's token is no way to talk");
  });

  it("guessing has to wait, and is told how long; who was in before is not kept out", async (t) => {
    const service = await serve(t);
    await service.tell(password, "user", "add", "alice");
    assert.equal((await service.as("alice", password, "/me")).status, 200);
    const guesses = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => service.as("alice", `guess number ${n}`, "/me")));
    assert.deepEqual(guesses.map(({ status }) => status).sort(), [401, 401, 401, 401, 401, 429]);
    const limited = guesses.find(({ status }) => status === 429);
    assert.ok(limited);
    const seconds = Number(limited.headers.get("retry-after"));
    assert.ok(seconds > 50 && seconds <= 60, `${seconds} s`);
    assert.equal(((await limited.json()) as { code: string }).code, "rate_limited");
    assert.equal((await service.as("alice", password, "/me")).status, 200);
  });

  it("passwords are typed unseen, twice for a new one, and open a chat", async (t) => {
    const service = await serve(t);
    const env = { PARLEY_URL: service.wsUrl, PARLEY_DATA_DIR: service.dataDir };
    const prompts = ["Password for alice: ", "Once more: "] as const;
    const unlike = await inTerminal(
      t,
      env,
      ["user", "add", "alice"],
      [
        [prompts[0], password],
        [prompts[1], "else"],
      ],
    );
    assert.deepEqual([unlike.code, /not the same/.test(unlike.output)], [1, true]);
    const added = await inTerminal(
      t,
      env,
      ["user", "add", "alice"],
      [
        [prompts[0], `x\u007f${password}`],
        [prompts[1], password],
      ],
    );
    assert.equal(added.code, 0, added.output);
    assert.ok(!added.output.includes("horse"), "it is shown");
    const send = ["send", "--user", "alice", "--password", "alice", "hello"];
    const wrong = await inTerminal(t, env, send, [["Password of alice: ", "wrong password"]]);
    assert.deepEqual([wrong.code, /password is wrong/.test(wrong.output)], [1, true]);
    const sent = await inTerminal(t, env, send, [["Password of alice: ", password]]);
    assert.equal(sent.code, 0, sent.output);
  });

  it("tokens are issued and revoked by the command line", async (t) => {
    const service = await serve(t);
    const issued = await service.run("token", "issue", "sensor", "--expires", "1h", "--json");
    const { token, tokenId } = JSON.parse(issued.stdout);
    const listening = startParley(t, ["listen", "--user", "sensor", "--device", "roof"], {
      env: { PARLEY_URL: service.wsUrl, PARLEY_TOKEN: token },
    });
    const sent = await service.run("send", "--user", "sensor", "--token", token, "sensor", "to myself");
    assert.deepEqual([sent.code, sent.stderr], [0, ""]);
    await listening.stdout.until(() => listening.stdout.text.includes("to myself"), "the message");
    const revoked = await service.run("token", "revoke", tokenId);
    assert.deepEqual([revoked.code, revoked.stdout], [0, "Revoked; 1 session ended.\n"]);
    const { code, stderr } = await listening.outcome();
    assert.deepEqual([code, /revoked/.test(stderr)], [1, true], stderr);
  });
});
