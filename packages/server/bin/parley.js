#!/usr/bin/env -S node --max-semi-space-size=16 --v8-pool-size=2
// Without these and the flags below V8 lets its young generation grow to 128 MB, collects with four threads that take the core
// from the server, and marks its whole heap each time that 64 MB of buffers were made, or the heap has grown by a third: no
// faster, more memory, a longer tail of latency (docs/performance.md, "What Node is started with").
import { setFlagsFromString } from "node:v8";

// Checks the Node release before anything that an older one could not even parse is loaded, or flags that it does not know are set.
const [major = 0] = process.versions.node.split(".").map(Number);
if (major < 24) {
  console.error(`parley: needs Node 24 or newer, this is ${process.version}. In a checkout, run it as: npx parley`);
  process.exit(2);
}
setFlagsFromString("--external-memory-accounted-in-global-limit");
setFlagsFromString("--heap-growing-percent=480");
await import("../src/main.ts");
