// Resend's MCP server, as a program that an agent starts: JSON-RPC over its standard input and output.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { canceled, essence, file, fileMeaning, image, imageMeaning, key, letter, sent, times, url } from "./letter.mjs";

const environment = { PATH: process.env.PATH, RESEND_BASE_URL: url, RESEND_API_KEY: key };
const program = fileURLToPath(new URL("node_modules/resend-mcp/dist/index.js", import.meta.url));
const server = spawn(process.execPath, [program], { env: environment, stdio: ["pipe", "pipe", "ignore"] });
const answers = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
let calls = 0;

const write = (message) => server.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);

async function call(method, params) {
  const id = ++calls;
  write({ id, method, params });
  for (;;) {
    const { value, done } = await answers.next();
    assert.ok(!done, "the MCP server ended");
    const answer = JSON.parse(value);
    if (answer.id !== id) continue; // a notification
    assert.ok(!answer.error && !answer.result.isError, JSON.stringify(answer));
    return answer.result;
  }
}

async function tool(name, given) {
  const { content } = await call("tools/call", { name, arguments: given });
  return content[0].text;
}

const sendEmail = async (given) => JSON.parse((await tool("send-email", given)).match(/\{.*\}/)[0]).id;

await call("initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "test", version: "1" } });
write({ method: "notifications/initialized" });

const { from, to, subject, text, html, replyTo, headers } = letter;
const attachments = [
  { filename: file.filename, content: file.content, contentType: file.content_type },
  { filename: image.filename, content: image.content, contentId: image.content_id },
];
await sendEmail({ from, to: [to], subject, text, html, replyTo: [replyTo], headers, attachments });
sent("send-email, with files", {
  ...essence,
  reply_to: [replyTo],
  headers,
  attachments: [fileMeaning, imageMeaning],
});

const id = await sendEmail({ from, to: [to], subject, text, replyTo: [], scheduledAt: times.inAnHour });
await tool("update-email", { id, scheduledAt: times.inTwoHours });
await tool("cancel-email", { id });
canceled("send-email at a time, update-email, cancel-email", id);

const inWords = await sendEmail({ from, to: [to], subject, text, replyTo: [], scheduledAt: "tomorrow at 10am" });
await tool("cancel-email", { id: inWords });
canceled("send-email at a time in words, cancel-email", inWords);
server.stdin.end();
