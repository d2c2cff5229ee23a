// What the editor page takes from CodeMirror. Everything not named here stays out of the bundle.
import { StyleModule } from "style-mod";

// CodeMirror puts its own rules into a <style> element, which `style-src 'self'` refuses, or, in a shadow root,
// into an adopted sheet, which it does not: building a sheet from script is no inline style. We adopt a sheet for
// the document itself. So there is no nonce, and, as the rules stand in a layer of their own below `ui`, ui.css
// decides how the editor looks. A shadow root was tried: labels outside no longer name what is inside, and keys
// typed there look to the page as if they were typed beside every field.
const sheet = new CSSStyleSheet();
let mounted = [];

StyleModule.mount = (root, modules) => {
  const wanted = [...new Set([...modules, ...mounted])];
  if (wanted.length > mounted.length) {
    mounted = wanted;
    sheet.replaceSync(`@layer codemirror { ${mounted.map((module) => module.getRules()).join("\n")} }`);
  }
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
};

export { acceptCompletion, autocompletion, completionKeymap } from "@codemirror/autocomplete";
export { defaultKeymap, history, historyKeymap, indentLess, indentMore, isolateHistory } from "@codemirror/commands";
export { yaml } from "@codemirror/lang-yaml";
export { bracketMatching, codeFolding, foldGutter, foldKeymap, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
export { closeSearchPanel, findNext, findPrevious, openSearchPanel, search } from "@codemirror/search";
export { Annotation, ChangeSet, Compartment, EditorState, MapMode, RangeSet, StateEffect, StateField } from "@codemirror/state";
export {
  Decoration, EditorView, GutterMarker, WidgetType,
  gutterLineClass, gutterWidgetClass, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap, lineNumbers, placeholder,
} from "@codemirror/view";
export { tagHighlighter, tags } from "@lezer/highlight";
