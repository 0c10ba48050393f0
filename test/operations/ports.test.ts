/** A port that cannot be had is told with the setting that it comes from. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { it } from "node:test";
import { environmentName } from "../../packages/server/src/config.ts";
import { parley } from "../cli/parley-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

for (const [setting, gateways] of [
  ["http.port", "native-websocket"],
  ["framedTcp.port", "framed-tcp"],
  ["peerJson.port", "peer-json"],
] as const) {
  it(`names ${setting} where that port is in use`, async (t) => {
    const taken = createServer().listen(0, "127.0.0.1");
    t.after(() => taken.close());
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const env = { [environmentName(setting)]: String(port), PARLEY_HTTP_API: "false" };
    const line = ["serve", "--data-dir", temporaryDirectory(t), "--gateways", gateways];
    const { code, stderr } = await parley(t, line, { env });
    assert.equal(code, 1);
    assert.ok(stderr.startsWith(`parley: 127.0.0.1:${port} (${setting}) is in use.`), stderr);
  });
}
