#!/usr/bin/env -S node --max-semi-space-size=16 --v8-pool-size=2 --external-memory-accounted-in-global-limit --heap-growing-percent=480
// Without these V8 lets its young generation grow to 128 MB, collects with four threads that take the core from the server,
// and marks its whole heap each time that 64 MB of buffers were made, or the heap has grown by a third: no faster, more
// memory, a longer tail of latency (docs/performance.md, "What Node is started with").
// Checks the Node release before anything that an older one could not even parse is loaded.
const [major = 0] = process.versions.node.split(".").map(Number);
if (major < 24) {
  console.error(`parley: needs Node 24 or newer, this is ${process.version}. In a checkout, run it as: npx parley`);
  process.exit(2);
}
await import("../src/main.ts");
