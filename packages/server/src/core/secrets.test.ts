/** The server's own secrets: made once, each for itself, kept over a restart. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { openCore } from "../../testing/core-fixture.ts";

it("a secret is 32 random bytes, the same after a restart, and another one for another name", async () => {
  const first = await openCore();
  const longer = await first.core.secret("push.application");
  const secret = await first.core.secret("push.app");
  assert.equal(Buffer.from(secret, "base64url").length, 32);
  assert.notEqual(secret, longer);
  const second = await openCore({ engine: first.engine });
  assert.equal(await second.core.secret("push.app"), secret);
});
