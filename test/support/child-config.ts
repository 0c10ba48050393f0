/**
 * The configuration of a server that a test runs as a child process in place of `parley serve`: read from the flags that
 * `server-process.ts` starts any server with, and from the environment.
 */
import { parseArgs } from "node:util";
import { type Config, loadConfig } from "../../packages/server/src/config.ts";

/** What this process was told to serve. Throws, with all faults, where that is no configuration. */
export function childConfig(): Config {
  const { values } = parseArgs({
    allowPositionals: true,
    options: {
      "data-dir": { type: "string" },
      host: { type: "string" },
      "ws-port": { type: "string" },
      "tcp-port": { type: "string" },
      gateways: { type: "string" },
    },
  });
  const loaded = loadConfig({
    environment: process.env,
    flags: {
      dataDir: values["data-dir"],
      host: values.host,
      gateways: values.gateways,
      "http.port": values["ws-port"],
      "nativeTcp.port": values["tcp-port"],
    },
  });
  if (!loaded.ok) throw new Error(loaded.faults.join("\n"));
  return loaded.config;
}
