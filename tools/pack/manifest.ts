/** What differs between a package in a checkout, which is run from its sources, and the same package as it is published. */

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly bin?: Readonly<Record<string, string>>;
  /** In a checkout each entry is a source: `./src/x.ts`. */
  readonly exports: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

const source = /^\.\/src\/(.+)\.ts$/;

/** The manifest of the tarball. Throws where an entry is no source, or a package of this repository may be of another version. */
export function publishedManifest({ private: _, exports, ...manifest }: Manifest): Record<string, unknown> {
  const entries = Object.entries(exports).map(([entry, path]) => {
    const [, name] = source.exec(path) ?? [];
    if (name === undefined) throw new Error(`${manifest.name}: ${entry} is ${path}, not a source`);
    return [entry, { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` }];
  });
  for (const [name, range] of Object.entries((manifest.dependencies ?? {}) as Record<string, string>))
    if (name.startsWith("@parley/") && range !== manifest.version)
      throw new Error(
        `${manifest.name} ${manifest.version} wants ${name} ${range}: released together, they fit together`,
      );
  return { ...manifest, exports: Object.fromEntries(entries), files: manifest.bin ? ["dist", "bin"] : ["dist"] };
}

/** The command's first file: the same, but for where it goes on. */
export function launcherOf(text: string): string {
  const launcher = text.replace("../src/main.ts", "../dist/main.js");
  if (launcher === text) throw new Error("the launcher does not begin with ../src/main.ts any more");
  return launcher;
}
