// A log that is being written: arrives by itself, stays in view until the reader scrolls away, and has every line
// that an address names.
const RESTS = 25_000; // ms of silence after which a stream is not trusted: something may hold it back
const RETRY = 30_000; // ms until a stream is tried again that the server refused
const MOST = 6000; // lines of a step that stay on a page which follows for a long time
const KEPT = 4000;

const page = document.documentElement;
const follow = document.getElementById("follow");
const position = () => document.getElementById("poll"); // gone when nothing more will come

// The stream. What arrives is what asking for it would have given, so the page asks whenever no stream is alive.
let source, heard = -Infinity;
const [OPEN, CLOSED] = [1, 2];
const isAlive = () => source?.readyState === OPEN && performance.now() - heard < RESTS;

function listen() {
  source?.close();
  heard = -Infinity;
  if (!position() || document.hidden || !window.EventSource) return;
  source = new EventSource(position().dataset.stream);
  source.addEventListener("alive", () => { heard = performance.now(); });
  source.addEventListener("lines", (event) => {
    heard = performance.now();
    take(JSON.parse(event.data));
  });
  source.addEventListener("error", () => {
    heard = -Infinity;
    if (source.readyState === CLOSED) setTimeout(listen, RETRY);
  });
}

function take({ from, html }) {
  if (!position()) return source.close();
  if (from !== Number(position().dataset.offset)) return listen(); // asked meanwhile: go on from there
  htmx.swap("#poll", html, { swapStyle: "outerHTML", swapDelay: 0, settleDelay: 0 });
  if (!position()) source.close();
}

document.body.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.id === "poll" && (isAlive() || document.hidden)) event.preventDefault();
});

// An answer that comes after the stream has brought the same lines is not shown again.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.id !== "poll") return;
  const asked = new URL(event.detail.xhr.responseURL).searchParams.get("offset");
  if (asked !== position()?.dataset.offset) event.detail.shouldSwap = false;
});

// Browsers have few connections for a host; a page that nobody sees does not hold one.
document.addEventListener("visibilitychange", listen);

// The line that shows why a build failed is known when it has failed, and may be on the page by then.
document.body.addEventListener("htmx:oobAfterSwap", ({ detail }) => {
  if (detail.target.id !== "first-error") return;
  const link = document.querySelector("#first-error a");
  if (link) document.querySelector(link.hash)?.setAttribute("data-level", "error");
});

// Following.
const isFollowing = () => follow?.getAttribute("aria-pressed") === "true" && !follow.hidden;
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
  if (location.hash) setFollowing(false); // who came to see a line is left there
  follow.addEventListener("click", () => setFollowing(!isFollowing()));
  let top = page.scrollTop;
  addEventListener("scroll", () => {
    if (page.scrollTop < top) setFollowing(false); // up: only a reader does that
    else if (isAtEnd()) follow.setAttribute("aria-pressed", "true");
    top = page.scrollTop;
  }, { passive: true });
  document.body.addEventListener("htmx:oobAfterSwap", (event) => {
    const lines = event.detail.target;
    if (!/^(lines|rest)-/.test(lines.id)) return;
    if (isFollowing() && lines.id.startsWith("lines-")) shorten(lines);
    if (isFollowing() && !isBusyElsewhere()) toEnd();
  });
  document.body.addEventListener("htmx:afterSettle", () => {
    if (!position()) follow.hidden = true;
  });
}

// A step that begins opens its fold.
document.body.addEventListener("htmx:oobAfterSwap", ({ detail }) => {
  if (!detail.target.id.startsWith("summary-")) return;
  const fold = document.getElementById(detail.target.id).closest("details");
  if (!("begun" in fold.dataset) && fold.querySelector("summary [data-begun]")) {
    fold.dataset.begun = "";
    fold.open = true;
  }
});

// From match to match: the links of the toolbar, n and N, or Enter and Shift with Enter in the field.
const field = document.querySelector("#log [type=search]");
let walk = Promise.resolve(); // steps asked for while one is on its way come after it

function step(back) {
  walk = walk.then(() => {
    const link = document.querySelector(`#walk [rel=${back ? "prev" : "next"}]`);
    return link && htmx.ajax("GET", link.getAttribute("hx-get"), { source: link, target: "#found" }).catch(() => {});
  });
}

