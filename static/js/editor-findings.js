// Shows the findings that the server put into the page under the lines they are about.
import {
  Decoration, EditorView, GutterMarker, gutterLineClass, gutterWidgetClass, keymap, MapMode, RangeSet, StateEffect, StateField, WidgetType,
} from "../codemirror/codemirror.js";

const LEVELS = ["error", "warning", "hint", "good"]; // worst first: it colours a line that has several

class LevelMarker extends GutterMarker {
  constructor(level) {
    super();
    this.elementClass = `cm-level-${level}`; // a gutter takes classes only, so ui.css gives these their tone
  }
}
const markers = Object.fromEntries(LEVELS.map((level) => [level, new LevelMarker(level)]));

class FindingWidget extends WidgetType {
  constructor(finding) {
    super();
    this.finding = finding;
  }
  eq(other) { return other.finding === this.finding; }
  get estimatedHeight() { return 40; }
  ignoreEvent() { return true; }
  toDOM() {
    const { item, level } = this.finding;
    const box = Object.assign(document.createElement("div"), { className: "cm-finding" });
    box.dataset.level = level;
    const line = Object.assign(document.createElement("p"), { className: "finding" });
    const message = document.createElement("span");
    message.append(...messageOf(item).cloneNode(true).childNodes);
    const icon = item.querySelector("svg.icon")?.cloneNode(true);
    line.append(...[icon, message, ...controlsOf(item).map(standIn)].filter(Boolean));
    for (const named of line.querySelectorAll("[id]")) named.removeAttribute("id");
    box.append(line);
    return box;
  }
}

const messageOf = (item) => item.querySelector("[data-message]") ?? item;
const controlsOf = (item) => [...item.querySelectorAll("button, a[href]")].filter((each) => !each.closest("[data-message]"));

// The button in the list is the one that htmx and the form know; this one presses it.
function standIn(control) {
  if (control.localName === "a") return control.cloneNode(true);
  const button = Object.assign(document.createElement("button"), { type: "button", className: "small", textContent: control.textContent.trim() });
  if (control.hasAttribute("aria-label")) button.setAttribute("aria-label", control.getAttribute("aria-label"));
  button.disabled = control.disabled;
  button.addEventListener("click", () => control.click());
  return button;
}

function draw(items, found, doc) {
  const byLine = new Map();
  for (const finding of found) {
    const { from, to } = doc.lineAt(finding.pos);
    byLine.set(from, { to, all: [...(byLine.get(from)?.all ?? []), finding] });
  }
  const decorations = [];
  const gutters = [];
  for (const [from, { to, all }] of byLine) {
    const level = LEVELS.find((each) => all.some((finding) => finding.level === each));
    decorations.push(Decoration.line({ attributes: { class: "cm-found", "data-level": level } }).range(from));
    gutters.push(markers[level].range(from));
    for (const finding of all) decorations.push(Decoration.widget({ widget: finding.widget, block: true, side: 1 }).range(to));
  }
  return { items, found, decorations: Decoration.set(decorations, true), gutters: RangeSet.of(gutters, true) };
}

const setFindings = StateEffect.define();

// Findings hang on the first letter of their line: it stays theirs when lines are added above or below.
function follow(found, changes) {
  return found.flatMap((finding) => {
    const pos = changes.mapPos(finding.pos, 1, MapMode.TrackDel);
    return pos === null ? [] : [{ ...finding, pos }];
  });
}

const field = StateField.define({
  create: () => ({ items: [], found: [], decorations: Decoration.none, gutters: RangeSet.empty }),
  update(value, transaction) {
    const set = transaction.effects.find((effect) => effect.is(setFindings));
    if (set) return draw(set.value.items, set.value.found, transaction.newDoc);
    if (!transaction.docChanged || !value.found.length) return value;
    return draw(value.items, follow(value.found, transaction.changes), transaction.newDoc);
  },
  provide: (self) => [
    EditorView.decorations.from(self, (value) => value.decorations),
    gutterLineClass.from(self, (value) => value.gutters),
  ],
});

function goToFinding(view, step) {
  const { found } = view.state.field(field);
  if (!found.length) return false;
  const here = view.state.doc.lineAt(view.state.selection.main.head).from;
  const lines = found.map((finding) => ({ from: view.state.doc.lineAt(finding.pos).from, finding })).sort((a, b) => (a.from - b.from) * step);
  const { finding } = lines.find(({ from }) => (from - here) * step > 0) ?? lines[0];
  const effects = EditorView.announce.of(`${finding.level}: ${messageOf(finding.item).textContent.trim()}`);
  view.dispatch({ selection: { anchor: finding.pos }, scrollIntoView: true, effects });
  return true;
}

export const findings = [
  field,
  gutterWidgetClass.of((view, widget) => (widget instanceof FindingWidget ? markers[widget.finding.level] : null)),
  keymap.of([{ key: "F8", run: (view) => goToFinding(view, 1), shift: (view) => goToFinding(view, -1) }]),
];

function listsFor(name) {
  return [...document.querySelectorAll("[data-findings]")].filter(({ dataset }) => !dataset.findings || dataset.findings === name);
}

// Takes the findings of the page, unless it took these elements before. Their lines are those of `doc`, which
// became what is in the editor now by the changes `since`.
export function readFindings(view, name, { doc, since }) {
  const items = listsFor(name).flatMap((list) => [...list.querySelectorAll("[data-line]")]);
  const before = view.state.field(field).items;
  if (items.length === before.length && items.every((item, index) => item === before[index])) return;
  const found = items.filter((item) => Number(item.dataset.line) > 0).map((item) => {
    if (item.closest("[data-findings]").hasAttribute("data-beside")) item.hidden = true; // it stands in the text
    const { from, text } = doc.line(Math.min(Number.parseInt(item.dataset.line, 10), doc.lines));
    const level = LEVELS.includes(item.dataset.level) ? item.dataset.level : "hint";
    const finding = { item, level, pos: from + text.search(/\S|$/) };
    return { ...finding, widget: new FindingWidget(finding) };
  });
  view.dispatch({ effects: setFindings.of({ items, found: follow(found, since) }) });
}
