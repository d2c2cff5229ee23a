// Puts the items of `[data-order]` into another order: by dragging, or by Alt and an arrow in a field of the item.
// The up and down buttons are the server's and need no script.
const ITEM = "[data-order] > li[draggable]";
let dragged = null;
let toFocus = null;

const itemsOf = (list) => [...list.querySelectorAll(":scope > li[draggable]")];
const buttonsOf = (item) => [...item.querySelectorAll('button[name="edit"]')];
const isAfter = (item, y) => { const { top, height } = item.getBoundingClientRect(); return y > top + height / 2; };

function unmark() {
  for (const item of document.querySelectorAll("[data-drop]")) delete item.dataset.drop;
}

function targetOf(event) {
  const item = event.target.closest?.(ITEM);
  return dragged && item?.parentElement === dragged.parentElement ? item : null;
}

// A button says which place it means, so its value stays with the place when the items move.
function move(target, after) {
  const list = dragged.parentElement;
  const places = itemsOf(list).map((item) => buttonsOf(item).map(({ value, disabled }) => ({ value, disabled })));
  if (after) target.after(dragged); else target.before(dragged);
  itemsOf(list).forEach((item, place) => buttonsOf(item).forEach((button, index) => Object.assign(button, places[place][index])));
  list.dispatchEvent(new Event("change", { bubbles: true }));
}

document.addEventListener("pointerdown", ({ target }) => { // text in a field is selected, not dragged
  const item = target.closest?.(ITEM);
  if (item) item.draggable = !target.closest("input, textarea, select");
});
document.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.(ITEM) ?? null;
  if (dragged) event.dataTransfer.effectAllowed = "move";
});
document.addEventListener("dragover", (event) => {
  const item = targetOf(event);
  unmark();
  if (!item) return;
  event.preventDefault();
  if (item !== dragged) item.dataset.drop = isAfter(item, event.clientY) ? "after" : "before";
});
document.addEventListener("drop", (event) => {
  const item = targetOf(event);
  if (!item) return;
  event.preventDefault();
  if (item !== dragged) move(item, isAfter(item, event.clientY));
});
document.addEventListener("dragend", () => { unmark(); dragged = null; });

document.addEventListener("keydown", (event) => {
  const step = event.altKey && { ArrowUp: "up", ArrowDown: "down" }[event.key];
  const item = step && event.target.closest("input, select") && event.target.closest(ITEM);
  if (!item) return;
  event.preventDefault();
  const button = item.querySelector(`button[name="edit"][value^="${step}-"]:not(:disabled)`);
  if (!button) return;
  const order = item.parentElement.dataset.order;
  toFocus = { order, place: itemsOf(item.parentElement).indexOf(item) + (step === "up" ? -1 : 1) };
  button.click();
});
document.addEventListener("htmx:afterSettle", () => { // the field that moved keeps the focus
  const list = toFocus && document.querySelector(`[data-order="${CSS.escape(toFocus.order)}"]`);
  if (list) itemsOf(list)[toFocus.place]?.querySelector("input, select")?.focus();
  toFocus = null;
});
