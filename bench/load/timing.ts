/** Doing things at once and waiting, as all kinds of load do. */

/** Does `work` for each index, at most `atOnce` at a time: a burst of more connections is a test of something else. */
export async function inParallel(count: number, work: (index: number) => Promise<unknown>, atOnce = 32): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
}

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
