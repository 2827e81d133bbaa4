// Copy buttons, and forms that show that they are sent. Without this file a value is selected whole by one click, and
// everything else works as it does.
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
  document.getElementById("told").textContent = `${button.dataset.what} copied.`;
  setTimeout(() => {
    word.textContent = before;
    button.classList.remove("done");
  }, 2000);
});

// A live page that is not reached any more says so; one that is no longer let in, or gone, shows the page that tells why.
const GONE = [401, 404];
const unreached = (status) => {
  if (GONE.includes(status)) return location.reload();
  const away = document.getElementById("away");
  if (!away.textContent) away.textContent = away.dataset.words;
};
const reached = () => {
  document.getElementById("away").textContent = "";
};
document.addEventListener("htmx:response:error", ({ detail }) => unreached(detail.ctx.response.status));
document.addEventListener("htmx:error", ({ detail }) => detail.ctx && unreached());
document.addEventListener("htmx:sse:error", ({ detail }) => {
  const again = detail.connection?.attempt > 1; // the first try after a stream's end may come a moment too soon
  if (again || GONE.includes(detail.status)) unreached(detail.status);
});
document.addEventListener("htmx:sse:after:connection", reached);
document.addEventListener("htmx:after:swap", ({ detail }) => {
  if (detail.ctx?.response?.status < 400) reached(); // htmx ends so after an error too
});

// An answer may take seconds, and a second press would ask again.
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
