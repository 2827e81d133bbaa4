// Strapi's Resend provider, whose SDK is the first of Resend's: it posts to /email and cannot schedule.
import { essence, file, fileMeaning, key, letter, sent } from "./letter.mjs";
import strapi from "strapi-provider-email-resend";

const { from, to, subject, text, html } = letter;
const provider = strapi.init({ apiKey: key }, { defaultFrom: from, defaultReplyTo: letter.replyTo });
await provider.send({ to, subject, text, html, attachments: [{ filename: file.filename, content: file.content }] });
sent("send, with a file", { ...essence, attachments: [fileMeaning] });
