// Follows a log that is being written: the newest line stays in view until the reader scrolls away.
const follow = document.getElementById("follow");

function setFollowing(on) {
  follow.setAttribute("aria-pressed", String(on));
  if (on) toEnd();
}

function toEnd() {
  document.documentElement.scrollTo({ top: document.documentElement.scrollHeight });
}

function isAtEnd() {
  const page = document.documentElement;
  return page.scrollHeight - page.scrollTop - page.clientHeight < 80;
}

if (follow) {
  follow.hidden = false;
  follow.addEventListener("click", () => setFollowing(follow.getAttribute("aria-pressed") !== "true"));
  addEventListener("wheel", () => setTimeout(() => setFollowing(isAtEnd()), 100), { passive: true });
  addEventListener("keyup", (event) => {
    if (["PageUp", "PageDown", "Home", "End", "ArrowUp", "ArrowDown"].includes(event.key)) setFollowing(isAtEnd());
  });
  document.body.addEventListener("htmx:oobAfterSwap", () => {
    if (follow.getAttribute("aria-pressed") === "true") toEnd();
  });
  document.body.addEventListener("htmx:afterSettle", () => {
    if (!document.getElementById("poll")) follow.hidden = true;
  });
}
