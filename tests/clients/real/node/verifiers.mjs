// The libraries that verify webhooks: each accepts the post, and rejects it once its body has changed.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { Resend } from "resend";
import { Webhook as Standard } from "standardwebhooks";
import { Webhook as Svix } from "svix";

const { post, secrets } = JSON.parse(readFileSync(0, "utf8"));
const named = (prefix) => Object.fromEntries(["id", "timestamp", "signature"].map((name) => [name, post.headers[`${prefix}-${name}`]]));

const verifiers = {
  resend: (payload, webhookSecret) => new Resend("re_unused").webhooks.verify({ payload, headers: named("svix"), webhookSecret }),
  standardwebhooks: (payload, secret) => new Standard(secret).verify(payload, post.headers),
  svix: (payload, secret) => {
    new Svix(secret).verify(payload, post.headers); // returns nothing
    return JSON.parse(payload);
  },
};

for (const [name, verify] of Object.entries(verifiers)) {
  for (const secret of secrets) {
    assert.deepEqual(verify(post.body, secret), JSON.parse(post.body));
    assert.throws(() => verify(`${post.body} `, secret));
  }
  console.log(JSON.stringify({ what: `${name} verifies` }));
}
