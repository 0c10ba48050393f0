import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { memoryIndexedDb } from "../testing/memory-indexed-db.ts";
import { queued, testPersistence } from "../testing/persistence-contract.ts";
import { indexedDbPersistence } from "./indexed-db-persistence.ts";
import { memoryPersistence } from "./persistence.ts";
import { type WebStorage, webStoragePersistence } from "./web-storage-persistence.ts";

testPersistence("memory", async () => {
  const persistence = memoryPersistence();
  return async () => persistence;
});

testPersistence("IndexedDB", async () => {
  const factory = memoryIndexedDb();
  return async () => indexedDbPersistence("test", factory);
});

testPersistence("Web Storage", async () => {
  const storage = mapStorage();
  storage.setItem("somebody-elses", "value");
  storage.setItem("parley/testing/identity", '{"type":"identity","user":"mallory","device":"x"}');
  return async () => webStoragePersistence("test", storage);
});

test("Web Storage: that it is full is a failed save", async () => {
  const storage = mapStorage();
  const persistence = webStoragePersistence("test", { ...storage, setItem: () => assert.fail("QuotaExceededError") });
  await persistence.load();
  await assert.rejects(persistence.save([queued("x")]), { code: "persistence_failed" });
});

test("Web Storage: works on the platform's own localStorage", async () => {
  const folder = await mkdtemp(join(tmpdir(), "parley-client-"));
  const script = `
    const { webStoragePersistence } = await import(${JSON.stringify(new URL("index.ts", import.meta.url).href)});
    for (const clientId of ["1", "2"]) {
      const persistence = webStoragePersistence("test");
      await persistence.load();
      await persistence.save([{ type: "queued", send: { clientId, to: "bob", body: "hi" } }]);
    }
    const { outbox } = await webStoragePersistence("test").load();
    console.log(outbox.map((send) => send.clientId).join());`;
  const flags = ["--no-warnings", "--experimental-webstorage", `--localstorage-file=${join(folder, "storage")}`];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, "--input-type=module", "-e", script]);
  assert.equal(stdout.trim(), "1,2");
  await rm(folder, { recursive: true });
});

function mapStorage(): WebStorage {
  const items = new Map<string, string>();
  return {
    get length() {
      return items.size;
    },
    key: (index) => [...items.keys()][index] ?? null,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}
