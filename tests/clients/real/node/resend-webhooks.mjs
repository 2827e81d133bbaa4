// Resend's Node SDK: every call about webhooks, with pages where it has them.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

import { key, letter, receiver } from "./letter.mjs";
import { Resend } from "resend";

const resend = new Resend(key);
const { webhooks } = resend;
const called = new Set();
const call = async (of, name, ...given) => {
  called.add(`${of.constructor.name}.${name}`);
  const { data, error } = await of[name](...given);
  assert.equal(error, null, `${name}: ${JSON.stringify(error)}`);
  return data;
};
const ids = (list) => list.data.map((each) => each.id);

const events = ["email.sent"];
const [first, second, third] = [
  await call(webhooks, "create", { endpoint: `${receiver}/1`, events }),
  await call(webhooks, "create", { endpoint: `${receiver}/2`, events: ["email.bounced"] }),
  await call(webhooks, "create", { endpoint: `${receiver}/3`, events: ["domain.created"] }),
];
const newest = await call(webhooks, "list", { limit: 2 });
assert.deepEqual([ids(newest), newest.has_more], [[third.id, second.id], true]);
assert.equal(ids(await call(webhooks, "list", { limit: 1, after: second.id }))[0], first.id);
assert.deepEqual(ids(await call(webhooks, "list", { before: second.id })), [third.id]);

await call(webhooks, "update", second.id, { endpoint: `${receiver}/4`, events, status: "disabled" });
const updated = await call(webhooks, "get", second.id);
assert.deepEqual([updated.endpoint, updated.events, updated.status], [`${receiver}/4`, events, "disabled"]);
assert.equal(updated.signing_secret, second.signing_secret);
const rotated = await call(webhooks, "rotateSigningSecret", first.id);
assert.notEqual(rotated.signing_secret, first.signing_secret);
assert.equal((await call(webhooks, "get", first.id)).signing_secret, rotated.signing_secret);

const { from, to, subject, text } = letter;
for (let sent = 0; sent < 3; sent += 1) assert.equal((await resend.emails.send({ from, to, subject, text })).error, null);
const webhookId = first.id;
const posted = async () => (await call(webhooks.events, "list", { webhookId })).data.filter((each) => each.status === "success");
while ((await posted()).length < 3) await pause(500);
const page = await call(webhooks.events, "list", { webhookId, limit: 2 });
assert.deepEqual([page.data.length, page.has_more], [2, true]);
const rest = await call(webhooks.events, "list", { webhookId, limit: 2, after: page.data[1].id });
assert.deepEqual([rest.data.length, rest.has_more], [1, false]);

const eventId = rest.data[0].id;
const event = await call(webhooks.events, "get", { webhookId, eventId });
assert.deepEqual([event.object, event.type, event.payload.type, event.next_attempt_at], ["webhook_event", "email.sent", "email.sent", null]);
assert.equal((await call(webhooks.events, "replay", { webhookId, eventId })).id, eventId);
const attempts = async (options) => call(webhooks.events.attempts, "list", { webhookId, eventId, ...options });
while ((await attempts()).data.length < 2) await pause(500);
const again = await attempts({ limit: 1 });
assert.deepEqual([again.data[0].http_status_code, again.has_more], [200, true]);
assert.equal((await attempts({ limit: 1, after: again.data[0].id })).has_more, false);

for (const { id } of [first, second, third]) assert.equal((await call(webhooks, "remove", id)).deleted, true);
const gone = await webhooks.get(first.id);
assert.equal(gone.error.name, "not_found");

// The first property of a prototype is its constructor.
const calls = (of) => Object.getOwnPropertyNames(Object.getPrototypeOf(of)).slice(1).map((name) => `${of.constructor.name}.${name}`);
const offered = [webhooks, webhooks.events, webhooks.events.attempts].flatMap(calls);
console.log(JSON.stringify({ what: "every call about webhooks", called: [...called], offered }));