const isOfField = () => document.querySelector("#found [data-text]")?.dataset.text === field.value;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  const isEnter = event.key === "Enter" && event.target === field && field.value && isOfField();
  if (!isEnter && (typing || event.key.toLowerCase() !== "n")) return;
  if (!document.querySelector("#walk a")) return;
  event.preventDefault();
  step(event.shiftKey);
});

document.body.addEventListener("htmx:afterSettle", ({ detail }) => {
  const line = detail.target?.id === "found" && document.querySelector("#found [data-line]")?.dataset.line;
  if (!line) return;
  if (follow) setFollowing(false);
  mark(line);
  goToLine();
});

// Long lines are broken or not; the address says which, also in what is asked from here on.
const wrap = document.getElementById("wrap");
const isWrapped = () => document.getElementById("log").dataset.wrap !== "off";

wrap?.addEventListener("submit", (event) => {
  event.preventDefault();
  const address = new URL(location);
  // What stands below the toolbar stays there, though all above it has another height.
  const below = wrap.closest(".toolbar").getBoundingClientRect().bottom + 8;
  const line = document.elementFromPoint(innerWidth / 2, below)?.closest(".lines > li");
  const top = line?.getBoundingClientRect().top;
  if (isWrapped()) document.getElementById("log").dataset.wrap = "off";
  else delete document.getElementById("log").dataset.wrap;
  wrap.querySelector("button").setAttribute("aria-pressed", String(isWrapped()));
  if (isWrapped()) address.searchParams.delete("wrap");
  else address.searchParams.set("wrap", "off");
  history.replaceState(history.state, "", address);
  if (line) scrollBy({ top: line.getBoundingClientRect().top - top, behavior: "instant" });
});

document.body.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.target?.id !== "found") return;
  delete detail.parameters.wrap;
  if (!isWrapped()) detail.parameters.wrap = "off";
});

// What scrolled by long ago goes from the page, and a gap says where to get it back.
function shorten(lines) {
  if (lines.children.length < MOST) return;
  const old = [...lines.children].slice(0, -KEPT);
  const numbers = old.flatMap((item) => (item.dataset.first ? [item.dataset.first, item.dataset.last] : [item.id.slice(1)])).map(Number);
  const [first, last] = [Math.min(...numbers), Math.max(...numbers)];
  const gap = document.createElement("li");
  gap.className = "gap";
  Object.assign(gap.dataset, { first, last, lines: lines.dataset.lines });
  const link = document.createElement("a");
  link.textContent = `Show ${(last - first + 1).toLocaleString("en")} earlier lines, from the last on`;
  link.href = `?line=${last}#L${last}`;
  link.setAttribute("hx-get", `${lines.dataset.lines}?first=${first}&last=${last}&end=1`);
  link.setAttribute("hx-target", "closest li");
  link.setAttribute("hx-swap", "outerHTML");
  gap.append(link);
  for (const item of old) item.remove();
  lines.prepend(gap);
  htmx.process(gap);
}

// To come to a line takes the focus from the field, where somebody may press Enter again.
function mark(number) {
  const isSearching = document.activeElement === field;
  location.replace(`#L${number}`);
  if (isSearching) field.focus({ preventScroll: true });
}

// A line that an address names and that is not on the page yet.
async function goToLine() {
  const number = Number(/^#L(\d+)$/.exec(location.hash)?.[1]);
  const there = document.getElementById(`L${number}`);
  if (there) there.closest("details").open = true;
  if (!number || there) return;
  const gap = [...document.querySelectorAll(".gap")].find(({ dataset }) => dataset.first <= number && number <= dataset.last);
  if (!gap) return;
  gap.closest("details").open = true;
  const { first, last, lines } = gap.dataset;
  await htmx.ajax("GET", `${lines}?first=${first}&last=${last}&around=${number}`, { target: gap, swap: "outerHTML" });
  if (document.getElementById(`L${number}`)) mark(number);
}

// Links that carry the line in the query work without script; with it the page stays.
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href*="#L"]:not([hx-get])');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || link.pathname !== location.pathname) return;
  event.preventDefault();
  if (follow) setFollowing(false);
  if (location.hash === link.hash) location.replace(link.hash);
  else location.hash = link.hash;
});

addEventListener("hashchange", goToLine);
goToLine();
listen();
