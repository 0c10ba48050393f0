#!/usr/bin/env -S node --max-semi-space-size=16
// V8 would let its young generation grow to 128 MB on a large machine: no faster here, and memory that nobody needs
// (docs/performance.md, "Memory"). The limit is for whoever runs this file as a command.
// Checks the Node release before anything that an older one could not even parse is loaded.
const [major = 0] = process.versions.node.split(".").map(Number);
if (major < 24) {
  console.error(`parley: needs Node 24 or newer, this is ${process.version}. In a checkout, run it as: npx parley`);
  process.exit(2);
}
await import("../src/main.ts");
