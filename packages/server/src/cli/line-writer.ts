/**
 * Writes lines to standard output, one after the other, and says for each whether it got there. A reader that went
 * away (`parley listen | head`) is no fault: `write` then says `gone`, and the command ends quietly.
 */

export type Written = "written" | "gone";

export interface LineWriter {
  /** Resolves when the operating system has the line, and not before: whoever waits for it feels the reader's pace. */
  write(line: string): Promise<Written>;
  /** Waits no longer for what the reader has not taken: those writes resolve with `gone`. */
  abandon(): void;
}

/** Makes the writer for `stream`; one per stream. */
export function createLineWriter(stream: NodeJS.WriteStream): LineWriter {
  // Without a listener a broken pipe would end the process with a stack trace.
  stream.on("error", () => {});
  const abandoned = new AbortController();
  return {
    write: (line) =>
      new Promise((resolve, reject) => {
        const giveUp = () => resolve("gone");
        abandoned.signal.addEventListener("abort", giveUp);
        stream.write(`${line}\n`, (error) => {
          abandoned.signal.removeEventListener("abort", giveUp);
          if (!error) resolve("written");
          else if (isGone(error)) resolve("gone");
          else reject(error);
        });
      }),
    abandon: () => abandoned.abort(),
  };
}

function isGone({ code }: NodeJS.ErrnoException): boolean {
  return code === "EPIPE" || code === "ERR_STREAM_DESTROYED" || code === "ERR_STREAM_WRITE_AFTER_END";
}
