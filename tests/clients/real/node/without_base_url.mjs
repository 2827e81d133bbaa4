// Clients that have no setting for the base URL call fetch; their users point it elsewhere in this way too.
import { url } from "./letter.mjs";

const RESEND = "https://api.resend.com";
const original = globalThis.fetch;
globalThis.fetch = (target, options) =>
  original(typeof target === "string" && target.startsWith(`${RESEND}/`) ? url + target.slice(RESEND.length) : target, options);
