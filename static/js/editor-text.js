// Turns `textarea[data-editor="yaml"]` into a text editor. The textarea stays the field that is posted.
import { Annotation, ChangeSet, Compartment, EditorState, EditorView, isolateHistory } from "../codemirror/codemirror.js";
import { readFindings } from "./editor-findings.js";
import { extensions, fromField } from "./editor-view.js";

const FIELD = 'textarea[data-editor="yaml"]';
const REQUESTS_KEPT = 5; // an aborted request may never say that it ended
const LONG = 50_000; // letters: to write so many into a textarea takes longer than the next key may wait
const PAUSE_MS = 150;
const editors = new Map(); // by the name of the field, which outlives the element
const notTyped = Annotation.define();

const textOf = (editor) => editor.view.state.doc.toString();

function open(field) {
  const editor = { field, settings: new Compartment(), asked: new Map() }; // asked: what each request was told
  editor.hint = Object.assign(document.createElement("p"), {
    id: `${field.name}-keys`,
    className: "hush",
    textContent: "Tab indents. Press Escape, then Tab, to leave the text. F8 goes to the next finding.",
  });
  editor.view = new EditorView({
    state: EditorState.create({
      doc: field.value,
      extensions: [
        editor.settings.of(fromField(field, editor.hint)),
        EditorView.updateListener.of((update) => update.docChanged && keepInStep(editor, update)),
        extensions({ suggestUrl: () => editor.field.dataset.suggest }),
      ],
    }),
  });
  // What is typed into the search panel, and the browser's own input events, are no input to the form.
  for (const type of ["input", "change"]) editor.view.dom.addEventListener(type, (event) => event.stopPropagation());
  editor.host = Object.assign(document.createElement("div"), { className: "editor" });
  editor.host.append(editor.view.dom, editor.hint);
  field.before(editor.host); // ui.css hides a textarea that follows an editor, so without script it stays
  editors.set(field.name, editor);
}

function close(editor, name) {
  editor.view.destroy();
  editor.host.remove();
  editors.delete(name);
}

function keepInStep(editor, update) {
  for (const asked of editor.asked.values()) asked.since = asked.since.compose(update.changes);
  editor.isTyped ||= !update.transactions.some((transaction) => transaction.annotation(notTyped));
  clearTimeout(editor.timer);
  editor.timer = 0;
  if (update.state.doc.length < LONG) write(editor);
  else editor.timer = setTimeout(write, PAUSE_MS, editor);
}

function write(editor) {
  editor.timer = 0;
  editor.field.value = textOf(editor);
  if (editor.isTyped) editor.field.dispatchEvent(new Event("input", { bubbles: true }));
  editor.isTyped = false;
}

// The one stretch that differs between two texts.
function difference(before, after) {
  const shorter = Math.min(before.length, after.length);
  let from = 0;
  while (from < shorter && before[from] === after[from]) from++;
  let same = 0;
  while (same < shorter - from && before.at(-1 - same) === after.at(-1 - same)) same++;
  return { from, to: before.length - same, insert: after.slice(from, after.length - same) };
}

const now = (editor) => ({ doc: editor.view.state.doc, since: ChangeSet.empty(editor.view.state.doc.length) });

// Brings in a text that was made from `asked.doc`, without losing what was typed since. One step to undo.
function bringIn(editor, text, asked = now(editor)) {
  const before = asked.doc.toString();
  if (before === text) return;
  const change = ChangeSet.of(difference(before, text), asked.doc.length);
  const { doc, since } = asked;
  editor.view.dispatch({ changes: change.map(since), annotations: [notTyped.of(true), isolateHistory.of("full")] });
  Object.assign(asked, { doc: change.apply(doc), since: since.map(change, true) });
}

// The server sent the field anew: the editor that is open moves there, with its cursor, scroll and history.
function adopt(editor, field, asked) {
  const { place } = editor;
  const text = field.value;
  editor.field = field;
  field.before(editor.host);
  bringIn(editor, text, asked);
  clearTimeout(editor.timer);
  Object.assign(editor, { timer: 0, isTyped: false });
  field.value = textOf(editor);
  editor.isAhead = field.value !== text;
  editor.view.dispatch({ effects: editor.settings.reconfigure(fromField(field, editor.hint)) });
  if (!place) return;
  editor.view.scrollDOM.scrollTo(place);
  if (place.focused === editor.view.contentDOM) editor.view.focus();
  else place.focused?.focus({ preventScroll: true });
}

function tend(xhr) {
  for (const field of document.querySelectorAll(FIELD)) {
    const editor = editors.get(field.name);
    if (!editor) open(field);
    else if (!editor.field.isConnected) adopt(editor, field, editor.asked.get(xhr));
  }
  for (const [name, editor] of editors) {
    if (!editor.field.isConnected) close(editor, name);
    else readFindings(editor.view, name, editor.asked.get(xhr) ?? now(editor));
  }
}

// What was typed while the server answered went to a form that is gone; the new one listens from now on.
function settle() {
  tend();
  for (const editor of editors.values()) {
    if (editor.isAhead) editor.field.dispatchEvent(new Event("input", { bubbles: true }));
    editor.isAhead = false;
  }
}

function remember(editor) {
  const focused = editor.host.contains(document.activeElement) ? document.activeElement : null;
  const { scrollTop: top, scrollLeft: left } = editor.view.scrollDOM;
  editor.place = { focused, top, left };
}

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  for (const editor of editors.values()) {
    editor.asked.set(detail.xhr, now(editor));
    if (editor.asked.size > REQUESTS_KEPT) editor.asked.delete(editor.asked.keys().next().value);
  }
});
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  for (const editor of editors.values()) editor.asked.delete(detail.xhr);
});
document.addEventListener("htmx:beforeSwap", () => editors.forEach(remember));
document.addEventListener("htmx:afterSwap", ({ detail }) => tend(detail?.xhr)); // before anything is painted
document.addEventListener("htmx:afterSettle", settle);

document.addEventListener("click", (event) => {
  const field = event.target.closest("label")?.control;
  const editor = editors.get(field?.name);
  if (editor && editor.field === field) editor.view.focus();
});
document.addEventListener("reset", () => setTimeout(takeFields));
addEventListener("pageshow", takeFields); // a browser may fill in a field again after we read it

document.addEventListener("formdata", ({ target, formData }) => {
  for (const [name, editor] of editors) if (editor.timer && editor.field.form === target) formData.set(name, textOf(editor));
});

function takeFields() {
  for (const editor of editors.values()) bringIn(editor, editor.field.value);
}

tend();
