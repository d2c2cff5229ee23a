// Names and versions of packages while one types, from the server. Without an answer there is simply no list.
import { autocompletion } from "../codemirror/codemirror.js";

const PAUSE_MS = 300;
const PATIENCE_MS = 3000;
const REST_MS = 60_000; // after a refusal, so that a server in trouble is left alone

const ITEM = /^(\s*)-\s+["']?/;
const NAME = /^(?:[\w.-]+::)?([\w.-]*)$/;
const VERSION = /^(?:[\w.-]+::)?([\w.-]+)(?:\[[^\]]*\])?\s*(?:[^#]*,)?\s*(?:===?|~=|!=|>=|<=|=|<|>)\s*([\w.*+!-]*)$/;

// Which list an item is in: the first line above that stands further out names it. A list may stand as far out as its key.
function managerAt(doc, line) {
  const indent = line.text.search(/\S/);
  for (let number = line.number - 1; number > 0; number--) {
    const { text } = doc.line(number);
    const depth = text.search(/\S/);
    if (depth < 0 || depth > indent || text[depth] === "#") continue;
    if (depth === indent && text[depth] === "-") continue;
    if (/^\s*dependencies:\s*(#|$)/.test(text)) return "conda";
    return /^\s*-\s+pip:\s*(#|$)/.test(text) ? "pip" : null;
  }
  return null;
}

function channelsOf(doc) {
  const list = /^channels:[ \t]*\n((?:[ \t]*(?:[-#].*)?\n)*)/m.exec(doc.sliceString(0, 10_000))?.[1] ?? "";
  return [...list.matchAll(/^\s*-\s*["']?([^\s"'#]+)/gm)].map(([, name]) => name).join(",");
}

function questionAt({ state, pos }) {
  const line = state.doc.lineAt(pos);
  const typed = line.text.slice(0, pos - line.from);
  const start = ITEM.exec(typed)?.[0].length;
  if (!start || typed.includes("#")) return null;
  const [name, version] = [NAME.exec(typed.slice(start)), VERSION.exec(typed.slice(start))];
  const manager = (name || version) && managerAt(state.doc, line);
  if (!manager) return null;
  if (version) return { answer: "versions", from: pos - version[2].length, ask: { manager, name: version[1] } };
  return { answer: "names", from: pos - name[1].length, ask: { manager, q: name[1] } };
}

export function suggestions(url) {
  let restsUntil = 0;

  async function fetchList(question, context) {
    const ask = new AbortController();
    context.addEventListener("abort", () => ask.abort(), { onDocChange: true }); // typed on: a newer question follows
    const timer = setTimeout(() => ask.abort(), PATIENCE_MS);
    const address = new URL(url(), location.href);
    const channels = question.ask.manager === "conda" && channelsOf(context.state.doc);
    for (const [key, value] of Object.entries({ ...question.ask, ...(channels && { channels }) })) address.searchParams.set(key, value);
    try {
      const answer = await fetch(address, { signal: ask.signal, headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(answer.statusText);
      const list = (await answer.json())[question.answer];
      return Array.isArray(list) ? list : [];
    } catch {
      if (!context.aborted) restsUntil = Date.now() + REST_MS;
      return [];
    } finally {
      clearTimeout(timer);
    }
  }

  async function source(context) {
    if (!url() || Date.now() < restsUntil || context.state.readOnly) return null;
    const question = questionAt(context);
    if (!question || (question.ask.q === "" && !context.explicit)) return null;
    const list = await fetchList(question, context);
    if (!list.length) return null;
    const inOrder = list.map((label, index) => ({ label: String(label), sortText: String(index).padStart(6, "0") }));
    const isWhole = question.answer === "versions"; // of names the server sends the first few, so it is asked again
    return { from: question.from, options: inOrder, validFor: isWhole ? /^[\w.*+!-]*$/ : undefined };
  }

  return autocompletion({ override: [source], activateOnTypingDelay: PAUSE_MS, icons: false });
}
