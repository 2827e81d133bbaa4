// Runs a scenario with npm's unmodified `resend` against another base URL. Reads { url, key, strangerKey } from
// standard input and writes one line of JSON for each call.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

import { Resend } from "resend";

const { url, key, strangerKey } = JSON.parse(readFileSync(0, "utf8"));
const NOBODY = "0198f0c0-0000-7000-8000-000000000000";
const resend = new Resend(key, { baseUrl: url });

const note = (what, answer) => console.log(JSON.stringify({ what, answer }));

// Calls are sequential, so waiting for the reset when none remain avoids all 429 answers.
async function paced(call) {
  const answer = await call;
  const { "ratelimit-remaining": remaining, "ratelimit-reset": reset } = answer.headers;
  if (remaining === "0") await setTimeout(Number(reset) * 1000);
  return answer;
}

async function does(what, call) {
  const { data, error, headers } = await paced(call);
  assert.equal(error, null, `${what}: ${JSON.stringify(error)}`);
  assert.ok(Number(headers["ratelimit-limit"]) > 0);
  const fields = ["last_event", "status", "has_more"].filter((name) => name in data);
  note(what, ["200", ...fields.map((name) => `${name} ${data[name]}`)].join(", "));
  return data;
}

async function isRefused(what, call, statusCode, name) {
  const { data, error } = await paced(call);
  assert.equal(data, null, `${what}: ${JSON.stringify(data)}`);
  assert.deepEqual([error.statusCode, error.name], [statusCode, name], `${what}: ${error.message}`);
  assert.ok(error.message);
  note(what, `${statusCode} ${name}`);
}

const name = `js.d${randomUUID().slice(0, 8)}.com`;
const from = `Agent <agent@${name}>`;
const email = { from, to: "reader@readers.com", subject: "Hello", html: "<p>Good day.</p>" };

async function domains() {
  const made = await does("POST /domains", resend.domains.create({ name, customReturnPath: "back" }));
  assert.ok(made.records.some((each) => each.record === "SPF" && each.name === "back.js"));
  await does("GET /domains/{id}", resend.domains.get(made.id));
  const listed = await does("GET /domains", resend.domains.list({ limit: 1 }));
  assert.deepEqual(listed.data.map((each) => each.id), [made.id]);
  await does("POST /domains/{id}/verify", resend.domains.verify(made.id));
  await does("PATCH /domains/{id}", resend.domains.update({ id: made.id, clickTracking: false }));
  const tracked = { name: `x${name}`, openTracking: true };
  await isRefused("POST /domains, tracking", resend.domains.create(tracked), 422, "validation_error");
  const claim = await does("POST /domains/claim, of an own domain", resend.domains.claims.create({ name }));
  assert.deepEqual([claim.object, claim.domain_id, claim.status], ["domain_claim", made.id, "completed"]);
  await does("GET /domains/{id}/claim", resend.domains.claims.get(made.id));
  await does("POST /domains/{id}/claim/verify", resend.domains.claims.verify(made.id));
  return made.id;
}

async function emails() {
  const full = {
    ...email,
    to: ["reader@readers.com", '"Reader, Second" <second@readers.com>'],
    replyTo: "desk@readers.com",
    tags: [{ name: "kind", value: "story" }],
    attachments: [{ filename: "list.txt", content: Buffer.from("one\ntwo\n") }],
  };
  const retry = { idempotencyKey: randomUUID() };
  const sent = await does("POST /emails, with all there is", resend.emails.send(full, retry));
  const again = await does("POST /emails, the same key again", resend.emails.send(full, retry));
  assert.equal(sent.id, again.id);
  const other = resend.emails.send({ ...full, subject: "Another" }, retry);
  await isRefused("POST /emails, the same key, another body", other, 409, "invalid_idempotent_request");
  const read = await does("GET /emails/{id}", resend.emails.get(sent.id));
  assert.deepEqual([read.from, read.to, read.reply_to], [from, full.to, ["desk@readers.com"]]);
  assert.deepEqual([read.text, read.cc, read.tags], ["Good day.", [], full.tags]);
  assert.ok(new Date(read.created_at) < new Date());
  const listed = await does("GET /emails", resend.emails.list({ limit: 1 }));
  assert.deepEqual([listed.data.map((each) => each.id), listed.has_more], [[sent.id], true]);
  const path = { ...email, attachments: [{ filename: "a", path: "https://mnexa.ai/a" }] };
  await isRefused("POST /emails, a file by its URL", resend.emails.send(path), 422, "invalid_attachment");
  await isRefused("POST /emails, no subject", resend.emails.send({ ...email, subject: undefined }), 422, "missing_required_field");
  await isRefused("GET /emails/{unknown}", resend.emails.get(NOBODY), 404, "not_found");
  await isRefused("POST /emails/{id}/share, not offered", resend.emails.share(sent.id), 404, "not_found");
  return sent.id;
}

