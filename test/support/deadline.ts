/**
 * Loaded into each process of the test run (package.json, "test"): a test file that does not end, because a failed test
 * left something open or waits for ever, fails by its name; else it would hold up the whole run without a word.
 */
const longestMinutes = 5;

// The process that runs the files has no such variable.
if (process.env.NODE_TEST_CONTEXT !== undefined)
  setTimeout(() => {
    const open = process.getActiveResourcesInfo().join(", ");
    console.error(`${process.argv[1]} is not over after ${longestMinutes} minutes; still open: ${open}`);
    process.exit(1);
  }, longestMinutes * 60_000).unref();
