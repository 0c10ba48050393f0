/**
 * Power loss (reliability.md, fault 3): the server is killed under load, and its disk is what had really been written by
 * then: the system's caches are gone. Nothing acknowledged is missing. The control has syncs switched off (`eatmydata`) and
 * must lose something, or the test shows nothing.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { before, describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freePorts } from "../support/free-ports.ts";
import { startServer } from "../support/server-process.ts";
import { needTool } from "../support/system-tool.ts";
import { seededRandom } from "./crash-run.ts";
import { ImageDisk, needMount } from "./disk.ts";
import { DiskTraffic } from "./disk-traffic.ts";

const entry = new URL("faulty-server.ts", import.meta.url).pathname;
const seed = Number(process.env.TEST_SEED ?? randomInt(2 ** 31));
const inFlight = 8;
/** So much is acknowledged before the power fails. */
const atLeast = 300;

/** What was lost in each of some failures, each on the disk that the one before left. */
async function powerFailures(t: TestContext, count: number, env: Record<string, string>): Promise<number[][]> {
  const random = seededRandom(seed);
  const lost: number[][] = [];
  let disk = ImageDisk.make(t);
  for (let failure = 0; failure < count; failure++) {
    const [wsPort = 0, tcpPort = 0] = await freePorts(2);
    const options = { wsPort, tcpPort, entry };
    const server = await startServer({ ...options, dataDir: join(disk.directory, "data"), env });
    t.after(() => server.kill("SIGKILL"));
    const traffic = await DiskTraffic.start(tcpPort, `reader-${failure}`);
    traffic.flood(inFlight);
    while (traffic.acknowledged.size < atLeast) await sleep(5);
    await sleep(random() * 300);
    await server.kill("SIGKILL");
    traffic.close();
    disk = disk.afterPowerFailure(t);
    try {
      const again = await startServer({ ...options, dataDir: join(disk.directory, "data") });
      t.after(() => again.kill("SIGKILL"));
      const stored = await traffic.stored(tcpPort).catch((): number[] => []);
      assert.equal(new Set(stored).size, stored.length, "stored twice");
      lost.push(traffic.lost(stored));
      await again.stop();
    } catch (error) {
      // A store that does not open has lost everything.
      t.diagnostic(String(error).slice(0, 500));
      lost.push([...traffic.acknowledged]);
    }
    t.diagnostic(`TEST_SEED=${seed} ${traffic.acknowledged.size} acknowledged, ${lost.at(-1)?.length} lost`);
  }
  return lost;
}

describe("a power failure", () => {
  before(needMount);

  it("loses nothing that was acknowledged, three times in a row", { timeout: 60_000 }, async (t) => {
    assert.deepEqual(await powerFailures(t, 3, {}), [[], [], []]);
  });

  it("loses something where syncs are switched off: the control", { timeout: 60_000 }, async (t) => {
    needTool({ probe: ["eatmydata", "true"], package: "eatmydata" });
    const [lost] = await powerFailures(t, 1, { LD_PRELOAD: "libeatmydata.so" });
    assert.notDeepEqual(lost, [], "nothing was lost: this test cannot find anything");
  });
});
