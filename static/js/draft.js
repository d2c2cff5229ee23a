// Keeps what was not registered yet: warns before leaving, outlives a reload or an ended session, comes back once.
//
// form[data-draft="what it starts from"]; data-draft-dirty when the page already shows more than that (a 422
// answer); data-draft-count, a number that grows whenever this person registers something.
const SAVE_MS = 300;
const KEY = `draft:${location.pathname}${location.search}`;
const [visit] = performance.getEntriesByType("navigation");

let isDirty = false;
let isSent = false;
let hasMoved = false;
let timer;

const theForm = () => document.querySelector("form[data-draft]"); // a swap may replace it
const isOurs = (element) => (element.form ?? element.closest?.("form"))?.matches("[data-draft]");

function fields(form) {
  const secret = new Set([...form.querySelectorAll('[type="password"], [name="csrfmiddlewaretoken"]')].map(({ name }) => name));
  return [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !secret.has(name));
}

function save() {
  clearTimeout(timer);
  const form = theForm();
  const sent = isSent && { sent: true, count: form.dataset.draftCount };
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ base: form.dataset.draft, fields: fields(form), ...sent }));
  } catch {
    // full or forbidden: the warning before leaving is still there
  }
}

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
}

function drop() {
  clearTimeout(timer);
  isDirty = false;
  sessionStorage.removeItem(KEY);
}

function touch() {
  isDirty = true;
  clearTimeout(timer);
  timer = setTimeout(save, SAVE_MS);
}

// What was sent is kept until we know what became of it. It comes back only when the server says that nothing was
// registered since (the session had ended, or there was an error), and never by the Back button.
function wasRegistered({ sent, count }, form) {
  const isRefuted = count !== undefined && count === form.dataset.draftCount && visit?.type !== "back_forward";
  return sent && !isRefuted;
}

function restore(draft, form) {
  const values = new FormData();
  for (const [name, value] of draft.fields) values.append(name, value);
  values.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken?.value ?? "");
  values.set("edit", "restore");
  htmx.ajax("POST", location.pathname + location.search, { target: "#definition", swap: "outerHTML", values });
}

function afterRequest({ detail }) {
  if (detail.requestConfig.parameters.edit !== "restore" || !detail.successful) return; // refused: it stays stored
  isDirty = true;
  for (const notice of document.querySelectorAll("[data-draft-notice]")) notice.hidden = false;
  for (const moved of document.querySelectorAll("[data-draft-moved]")) moved.hidden = !hasMoved;
}

function start() {
  const form = theForm();
  const draft = read();
  if (form.hasAttribute("data-draft-dirty") || visit?.responseStatus === 422) return touch();
  if (!draft) return;
  if (wasRegistered(draft, form)) return drop();
  hasMoved = draft.base !== form.dataset.draft; // somebody registered a version, and this work is still worth keeping
  if (JSON.stringify(draft.fields) !== JSON.stringify(fields(form))) restore(draft, form);
}

function submit(event) {
  if (event.defaultPrevented || !isOurs(event.target)) return; // htmx sends it, and we stay
  isSent = event.submitter?.name !== "edit";
  isDirty = false;
  save();
}

function discard(event) {
  const control = event.target.closest("[data-draft-discard]");
  if (!control) return;
  drop();
  if (control.localName !== "a") location.replace(location.pathname + location.search);
}

if (theForm()) {
  for (const type of ["input", "change"]) document.addEventListener(type, ({ target }) => isOurs(target) && touch());
  document.addEventListener("click", ({ target }) => isOurs(target) && target.closest('button[name="edit"]') && touch());
  document.addEventListener("htmx:afterSettle", ({ target }) => isDirty && isOurs(target) && touch());
  document.addEventListener("htmx:afterRequest", afterRequest);
  document.addEventListener("submit", submit);
  document.addEventListener("click", discard);
  addEventListener("beforeunload", (event) => isDirty && event.preventDefault());
  addEventListener("pagehide", () => isDirty && save());
  addEventListener("pageshow", ({ persisted }) => { if (persisted) isSent = false; });
  addEventListener("DOMContentLoaded", start); // htmx and the editor are ready by then
}
