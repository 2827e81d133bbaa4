// Resend's Node SDK, also with React Email.
import assert from "node:assert/strict";

import { bytes, canceled, essence, file, fileMeaning, image, imageMeaning, key, letter, sent, times } from "./letter.mjs";
import { createElement } from "react";
import { Resend } from "resend";

const resend = new Resend(key);
const checked = async (call) => {
  const { data, error } = await call;
  assert.equal(error, null, JSON.stringify(error));
  return data.id;
};

const { from, to, subject, text, html, replyTo, headers } = letter;
const attachments = [
  { filename: file.filename, content: bytes(file), contentType: file.content_type },
  { filename: image.filename, content: bytes(image), contentId: image.content_id },
];
const everything = { from, to, subject, text, html, replyTo, headers, attachments, tags: [{ name: "kind", value: "story" }] };
await checked(resend.emails.send(everything));
sent("send, with files", {
  ...essence,
  reply_to: [replyTo],
  headers,
  attachments: [fileMeaning, imageMeaning],
});

const react = createElement("p", null, "Hi.");
await checked(resend.emails.send({ from, to: letter.second, subject, react }));
sent("send a React component", { from: [from], subject, text: "Hi." }, letter.second);

const id = await checked(resend.emails.send({ from, to, subject, text, scheduledAt: times.inAnHour }));
await checked(resend.emails.update({ id, scheduledAt: times.inTwoHours }));
await checked(resend.emails.cancel(id));
canceled("schedule, reschedule, cancel", id);

const inWords = await checked(resend.emails.send({ from, to, subject, text, scheduledAt: "in 1 hour" }));
await checked(resend.emails.cancel(inWords));
canceled("schedule in words, cancel", inWords);
