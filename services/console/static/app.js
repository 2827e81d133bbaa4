// Copy buttons. Without this file a value is selected whole by one click, and everything else works as it does.
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

function select(element) {
  if (element) getSelection().selectAllChildren(element);
}
