/** What may be a password. The length is what counts (NIST SP 800-63B, 3.1.1.2); no rules about its characters. */
import { fail, ok, type Result } from "@parley/protocol";

const minCharacters = 8;
/** Bounds the work on hostile input. */
const maxCharacters = 1024;

/** Faults: `bad_message`. */
export function checkPassword(password: string): Result<undefined> {
  const { length } = [...foldPassword(password)];
  if (!password.isWellFormed()) return fail("bad_message", "the password is not Unicode text");
  if (length < minCharacters) return fail("bad_message", `a password has at least ${minCharacters} characters`);
  if (password.length > maxCharacters) return fail("bad_message", `a password has at most ${maxCharacters} characters`);
  return ok(undefined);
}

/** The same password from whatever keyboard (RFC 8265, section 4.2: NFC). */
export function foldPassword(password: string): string {
  return password.normalize("NFC");
}

/** Whether it is worth looking at; what is not was never anybody's password. */
export function mayBePassword(password: string): boolean {
  return password.length <= maxCharacters && password.isWellFormed();
}
