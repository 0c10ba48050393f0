/**
 * P8 (reliability.md, fault 5): a disk that is full or fails is an error to the sender and never a false `ok`; what is
 * stored can still be read; when the disk is well again the same process serves, and nothing acknowledged is lost.
 */
import assert from "node:assert/strict";
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it, type TestContext } from "node:test";
import { freePorts } from "../support/free-ports.ts";
import { type ServerOptions, type ServerProcess, startServer } from "../support/server-process.ts";
import { needTool } from "../support/system-tool.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { failDisk, mountSmallDisk, needMount } from "./disk.ts";
import { DiskTraffic } from "./disk-traffic.ts";

const diskBytes = 48 * 1024 * 1024;

/** A server whose checkpoints come often, so that what is read is not what memory still holds of the journal. */
const entry = new URL("faulty-server.ts", import.meta.url).pathname;

async function start(t: TestContext, dataDir: string): Promise<{ server: ServerProcess; options: ServerOptions }> {
  const [wsPort = 0, tcpPort = 0] = await freePorts(2);
  const options = { dataDir, wsPort, tcpPort, entry };
  const server = await startServer(options);
  t.after(() => server.kill("SIGKILL"));
  return { server, options };
}

/** The disk is made to fail by `fail`, and healed by what that returns: the whole course of it. */
async function outage(
  t: TestContext,
  dataDir: string,
  fail: (pid: number) => Promise<() => Promise<void>>,
): Promise<void> {
  const { server, options } = await start(t, dataDir);
  const traffic = await DiskTraffic.start(options.tcpPort);
  for (let n = 0; n < 150; n++) assert.equal(await traffic.send(), "ok");
  const heal = await fail(server.pid);
  assert.equal(await traffic.sendWhile("ok"), "storage_unavailable");
  const refused = traffic.last;
  // For some attempts to open the store anew, each a second after the other.
  for (const end = Date.now() + 2_500; Date.now() < end; ) {
    assert.equal(await traffic.send(), "storage_unavailable");
    traffic.check(await traffic.stored(options.tcpPort));
  }
  await heal();
  assert.equal(await traffic.sendWhile("storage_unavailable"), "ok");
  const healed = traffic.last;
  assert.equal(await traffic.send(refused), "ok", "what was refused can be sent again");
  for (let n = 0; n < 50; n++) assert.equal(await traffic.send(), "ok");
  traffic.check(await traffic.stored(options.tcpPort));
  assert.match(server.stderr, /the store cannot write/);
  assert.match(server.stderr, /the store writes again/);

  await server.kill("SIGKILL");
  const again = await startServer(options);
  t.after(() => again.kill("SIGKILL"));
  traffic.check(await traffic.stored(options.tcpPort));
  t.diagnostic(`${traffic.acknowledged.size} acknowledged, refused from ${refused} to ${healed - 1}`);
  traffic.close();
  assert.equal(await again.stop(), 0);
}

/** Until nothing more fits. */
function fill(file: string, directory: string): void {
  for (let size = 1024 * 1024; size >= 1; size = Math.floor(size / 2))
    for (;;) {
      try {
        writeFileSync(file, Buffer.alloc(size), { flag: "a" });
      } catch {
        break;
      }
    }
  assert.equal(statfsSync(directory).bavail, 0);
}

describe("a disk that is full", () => {
  before(needMount);

  it("refuses sends, serves reads, and goes on when there is room", { timeout: 40_000 }, async (t) => {
    const disk = mountSmallDisk(t, diskBytes);
    const ballast = join(disk, "ballast");
    await outage(t, join(disk, "data"), async () => {
      fill(ballast, disk);
      return async () => rmSync(ballast);
    });
  });

  it("again and again, filled by messages alone, keeps what it acknowledged", { timeout: 40_000 }, async (t) => {
    const disk = mountSmallDisk(t, diskBytes);
    const { server, options } = await start(t, join(disk, "data"));
    const ballast = join(disk, "ballast");
    const traffic = await DiskTraffic.start(options.tcpPort);
    for (let round = 0; round < 3; round++) {
      // Room for a little more, so that the journal itself meets the end, in the middle of a record.
      fill(ballast, disk);
      rmSync(ballast);
      writeFileSync(ballast, Buffer.alloc(Math.max(0, statfsSync(disk).bavail * statfsSync(disk).bsize - 200_000)));
      assert.equal(await traffic.sendWhile("ok"), "storage_unavailable");
      rmSync(ballast);
      assert.equal(await traffic.sendWhile("storage_unavailable"), "ok");
    }
    traffic.check(await traffic.stored(options.tcpPort));
    assert.equal(await server.stop(), 0);
    const again = await startServer(options);
    t.after(() => again.kill("SIGKILL"));
    traffic.check(await traffic.stored(options.tcpPort));
    traffic.close();
    assert.equal(await again.stop(), 0);
  });
});

/** By the calls of the system that fail: writes of the journal are synced ones, checkpoints write and sync. */
const injections: readonly (readonly [what: string, ...injections: string[]])[] = [
  ["EIO on every write and sync", "pwrite64:error=EIO", "fsync,fdatasync:error=EIO"],
  ["EIO on every third write, and every sync", "pwrite64:error=EIO:when=3+3", "fsync,fdatasync:error=EIO"],
];

describe("a disk that fails", () => {
  before(() => needTool({ probe: ["strace", "-V"], package: "strace" }));

  for (const [what, ...injected] of injections)
    it(`with ${what} refuses sends, serves reads, and goes on when it is well`, { timeout: 40_000 }, async (t) => {
      await outage(t, join(temporaryDirectory(t), "data"), (pid) => failDisk(pid, injected));
    });

  it("with EIO on syncs alone gives no false ok for what is to be on disk", { timeout: 40_000 }, async (t) => {
    const { server, options } = await start(t, join(temporaryDirectory(t), "data"));
    const traffic = await DiskTraffic.start(options.tcpPort);
    assert.equal(await traffic.send(), "ok");
    const heal = await failDisk(server.pid, ["fsync,fdatasync:error=EIO"]);
    // Messages in memory before it (the first of many waits for the disk): what comes next needs a sync of all.
    for (let n = 0; n < 5; n++) await traffic.send(undefined, "memory");
    assert.equal(await traffic.send(), "storage_unavailable");
    await heal();
    assert.equal(await traffic.sendWhile("storage_unavailable"), "ok");
    await server.kill("SIGKILL");
    const again = await startServer(options);
    t.after(() => again.kill("SIGKILL"));
    traffic.check(await traffic.stored(options.tcpPort));
    traffic.close();
    assert.equal(await again.stop(), 0);
  });
});
