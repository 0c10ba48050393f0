/** An `EventSource` as in browsers (Node's own): it comes back by itself after `kill -9` and has missed nothing. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream";
import { it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { freePorts } from "../support/free-ports.ts";
import { Patience } from "../support/patience.ts";
import { startServer } from "../support/server-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { ask, basic } from "./api-server.ts";

const script = fileURLToPath(new URL("./event-source.js", import.meta.url));

it("an EventSource comes back after the server was killed, and gets what it missed", { timeout: 60_000 }, async (t) => {
  const [wsPort = 0, tcpPort = 0] = await freePorts(2);
  const url = `http://127.0.0.1:${wsPort}`;
  const options = { dataDir: temporaryDirectory(t), wsPort, tcpPort };
  let server = await startServer(options);
  t.after(() => server.kill());
  const send = async (body: string) => {
    const answer = await ask(url, "/messages", { as: "bob", method: "POST", body: { to: "alice", body } });
    assert.equal(answer.status, 201, answer.text);
  };
  const source = spawn(
    process.execPath,
    ["--no-warnings", "--experimental-eventsource", script, await nameAdded(t, url, "alice")],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  t.after(() => source.kill());
  let printed = "";
  const patience = new Patience();
  source.stdout.on("data", (chunk) => {
    printed += String(chunk);
    patience.wake();
  });
  const hear = async (text: string) => {
    while (!printed.includes(text)) await patience.change(20_000);
  };
  await hear('"live"');
  await send("before");
  await hear("before");
  await server.kill();
  server = await startServer(options);
  await send("after");
  await hear("after");
  assert.equal(printed.match(/"body":"before"/g)?.length, 1, "what it had came again");
});

/** An `EventSource` cannot set headers: something between it and the server says who it is. Resolves with the stream's URL there. */
async function nameAdded(t: TestContext, url: string, user: string): Promise<string> {
  const between = createServer((asked, answer) => {
    const headers = { ...asked.headers, authorization: basic(user) };
    const sent = request(`${url}${asked.url}`, { headers }, (response) => {
      answer.writeHead(response.statusCode ?? 500, response.headers);
      pipeline(response, answer, () => answer.destroy());
    });
    sent.on("error", () => answer.destroy()).end();
  });
  await once(between.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    between.closeAllConnections();
    between.close();
  });
  return `http://127.0.0.1:${(between.address() as AddressInfo).port}/v1/stream`;
}
