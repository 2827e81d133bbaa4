// Auth.js's Resend provider: the sign-in link, which is all that it sends.
import { key, letter, sent } from "./letter.mjs";
import "./without_base_url.mjs";
import Resend from "@auth/core/providers/resend";

const provider = Resend({ apiKey: key, from: letter.from });
const request = {
  identifier: letter.to,
  url: "https://app.example.com/api/auth/callback/resend?token=0123",
  provider: { ...provider, ...provider.options },
  theme: { brandColor: "#123456" },
};
await provider.sendVerificationRequest(request);
sent("send a sign-in link", {
  from: [letter.from],
  to: [letter.to],
  subject: "Sign in to app.example.com",
  text: `Sign in to app.example.com\n${request.url}`,
});
