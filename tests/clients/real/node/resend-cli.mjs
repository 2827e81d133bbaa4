// resend-cli, as a program: its options in, its JSON out.
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { bytes, canceled, essence, file, fileMeaning, image, imageMeaning, key, letter, sent, times, url } from "./letter.mjs";

const home = mkdtempSync(join(tmpdir(), "resend-cli-"));
const quiet = { RESEND_NO_UPDATE_NOTIFIER: "1", RESEND_TELEMETRY_DISABLED: "1" };
const environment = { ...quiet, PATH: process.env.PATH, HOME: home, RESEND_BASE_URL: url, RESEND_API_KEY: key };
const program = fileURLToPath(new URL("node_modules/resend-cli/dist/cli.cjs", import.meta.url));
const resend = (...options) =>
  JSON.parse(execFileSync(process.execPath, [program, ...options, "--json"], { cwd: home, env: environment, encoding: "utf8" }));

for (const each of [file, image]) writeFileSync(join(home, each.filename), bytes(each));
const { from, to, subject, text, html, replyTo, headers } = letter;
const parts = ["--from", from, "--to", to, "--subject", subject, "--text", text];

const everything = [
  ...parts, "--html", html, "--reply-to", replyTo, "--tags", "kind=story",
  "--headers", ...Object.entries(headers).map((pair) => pair.join("=")),
  "--attachment", `${file.filename};type=${file.content_type}`, `${image.filename};cid=${image.content_id}`,
];
resend("emails", "send", ...everything);
sent("emails send, with files", {
  ...essence,
  reply_to: [replyTo],
  headers,
  attachments: [fileMeaning, imageMeaning],
});

const { id } = resend("emails", "send", ...parts, "--scheduled-at", times.inAnHour);
resend("emails", "update", id, "--scheduled-at", times.inTwoHours);
resend("emails", "cancel", id);
canceled("emails send --scheduled-at, update, cancel", id);

const inWords = resend("emails", "send", ...parts, "--scheduled-at", "in 1 hour").id;
resend("emails", "cancel", inWords);
canceled("emails send --scheduled-at in words, cancel", inWords);
