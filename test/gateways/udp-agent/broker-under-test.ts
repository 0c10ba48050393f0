/** The gateway on a core in the test's own process: on ports of its own, with what it counts and what it complained of. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { deadLetterLog } from "../../../packages/server/src/core/dead-letters.ts";
import type { CoreOptions } from "../../../packages/server/src/core/opening.ts";
import { startUdpAgent, type UdpAgentGateway } from "../../../packages/server/src/gateway/udp-agent/udp-agent.ts";
import { type CoreFixture, openCore } from "../../../packages/server/testing/core-fixture.ts";

type Options = Parameters<typeof startUdpAgent>[0];

export interface BrokerUnderTest extends CoreFixture {
  readonly gateway: UdpAgentGateway;
  readonly port: number;
  readonly discoveryPort: number;
  /** What it wrote into the log of errors. A test that expects some takes them out. */
  readonly complaints: string[];
  /** Dead letters in short: `reason log seq: pending`. */
  dead(): Promise<string[]>;
}

export async function startBroker(
  t: TestContext,
  options: Partial<Options> = {},
  coreOptions: Partial<CoreOptions> = {},
): Promise<BrokerUnderTest> {
  const fixture = await openCore(coreOptions);
  const complaints: string[] = [];
  const gateway = await startUdpAgent({
    core: fixture.core,
    host: "127.0.0.1",
    port: 0,
    discoveryPort: 0,
    multicastGroup: "",
    inactivityMs: 300_000,
    maxDatagramBytes: 8192,
    maxOutboxBytes: 1_048_576,
    log: { error: (message, error) => complaints.push(`${message}: ${error}`) },
    ...options,
  });
  t.after(async () => {
    await gateway.stop();
    fixture.core.close();
    assert.deepEqual([...complaints, ...fixture.problems], [], "the server complained");
  });
  const [port, discoveryPort] = gateway.listeners.map(({ url }) => Number(new URL(url).port));
  const dead = async () => {
    const entries = await fixture.engine.read(deadLetterLog, 0, "forward", 1000);
    const letters = entries.map(({ payload }) => JSON.parse(payload));
    return letters.map(({ reason, log, seq, pending }) => `${reason} ${log} ${seq}: ${pending.join(" ")}`);
  };
  return { ...fixture, gateway, port: port as number, discoveryPort: discoveryPort as number, complaints, dead };
}
