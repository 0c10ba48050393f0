/**
 * A server with the line gateway beside the native protocol. `node examples/line-gateway/serve.ts`, then, in two more
 * terminals, `nc 127.0.0.1 5791`. Settings as for `parley serve`, from the environment: PARLEY_DATA_DIR and so on.
 */
import { loadConfig, startServer } from "@parley/server";
import { lineGateway } from "./line-gateway.ts";

const { LINE_PORT = "5791", ...environment } = process.env;
const loaded = loadConfig({ environment, flags: { gateways: "native-tcp" } });
if (!loaded.ok) {
  console.error(loaded.faults.join("\n"));
  process.exit(2);
}
const log = { error: (message: string, error: unknown) => console.error(message, error) };
const server = await startServer(loaded.config, { log, gateways: [lineGateway(Number(LINE_PORT))] });
for (const { url, purpose } of server.listeners) console.log(`${url}  ${purpose}`);
console.log("ready");
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void server.stop());
