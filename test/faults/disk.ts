/** Disks of one's own for tests: small, or of an image whose content is what has really been written. Root on Linux only. */
import { spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmdirSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { temporaryDirectory } from "../support/temporary-directory.ts";

/** Throws where no file system can be mounted: a test that needs one fails there. */
export function needMount(): void {
  if (process.platform !== "linux" || process.getuid?.() !== 0)
    throw new Error("this test mounts a file system: run it as root on Linux");
}

/** Where a system keeps what only root needs, which not every path of a user names. */
const systemPath = `${process.env.PATH}:/usr/sbin:/sbin`;

function run(command: string, ...args: string[]): void {
  const env = { ...process.env, PATH: systemPath };
  const { status, stderr, error } = spawnSync(command, args, { encoding: "utf8", env });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error ?? stderr}`);
}

/** A directory where something is mounted by `mount` until the test ends, or those who still use it do. */
function mountAt(t: TestContext, ...mount: readonly string[]): string {
  const directory = mkdtempSync(join(tmpdir(), "parley-disk-"));
  run("mount", ...mount, directory);
  t.after(() => {
    run("umount", "--lazy", directory);
    rmdirSync(directory);
  });
  return directory;
}

/** A disk in memory of so many bytes, until the test ends. */
export function mountSmallDisk(t: TestContext, bytes: number): string {
  return mountAt(t, "-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs");
}

const imageBytes = 96 * 1024 * 1024;

/** A disk whose image is a file: what the system still keeps in memory is not in it. */
export class ImageDisk {
  readonly directory: string;
  readonly #image: string;

  private constructor(directory: string, image: string) {
    this.directory = directory;
    this.#image = image;
  }

  /** Makes an ext4 file system that writes nothing by itself for as long as a test lasts: only what is synced. */
  static make(t: TestContext): ImageDisk {
    const image = join(temporaryDirectory(t), "image");
    writeFileSync(image, "");
    truncateSync(image, imageBytes);
    run("mkfs.ext4", "-q", "-F", image);
    return ImageDisk.#mount(t, image);
  }

  static #mount(t: TestContext, image: string): ImageDisk {
    return new ImageDisk(mountAt(t, "-o", "loop,commit=300", image), image);
  }

  /**
   * The disk after a power failure at this moment: a copy of the image, mounted, without anything that was only in memory.
   * Nobody may write meanwhile.
   */
  afterPowerFailure(t: TestContext): ImageDisk {
    const copy = `${this.#image}.${randomUUID()}`;
    copyFileSync(this.#image, copy);
    return ImageDisk.#mount(t, copy);
  }
}

/** The disk of a process fails from the call on, by what strace is told to inject; resolves when it does. Returns what heals it. */
export async function failDisk(pid: number, injections: readonly string[]): Promise<() => Promise<void>> {
  const calls = [...new Set(injections.flatMap((one) => (one.split(":")[0] ?? "").split(",")))];
  const inject = injections.flatMap((one) => ["-e", `inject=${one}`]);
  const tracer = spawn("strace", ["-f", "-p", String(pid), "-e", `trace=${calls.join(",")}`, ...inject], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(tracer, "close");
  let said = "";
  tracer.stderr.setEncoding("utf8");
  while (!/attached/.test(said)) {
    const [chunk] = (await Promise.race([once(tracer.stderr, "data"), ended])) as [unknown];
    if (typeof chunk !== "string") throw new Error(`strace cannot attach to the server: ${said}`);
    said += chunk;
  }
  // What it goes on to say must not stop it.
  tracer.stderr.resume();
  return async () => {
    tracer.kill("SIGINT");
    await ended;
  };
}
