/**
 * A server of its own with the line gateway beside the native protocol, on ports and with data of its own:
 *
 *   npx -c 'node examples/line-gateway/serve.ts'
 *
 * then, in two more terminals, `nc 127.0.0.1 5791`. LINE_PORT moves it; the rest is set as for `parley serve`, by
 * PARLEY_DATA_DIR (./data-line unless given) and so on.
 */
import { loadConfig, startServer } from "@parley/server";
import { lineGateway } from "./line-gateway.ts";

const { LINE_PORT = "5791", PARLEY_DATA_DIR = "./data-line", PARLEY_NATIVE_TCP_PORT = "5792", ...rest } = process.env;
const environment = { ...rest, PARLEY_DATA_DIR, PARLEY_NATIVE_TCP_PORT };
const loaded = loadConfig({ environment, flags: { gateways: "native-tcp", "http.api": false } });
if (!loaded.ok) {
  console.error(loaded.faults.join("\n"));
  process.exit(2);
}
const log = { error: (message: string, error: unknown) => console.error(message, error) };
const server = await startServer(loaded.config, { log, gateways: [lineGateway(Number(LINE_PORT))] });
for (const { url, purpose } of server.listeners) console.log(`${url}  ${purpose}`);
console.log("ready");
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void server.stop());
