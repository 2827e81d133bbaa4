// Clients that have no setting for the base URL call fetch; docs/resend.md shows users this way.
import { url } from "./letter.mjs";

const original = globalThis.fetch;
globalThis.fetch = (target, options) =>
  original(String(target).replace(/^https:\/\/api\.resend\.com(?=\/)/, url), options);
