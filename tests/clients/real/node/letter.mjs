// What each client here sends: the test's setting from standard input, and the report of each call, one line of JSON.
import { readFileSync } from "node:fs";

export const { url, key, letter, file, image, times, receiver } = JSON.parse(readFileSync(0, "utf8"));

// Resend's SDKs read it when they are loaded, so this module is imported before them.
process.env.RESEND_BASE_URL = url;

/** Report a call that sent an email: what the email that arrives at the recipient must say. */
export const sent = (what, meaning, recipient = letter.to) => report({ what, mails: { [recipient]: meaning } });

/** Report calls after which the email must be read as canceled. */
export const canceled = (what, id) => report({ what, id, read: { last_event: "canceled" } });

const report = (line) => console.log(JSON.stringify(line));

/** The parts of the letter that every client can express, as the delivered email must say them. */
export const essence = { from: [letter.from], to: [letter.to], subject: letter.subject, text: letter.text, html: letter.html };

export const fileMeaning = { filename: file.filename, content: file.content, content_type: file.content_type, disposition: "attachment" };
export const imageMeaning = { filename: image.filename, content: image.content, content_id: image.content_id, disposition: "inline" };

export const bytes = (attachment) => Buffer.from(attachment.content, "base64");
