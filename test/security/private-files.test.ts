/** What the server keeps is its user's alone, secrets are its own, and only this machine is served (checklist, point 16). */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { loadConfig, refuseToServe } from "../../packages/server/src/config.ts";
import { settings } from "../../packages/server/src/settings.ts";
import { startInProcess } from "../support/server-in-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const modeOf = (path: string) => statSync(path).mode & 0o777;

async function issueToken(port: number): Promise<string> {
  const body = JSON.stringify({ username: "alice" });
  const response = await fetch(`http://127.0.0.1:${port}/token`, { method: "POST", body });
  return ((await response.json()) as { token: string }).token;
}

describe("the data directory", () => {
  it("that the server makes is closed to others, and what is in it too", async (t) => {
    // Whatever the shell's mask allows.
    const mask = process.umask(0);
    t.after(() => process.umask(mask));
    const dataDir = join(temporaryDirectory(t), "data");
    const { urls, stop } = await startInProcess(
      t,
      { dataDir, engine: "level", gateways: ["push"], "http.port": 0 },
      { level: { checkpointBytes: 1000 } },
    );
    const port = Number(urls[0]?.port);
    await issueToken(port);
    for (let n = 0; n < 20; n++) {
      const body = JSON.stringify({ username: "alice", content: "x".repeat(500) });
      await fetch(`http://127.0.0.1:${port}/message`, { method: "POST", body });
    }
    await stop();
    assert.equal(modeOf(dataDir), 0o700);
    assert.equal(modeOf(join(dataDir, "store")), 0o700);
    // LevelDB leaves what it makes to the mask: nobody comes past the directory.
    for (const part of ["journal", "chunks", "receipts"])
      for (const name of readdirSync(join(dataDir, "store", part)))
        assert.equal(modeOf(join(dataDir, "store", part, name)) & 0o077, 0, `${part}/${name}`);
  });

  it("that others can look into holds nothing that they can open", async (t) => {
    const dataDir = join(temporaryDirectory(t), "data");
    mkdirSync(join(dataDir, "store"), { recursive: true, mode: 0o755 });
    await startInProcess(t, { dataDir, engine: "level", gateways: ["push"], "http.port": 0 }, {});
    const names = readdirSync(dataDir);
    assert.ok(names.includes("store"));
    for (const name of names) assert.equal(modeOf(join(dataDir, name)) & 0o077, 0, name);
  });
});

describe("secrets", () => {
  it("have no default: what one server signs, another does not take", async (t) => {
    const start = async (name: string) => {
      const dataDir = join(temporaryDirectory(t), name);
      const { urls } = await startInProcess(t, { dataDir, engine: "level", gateways: ["push"], "http.port": 0 }, {});
      return Number(urls[0]?.port);
    };
    const [one, two] = [await start("one"), await start("two")];
    const authorization = `Bearer ${await issueToken(one)}`;
    const ask = async (port: number) =>
      (await fetch(`http://127.0.0.1:${port}/ws/token`, { method: "POST", headers: { authorization } })).status;
    assert.equal(await ask(one), 200);
    assert.equal(await ask(two), 403);
    for (const [key, setting] of Object.entries(settings))
      if ("secret" in setting && setting.secret) assert.equal(setting.fallback, "", key);
  });

  it("that are too short are refused", () => {
    for (const key of ["push.appSecret", "push.socketSecret"] as const)
      for (const weak of ["x", "secret", "x".repeat(31)])
        assert.equal(loadConfig({ environment: {}, flags: { [key]: weak } }).ok, false, `${key}: ${weak.length}`);
  });
});

it("only this machine is served unless somebody says otherwise", () => {
  const loaded = loadConfig({ environment: {}, flags: {} });
  assert.ok(loaded.ok);
  assert.equal(loaded.config.host, "127.0.0.1");
  for (const host of ["0.0.0.0", "::", "192.168.1.1", "example.org"]) {
    const beyond = loadConfig({ environment: {}, flags: { host } });
    assert.ok(beyond.ok && refuseToServe(beyond.config) !== undefined, host);
  }
});
