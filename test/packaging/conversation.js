// A program of somebody who installed the packages: alice writes to bob, and both leave. Its argument is the server's URL.
import { createClient } from "@parley/client";
import { nodeTransport } from "@parley/client/node";

const [, , url = ""] = process.argv;
const [alice, bob] = ["alice", "bob"].map((user) => createClient({ url, user, transport: nodeTransport() }));
const heard = new Promise((resolve) => bob.on("message", ({ from, body }) => resolve(`${from}: ${body}`)));
await Promise.all([alice.connect(), bob.connect()]);
const { durability } = await alice.send("bob", "hello");
console.log(durability, await heard);
await Promise.all([alice.close(), bob.close()]);
