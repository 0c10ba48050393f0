#!/usr/bin/env node
// Checks the Node release before anything that an older one could not even parse is loaded.
const [major = 0] = process.versions.node.split(".").map(Number);
if (major < 24) {
  console.error(`parley: needs Node 24 or newer, this is ${process.version}. In a checkout, run it as: npx parley`);
  process.exit(2);
}
await import("../src/main.ts");
