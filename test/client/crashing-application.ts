/**
 * An application that can be killed at any moment (`process-crash.test.ts` does): it keeps its own record of what it was
 * handed and what it has sent, one line each, written before it goes on, and knows nothing else when it starts again.
 * Arguments: URL, journal of the client, record of what was received, record of what was sent.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createClient } from "@parley/client";
import { filePersistence, nodeTransport } from "@parley/client/node";

const [url = "", journal = "", received = "", sent = ""] = process.argv.slice(2);
const client = createClient({
  url,
  user: "app",
  transport: nodeTransport(),
  persistence: filePersistence(journal),
  backoff: { baseMs: 10, capMs: 50 },
});
client.on("message", async (message) => {
  // The position goes with the record, so that after a crash the reader of it can tell a repeat.
  appendFileSync(received, `${message.epoch} ${message.seq} ${message.body}\n`);
});

const lines = existsSync(sent) ? readFileSync(sent, "utf8").split("\n").length - 1 : 0;
await client.connect();
for (let counter = lines; ; counter++) {
  // The same counter has the same clientId, so a crash between the send and its record makes no second message.
  client.send("peer", String(counter), { clientId: `app-${counter}`, copy: false }).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
  await client.saved();
  appendFileSync(sent, `${counter}\n`);
  if (counter % 20 === 19) await client.flush();
}