async function waiting() {
  const inHours = (hours) => new Date(Date.now() + hours * 3_600_000).toISOString();
  const { id } = await does("POST /emails, scheduled", resend.emails.send({ ...email, scheduledAt: inHours(1) }));
  await does("PATCH /emails/{id}", resend.emails.update({ id, scheduledAt: inHours(2) }));
  await does("POST /emails/{id}/cancel", resend.emails.cancel(id));
  await isRefused("PATCH /emails/{id}, canceled", resend.emails.update({ id, scheduledAt: inHours(2) }), 422, "validation_error");
  const words = await does("POST /emails, in words", resend.emails.send({ ...email, scheduledAt: "in 1 min" }));
  assert.ok(new Date(words.scheduled_at) > new Date());
  await does("POST /emails/{id}/cancel", resend.emails.cancel(words.id));
}

async function batches() {
  const bad = { ...email, to: "no address" };
  const both = await does("POST /emails/batch", resend.batch.send([email, email]));
  assert.equal(both.data.length, 2);
  await isRefused("POST /emails/batch, one bad", resend.batch.send([email, bad]), 422, "validation_error");
  const permissive = { batchValidation: "permissive", idempotencyKey: randomUUID() };
  const some = await does("POST /emails/batch, permissive", resend.batch.send([bad, email], permissive));
  const again = await does("POST /emails/batch, the same key again", resend.batch.send([bad, email], permissive));
  assert.deepEqual([some.data.length, some.errors.map((each) => each.index)], [1, [0]]);
  assert.deepEqual(again, some);
}

async function keys() {
  const made = await does("POST /api-keys", resend.apiKeys.create({ name: "story", permission: "sending_access" }));
  await does("GET /api-keys", resend.apiKeys.list({ limit: 5 }));
  const sending = new Resend(made.token, { baseUrl: url });
  await does("POST /emails, with that key", sending.emails.send(email));
  await isRefused("GET /suppressions, with that key", sending.suppressions.list(), 401, "restricted_api_key");
  await does("PATCH /api-keys/{id}", resend.apiKeys.update(made.id, { name: "another story" }));
  await does("DELETE /api-keys/{id}", resend.apiKeys.remove(made.id));
  await isRefused("DELETE /api-keys/{unknown}", resend.apiKeys.remove(NOBODY), 404, "not_found");
}

async function suppressions() {
  const address = `no-more-${randomUUID()}@readers.com`;
  const made = await does("POST /suppressions", resend.suppressions.add({ email: address }));
  const found = await does("GET /suppressions/{email}", resend.suppressions.get(address));
  assert.deepEqual([found.id, found.origin, found.source_id], [made.id, "manual", null]);
  await does("GET /suppressions?origin=manual", resend.suppressions.list({ origin: "manual", limit: 1 }));
  await does("DELETE /suppressions/{email}", resend.suppressions.remove(address));
  await isRefused("DELETE /suppressions/{id}, again", resend.suppressions.remove(made.id), 404, "not_found");
  const many = { emails: [address, `x${address}`] };
  const added = await does("POST /suppressions/batch/add", resend.suppressions.batch.add(many));
  const gone = await does("POST /suppressions/batch/remove", resend.suppressions.batch.remove(many));
  assert.deepEqual([added.data.length, gone.data.length], [2, 2]);
}

async function strangers(domainId, emailId) {
  const stranger = new Resend(strangerKey, { baseUrl: url });
  await isRefused("GET /emails/{id}, another team's", stranger.emails.get(emailId), 404, "not_found");
  await isRefused("POST /domains/{id}/verify, another team's", stranger.domains.verify(domainId), 404, "not_found");
  await isRefused("GET /emails, a key of Resend's", new Resend("re_123", { baseUrl: url }).emails.list(), 403, "invalid_api_key");
}

const domainId = await domains();
const emailId = await emails();
await waiting();
await batches();
await keys();
await suppressions();
await strangers(domainId, emailId);
await isRefused("GET /broadcasts, not offered", resend.broadcasts.list(), 404, "not_found");
await does("DELETE /domains/{id}", resend.domains.remove(domainId));
