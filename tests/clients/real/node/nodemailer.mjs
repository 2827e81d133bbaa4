// Nodemailer with the transport @documenso/nodemailer-resend, which drops the names of recipients and cannot schedule.
import { bytes, essence, file, fileMeaning, key, letter, sent } from "./letter.mjs";
import { ResendTransport } from "@documenso/nodemailer-resend";
import nodemailer from "nodemailer";

const transport = nodemailer.createTransport(ResendTransport.makeTransport({ apiKey: key }));
const { from, to, subject, text, html, replyTo, headers } = letter;

await transport.sendMail({
  from, to, subject, text, html, replyTo, headers,
  attachments: [{ filename: file.filename, content: bytes(file) }],
});
sent("send, with a file", { ...essence, reply_to: [replyTo], headers, attachments: [fileMeaning] });

await transport.sendMail({ from, to: { name: "Second", address: letter.second }, subject, html });
sent("send html alone", { from: [from], subject, html, text: null }, letter.second);
