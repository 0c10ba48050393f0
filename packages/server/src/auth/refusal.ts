/** Why the server does not start with the authentication that is configured: all that is wrong, each with what to do. */
export class AuthenticationRefused extends Error {
  override readonly name = "AuthenticationRefused";
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join("\n"));
    this.faults = faults;
  }
}
