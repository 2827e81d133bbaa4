// Copy buttons, connection status, and busy indicators on forms. Everything works without this file: a click then
// selects a value instead of copying it.
document.documentElement.classList.add("js");

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("button[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    return select(document.getElementById(button.getAttribute("aria-describedby")));
  }
  const word = button.querySelector(".word");
  const before = word.dataset.word ?? (word.dataset.word = word.textContent);
  word.textContent = "Copied";
  button.classList.add("done");
  document.getElementById("announcement").textContent = `${button.dataset.what} copied.`;
  setTimeout(() => {
    word.textContent = before;
    button.classList.remove("done");
  }, 2000);
});

// Show a notice when a live page loses its connection. When the page is gone or access has ended, reload it, so that
// the error page explains why.
const GONE = [401, 404];
const showDisconnected = (status) => {
  if (GONE.includes(status)) return location.reload();
  const notice = document.getElementById("away");
  if (!notice.textContent) notice.textContent = notice.dataset.words;
};
const showConnected = () => {
  document.getElementById("away").textContent = "";
};
document.addEventListener("htmx:response:error", ({ detail }) => showDisconnected(detail.ctx.response.status));
document.addEventListener("htmx:error", ({ detail }) => detail.ctx && showDisconnected());
document.addEventListener("htmx:sse:error", ({ detail }) => {
  const retried = detail.connection?.attempt > 1; // the first reconnect after a stream ends may be too early
  if (retried || GONE.includes(detail.status)) showDisconnected(detail.status);
});
document.addEventListener("htmx:sse:after:connection", showConnected);
document.addEventListener("htmx:after:swap", ({ detail }) => {
  if (detail.ctx?.response?.status < 400) showConnected(); // htmx fires this event after an error too
});

// A response may take seconds, so a second click must not submit the form again.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) return event.preventDefault();
  event.target.dataset.sent = "yes";
  event.submitter?.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  for (const button of document.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
});

function select(element) {
  if (element) getSelection().selectAllChildren(element);
}
