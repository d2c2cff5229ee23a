// Follows a log that is being written: the newest line stays in view until the reader scrolls away.
const follow = document.getElementById("follow");
const page = document.documentElement;

const isFollowing = () => follow.getAttribute("aria-pressed") === "true";
const isAtEnd = () => page.scrollHeight - page.scrollTop - page.clientHeight < 80;
const toEnd = () => page.scrollTo({ top: page.scrollHeight });

function setFollowing(on) {
  follow.setAttribute("aria-pressed", String(on));
  if (on) toEnd();
}

// Somebody who stands on a link or a button elsewhere is not moved away from it.
function isBusyElsewhere() {
  const focused = document.activeElement;
  return focused && focused !== document.body && focused !== follow;
}

if (follow) {
  follow.hidden = false;
  follow.addEventListener("click", () => setFollowing(!isFollowing()));
  let top = page.scrollTop;
  addEventListener("scroll", () => {
    if (page.scrollTop < top) setFollowing(false); // up: only a reader does that
    else if (isAtEnd()) follow.setAttribute("aria-pressed", "true");
    top = page.scrollTop;
  }, { passive: true });
  document.body.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target.id.startsWith("lines-") && isFollowing() && !isBusyElsewhere()) toEnd();
  });
  document.body.addEventListener("htmx:afterSettle", () => {
    if (!document.getElementById("poll")) follow.hidden = true;
  });
}
