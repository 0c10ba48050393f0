/** A few hundred clients that lose their connections at once: all return, and nothing is lost, repeated or reordered. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { freePorts } from "../support/free-ports.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { reconnectStorm } from "./reconnect-storm.ts";

describe("a reconnect storm of 300 clients", () => {
  for (const kind of ["kill", "cut"] as const) {
    it(`${kind === "kill" ? "after a kill -9" : "when all connections are torn"}: everybody returns, nothing is lost`, async (t) => {
      const [wsPort = 0, tcpPort = 0] = await freePorts(2);
      const ports = { wsPort, tcpPort };
      const report = await reconnectStorm({
        kind,
        clients: 300,
        dataDir: temporaryDirectory(t),
        ports,
        timeoutMs: 60_000,
      });
      const { welcomeMs, recoveredMs, failedAttempts } = report;
      const { p50, p99, max } = welcomeMs;
      const ms = (time: number) => `${Math.round(time)} ms`;
      t.diagnostic(
        `welcome p50 ${ms(p50)}, p99 ${ms(p99)}, last ${ms(max)}; recovered ${ms(recoveredMs)}; ${failedAttempts} failed attempts`,
      );
      assert.deepEqual(report.wrong, []);
      assert.equal(report.sent, 1800);
      // Who all came back in one instant has not spread out, whatever it says about jitter.
      assert.ok(max - p50 > 20, `everybody came back at once: ${JSON.stringify(welcomeMs)}`);
    });
  }
});
