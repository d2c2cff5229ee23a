// What the text editor can do and what it is called. How it looks stands in ui.css.
import {
  acceptCompletion, bracketMatching, closeSearchPanel, codeFolding, defaultKeymap, EditorState, EditorView, findNext, findPrevious,
  foldGutter, foldKeymap, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, history, historyKeymap,
  indentLess, indentMore, indentOnInput, indentUnit, keymap, lineNumbers, openSearchPanel, placeholder, search, syntaxHighlighting,
  tagHighlighter, tags, yaml,
} from "../codemirror/codemirror.js";
import { findings } from "./editor-findings.js";
import { suggestions } from "./editor-suggest.js";

const WORDS = {
  "next": "Next", "previous": "Previous", "replace": "Replace", "replace all": "Replace all", "close": "Close",
  "match case": "Match case", "regexp": "Regular expression", "by word": "Whole words",
  "folded code": "Folded lines", "unfold": "Unfold", "Completions": "Packages and versions",
};

const marks = tagHighlighter([
  { tag: tags.definition(tags.propertyName), class: "cm-key" },
  { tag: tags.separator, class: "cm-sign" },
  { tag: tags.comment, class: "cm-comment" },
]);

// Mod-Enter belongs to the page. A plain Escape must always arrive at the rule for Tab below.
const plainKeys = defaultKeymap.filter(({ key }) => key !== "Mod-Enter" && key !== "Escape");

const searchKeys = [
  { key: "Mod-f", run: openSearchPanel, scope: "editor search-panel" },
  { key: "F3", run: findNext, shift: findPrevious, scope: "editor search-panel", preventDefault: true },
  { key: "Mod-g", run: findNext, shift: findPrevious, scope: "editor search-panel", preventDefault: true },
  { key: "Escape", run: closeSearchPanel, scope: "editor search-panel" },
];

// Tab indents; after Escape it leaves, so that nobody without a mouse is caught in here.
function tabKeys() {
  let isLeaving = false;
  return [
    EditorView.domEventObservers({
      keydown({ key }) { if (!["Escape", "Tab", "Shift"].includes(key)) isLeaving = false; },
      focus() { isLeaving = false; },
    }),
    keymap.of([
      { key: "Escape", run() { isLeaving = true; return false; } },
      { key: "Tab", run: (view) => !isLeaving && (acceptCompletion(view) || indentMore(view)), shift: (view) => !isLeaving && indentLess(view) },
    ]),
  ];
}

const foldMark = (isOpen) =>
  Object.assign(document.createElement("span"), { className: isOpen ? "cm-open" : "cm-shut", title: isOpen ? "Fold" : "Unfold" });

export function extensions({ suggestUrl }) {
  return [
    lineNumbers(),
    foldGutter({ markerDOM: foldMark }),
    codeFolding(),
    highlightSpecialChars(),
    history(),
    yaml(),
    syntaxHighlighting(marks),
    indentUnit.of("  "),
    EditorState.tabSize.of(2),
    indentOnInput(),
    bracketMatching(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    EditorView.lineWrapping,
    EditorState.phrases.of(WORDS),
    search({ top: true }),
    suggestions(suggestUrl),
    findings,
    keymap.of([...searchKeys, ...historyKeymap, ...foldKeymap, ...plainKeys]),
    tabKeys(),
  ];
}

function nameOf(field) {
  const label = field.getAttribute("aria-label");
  if (label) return { "aria-label": label };
  const ids = [...field.labels].map((each, index) => (each.id ||= `${field.name}-label-${index}`));
  return { "aria-labelledby": field.getAttribute("aria-labelledby") ?? ids.join(" ") };
}

// What the editor takes from the textarea it stands for.
export function fromField(field, hint) {
  const isLocked = field.readOnly || field.disabled;
  const attributes = {
    ...nameOf(field),
    "aria-describedby": [field.getAttribute("aria-describedby"), hint.id].filter(Boolean).join(" "),
    "aria-readonly": String(isLocked),
  };
  for (const name of ["aria-invalid", "aria-errormessage"]) if (field.hasAttribute(name)) attributes[name] = field.getAttribute(name);
  if (field.required) attributes["aria-required"] = "true";
  return [
    EditorState.readOnly.of(isLocked),
    EditorView.contentAttributes.of(attributes),
    field.placeholder ? placeholder(field.placeholder) : [],
  ];
}
