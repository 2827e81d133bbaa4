// Payload's Resend adapter, which drops the names of recipients and cannot schedule.
import { bytes, essence, file, fileMeaning, key, letter, sent } from "./letter.mjs";
import "./without_base_url.mjs";
import { resendAdapter } from "@payloadcms/email-resend";

const defaults = { defaultFromAddress: "nobody@example.com", defaultFromName: "Nobody" };
const adapter = resendAdapter({ apiKey: key, ...defaults })();
const { from, to, subject, text, html, replyTo, headers } = letter;

const message = { from, to, subject, text, html, replyTo, headers, attachments: [{ filename: file.filename, content: bytes(file) }] };
await adapter.sendEmail(message);
sent("send, with a file", { ...essence, reply_to: [replyTo], headers, attachments: [fileMeaning] });

// The adapter's form for an email without optional fields: empty strings.
await adapter.sendEmail({ from, to: letter.second, subject, html });
sent("send html alone", { from: [from], subject, html, text: null }, letter.second);
