/** The page to try the API: served by the server alone, under a policy that lets in nothing from elsewhere. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { startApiServer } from "./api-server.ts";

it("the page needs nothing from elsewhere, and nobody may frame it", async (t) => {
  const { url } = await startApiServer(t);
  for (const path of ["/v1/docs", "/v1/docs/"]) {
    const page = await fetch(`${url}${path}`);
    const html = await page.text();
    const policy = page.headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'self'/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
    // The policy forbids what stands in the page itself.
    assert.doesNotMatch(html, /<script(?![^>]*src=)|<style|\son\w+=|\sstyle=/);
    const assets = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, asset]) => new URL(asset ?? "", page.url));
    assert.ok(assets.length >= 5);
    for (const asset of assets) {
      assert.equal(asset.origin, url, `${asset} is elsewhere`);
      const answer = await fetch(asset);
      assert.equal(answer.status, 200, String(asset));
      await answer.arrayBuffer();
    }
  }
  const document = await fetch(`${url}/v1/docs/json`);
  assert.deepEqual(await document.json(), await (await fetch(`${url}/v1/openapi.json`)).json());
});
