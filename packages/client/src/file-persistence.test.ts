import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { moved, queued, testPersistence } from "../testing/persistence-contract.ts";
import { ParleyError } from "./errors.ts";
import { decodeJournal, encodeHeader, encodeRecord } from "./file-journal.ts";
import { filePersistence } from "./file-persistence.ts";

const folder = await mkdtemp(join(tmpdir(), "parley-client-"));
after(() => rm(folder, { recursive: true }));
let files = 0;
const newPath = () => join(folder, `journal-${files++}`);

testPersistence("file", async () => {
  const path = newPath();
  return async () => filePersistence(path);
});

testPersistence("file, compacted at every save", async () => {
  const path = newPath();
  return async () => filePersistence(path, { compactAboveBytes: 0 });
});

async function write(path: string, ...batches: Parameters<typeof encodeRecord>[0][]): Promise<void> {
  await writeFile(path, Buffer.concat([encodeHeader(), ...batches.map(encodeRecord)]));
}

async function load(path: string) {
  const persistence = filePersistence(path);
  try {
    return await persistence.load();
  } finally {
    await persistence.close();
  }
}

const fails = (message: RegExp) => (error: unknown) =>
  error instanceof ParleyError && error.code === "persistence_failed" && message.test(error.message);

test("a journal cut off at any byte gives the saves before the cut, and goes on from there", async () => {
  const path = newPath();
  await write(path, [moved("a", 1), queued("x")], [moved("a", 2), moved("b", 2)]);
  const whole = await readFile(path);
  const secondAt = encodeHeader().length + encodeRecord([moved("a", 1), queued("x")]).length;
  for (let length = 0; length < whole.length; length++) {
    await writeFile(path, whole);
    await truncate(path, length);
    const persistence = filePersistence(path);
    const { positions } = await persistence.load();
    assert.deepEqual(positions, length < secondAt ? [] : [{ log: "a", epoch: "e", seq: 1 }], `cut at ${length}`);
    await persistence.save([moved("c", 3)]);
    await persistence.close();
    assert.deepEqual((await load(path)).positions.at(-1), { log: "c", epoch: "e", seq: 3 }, `cut at ${length}`);
  }
});

test("what is left of a long torn record does not follow a short new one", async () => {
  const path = newPath();
  await write(path, [moved("a", 1)], [queued("long", "x".repeat(1000))]);
  await truncate(path, (await stat(path)).size - 1);
  const persistence = filePersistence(path);
  await persistence.load();
  await persistence.save([moved("a", 2)]);
  await persistence.close();
  assert.deepEqual(await load(path), { positions: [{ log: "a", epoch: "e", seq: 2 }], outbox: [] });
});

test("a write that fails half-way is cut off before the next", async () => {
  const path = newPath();
  const script = `
    const { filePersistence } = await import(${JSON.stringify(new URL("node.ts", import.meta.url).href)});
    const persistence = filePersistence(${JSON.stringify(path)});
    await persistence.load();
    const send = (clientId, length) => [{ type: "queued", send: { clientId, to: "bob", body: "x".repeat(length) } }];
    await persistence.save(send("1", 100));
    await persistence.save(send("2", 10_000)).catch((error) => console.log(error.code));
    await persistence.save(send("3", 100));
    await persistence.close();`;
  // The limit of file size (8 blocks of 1 KiB) stands for a disk that is full.
  const command = `ulimit -f 8; exec "$0" --input-type=module -e "$1"`;
  const { stdout } = await promisify(execFile)("bash", ["-c", command, process.execPath, script]);
  assert.equal(stdout, "EFBIG\n");
  assert.deepEqual(
    (await load(path)).outbox.map(({ clientId }) => clientId),
    ["1", "3"],
  );
});

test("a flipped bit in the last record loses that one, before it the file is refused", async () => {
  const path = newPath();
  await write(path, [moved("a", 1)], [moved("a", 2)]);
  const whole = await readFile(path);
  const firstAt = encodeHeader().length;
  const secondAt = firstAt + encodeRecord([moved("a", 1)]).length;
  for (let at = firstAt; at < whole.length; at++) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] as number) ^ 1;
    await writeFile(path, damaged);
    // Without the newline between them both are the last line.
    if (at === secondAt - 1) assert.deepEqual((await load(path)).positions, []);
    else if (at < secondAt) await assert.rejects(load(path), fails(/damaged/), `byte ${at}`);
    else assert.equal((await load(path)).positions[0]?.seq, 1, `byte ${at}`);
  }
});

test("refuses a file of another kind or of a newer version, and leaves it as it is", async () => {
  for (const [content, message] of [
    ["precious data of somebody else\n", /not a journal/],
    ["parley client journal 2\nwhatever", /newer version/],
  ] as const) {
    const path = newPath();
    await writeFile(path, content);
    await assert.rejects(load(path), fails(message));
    assert.equal(await readFile(path, "utf8"), content);
  }
});

test("nobody else may read it", async () => {
  const path = newPath();
  const persistence = filePersistence(path, { compactAboveBytes: 0 });
  await persistence.load();
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await persistence.save([queued("x")]);
  assert.equal((await stat(path)).mode & 0o777, 0o600, "after compaction");
  await persistence.close();
});

test("a second client on the same file is refused while the first lives, and nothing is left behind after", async () => {
  const path = newPath();
  const first = filePersistence(path);
  await first.load();
  await assert.rejects(load(path), fails(new RegExp(`process ${process.pid}`)));
  await first.close();
  await load(path);
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.includes("lock")),
    [],
  );
});

test("a lock whose process is gone is taken over, also when its process id was given out again", async () => {
  for (const holder of ["999999999 some-token", `${process.pid} another-token`, "", "garbage"]) {
    const path = newPath();
    await writeFile(`${path}.lock`, `${holder}\n`);
    await load(path);
  }
  const path = newPath();
  await writeFile(`${path}.lock`, "1 some-token\n");
  await assert.rejects(load(path), fails(/process 1\b/), "process 1 always lives");
});

test("stays small however much passes through it", async () => {
  const path = newPath();
  const persistence = filePersistence(path, { compactAboveBytes: 2000, fsync: false });
  await persistence.load();
  for (let seq = 1; seq <= 500; seq++) {
    await persistence.save([moved("a", seq), queued(`c${seq}`), { type: "settled", clientId: `c${seq - 1}` }]);
    assert.ok((await stat(path)).size < 3000);
  }
  await persistence.close();
  const { positions, outbox } = await load(path);
  assert.deepEqual(positions, [{ log: "a", epoch: "e", seq: 500 }]);
  assert.deepEqual(
    outbox.map(({ clientId }) => clientId),
    ["c500"],
  );
});

test("what is not there cannot be opened", async () => {
  await assert.rejects(load(join(folder, "no-such-folder", "journal")));
  await assert.rejects(filePersistence(newPath()).save([moved("a", 1)]), fails(/not open/));
});

test("a journal of one record decodes to it", () => {
  const bytes = Buffer.concat([encodeHeader(), encodeRecord([moved("a", 1)])]);
  assert.deepEqual(decodeJournal(bytes, "x"), { batches: [[moved("a", 1)]], validBytes: bytes.length });
});
